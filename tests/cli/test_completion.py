"""The completion scripts, in the shells that they are for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from hailuo_batch.cli import cli
from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import LAMPS, Shell
from tests.helpers.misbehaving_api import everything_fails, lost_answers

# as readline calls it: the words so far in COMP_WORDS, what is offered in COMPREPLY
ASK_BASH = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_hailuo_batch_completion hailuo-batch
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def folder(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with manifests, and the program on the PATH."""
    folder = tmp_path / "here"
    (folder / "manifests").mkdir(parents=True)
    (folder / "spring.yaml").write_text(LAMPS)
    (folder / "manifests" / "autumn.yml").write_text(LAMPS.replace("desk", "shelf"))
    (folder / "notes.txt").write_text("spring")
    (folder / "spring.picks.json").write_text("{}")
    program = folder / "bin" / "hailuo-batch"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m hailuo_batch "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def script(shell: Shell, tmp_path: Path) -> Path:
    path = tmp_path / "script.bash"
    path.write_text(shell.bare("completion", "bash").out)
    return path


def offered(script: Path, *words: str) -> list[str]:
    """What bash offers to complete the last word with."""
    ended = subprocess.run(
        ["bash", "-c", ASK_BASH, "bash", str(script), "hailuo-batch", *words],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stderr == ""
    return ended.stdout.split()


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (("ap",), ["apply"]),
        (("state", "re"), ["restore"]),
        (("apply", "--max-s"), ["--max-spend"]),
        (("apply", "sp"), ["spring.yaml"]),
        (("apply", ""), ["spring.yaml", "manifests/autumn.yml"]),
        (("status", "manifests/"), ["manifests/autumn.yml"]),
        (("validate", "spring.yaml", "man"), ["manifests/autumn.yml"]),
        (("plan", "spring.yaml", "--only", "h"), ["hero", "hero.take2"]),
        (("state", "rm", "manifests/autumn.yml", "s"), ["shelf"]),
        (("collect", "spring.yaml", ""), ["spring.picks.json"]),
        (("apply", "spring.yaml", "--replace-from", ""), ["spring.picks.json"]),
        (("schema", "st"), ["state"]),
        (("completion", ""), ["bash", "zsh", "fish"]),
    ],
)
def test_bash_completes_commands_options_manifests_and_takes(
    folder: Path, script: Path, words: tuple[str, ...], completed: list[str]
) -> None:
    assert offered(script, *words) == completed


def test_takes_are_those_of_the_manifest_yaml_where_none_is_named(folder: Path, script: Path) -> None:
    assert offered(script, "plan", "--only", "h") == []
    (folder / "manifest.yaml").write_text(LAMPS)
    assert offered(script, "plan", "--only", "h") == ["hero", "hero.take2"]


@pytest.mark.parametrize(
    ("words", "incomplete", "completed"),
    [
        (["apply"], "", ["spring.yaml", "manifests/autumn.yml"]),
        (["apply"], "nowhere/", ["nowhere/"]),
        (["state", "rm", "spring.yaml"], "he", ["hero", "hero.take2"]),
        (["plan", "--only"], "h", ["hero", "hero.take2"]),
        (["retry", "nothing.yaml"], "", []),
    ],
)
def test_what_is_offered_whatever_the_shell(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], incomplete: str, completed: list[str]
) -> None:
    monkeypatch.setenv("COMP_WORDS", "hailuo-batch plan spring.yaml --only h")
    asked = BashComplete(cli, {}, "hailuo-batch", "_HAILUO_BATCH_COMPLETE")
    assert [item.value for item in asked.get_completions(words, incomplete)] == completed


def test_takes_that_a_command_is_not_for_are_not_offered(shell: Shell, api: SandboxServer) -> None:
    def offered_to(command: str) -> list[str]:
        asked = BashComplete(cli, {}, "hailuo-batch", "_HAILUO_BATCH_COMPLETE")
        return [item.value for item in asked.get_completions([command, str(shell.manifest)], "")]

    assert offered_to("retry") == offered_to("resolve") == []  # no ledger
    with everything_fails(api):
        shell("apply", "--only", "hero")
    shell("apply", "--only", "hero.take2")
    with lost_answers(api):
        shell("apply", "--only", "desk")
    assert offered_to("retry") == ["hero"]
    assert offered_to("resolve") == ["desk"]
    (shell.state / "lamps.db").write_bytes(b"no ledger")
    assert offered_to("retry") == offered_to("resolve") == []


@pytest.mark.parametrize("content", ["version: 1\n", "\0", "[" * 1000, "# " + "x" * (1 << 20)])
def test_a_manifest_that_cannot_be_read_completes_nothing_and_says_nothing(
    folder: Path, script: Path, content: str
) -> None:
    (folder / "spring.yaml").write_text(content)
    assert offered(script, "state", "rm", "spring.yaml", "h") == []
    assert offered(script, "state", "rm", "nothing.yaml", "h") == []


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_each_script_is_understood_by_its_shell(shell: Shell, tmp_path: Path, shell_name: str) -> None:
    ended = shell.bare("completion", shell_name)
    assert (ended.code, ended.err) == (ExitCode.DONE, "")
    assert "_HAILUO_BATCH_COMPLETE" in ended.out
    if shutil.which(shell_name) is None:
        pytest.skip(f"there is no {shell_name} here")
    path = tmp_path / "script"
    path.write_text(ended.out)
    subprocess.run([shell_name, "-n", str(path)], check=True)


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish here")
@pytest.mark.parametrize(
    ("line", "completed"), [("hailuo-batch ap", "apply"), ("hailuo-batch state rm spring.yaml d", "desk")]
)
def test_fish_completes(shell: Shell, folder: Path, tmp_path: Path, line: str, completed: str) -> None:
    path = tmp_path / "script.fish"
    path.write_text(shell.bare("completion", "fish").out)
    ended = subprocess.run(
        ["fish", "--no-config", "-c", f"source {path}; complete -C '{line}'"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [found.split("\t")[0] for found in ended.stdout.splitlines()] == [completed]


def test_another_shell_is_told_which_there_are(shell: Shell) -> None:
    assert "'bash', 'zsh', 'fish'" in shell.bare("completion", "powershell").err
