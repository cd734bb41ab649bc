"""`apply`, from a manifest to videos on disk, against a server on this machine."""

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.resources import load_schema_text
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import KEY, LAMPS, SLOW, Shell

QUICKSTART = Path(__file__).parents[3] / "manifests" / "quickstart.yaml"


def requests(api: SandboxServer) -> int:
    return api.world.stats.creates + api.world.stats.reads


def test_a_campaign_becomes_files_and_a_report(shell: Shell, api: SandboxServer) -> None:
    ended = shell("apply")
    assert ended.code is ExitCode.DONE, ended.err
    assert {path.name for path in shell.outputs.iterdir()} >= {
        *("hero.mp4", "hero.take2.mp4", "desk.mp4"),
        *("report.html", "report.json", "report.md"),
    }
    assert len(list(shell.outputs.glob("*.mp4"))) == 3
    assert len({path.read_bytes() for path in shell.outputs.glob("*.mp4")}) == 3
    assert api.world.stats.creates == 3
    assert "3 of 3 takes done" in ended.out
    assert "report.html" in ended.out


def test_a_second_apply_sends_nothing_and_needs_no_key(
    shell: Shell, api: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shell("apply").code is ExitCode.DONE
    before = requests(api)
    monkeypatch.delenv("RUNBASE_API_KEY")
    ended = shell("apply")
    assert ended.code is ExitCode.DONE
    assert "Nothing to do" in ended.err
    assert requests(api) == before


def test_a_changed_prompt_is_one_create(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    shell.write(LAMPS.replace("A desk", "A desk at night"))
    assert "changed: prompt" in shell("plan").out
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 4
    assert len(list((shell.outputs / "superseded").glob("*.mp4"))) == 1


def test_replace_makes_a_finished_take_again_once(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply").code is ExitCode.DONE
    first = (shell.outputs / "desk.mp4").read_bytes()
    assert shell("apply", "--replace", "desk").code is ExitCode.DONE
    assert api.world.stats.creates == 4
    assert (shell.outputs / "desk.mp4").read_bytes() != first
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 4


def test_only_the_takes_asked_for_are_made(shell: Shell, api: SandboxServer) -> None:
    ended = shell("apply", "--only", "hero*", "--json")
    assert ended.code is ExitCode.DONE
    assert ended.document["totals"]["done"] == 2
    assert ended.document["totals"]["waiting"] == 1
    assert api.world.stats.creates == 2


def test_json_is_one_document_that_fits_the_schema_of_the_report(shell: Shell, api: SandboxServer) -> None:
    ended = shell("apply", "--json")
    jsonschema.validate(ended.document, json.loads(load_schema_text("report")))
    assert ended.document["spend"]["charged_micro_usd"] == 840_000
    assert "3 of 3 takes done" in ended.err


def test_the_key_is_written_nowhere(shell: Shell, api: SandboxServer) -> None:
    ended = shell("apply", "-v")
    assert KEY not in ended.out + ended.err
    for path in shell.workspace.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_the_cap_stops_creating_and_what_runs_is_still_collected(shell: Shell, api: SandboxServer) -> None:
    ended = shell("apply", "--max-spend", "0.60")
    assert ended.code is ExitCode.ACCOUNT
    assert api.world.stats.creates == 2
    assert len(list(shell.outputs.glob("*.mp4"))) == 2
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == 3


def test_no_balance_in_the_middle_stops_creating_and_the_next_apply_goes_on(shell: Shell, start_api: StartApi) -> None:
    api = start_api(balance_micro_usd=2 * 280_000)
    ended = shell("apply", "--max-in-flight", "1")
    assert ended.code is ExitCode.ACCOUNT
    assert "balance" in ended.err
    assert len(list(shell.outputs.glob("*.mp4"))) == 2
    assert api.world.stats.charged_micro_usd == 2 * 280_000
    api.world.balances[KEY] = 280_000
    ended = shell("apply")
    assert ended.code is ExitCode.DONE, ended.err
    assert api.world.stats.charged_micro_usd == 3 * 280_000


def test_a_failed_run_is_refunded_and_named(shell: Shell, start_api: StartApi) -> None:
    start_api(fail_rate=1.0)
    ended = shell("apply", "--only", "desk")
    assert ended.code is ExitCode.UNFINISHED
    assert "refunded $0.28" in ended.out
    assert "failed" in ended.out
    assert "desk" in ended.out


def test_a_missing_key_is_reported_before_anything_is_made(shell: Shell) -> None:
    ended = shell("apply")
    assert ended.code is ExitCode.ACCOUNT
    assert "RUNBASE_API_KEY" in ended.err
    assert "--sandbox" in ended.err
    assert not (shell.state / "lamps.db").exists()
    assert not shell.outputs.exists()


def test_a_refused_key_stops_everything(shell: Shell, start_api: StartApi) -> None:
    start_api(api_keys=frozenset({"sk-another"}))
    ended = shell("apply")
    assert ended.code is ExitCode.ACCOUNT
    assert "RUNBASE_API_KEY" in ended.err
    assert KEY not in ended.err


def test_the_sandbox_has_files_of_its_own_and_leaves_the_real_campaign_alone(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hailuo_batch.app.api_target._SANDBOX_SPEED", SLOW)
    ended = shell("apply", "--sandbox", "--run-timeout", "1s")
    assert ended.code is ExitCode.UNFINISHED
    assert "--sandbox" in ended.out
    assert {path.name for path in shell.state.iterdir()} >= {"lamps.sandbox.db", "lamps.sandbox.receipts.jsonl"}
    assert all(path.name.startswith("lamps.sandbox.") for path in shell.state.iterdir())
    assert [path.name for path in (shell.workspace / "outputs").iterdir()] == ["lamps.sandbox"]
    assert "3 running" in shell("status", "--sandbox").out
    assert "No ledger yet" in shell("status").err


def test_a_ledger_that_is_gone_stops_everything_and_new_ledger_sets_the_rest_aside(
    shell: Shell, api: SandboxServer
) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    video = (shell.outputs / "desk.mp4").read_bytes()
    (shell.state / "lamps.db").unlink()
    for command in ("apply", "plan", "status", "report"):
        ended = shell(command)
        assert ended.code is ExitCode.LEDGER
        assert "the ledger is missing" in ended.err
    assert api.world.stats.creates == 1
    assert shell("apply", "--only", "desk", "--new-ledger").code is ExitCode.DONE
    assert api.world.stats.creates == 2
    assert (shell.workspace / "outputs" / "lamps.old-1" / "desk.mp4").read_bytes() == video
    assert (shell.state / "lamps.receipts.jsonl.old-1").is_file()


def test_a_ledger_of_another_endpoint_is_refused(
    shell: Shell, api: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    monkeypatch.delenv("RUNBASE_BASE_URL")
    ended = shell("apply")
    assert ended.code is ExitCode.LEDGER
    assert "Nothing was sent" in ended.err


def test_the_current_directory_counts_for_nothing(
    shell: Shell, api: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    for folder in (shell.workspace, shell.manifest.parent, tmp_path):
        monkeypatch.chdir(folder)
        ended = shell.bare("apply", str(shell.manifest.relative_to(folder)), "--only", "desk")
        assert ended.code is ExitCode.DONE
    assert api.world.stats.creates == 1


def test_quickstart_ends_with_six_videos(shell: Shell, api: SandboxServer) -> None:
    manifest = shell.manifest.with_name("quickstart.yaml")
    shutil.copy(QUICKSTART, manifest)
    ended = shell.bare("apply", "--yes", str(manifest), "--no-check-images")
    assert ended.code is ExitCode.DONE, ended.err
    assert len(list((shell.workspace / "outputs" / "quickstart").glob("*.mp4"))) == 6


def test_quiet_states_nothing_when_all_is_well(shell: Shell, api: SandboxServer) -> None:
    ended = shell("apply", "--only", "desk", "-q")
    assert (ended.code, ended.out, ended.err) == (ExitCode.DONE, "", "")
