"""MANIFEST may be left out where the current directory holds a manifest.yaml, and nothing else could be meant."""

from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from tests.helpers.command_line import UNCAPPED, Shell

COMMANDS = (
    ("plan",),
    ("status",),
    ("report",),
    ("verify",),
    ("validate",),
    ("state", "show"),
    ("state", "export"),
    ("state", "restore"),
)


@pytest.fixture
def folder(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_it_is_the_one_in_the_current_directory(shell: Shell, folder: Path, words: tuple[str, ...]) -> None:
    (folder / "manifest.yaml").write_text(UNCAPPED)
    without, named = shell.bare(*words), shell.bare(*words, "manifest.yaml")
    assert (without.code, without.err) == (named.code, named.err)
    assert "MANIFEST is missing" not in without.err


@pytest.mark.deep
def test_what_is_applied_is_named_in_what_follows(shell: Shell, folder: Path) -> None:
    (folder / "manifest.yaml").write_text(UNCAPPED)
    ended = shell.bare("apply", "--sandbox", "--only", "desk")
    assert (ended.code, (folder / "outputs" / "lamps.sandbox" / "desk.mp4").exists()) == (ExitCode.DONE, True)
    assert "`hailuo-batch plan manifest.yaml --sandbox -v`" in shell.bare("apply", "--sandbox", "--only", "desks").err


@pytest.mark.parametrize("words", [*COMMANDS, ("apply",)], ids=" ".join)
def test_without_one_the_message_names_init(shell: Shell, folder: Path, words: tuple[str, ...]) -> None:
    ended = shell.bare(*words)
    assert ended.code is ExitCode.USAGE
    assert "the current directory has no manifest.yaml" in ended.err
    assert ended.err.endswith("To write one: `hailuo-batch init`.\n")
    assert shell.bare("init").code is ExitCode.DONE
    assert "MANIFEST is missing" not in shell.bare(*words).err


@pytest.mark.parametrize("words", [("retry",), ("resolve", "--abandon"), ("state", "rm")], ids=" ".join)
def test_where_takes_follow_it_has_to_be_given(shell: Shell, folder: Path, words: tuple[str, ...]) -> None:
    (folder / "manifest.yaml").write_text(UNCAPPED)
    ended = shell.bare(*words)
    assert ended.code is ExitCode.USAGE
    assert "Missing argument 'MANIFEST'" in ended.err
