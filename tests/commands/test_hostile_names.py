"""Names that would speak to the terminal, of manifests, folders, plans, tables and takes: shown, and nothing else."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import UNCAPPED, CommandResult, Shell
from tests.helpers.misbehaving_api import refusing

FAKE = "hailuo-batch: all is well"
HOSTILE = f"a\x1b[2J\x9b8m\u202eb\n{FAKE}\r"


def assert_shown_as_text(ended: CommandResult) -> None:
    printed = ended.out + ended.err
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", printed), repr(printed)
    assert FAKE not in [line[: len(FAKE)] for line in printed.splitlines()]


@pytest.fixture
def manifest(shell: Shell) -> Path:
    path = shell.workspace / "manifests" / f"{HOSTILE}.yaml"
    path.write_text(UNCAPPED)
    return path


WORDS = [
    ("validate",),
    ("plan",),
    ("plan", "--out", HOSTILE),
    ("plan", "--only", HOSTILE),
    ("apply", "--yes"),
    ("apply", "--plan", HOSTILE),
    ("apply", "--max-spend", HOSTILE),
    ("apply", "--run-timeout", HOSTILE),
    ("status",),
    ("status", "--state-dir", HOSTILE),
    ("report",),
    ("report", "--output-dir", HOSTILE),
    ("verify",),
    ("state", "show"),
    ("state", "restore"),
    ("state", "rm", HOSTILE),
    ("retry", HOSTILE),
    ("resolve", HOSTILE, "--abandon"),
    ("resolve", "desk", "--run-id", HOSTILE),
    ("apply", f"--{HOSTILE}"),
    (HOSTILE,),
    ("schema", HOSTILE),
    ("init", HOSTILE),
    ("doctor",),
]


@pytest.mark.parametrize("words", WORDS, ids=lambda words: " ".join(words).replace(HOSTILE, "HOSTILE"))
@pytest.mark.parametrize("is_applied", [False, True], ids=["fresh", "applied"])
@pytest.mark.few(12)
def test_a_name_is_shown_and_does_nothing(
    shell: Shell,
    api: SandboxServer,
    manifest: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    is_applied: bool,
) -> None:
    monkeypatch.chdir(shell.workspace)
    if is_applied:
        with refusing(api, f"not \x1b[31mallowed {HOSTILE}"):
            assert_shown_as_text(shell.bare("apply", "--yes", str(manifest)))
    of_none = words[0] in {HOSTILE, "schema", "init"}
    at = 2 if words[0] == "state" else 1
    assert_shown_as_text(shell.bare(*words[:at], *([] if of_none else [str(manifest)]), *words[at:]))


def test_a_table_is_named_and_does_nothing(shell: Shell) -> None:
    table = shell.manifest.with_name(f"{HOSTILE}.csv")
    table.write_text("name,name\na,b\n")
    shell.write(f"version: 1\ncampaign: lamps\nshots:\n  - {{id: 'a-${{row}}', prompt: x, rows: {table.name!r}}}\n")
    ended = shell("validate")
    assert ended.code is ExitCode.USAGE
    assert_shown_as_text(ended)


def test_what_it_states_to_type_does_what_it_states(shell: Shell, api: SandboxServer, manifest: Path) -> None:
    with refusing(api, "no"):
        shell.bare("apply", "--yes", str(manifest))
    printed = shell.bare("status", str(manifest)).out
    [line] = [line.strip() for line in printed.splitlines() if line.strip().startswith("hailuo-batch retry")]
    program = shlex.join([sys.executable, "-m", "hailuo_batch"])
    pasted = subprocess.run(["bash", "-c", line.replace("hailuo-batch", program, 1)], capture_output=True, check=False)
    assert pasted.returncode == ExitCode.DONE
    assert b"desk" in pasted.stderr


def test_a_bug_that_quotes_a_name_does_nothing(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def run(*_: object) -> None:
        raise RuntimeError(HOSTILE)

    monkeypatch.setattr("hailuo_batch.commands.schema.run", run)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for options in ((), ("-v",)):
        ended = shell.bare("schema", *options)
        assert "\x1b" not in ended.err
    [log] = tmp_path.glob("*.log")
    assert "\x1b" not in log.read_text()
