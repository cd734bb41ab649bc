"""What the README says to type, row by row, leads out of what happened: the commands are typed as they stand there."""

import re
import shlex
import signal
from collections.abc import Callable
from dataclasses import replace

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.values import DEFAULT_MODEL
from tests.commands.apply.test_busy import held
from tests.docs import pages
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import UNCAPPED, CommandResult, Shell, state_of, wait_for_result
from tests.helpers.misbehaving_api import lost_answers
from tests.helpers.timeouts import wait_until

TABLE = re.compile(r"^## When this happens, type that\n\n((?:\|[^\n]*\n)+)", re.MULTILINE)
RESUBMIT = "--resubmit"


def rows() -> list[tuple[str, list[str]]]:
    """What happened, and the commands and options to type."""
    found = TABLE.search(pages.text_of(pages.README))
    assert found
    cells = [line.strip("| ").split(" | ") for line in found[1].splitlines()[2:]]
    return [(what, re.findall(r"`((?:hailuo-batch |--)[^`]*)`", remedy)) for what, remedy in cells]


@pytest.fixture(autouse=True)
def _there(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with a lamps.yaml, as in the README."""
    monkeypatch.chdir(shell.workspace)
    (shell.workspace / "lamps.yaml").write_text(UNCAPPED.replace("desk,", "desk, tags: [spring],"), encoding="utf-8")


def typed(shell: Shell, line: str, *more: str) -> CommandResult:
    """Type a command of the README. Whoever could be asked would agree."""
    words = [*shlex.split(line)[1:], *more]
    pays = words[0] == "apply" or RESUBMIT in words
    return shell.bare(*words, *(["--yes"] if pays else []))


def applied(shell: Shell, *options: str) -> CommandResult:
    return typed(shell, "hailuo-batch apply lamps.yaml", *options)


def stopped(shell: Shell, start_api: StartApi, _commands: list[str]) -> None:
    api = start_api(speed=100.0)
    process = shell.start("apply", "lamps.yaml", "--yes")
    wait_until(lambda: api.world.stats.creates > 0 or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    assert wait_for_result(process).code in {ExitCode.SIGINT, ExitCode.DONE}  # it may have been done by then
    assert applied(shell).code is ExitCode.DONE
    assert api.world.stats.creates == 3


def looked_at(shell: Shell, start_api: StartApi, commands: list[str]) -> None:
    start_api()
    status, watch = commands
    assert typed(shell, status).code is ExitCode.DONE
    applied(shell)
    assert "3 of 3 takes done" in typed(shell, f"{status} {watch}").out


def a_few_first(shell: Shell, start_api: StartApi, commands: list[str]) -> None:
    api = start_api()
    limited, only = commands
    assert typed(shell, "hailuo-batch apply lamps.yaml", *shlex.split(only)).code is ExitCode.DONE
    assert api.world.stats.creates == 1
    assert typed(shell, limited).code is ExitCode.DONE
    assert api.world.stats.creates == 3


def failed(shell: Shell, start_api: StartApi, commands: list[str]) -> None:
    api = start_api(fail_rate=1.0)
    assert applied(shell).code is ExitCode.UNFINISHED
    api.world.settings = replace(api.world.settings, fail_rate=0.0)
    assert typed(shell, commands[0]).code is ExitCode.DONE
    assert applied(shell).code is ExitCode.UNFINISHED  # the other takes have failed, too
    assert state_of(shell, "hero") == "done"


def in_doubt(shell: Shell, start_api: StartApi, commands: list[str]) -> None:
    api = start_api()
    named, resubmitted, abandoned = commands
    for way, state in ((named, "done"), (f"{named.partition(' --')[0]} {resubmitted}", "done"), (None, "abandoned")):
        line = way or f"{named.partition(' --')[0]} {abandoned}"
        with lost_answers(api):
            applied(shell, "--only", "hero", *([] if way == named else ["--replace", "hero"]))
        line = line.replace("--run-id ID", f"--run-id {list(api.world.created)[-1]}")
        assert typed(shell, line).code is ExitCode.DONE
        applied(shell, "--only", "hero")
        assert state_of(shell, "hero") == state


def video_missing(shell: Shell, start_api: StartApi, commands: list[str]) -> None:
    api = start_api()
    assert applied(shell).code is ExitCode.DONE
    (shell.outputs / "desk.mp4").unlink()
    (shell.outputs / "hero.mp4").write_bytes(b"damaged")
    assert typed(shell, commands[0]).code is ExitCode.DONE
    assert typed(shell, "hailuo-batch verify lamps.yaml").code is ExitCode.DONE
    assert api.world.stats.creates == 3


def cap_reached(shell: Shell, start_api: StartApi, _commands: list[str]) -> None:
    start_api()
    manifest = shell.workspace / "lamps.yaml"
    text = manifest.read_text()
    manifest.write_text(text.replace("limits: {", "limits: {max_spend_usd: 0.3, "))
    assert applied(shell).code is ExitCode.ACCOUNT
    manifest.write_text(text.replace("limits: {", "limits: {max_spend_usd: 1, "))
    assert applied(shell).code is ExitCode.DONE


def price_rose(shell: Shell, start_api: StartApi, commands: list[str]) -> None:
    api = start_api()
    assert applied(shell, "--only", "desk").code is ExitCode.DONE
    api.world.prices[DEFAULT_MODEL] = 400_000
    assert applied(shell, "--max-in-flight", "1").code is ExitCode.ACCOUNT
    api.world.prices[DEFAULT_MODEL] = 900_000
    assert typed(shell, commands[0]).code is ExitCode.DONE


def ledger_damaged(shell: Shell, start_api: StartApi, commands: list[str]) -> None:
    api = start_api()
    assert applied(shell).code is ExitCode.DONE
    (shell.state / "lamps.db").write_bytes(b"damaged")
    assert applied(shell).code is ExitCode.LEDGER
    assert typed(shell, commands[0]).code is ExitCode.DONE
    assert applied(shell).code is ExitCode.DONE
    assert api.world.stats.creates == 3


def cannot_tell(shell: Shell, start_api: StartApi, commands: list[str]) -> None:
    api = start_api()
    assert typed(shell, commands[0]).code is ExitCode.DONE
    (shell.workspace / "outputs").write_text("a note")
    assert applied(shell).code is not ExitCode.DONE
    assert typed(shell, commands[0]).code is ExitCode.UNFINISHED
    (shell.workspace / "outputs").unlink()
    assert applied(shell).code is ExitCode.DONE
    assert api.world.stats.creates == 3


def busy(shell: Shell, start_api: StartApi, commands: list[str]) -> None:
    start_api()
    with held(shell):
        assert applied(shell).code is ExitCode.BUSY
        process = shell.start(*shlex.split(commands[0])[1:], "--yes")
        assert process.stderr is not None
        assert "Waiting" in process.stderr.readline()
    assert wait_for_result(process).code is ExitCode.DONE


HAPPENED: dict[str, Callable[[Shell, StartApi, list[str]], None]] = {
    "you stopped it": stopped,
    "you want to see where": looked_at,
    "you want to see a few": a_few_first,
    "takes failed": failed,
    "in doubt": in_doubt,
    "a video is missing": video_missing,
    "the cap, the balance": cap_reached,
    "costs more than the plan": price_rose,
    "the ledger is damaged": ledger_damaged,
    "cannot tell why": cannot_tell,
    "another command is at work": busy,
}


@pytest.mark.parametrize(("what", "commands"), rows(), ids=lambda cell: cell[:40] if isinstance(cell, str) else "")
def test_what_is_typed_leads_out_of_it(shell: Shell, start_api: StartApi, what: str, commands: list[str]) -> None:
    [leads_out] = [way for words, way in HAPPENED.items() if words in what]
    leads_out(shell, start_api, commands)


def test_no_row_is_left_out() -> None:
    assert len(rows()) == len(HAPPENED)
