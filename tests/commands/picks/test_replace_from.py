"""`--replace-from`: what was marked as a re-roll is requested again, once, whatever interrupts it."""

import json
import shlex
import signal
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.cli_fixtures import Step
from tests.helpers.command_line import UNCAPPED, CommandResult, Shell
from tests.helpers.misbehaving_api import everything_fails, lost_answers, nothing_finishes
from tests.helpers.picks import live_runs, mark_live, write_picks
from tests.helpers.signal_at import strike

TAKES = 3
REROLLS = {"hero": "reroll", "hero.take2": "chosen", "desk": "reroll"}


@pytest.fixture
def done(shell: Shell, api: SandboxServer) -> None:
    """Every take is done."""
    shell.write(UNCAPPED)
    assert shell("apply").code is ExitCode.DONE


@pytest.fixture
def picks(shell: Shell, done: None) -> Path:
    """Of three videos one is chosen, and two are to be made again."""
    return mark_live(shell, REROLLS, {"hero": "too dark\nand \x1b[31mred"})


def reroll(shell: Shell, picks: Path, *options: str) -> CommandResult:
    return shell("apply", "--replace-from", str(picks), *options)


def test_what_is_marked_is_replaced_and_its_note_is_in_the_plan(shell: Shell, api: SandboxServer, picks: Path) -> None:
    before = live_runs(shell)
    planned = shell("plan", "--replace-from", str(picks))
    assert "Plan: 2 to replace, 1 kept." in planned.out
    assert f"  ~ replace  hero  re-roll; the video of {before['hero']} is kept as superseded" in planned.out
    assert "    note: too dark and \\u001b[31mred" in planned.out
    assert reroll(shell, picks).code is ExitCode.DONE
    assert api.world.stats.creates == TAKES + 2
    after = live_runs(shell)
    assert {take for take in before if before[take] != after[take]} == {"hero", "desk"}
    assert (shell.outputs / "superseded" / f"hero.{before['hero']}.mp4").is_file()


def test_once_it_is_finished_the_same_file_replaces_nothing(shell: Shell, api: SandboxServer, picks: Path) -> None:
    assert reroll(shell, picks).code is ExitCode.DONE
    for _ in range(2):
        ended = reroll(shell, picks)
        assert ended.code is ExitCode.DONE
        assert "2 of 2 re-rolls in " in ended.err
        assert "are done already; their takes have other videos now: hero, desk." in ended.err
        assert "Nothing to do" in ended.err
    assert api.world.stats.creates == TAKES + 2


@pytest.mark.parametrize(
    ("where", "number"),
    [
        pytest.param("before:adapters.ledger:Ledger.carry_out", signal.SIGKILL, marks=pytest.mark.deep),
        ("after:adapters.ledger:Ledger.carry_out", signal.SIGKILL),
        pytest.param("after:adapters.runbase:Client.create_run", signal.SIGKILL, marks=pytest.mark.deep),
        pytest.param("after:adapters.runbase:Client.create_run", signal.SIGINT, marks=pytest.mark.deep),
        pytest.param("after:runtime.driver:Driver.run", signal.SIGKILL, marks=pytest.mark.deep),
        ("before:app.reports:write_reports", signal.SIGKILL),
        pytest.param("before:app.apply:close_finished_replacements", signal.SIGTERM, marks=pytest.mark.deep),
    ],
)
def test_wherever_it_is_interrupted_the_same_command_pays_once(
    shell: Shell, api: SandboxServer, picks: Path, where: str, number: signal.Signals
) -> None:
    """Before the wish is on record, after that, after the create, after the end, and before the reports are written."""
    strike(where, number, ["apply", str(shell.manifest), "--replace-from", str(picks), "--yes"])
    in_doubt = [id_ for id_, state in states(shell).items() if state == "in_doubt"]
    for _ in range(2):
        ended = reroll(shell, picks)
        assert ended.code is (ExitCode.UNFINISHED if in_doubt else ExitCode.DONE)
    # of two that were under way when it was killed, one may never have left
    assert TAKES + 2 - max(0, len(in_doubt) - 1) <= api.world.stats.creates <= TAKES + 2


def states(shell: Shell) -> dict[str, str]:
    return {take["id"]: take["state"] for take in shell("status", "--json").document["takes"]}


def test_a_request_in_doubt_is_held_and_not_begun_again(shell: Shell, api: SandboxServer, picks: Path) -> None:
    with lost_answers(api):
        assert reroll(shell, picks).code is ExitCode.UNFINISHED
    ended = reroll(shell, picks)
    assert ended.code is ExitCode.UNFINISHED
    assert "2 of 2 re-rolls in " in ended.err
    assert "were begun before; this finishes them and starts no second ones" in ended.err
    assert api.world.stats.creates == TAKES + 2


def test_one_that_fails_is_not_begun_again(shell: Shell, api: SandboxServer, picks: Path) -> None:
    with everything_fails(api):
        assert reroll(shell, picks).code is ExitCode.UNFINISHED
    ended = reroll(shell, picks)
    assert "were begun before and came to nothing" in ended.err
    assert api.world.stats.creates == TAKES + 2


def test_a_kept_plan_says_of_a_mark_that_it_does_not_serve_that_it_is_left_for_later(
    shell: Shell, api: SandboxServer, picks: Path
) -> None:
    kept = shell.workspace / "kept.json"
    assert shell("plan", "--replace-from", str(picks), "--limit", "1", "--out", str(kept)).code is ExitCode.DONE
    for _ in range(2):
        ended = shell("apply", "--plan", str(kept))
        assert ended.code is ExitCode.DONE
        assert "is left for later by --limit: desk." in " ".join(ended.err.split())
        assert "changed in the manifest" not in ended.err
    assert api.world.stats.creates == TAKES + 1


def test_an_edit_that_is_taken_back_brings_the_marked_video_back_and_that_is_said(
    shell: Shell, api: SandboxServer, picks: Path
) -> None:
    text = shell.manifest.read_text(encoding="utf-8")
    shell.write(text.replace("prompt: ", "prompt: very "))
    assert shell("apply").code is ExitCode.DONE
    shell.write(text)
    planned = shell("plan", "--replace-from", str(picks))
    assert "~ replace  hero" in planned.out
    assert "nothing is paid" not in planned.err


def test_without_a_yes_no_wish_is_recorded(shell: Shell, api: SandboxServer, picks: Path) -> None:
    ended = shell.without_yes("apply", "--replace-from", str(picks))
    assert ended.code is ExitCode.USAGE
    assert shell("apply").code is ExitCode.DONE
    assert api.world.stats.creates == TAKES


def test_a_mark_speaks_of_no_other_run(shell: Shell, api: SandboxServer, done: None) -> None:
    runs = live_runs(shell)
    assert shell("apply", "--replace", "hero").code is ExitCode.DONE
    shell.write(UNCAPPED.replace("id: desk", "id: bench"))
    assert shell("apply").code is ExitCode.DONE
    picks = write_picks(
        shell.workspace / "picks.json",
        [
            {"take": "hero", "run_id": runs["hero"], "mark": "reroll"},
            {"take": "hero.take2", "run_id": "run_another", "mark": "reroll"},
            {"take": "desk", "run_id": runs["desk"], "mark": "reroll"},
            {"take": "nothing\x1b", "run_id": "run_none", "mark": "reroll"},
            {"take": "bench", "run_id": runs["hero.take2"], "mark": "reroll"},
        ],
    )
    ended = reroll(shell, picks)
    assert ended.code is ExitCode.DONE
    for sentence in (
        "is done already; its take has another video now: hero.",
        "are of takes or runs that this campaign does not know; nothing is paid for them: hero.take2, nothing\\u001b.",
        "is of a take that is not in the manifest; nothing is paid for it: desk.",
        "is of a run that is not its take's current one; nothing is paid for it: bench.",
    ):
        assert f"of 5 re-rolls in {picks} {sentence}" in ended.err
    assert api.world.stats.creates == TAKES + 1


def test_only_and_limit_leave_out_and_leave_for_later(shell: Shell, api: SandboxServer, picks: Path) -> None:
    ended = reroll(shell, picks, "--only", "desk")
    assert "1 of 2 re-rolls in " in ended.err
    assert "is left out by --only and not requested this time: hero." in ended.err
    assert api.world.stats.creates == TAKES + 1
    picks = mark_live(shell, {"hero": "reroll", "hero.take2": "reroll", "desk": "reroll"})
    for number in (1, 2, 3, 3):
        assert reroll(shell, picks, "--limit", "1").code is ExitCode.DONE
        assert api.world.stats.creates == TAKES + 1 + number


def test_together_with_replace_a_take_is_replaced_once(shell: Shell, api: SandboxServer, picks: Path) -> None:
    assert reroll(shell, picks, "--replace", "hero*").code is ExitCode.DONE
    assert api.world.stats.creates == TAKES + 3


def test_the_command_that_continues_names_the_file_and_pays_for_no_more(
    shell: Shell, api: SandboxServer, picks: Path
) -> None:
    with nothing_finishes(api):
        ended = reroll(shell, picks, "--run-timeout", "1s")
    [line] = [line for line in ended.out.splitlines() if line.startswith("To continue: ")]
    words = shlex.split(line.removeprefix("To continue: "))
    assert words[words.index("--replace-from") + 1] == str(picks)
    assert shell.bare(*["45m" if word == "1s" else word for word in words[1:]]).code is ExitCode.DONE
    assert api.world.stats.creates == TAKES + 2


def test_the_command_that_continues_begins_no_mark_of_a_run_that_had_no_video(
    shell: Shell, api: SandboxServer, done: None
) -> None:
    with nothing_finishes(api):
        assert shell("apply", "--replace", "desk", "--run-timeout", "1s").code is ExitCode.UNFINISHED
        picks = mark_live(shell, {"desk": "reroll"})
        ended = reroll(shell, picks, "--run-timeout", "1s")
    assert "is of a run that has no finished video; nothing is paid for it: desk." in ended.err
    assert "To continue: " in ended.out
    assert "--replace-from" not in ended.out
    assert "--replace-from" not in shell("status", "--json").document["resume_command"]
    assert api.world.stats.creates == TAKES + 1


def test_a_kept_plan_holds_what_is_to_be_made_again(
    shell: Shell, api: SandboxServer, picks: Path, keep: Step, follow: Step, kept: Path
) -> None:
    keep("--replace-from", str(picks))
    document = json.loads(kept.read_text())
    assert [each["take"] for each in document["wishes"]["rerolls"]] == ["hero", "desk"]
    assert [take["note"] for take in document["takes"]] == ["too dark\nand \x1b[31mred", None, None]
    picks.unlink()
    for _ in range(2):
        assert follow().code is ExitCode.DONE
        assert api.world.stats.creates == TAKES + 2
    refused = follow("--replace-from", str(picks))
    assert refused.code is ExitCode.USAGE
    assert "--replace-from cannot be given with it" in refused.err


def test_a_kept_plan_that_was_interrupted_pays_once(
    shell: Shell, api: SandboxServer, picks: Path, keep: Step, follow: Step, kept: Path
) -> None:
    keep("--replace-from", str(picks))
    words = ["apply", str(shell.manifest), "--yes", "--no-check-images", "--plan", str(kept)]
    strike("after:adapters.ledger:Ledger.carry_out", signal.SIGKILL, words)
    for _ in range(2):
        assert follow().code is ExitCode.DONE
        assert api.world.stats.creates == TAKES + 2


def test_a_restored_backup_begins_no_second_one(shell: Shell, api: SandboxServer, picks: Path) -> None:
    backup = (shell.state / "lamps.db").read_bytes()
    assert reroll(shell, picks).code is ExitCode.DONE
    (shell.state / "lamps.db.bak").write_bytes(backup)
    assert shell.bare("state", "restore", str(shell.manifest)).code is ExitCode.DONE
    assert reroll(shell, picks).code is ExitCode.DONE
    assert api.world.stats.creates == TAKES + 2


def test_notes_of_many_are_listed_under_their_group(shell: Shell, api: SandboxServer) -> None:
    shell.write(UNCAPPED.replace("takes: 2", "takes: 20"))
    assert shell("apply").code is ExitCode.DONE
    takes = live_runs(shell)
    picks = mark_live(shell, dict.fromkeys(takes, "reroll"), dict.fromkeys(takes, "brighter"))
    printed = shell("plan", "--replace-from", str(picks)).out
    assert "note on hero.take2: brighter" in printed
    assert "... and 8 more notes; -v shows them" in printed
    assert shell("plan", "--replace-from", str(picks), "-v").out.count("note: brighter") == 21
