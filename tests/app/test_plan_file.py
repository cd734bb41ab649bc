"""A plan that is kept in a file: applied just so, repeatable after an interruption, refused after anything else."""

import shutil
import signal
from pathlib import Path

import pytest

from hailuo_batch.core.model.actions import CreateRun
from hailuo_batch.errors import ExitCode
from hailuo_batch.runtime.driver import Driver
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi, Step
from tests.helpers.command_line import KEY, LAMPS, UNCAPPED, CommandResult, Shell, state_of
from tests.helpers.images import png
from tests.helpers.misbehaving_api import costs, everything_fails, lost_answers, nothing_finishes
from tests.helpers.signal_at import strike

TABLE = """\
version: 1
campaign: lamps
images: {base_url: https://cdn.example.test/, dir: ../images}
shots:
  - {id: "sku-${sku}", prompt: "A ${sku} lamp", image_urls: [lamp.png], rows: products.csv}
"""


def plain(ended: CommandResult) -> str:
    return " ".join(ended.err.split())


def refused(ended: CommandResult, words: str, api: SandboxServer, creates: int) -> None:
    assert ended.code is ExitCode.USAGE, ended.err
    assert words in plain(ended)
    assert "Nothing was sent, nothing was paid." in plain(ended)
    assert "hailuo-batch plan" in plain(ended)
    assert api.world.stats.creates == creates


def test_just_the_plan_is_done_and_again_nothing(shell: Shell, api: SandboxServer, keep: Step, follow: Step) -> None:
    keep("--only", "hero*")
    assert follow().code is ExitCode.DONE
    assert api.world.stats.creates == 2
    assert {path.name for path in shell.outputs.glob("*.mp4")} == {"hero.mp4", "hero.take2.mp4"}
    again = follow()
    assert again.code is ExitCode.DONE
    assert "Nothing to do" in again.err
    assert api.world.stats.creates == 2


def test_an_interrupted_plan_can_be_repeated(shell: Shell, start_api: StartApi, keep: Step, follow: Step) -> None:
    api = start_api(balance_micro_usd=280_000)
    keep()
    assert follow("--max-in-flight", "1").code is ExitCode.ACCOUNT
    assert len(api.world.created) == 1
    assert follow().code is ExitCode.ACCOUNT
    api.world.balances[KEY] = None
    assert follow().code is ExitCode.DONE
    assert len(api.world.created) == 3


@pytest.mark.parametrize("between", ["plan", "status", "report", "validate"])
def test_whoever_only_looks_does_not_matter(
    shell: Shell, start_api: StartApi, keep: Step, follow: Step, between: str
) -> None:
    api = start_api(balance_micro_usd=280_000)
    keep()
    assert follow("--max-in-flight", "1").code is ExitCode.ACCOUNT
    assert shell(between).code is ExitCode.DONE
    api.world.balances[KEY] = None
    assert follow().code is ExitCode.DONE


def test_a_manifest_that_changed_is_refused_even_in_a_comment(
    shell: Shell, api: SandboxServer, keep: Step, follow: Step
) -> None:
    keep()
    shell.write(LAMPS + "# no more\n")
    refused(follow(), "the manifest changed", api, 0)
    shell.write(LAMPS)
    assert follow().code is ExitCode.DONE


def test_a_table_or_an_image_that_changed_is_refused_by_name(
    shell: Shell, api: SandboxServer, keep: Step, follow: Step
) -> None:
    shell.write(TABLE)
    table, images = shell.manifest.parent / "products.csv", shell.workspace / "images"
    images.mkdir()
    (images / "lamp.png").write_bytes(png())
    table.write_text("sku\nred\nblue\n")
    keep()
    table.write_text("sku\nred\ngreen\n")
    refused(follow(), "the table products.csv changed", api, 0)
    table.write_text("sku\nred\nblue\n")
    (images / "lamp.png").write_bytes(png(800, 600))
    refused(follow(), "the local copy of https://cdn.example.test/lamp.png changed", api, 0)
    (images / "lamp.png").write_bytes(png())
    assert follow().code is ExitCode.DONE
    assert api.world.stats.creates == 2


def test_another_apply_in_between_is_refused_with_the_reason(
    shell: Shell, api: SandboxServer, keep: Step, follow: Step
) -> None:
    keep()
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    refused(follow(), "something else changed the ledger: runs were requested for desk", api, 1)


def test_after_another_apply_an_interrupted_plan_is_not_taken_up_again(
    shell: Shell, start_api: StartApi, keep: Step, follow: Step
) -> None:
    api = start_api(balance_micro_usd=280_000)
    keep()
    assert follow("--max-in-flight", "1").code is ExitCode.ACCOUNT
    api.world.balances[KEY] = None
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    made = len(api.world.created)
    assert follow().code is ExitCode.USAGE
    assert len(api.world.created) == made


def test_after_another_apply_that_only_moves_files_an_interrupted_plan_is_not_taken_up_again(
    shell: Shell, api: SandboxServer, uncapped: None, keep: Step
) -> None:
    assert shell("apply").code is ExitCode.DONE
    shell.write(UNCAPPED.replace("id: desk", "id: table"))
    keep()
    words = ["apply", str(shell.manifest), "--plan", str(shell.workspace / "plan.json"), "--yes"]
    assert strike("before:adapters.local.output_files:OutputFiles.move", signal.SIGKILL, words) == -signal.SIGKILL
    other = shell("apply")
    assert "Nothing to do" in other.err
    assert (shell.outputs / "table.mp4").exists()
    refused(shell.bare(*words), "something else changed the ledger", api, 3)


@pytest.mark.parametrize(
    "word", [("resolve", "hero", "--abandon"), ("retry",), ("verify", "--repair")], ids=lambda word: word[0]
)
def test_the_users_word_in_between_ends_a_plan(
    shell: Shell, api: SandboxServer, keep: Step, follow: Step, word: tuple[str, ...]
) -> None:
    shell.write(UNCAPPED)
    keep()
    with lost_answers(api, most=1):
        assert follow("--max-in-flight", "1").code is ExitCode.UNFINISHED
    if word[0] == "resolve":
        doubtful = next(t["id"] for t in shell("status", "--json").document["takes"] if t["state"] == "in_doubt")
        word = ("resolve", doubtful, "--abandon")
    assert shell(*word).code is ExitCode.DONE
    refused(follow(), "something else changed the ledger", api, api.world.stats.creates)


def test_a_restored_backup_ends_a_plan(shell: Shell, start_api: StartApi, keep: Step, follow: Step) -> None:
    api = start_api(balance_micro_usd=280_000)
    assert shell("apply", "--max-in-flight", "1").code is ExitCode.ACCOUNT
    api.world.balances[KEY] = 280_000
    keep()
    assert follow("--max-in-flight", "1").code is ExitCode.ACCOUNT
    assert shell.bare("state", "restore", str(shell.manifest)).code is ExitCode.DONE
    api.world.balances[KEY] = None
    made = len(api.world.created)
    assert follow().code is ExitCode.USAGE
    assert len(api.world.created) == made


def test_a_backup_copied_over_the_ledger_by_hand_must_be_put_in_order_first(
    shell: Shell, api: SandboxServer, kept: Path, keep: Step, follow: Step
) -> None:
    assert shell("apply").code is ExitCode.DONE
    shutil.copy(shell.state / "lamps.db.bak", shell.state / "lamps.db")
    refused = shell("plan", "--out", str(kept))
    assert refused.code is ExitCode.LEDGER
    assert "state restore" in plain(refused)
    assert not kept.exists()
    assert shell("plan").code is ExitCode.DONE
    assert shell.bare("state", "restore", str(shell.manifest)).code is ExitCode.DONE
    keep()
    assert follow().code is ExitCode.DONE
    assert api.world.stats.creates == 3


def test_a_ledger_that_is_gone_or_another_one_is_refused(
    shell: Shell, api: SandboxServer, keep: Step, follow: Step
) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    keep()
    shutil.rmtree(shell.state)
    shutil.rmtree(shell.outputs)
    refused(follow(), "the ledger that it was made with is gone", api, 1)
    assert shell("apply", "--only", "hero").code is ExitCode.DONE
    refused(follow(), "another ledger", api, 2)


def test_a_replacement_in_a_plan_is_made_once(shell: Shell, api: SandboxServer, keep: Step, follow: Step) -> None:
    assert shell("apply").code is ExitCode.DONE
    keep("--replace", "desk")
    for _ in range(3):
        assert follow().code is ExitCode.DONE
        assert api.world.stats.creates == 4


@pytest.fixture
def running(shell: Shell, api: SandboxServer) -> SandboxServer:
    """`hero` is being made, and the API finishes it as soon as it is asked about again."""
    shell.write(UNCAPPED.replace("expected_cost_usd: 0.28", "max_attempts: 2"))
    with nothing_finishes(api):
        assert shell("apply", "--only", "hero", "--run-timeout", "1s").code is ExitCode.UNFINISHED
    return api


def test_a_plan_that_was_applied_without_a_yes_replaces_nothing_that_it_only_follows(
    shell: Shell, running: SandboxServer, keep: Step, follow: Step, kept: Path
) -> None:
    keep("--replace", "hero*")
    assert shell.without_yes("apply", "--plan", str(kept)).code is ExitCode.USAGE
    assert state_of(shell, "hero") == "done"
    assert follow().code is ExitCode.DONE
    assert running.world.stats.creates == 3


def test_a_run_that_failed_while_its_plan_was_applied_without_a_yes_is_made_again_with_one(
    shell: Shell, running: SandboxServer, keep: Step, follow: Step, kept: Path
) -> None:
    keep()
    with everything_fails(running):
        assert shell.without_yes("apply", "--plan", str(kept)).code is ExitCode.USAGE
    assert state_of(shell, "hero") == "failed"
    assert follow().code is ExitCode.DONE
    assert running.world.stats.creates == 4


def test_what_a_plan_makes_again_and_loses_again_is_not_made_a_third_time(
    shell: Shell, api: SandboxServer, keep: Step, follow: Step
) -> None:
    shell.write(UNCAPPED)
    assert shell("apply", "--only", "hero*").code is ExitCode.DONE
    with lost_answers(api):
        assert shell("apply").code is ExitCode.UNFINISHED
        assert api.world.stats.creates == 3
        keep("--in-doubt", "resubmit")
        for _ in range(3):
            assert follow().code is ExitCode.UNFINISHED
            assert api.world.stats.creates == 4


def test_a_run_that_fails_is_made_again_within_the_manifests_attempts(
    shell: Shell, start_api: StartApi, keep: Step, follow: Step
) -> None:
    shell.write(LAMPS.replace("expected_cost_usd: 0.28", "max_attempts: 3"))
    api = start_api(fail_rate=1.0)
    keep("--only", "desk")
    assert follow().code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 3
    assert follow().code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 3


class KilledHere(BaseException):
    """The process ends here."""


def test_a_run_that_the_plan_only_holds_in_doubt_is_followed_and_not_made_again(
    shell: Shell, start_api: StartApi, keep: Step, follow: Step
) -> None:
    record = Driver._record

    def die(driver: Driver, now: float) -> None:
        if any(isinstance(item.completion.action, CreateRun) for item in driver._unrecorded):
            raise KilledHere
        record(driver, now)

    shell.write(LAMPS.replace("expected_cost_usd: 0.28", "max_attempts: 2"))
    api = start_api(fail_rate=1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Driver, "_record", die)  # the answer is in the receipts by then
        with pytest.raises(KilledHere):
            shell("apply", "--only", "desk")
    receipts = shell.state / "lamps.receipts.jsonl"
    whole = receipts.read_bytes()
    intent, _ = whole.splitlines(keepends=True)
    receipts.write_bytes(intent)
    keep("--only", "desk")
    receipts.write_bytes(whole)  # put back, where they had been lost
    ended = follow()
    assert ended.code is ExitCode.UNFINISHED
    assert "another attempt is not in the plan that is applied" in plain(ended)
    assert api.world.stats.creates == 1
    assert shell("apply", "--only", "desk").code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 2


def test_a_declined_plan_can_still_be_applied(
    shell: Shell, api: SandboxServer, keep: Step, follow: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    keep()
    (shell.outputs / "desk.mp4").unlink()  # which is put into the books before anybody is asked
    with monkeypatch.context() as patch:
        patch.delenv("RUNBASE_API_KEY")
        assert follow().code is ExitCode.ACCOUNT
    assert follow().code is ExitCode.DONE
    assert api.world.stats.creates == 3


def test_the_price_that_was_reviewed_is_the_one_that_holds(
    shell: Shell, api: SandboxServer, keep: Step, follow: Step
) -> None:
    shell.write(UNCAPPED)
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    keep()
    with costs(api, 900_000):
        other = shell.manifest.with_name("other.yaml")
        other.write_text(UNCAPPED.replace("campaign: lamps", "campaign: tables"))
        assert shell.bare("apply", "--yes", str(other), "--only", "desk", "--accept-price").code is ExitCode.DONE
        assert "2 x $0.90, the newest price paid" in shell("plan").out
        ended = follow("--max-in-flight", "1")
        assert ended.code is ExitCode.ACCOUNT
        assert "$0.90" in ended.err
        assert api.world.stats.creates == 3
        assert follow("--accept-price").code is ExitCode.DONE


def test_a_plan_of_another_campaign_or_endpoint_is_refused(
    shell: Shell, api: SandboxServer, keep: Step, follow: Step
) -> None:
    keep()
    refused(follow("--sandbox"), "this apply is for sandbox", api, 0)
    shell.write(LAMPS.replace("campaign: lamps", "campaign: tables"))
    refused(follow(), "it is for campaign 'lamps'", api, 0)


def test_the_plans_own_cap_holds(shell: Shell, api: SandboxServer, keep: Step, follow: Step) -> None:
    keep("--max-spend", "0.30")
    assert follow().code is ExitCode.ACCOUNT
    assert api.world.stats.creates == 1
