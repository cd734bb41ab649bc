"""A ledger that is older than the files beside it, as after a state folder was put back from a CI cache.

Nothing is paid for twice, and `state restore` takes the runs that only the files know of into the ledger.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from hailuo_batch.app import apply
from hailuo_batch.app.reports import write_final_report
from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import KEY, SLOW, UNCAPPED, CommandResult, Shell, state_of, wait_for_result
from tests.helpers.misbehaving_api import lost_answers
from tests.helpers.timeouts import wait_until

pytestmark = pytest.mark.usefixtures("uncapped")

PutBack = Callable[[], None]


@pytest.fixture
def put_back(shell: Shell, api: SandboxServer) -> PutBack:
    """`desk` was made, then all of it; puts the whole state folder back as it was in between."""
    assert shell("apply", "--yes", "--only", "desk").code is ExitCode.DONE
    copy = shell.workspace / "cache"
    shutil.copytree(shell.state, copy)
    assert shell("apply", "--yes").code is ExitCode.DONE

    def put_back() -> None:
        shutil.rmtree(shell.state)
        shutil.copytree(copy, shell.state)

    return put_back


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_an_older_ledger_stops_an_apply_before_anything_is_sent(
    shell: Shell, api: SandboxServer, put_back: PutBack
) -> None:
    put_back()
    before, outputs = api.world.stats.creates, files(shell.outputs)
    ended = shell("apply", "--yes")
    assert ended.code is ExitCode.LEDGER, ended.err
    assert "older than the files beside it" in ended.err
    assert "Nothing was sent, nothing was paid" in ended.err
    assert "state restore" in ended.err
    assert api.world.stats.creates == before == 3
    assert files(shell.outputs) == outputs


@pytest.mark.parametrize(
    "words",
    [
        ("plan",),
        ("plan", "--json"),
        ("apply", "--yes", "--only", "desk"),
        ("apply", "--yes", "--new-ledger"),
        ("report",),
        ("verify",),
        ("verify", "--repair"),
        ("retry",),
        ("status",),
        ("resolve", "desk", "--abandon"),
    ],
    ids=" ".join,
)
@pytest.mark.few(3)
def test_no_command_takes_an_older_ledger_for_the_truth(
    shell: Shell, api: SandboxServer, put_back: PutBack, words: tuple[str, ...]
) -> None:
    put_back()
    outputs, state = files(shell.outputs), files(shell.state)
    command, *options = words
    ended = shell(command, *options)
    assert ended.code is ExitCode.LEDGER, ended.err
    assert "older than the files beside it" in ended.err
    assert files(shell.outputs) == outputs
    after = files(shell.state)
    assert {name: after[name] for name in state if not name.endswith(".lock")} == {
        name: content for name, content in state.items() if not name.endswith(".lock")
    }


def test_newer_receipts_beside_an_older_ledger_are_simply_taken_over(
    shell: Shell, api: SandboxServer, put_back: PutBack
) -> None:
    receipts = (shell.state / "lamps.receipts.jsonl").read_bytes()
    put_back()
    (shell.state / "lamps.receipts.jsonl").write_bytes(receipts)
    assert shell("plan").code is ExitCode.DONE
    assert shell("apply", "--yes").code is ExitCode.DONE
    assert api.world.stats.creates == 3


def test_one_that_was_put_back_before_an_apply_wrote_its_report_is_noticed_by_the_next_command(
    shell: Shell, api: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shell("apply", "--yes", "--only", "desk").code is ExitCode.DONE
    cache = {path: path.read_bytes() for path in shell.state.iterdir() if path.suffix not in {".lock", ".json"}}

    def put_back_first(*arguments: Any) -> Any:
        for path in shell.state.glob("lamps.*"):
            if path.suffix not in {".lock", ".json"}:
                path.unlink()
        for path, content in cache.items():
            path.write_bytes(content)
        return write_final_report(*arguments)

    monkeypatch.setattr(apply, "write_final_report", put_back_first)
    shell("apply", "--yes")
    for command in ("plan", "apply", "status"):
        ended = shell(command)
        assert ended.code is ExitCode.LEDGER, command
        assert "older than the files beside it" in ended.err
    assert api.world.stats.creates == 3


def leave_altered_sidecars(shell: Shell, altered: dict[str, str]) -> None:
    """No report is there any more, and the sidecars of `hero` say something else."""
    (shell.outputs / "report.json").unlink()
    for path in shell.outputs.glob("hero*.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | altered))


@pytest.mark.parametrize("field", ["campaign", "endpoint", "kind"])
def test_what_is_not_of_this_campaign_states_nothing_of_its_ledger(
    shell: Shell, api: SandboxServer, put_back: PutBack, field: str
) -> None:
    put_back()
    leave_altered_sidecars(shell, {field: "other ../.."})
    assert shell("plan").code is ExitCode.DONE


@pytest.mark.parametrize("field", ["run_id", "take", "fingerprint"])
def test_a_sidecar_of_this_campaign_that_makes_no_sense_is_damaged(
    shell: Shell, api: SandboxServer, put_back: PutBack, field: str
) -> None:
    put_back()
    leave_altered_sidecars(shell, {field: "other ../.."})
    ended = shell("apply")
    assert ended.code is ExitCode.LEDGER
    assert "hero.mp4.json" in ended.err
    assert "damaged" in ended.err
    assert api.world.stats.creates == 3


@pytest.mark.parametrize("content", ["null", "{}", "[]", '{"campaign": null, "takes": []}', "a link", "a FIFO"])
def test_a_report_that_states_nothing_at_all_is_damaged(
    shell: Shell, api: SandboxServer, put_back: PutBack, content: str
) -> None:
    put_back()
    for path in shell.outputs.glob("*.mp4.json"):
        path.unlink()
    report = shell.outputs / "report.json"
    if content == "a link":
        report.symlink_to(report.rename(shell.workspace / "elsewhere.json"))
    elif content == "a FIFO":
        report.unlink()
        os.mkfifo(report)
    else:
        report.write_text(content)
    for command in ("apply", "report", "verify"):
        ended = shell(command)
        assert ended.code is ExitCode.LEDGER, command
        assert "report.json: damaged" in ended.err
    assert shell.without_yes("apply").code is ExitCode.LEDGER
    assert api.world.stats.creates == 3


def test_sidecars_that_are_links_are_not_passed_over(shell: Shell, api: SandboxServer, put_back: PutBack) -> None:
    """As a tool leaves them that keeps content elsewhere."""
    put_back()
    (shell.outputs / "report.json").unlink()
    (shell.workspace / "kept").mkdir()
    for path in shell.outputs.glob("*.mp4.json"):
        path.symlink_to(path.rename(shell.workspace / "kept" / path.name))
    ended = shell("apply")
    assert ended.code is ExitCode.LEDGER
    assert "hero.mp4.json" in ended.err
    assert "desk.mp4.json" not in ended.err  # which the ledger knows
    assert api.world.stats.creates == 3


def cut_short(content: bytes) -> bytes:
    return content[: len(content) // 2]


def lost_by_the_disk(content: bytes) -> bytes:
    return bytes(len(content))


def emptied(_: bytes) -> bytes:
    return b""


TEARS = [cut_short, lost_by_the_disk, emptied]


def tear(folder: Path, pattern: str, how: Callable[[bytes], bytes]) -> None:
    """Damage files, as a disk or a tool that syncs folders does."""
    torn = list(folder.glob(pattern))
    assert torn
    for path in torn:
        path.write_bytes(how(path.read_bytes()))


@pytest.mark.parametrize("how", TEARS)
@pytest.mark.parametrize("sidecars", ["torn", "never written"])
@pytest.mark.parametrize("command", ["apply", "plan", "status", "report", "verify", "retry"])
@pytest.mark.few(6)
def test_damaged_files_beside_an_older_ledger_are_no_files_that_state_nothing(
    shell: Shell, api: SandboxServer, put_back: PutBack, how: Callable[[bytes], bytes], sidecars: str, command: str
) -> None:
    put_back()
    tear(shell.outputs, "report.json", how)
    tear(shell.outputs, "*.mp4.json", how)
    if sidecars == "never written":
        for path in shell.outputs.glob("*.mp4.json"):
            path.unlink()
    before = files(shell.outputs)
    ended = shell(command)
    assert ended.code is ExitCode.LEDGER, ended.err
    assert "damaged" in ended.err
    assert "Nothing was sent, nothing was paid" in " ".join(ended.err.split())
    assert files(shell.outputs) == before
    assert api.world.stats.creates == 3


@pytest.mark.parametrize("how", TEARS)
def test_a_damaged_report_beside_the_newest_ledger_is_moved_away_as_it_is_shown(
    shell: Shell, api: SandboxServer, how: Callable[[bytes], bytes]
) -> None:
    assert shell("apply").code is ExitCode.DONE
    tear(shell.outputs, "report.json", how)
    ended = shell("apply")
    assert ended.code is ExitCode.LEDGER
    subprocess.run(["sh", "-c", f"mv {ended.err.rpartition(': mv ')[2]}"], check=True)
    assert shell("apply").code is ExitCode.DONE
    assert json.loads((shell.outputs / "report.json").read_text())["campaign"] == "lamps"
    assert (shell.outputs / "report.json.damaged").exists()
    assert api.world.stats.creates == 3


@pytest.mark.parametrize("how", TEARS)
def test_a_damaged_sidecar_of_a_video_that_the_ledger_knows_is_written_again(
    shell: Shell, api: SandboxServer, how: Callable[[bytes], bytes]
) -> None:
    assert shell("apply").code is ExitCode.DONE
    whole = files(shell.outputs)
    tear(shell.outputs, "*.mp4.json", how)
    assert shell("apply").code is ExitCode.DONE
    assert {name: content for name, content in files(shell.outputs).items() if name.endswith(".mp4.json")} == {
        name: content for name, content in whole.items() if name.endswith(".mp4.json")
    }
    tear(shell.outputs, "desk.mp4.json", how)
    (shell.outputs / "desk.mp4").write_bytes(b"another video, as after --replace")
    ended = shell("apply")
    assert ended.code is ExitCode.LEDGER
    assert "desk.mp4.json" in ended.err
    assert api.world.stats.creates == 3


def test_the_report_shows_it_where_there_are_no_sidecars(shell: Shell, api: SandboxServer, put_back: PutBack) -> None:
    put_back()
    for path in shell.outputs.glob("*.mp4*"):
        path.unlink()
    assert shell("plan").code is ExitCode.LEDGER
    (shell.outputs / "report.json").unlink()
    assert shell("plan").code is ExitCode.DONE


def test_a_create_in_doubt_that_only_the_report_knows_of_is_not_sent_again(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--yes", "--only", "desk").code is ExitCode.DONE
    shutil.copytree(shell.state, shell.workspace / "cache")
    with lost_answers(api):
        assert shell("apply", "--yes", "--only", "hero").code is ExitCode.UNFINISHED
    shutil.rmtree(shell.state)
    (shell.workspace / "cache").rename(shell.state)
    ended = shell("apply", "--yes", "--only", "hero")
    assert ended.code is ExitCode.LEDGER, ended.err
    assert api.world.stats.creates == 2


def test_a_backup_that_is_newer_than_its_ledger_shows_it_and_is_not_written_over(
    shell: Shell, api: SandboxServer
) -> None:
    """As where only the ledger itself and the receipts were put back, and nothing is left of the outputs."""
    assert shell("apply", "--yes", "--only", "desk").code is ExitCode.DONE
    old = {name: (shell.state / name).read_bytes() for name in ("lamps.db", "lamps.receipts.jsonl")}
    assert shell("apply", "--yes").code is ExitCode.DONE
    assert shell("state", "rm", "nothing").code is ExitCode.USAGE
    shell.bare("state", "rm", str(shell.manifest), "nothing")  # which backs the ledger up
    for name, content in old.items():
        (shell.state / name).write_bytes(content)
    shutil.rmtree(shell.outputs)
    backup = (shell.state / "lamps.db.bak").read_bytes()
    ended = shell("apply", "--yes")
    assert ended.code is ExitCode.LEDGER, ended.err
    assert "lamps.db.bak" in ended.err
    assert (shell.state / "lamps.db.bak").read_bytes() == backup
    assert api.world.stats.creates == 3


def test_files_of_a_campaign_that_was_begun_again_on_purpose_state_nothing(
    shell: Shell, api: SandboxServer, put_back: PutBack
) -> None:
    shutil.rmtree(shell.state)
    assert shell("apply", "--yes", "--new-ledger", "--only", "desk").code is ExitCode.DONE
    for path in (shell.outputs.with_name("lamps.old-1")).glob("hero*"):
        shutil.copy(path, shell.outputs)
    assert shell("plan").code is ExitCode.DONE


def test_a_run_that_was_forgotten_on_purpose_stays_so(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--yes").code is ExitCode.DONE
    assert shell.bare("state", "rm", str(shell.manifest), "desk", "--force").code is ExitCode.DONE
    assert (shell.outputs / "desk.mp4.json").exists()
    assert shell("plan").code is ExitCode.DONE


def test_a_run_whose_place_the_user_gave_to_another_is_known(shell: Shell, api: SandboxServer, lost: str) -> None:
    body = json.dumps({"model": "hailuo/pro", "input": {"prompt": "A desk"}}).encode()
    head = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    with urlopen(Request(f"{api.base_url}/runs", body, head)) as answer:
        other = json.load(answer)["id"]
    assert shell("resolve", "desk", "--run-id", other).code is ExitCode.DONE
    assert lost in (shell.outputs / "report.json").read_text()
    assert lost not in shell("status", "--json").out
    assert shell("plan").code is ExitCode.DONE


# --- the way out ---


def restore(shell: Shell) -> CommandResult:
    ended = shell.bare("state", "restore", str(shell.manifest))
    assert ended.code is ExitCode.DONE, ended.err
    return ended


def test_a_restore_takes_in_what_only_the_files_know_and_nothing_is_paid_twice(
    shell: Shell, api: SandboxServer, put_back: PutBack
) -> None:
    printed, videos = shell("status", "--json").document, files(shell.outputs)
    put_back()
    ended = restore(shell)
    assert "2 runs from the reports and the files beside the videos" in ended.err
    assert "Nothing was sent, nothing was paid" in ended.err
    after = shell("status", "--json").document
    assert {take["id"]: take["state"] for take in after["takes"]} == dict.fromkeys(
        ("desk", "hero", "hero.take2"), "done"
    )
    assert after["spend"] == printed["spend"]
    reads = api.world.stats.reads
    assert shell("apply", "--yes").code is ExitCode.DONE
    assert (api.world.stats.creates, api.world.stats.reads) == (3, reads), "all was here: nobody needs to be asked"
    assert {name: content for name, content in files(shell.outputs).items() if name.endswith("mp4")} == {
        name: content for name, content in videos.items() if name.endswith("mp4")
    }
    assert shell("verify").code is ExitCode.DONE


def test_the_ledger_that_was_there_is_kept_for_it_knows_more_than_its_backup(
    shell: Shell, api: SandboxServer, put_back: PutBack
) -> None:
    put_back()
    assert "Kept" in restore(shell).err
    assert not list(shell.state.glob("*.aside-*"))


def test_a_state_folder_that_is_gone_is_made_again_from_the_files(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--yes").code is ExitCode.DONE
    spend = shell("status", "--json").document["spend"]
    shutil.rmtree(shell.state)
    assert "3 runs from the reports and the files beside the videos" in restore(shell).err
    assert shell("status", "--json").document["spend"] == spend
    assert shell("apply", "--yes").code is ExitCode.DONE
    assert api.world.stats.creates == 3
    ids = {path.name for path in shell.outputs.glob("*.mp4")}
    assert ids == {"desk.mp4", "hero.mp4", "hero.take2.mp4"}


def test_what_was_adopted_is_in_the_receipts_and_in_every_later_restore(
    shell: Shell, api: SandboxServer, put_back: PutBack
) -> None:
    put_back()
    restore(shell)
    for path in (*shell.state.glob("*.db*"), *shell.outputs.glob("*.json")):
        path.unlink()
    restore(shell)
    assert shell("apply", "--yes").code is ExitCode.DONE
    assert api.world.stats.creates == 3


def test_the_true_receipts_may_come_back_after_runs_were_adopted(
    shell: Shell, api: SandboxServer, put_back: PutBack
) -> None:
    receipts = (shell.state / "lamps.receipts.jsonl").read_bytes()
    put_back()
    (shell.outputs / "report.json").unlink()  # which names the creates
    restore(shell)
    (shell.state / "lamps.receipts.jsonl").write_bytes(receipts)
    assert shell("apply", "--yes").code is ExitCode.DONE
    assert shell("status", "--json").document["totals"]["done"] == 3
    assert shell("status", "--json").document["spend"]["in_doubt_takes"] == 0
    assert api.world.stats.creates == 3


def test_a_video_that_is_gone_or_changed_is_downloaded_again_and_not_paid_again(
    shell: Shell, api: SandboxServer, put_back: PutBack
) -> None:
    videos = {name: content for name, content in files(shell.outputs).items() if name.endswith("mp4")}
    put_back()
    (shell.outputs / "hero.mp4").unlink()
    restore(shell)
    assert state_of(shell, "hero") in {"downloading", "running"}
    assert shell("apply", "--yes").code is ExitCode.DONE
    assert {name: content for name, content in files(shell.outputs).items() if name.endswith("mp4")} == videos
    assert api.world.stats.creates == 3


def test_a_create_in_doubt_stays_so_after_a_restore(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--yes", "--only", "desk").code is ExitCode.DONE
    shutil.copytree(shell.state, shell.workspace / "cache")
    with lost_answers(api):
        assert shell("apply", "--yes", "--only", "hero").code is ExitCode.UNFINISHED
    shutil.rmtree(shell.state)
    (shell.workspace / "cache").rename(shell.state)
    restore(shell)
    assert state_of(shell, "hero") == "in_doubt"
    assert shell("apply", "--yes", "--only", "hero").code is ExitCode.UNFINISHED
    assert api.world.stats.creates == 2


def test_a_run_that_has_not_finished_is_asked_for_after_a_restore(shell: Shell, start_api: StartApi) -> None:
    api = start_api(speed=SLOW)
    shell.write(UNCAPPED)
    cut_off(shell, api, 1, "--only", "desk")
    shutil.copytree(shell.state, shell.workspace / "cache")
    cut_off(shell, api, 3)
    shutil.rmtree(shell.state)
    (shell.workspace / "cache").rename(shell.state)
    assert shell("apply", "--yes").code is ExitCode.LEDGER
    restore(shell)
    assert shell("status", "--json").document["totals"]["running"] == 3
    assert api.world.stats.creates == 3


def cut_off(shell: Shell, api: SandboxServer, creates: int, *options: str) -> None:
    """Stop an apply once so many runs were made, none of which finishes."""
    process = shell.spawn("apply", "--yes", *options)
    wait_until(lambda: shell("status", "--json").document["totals"]["running"] == creates)
    process.terminate()
    assert wait_for_result(process).code is ExitCode.SIGTERM


def test_a_replacement_is_found_with_the_video_that_it_replaced(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--yes").code is ExitCode.DONE
    shutil.copytree(shell.state, shell.workspace / "cache")
    assert shell("apply", "--yes", "--replace", "desk").code is ExitCode.DONE
    printed, paths = shell("status", "--json").document, sorted(files(shell.outputs))
    shutil.rmtree(shell.state)
    (shell.workspace / "cache").rename(shell.state)
    restore(shell)
    assert shell("apply", "--yes").code is ExitCode.DONE
    after = shell("status", "--json").document
    assert [[(run["run_id"], run["superseded"], run["state"]) for run in take["runs"]] for take in after["takes"]] == [
        [(run["run_id"], run["superseded"], run["state"]) for run in take["runs"]] for take in printed["takes"]
    ]
    assert sorted(files(shell.outputs)) == paths
    assert shell("verify").code is ExitCode.DONE
    assert api.world.stats.creates == 4
