"""How findings of a manifest reach the user: with their lines, in colour where that is wanted, or as data."""

import io
import sys

import pytest

from hailuo_batch.commands.terminal import Terminal as Frontend
from hailuo_batch.errors import ExitCode
from hailuo_batch.manifest import Diagnostic, render_diagnostic
from hailuo_batch.text import COLOURED
from hailuo_batch.ui.console import Console
from tests.helpers.command_line import LAMPS, Shell


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_finding_shows_its_line_with_a_caret(shell: Shell) -> None:
    shell.write(LAMPS.replace("takes: 2", "takes: two"))
    ended = shell("validate")
    assert ended.code is ExitCode.USAGE
    heading, line, caret = ended.err.splitlines()
    assert heading.startswith(f"{shell.manifest}:5:39: error: `takes` must be a whole number")
    assert line == "    5 |   - {id: hero, prompt: A lamp, takes: two}"
    assert caret.startswith("      |" + " " * 39 + "^ write it in plain digits")


@pytest.mark.parametrize("command", ["plan", "apply", "status"])
def test_other_commands_show_it_the_same_way(shell: Shell, command: str) -> None:
    shell.write(LAMPS.replace("takes: 2", "takes: 0"))
    ended = shell(command)
    assert "    5 |   - {id: hero, prompt: A lamp, takes: 0}\n" in ended.err


@pytest.mark.parametrize("command", ["validate", "plan"])
def test_a_warning_is_shown_and_stops_nothing(shell: Shell, command: str) -> None:
    shell.write(LAMPS.replace("campaign: lamps", "campaign: lamps\nmodel: kling/v2"))
    ended = shell(command)
    assert ended.code is ExitCode.DONE
    assert (
        f"{shell.manifest}:3:8: warning: hailuo-batch has no schema for the model `kling/v2`: its input is not checked"
        in ended.err
    )


@pytest.mark.parametrize("command", ["plan", "apply", "status", "verify"])
def test_a_wrong_manifest_is_the_document_of_every_command(shell: Shell, command: str) -> None:
    shell.write(LAMPS.replace("takes: 2", "takes: two").replace("prompt: A desk", "promt: A desk"))
    ended = shell(command, "--json")
    assert ended.code is ExitCode.USAGE
    assert ended.document == shell("validate", "--json").document
    assert ended.document["valid"] is False
    assert f"{shell.manifest}:5:39: error:" in ended.err


def test_a_row_is_named_in_words_and_as_data(shell: Shell) -> None:
    shell.manifest.parent.mkdir(exist_ok=True)
    table = shell.manifest.with_name("t.csv")
    table.write_text("n,text\n1,A\n2, \n", encoding="utf-8")
    shell.write("version: 1\ncampaign: lamps\nshots: [{id: 's-$n', prompt: '$text', rows: t.csv}]\n")
    assert f"for the row at {table}:3:3" in shell("validate").err
    [manifest] = shell("validate", "--json").document["manifests"]
    [found] = manifest["diagnostics"]
    assert found["origin"] == f"the row at {table}:3:3"
    assert found["source"][found["caret"] :].startswith("'$text'")
    assert (found["path"], found["line"], found["column"]) == (str(shell.manifest), 3, 30)


def test_a_finding_fits_the_terminal_that_it_is_shown_on(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Diagnostic("m.yaml", 7, 91, "it is wrong", source="x" * 90 + "!" + "y" * 29, caret=90)
    assert Frontend(Console()).render_finding(found) == render_diagnostic(found)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", "60")
    assert (
        Frontend(Console()).render_finding(found)
        == render_diagnostic(found, COLOURED, 60)
        != render_diagnostic(found, COLOURED)
    )
