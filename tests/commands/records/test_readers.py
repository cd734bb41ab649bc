"""`plan`, `status` and `report`: what is seen of a campaign without touching it."""

import json

import jsonschema

from hailuo_batch.errors import ExitCode
from hailuo_batch.resources import load_schema_text
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import LAMPS, Shell


def everything(shell: Shell) -> set[str]:
    return {str(path.relative_to(shell.workspace)) for path in shell.workspace.rglob("*")}


def test_a_plan_creates_nothing_and_needs_no_key(shell: Shell) -> None:
    before = everything(shell)
    ended = shell("plan")
    assert ended.code is ExitCode.DONE
    assert ended.out.splitlines() == [
        "  + create  hero        new",
        "    prompt: A lamp",
        "  + create  hero.take2  new",
        "    prompt: A lamp",
        "  + create  desk        new",
        "    prompt: A desk",
        "",
        "Plan: 3 to create.",
        "Cost: about $0.84 (3 x $0.28, as the manifest expects). Cap: $5.00.",
        "Time: unknown until the first run finishes.",
    ]
    assert everything(shell) == before


def test_a_plan_states_when_the_cap_will_be_met(shell: Shell) -> None:
    ended = shell("plan", "--max-spend", "0.5")
    assert "The cap leaves $0.50, enough for 1 of 3: apply stops there and exits 3." in ended.out
    assert "raise limits.max_spend_usd or --max-spend to $0.84." in ended.out


def test_an_unknown_price_is_reported_and_never_taken_for_nothing(shell: Shell) -> None:
    shell.write(LAMPS.replace(", expected_cost_usd: 0.28", ""))
    assert "unknown until the first run finishes (3 runs of hailuo/pro, price not known yet)" in shell("plan").out
    estimate = shell("plan", "--json").document["estimate"]
    assert estimate["micro_usd"] is None
    assert [model["cost_micro_usd"] for model in estimate["models"]] == [None]


def test_a_plan_as_json(shell: Shell) -> None:
    document = shell("plan", "--json").document
    assert document["totals"]["create"] == 3
    assert document["estimate"] == {
        "creates": 3,
        "micro_usd": 840_000,
        "models": [
            {"model": "hailuo/pro", "creates": 3, "cost_micro_usd": 280_000, "basis": "expected_cost_usd"},
        ],
    }
    assert [take["id"] for take in document["takes"]] == ["hero", "hero.take2", "desk"]


def test_the_newest_price_paid_beats_what_the_manifest_expects(shell: Shell, start_api: StartApi) -> None:
    start_api(price_micro_usd=300_000)
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    ended = shell("plan")
    assert "2 x $0.30, the newest price paid" in ended.out
    assert "So far: $0.30 spent." in ended.out


def test_a_long_plan_is_counted_and_shown_whole_on_demand(shell: Shell) -> None:
    shell.write(LAMPS.replace("takes: 2", "takes: 40"))
    short, whole = shell("plan").out, shell("plan", "-v").out
    assert "  hero  40 to create  $11.20\n" in short
    assert "(-v shows every take with its whole prompt and its images)" in short
    assert "hero.take40" not in short
    assert "hero.take40" in whole


def test_takes_that_are_kept_are_only_counted(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    assert shell("plan").out.splitlines()[:2] == ["Plan: 3 kept.", "Cost: none."]
    assert "keep  desk        done" in shell("plan", "-v").out


def test_a_renamed_shot_is_shown_as_moved(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    shell.write(LAMPS.replace("id: desk", "id: table"))
    assert "keep  table  renamed from desk; done" in shell("plan").out
    assert shell("apply").code is ExitCode.DONE
    assert (shell.outputs / "table.mp4").is_file()
    assert api.world.stats.creates == 3


def test_a_pattern_that_fits_no_take_is_wrong_usage(shell: Shell) -> None:
    ended = shell("plan", "--only", "heros")
    assert ended.code is ExitCode.USAGE
    assert "--only 'heros' matches no take" in ended.err


def test_status_before_anything_was_done_shows_every_take_waiting(shell: Shell) -> None:
    before = everything(shell)
    ended = shell("status")
    assert ended.code is ExitCode.DONE
    assert "  ◦ waiting  desk        nothing sent yet" in ended.out.splitlines()
    assert "No ledger yet" in ended.err
    assert everything(shell) == before


def test_status_as_json_is_the_document_of_the_report(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    document = shell("status", "--json").document
    jsonschema.validate(document, json.loads(load_schema_text("report")))
    written = json.loads((shell.outputs / "report.json").read_text())
    assert document["takes"] == written["takes"]


def test_status_states_once_what_to_do_about_takes_that_went_wrong_alike(shell: Shell, start_api: StartApi) -> None:
    start_api(fail_rate=1.0)
    assert shell("apply").code is ExitCode.UNFINISHED
    printed = shell("status").out
    assert printed.count("The run failed and its cost was refunded.") == 1
    assert "hero, hero.take2, desk: The run failed" in printed
    commands = [line for line in printed.splitlines() if line.startswith("  hailuo-batch")]
    assert commands == [f"  hailuo-batch retry {shell.manifest}", f"  hailuo-batch apply {shell.manifest}"]


def test_one_command_is_for_all_that_went_wrong_alike_and_pays_for_nothing_else(
    shell: Shell, start_api: StartApi
) -> None:
    start_api(fail_rate=1.0)
    assert shell("apply", "--only", "hero*").code is ExitCode.UNFINISHED
    commands = [line for line in shell("status").out.splitlines() if line.startswith("  hailuo-batch")]
    assert commands == [
        f"  hailuo-batch retry {shell.manifest} hero hero.take2",
        f"  hailuo-batch apply {shell.manifest} --only hero --only hero.take2",
    ]


def test_where_the_manifest_has_an_attempt_left_the_advice_is_to_apply(shell: Shell, start_api: StartApi) -> None:
    start_api(fail_rate=1.0)
    assert shell("apply").code is ExitCode.UNFINISHED
    shell.write(LAMPS.replace("limits: {", "limits: {max_attempts: 2, "))
    printed = shell("status").out
    assert "The next apply tries it again" in printed
    assert "retry" not in printed
    assert f"  hailuo-batch apply {shell.manifest}\n" in printed


def test_status_states_what_the_manifest_asks_for_beyond_the_ledger(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    shell.write(LAMPS.replace("takes: 2", "takes: 5"))
    assert "asks for 3 more" in shell("status").out


def test_report_writes_its_files_again(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    names = ("report.html", "report.json", "report.md")
    for name in names:
        (shell.outputs / name).unlink()
    ended = shell("report")
    assert ended.code is ExitCode.DONE
    assert all((shell.outputs / name).is_file() for name in names)
    assert set(names) <= {line.rpartition("/")[2] for line in ended.out.splitlines()}


def test_there_is_nothing_to_report_before_the_first_apply(shell: Shell) -> None:
    before = everything(shell)
    assert shell("report").code is ExitCode.USAGE
    assert everything(shell) == before


def test_a_damaged_ledger_is_left_alone(shell: Shell, api: SandboxServer) -> None:
    shell.state.mkdir()
    (shell.state / "lamps.db").write_bytes(b"")
    for command in ("plan", "status", "report", "apply"):
        ended = shell(command)
        assert ended.code is ExitCode.LEDGER
        assert "damaged" in ended.err
    assert (shell.state / "lamps.db").read_bytes() == b""
    assert api.world.stats.creates == 0
