"""Colours of the whole command line, and numbers that are given to it."""

import json
import re

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import Shell

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def _forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")


def test_a_colour_only_repeats_what_words_say(shell: Shell, api: SandboxServer) -> None:
    for command, *options in (("plan",), ("apply", "--only", "desk")):
        coloured, plain = (shell(command, *options, *also) for also in ((), ("--no-color",)))
        if command != "apply":
            assert COLOUR.search(coloured.out)
            assert COLOUR.sub("", coloured.out) == plain.out
        assert not COLOUR.search(plain.out + plain.err)


def test_an_error_has_its_word_in_red_unless_colours_are_unwanted(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = ("plan", "--only", "nothing")
    assert "\x1b[2mhailuo-batch:\x1b[0m \x1b[1;31merror:\x1b[0m --only" in shell(*wrong).err
    assert "\x1b[1;31merror:\x1b[0m No such option" in shell("plan", "--nothing").err
    assert not COLOUR.search(shell(*wrong, "--no-color").err)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not COLOUR.search(shell(*wrong).err)


def test_a_finding_has_its_place_dim_and_its_kind_in_colour(shell: Shell) -> None:
    shell.write("version: 1\ncampaign: lamps\nshots: [{id: hero, prompt: ''}]\n")
    assert re.search(r"\x1b\[2m\S+lamps\.yaml:3:\d+:\x1b\[0m \x1b\[1;31merror:\x1b\[0m", shell("validate").err)


def test_a_document_is_never_coloured(shell: Shell, api: SandboxServer) -> None:
    for command in ("validate", "plan", "apply", "status", "verify"):
        printed = shell(command, "--json").out
        assert not COLOUR.search(printed)
        json.loads(printed)


@pytest.mark.parametrize("number", ["1_0", "+1", "1.0", "\uff11", ""])
@pytest.mark.parametrize("option", ["--limit", "--max-in-flight"])
def test_a_number_is_written_in_digits(shell: Shell, option: str, number: str) -> None:
    ended = shell("apply", option, number)
    assert ended.code is ExitCode.USAGE
    assert "write it in digits, such as 10" in ended.err


@pytest.mark.parametrize(("option", "number"), [("--speed", "1_0"), ("--latency", "nan"), ("--seed", "1_0")])
def test_so_are_the_sandboxs(shell: Shell, option: str, number: str) -> None:
    ended = shell.bare("sandbox", option, number)
    assert ended.code is ExitCode.USAGE
    assert "write it in digits, such as 10" in ended.err
