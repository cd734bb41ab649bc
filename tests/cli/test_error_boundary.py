"""The one error boundary: what a user sees of failures, expected or not."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hailuo_batch import __version__
from hailuo_batch.commands import schema
from hailuo_batch.errors import ExitCode
from tests.helpers.command_line import KEY, Shell

COMMANDS = ("init", "validate", "plan", "apply", "status", "report", "schema", "sandbox")


@pytest.fixture
def bug(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A command that has a bug, and a key in its message."""

    def run(*_: object) -> None:
        raise RuntimeError(f"with {KEY} inside")

    monkeypatch.setattr(schema, "run", run)
    monkeypatch.setenv("RUNBASE_API_KEY", KEY)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.mark.usefixtures("bug")
def test_a_bug_is_one_line_and_its_traceback_is_kept_without_the_key(shell: Shell, tmp_path: Path) -> None:
    ended = shell.bare("schema")
    assert ended.code is ExitCode.UNFINISHED
    assert len(ended.err.splitlines()) == 1
    assert "bug" in ended.err
    [log] = tmp_path.glob("hailuo-batch-*.log")
    assert str(log) in ended.err
    assert "Traceback" in log.read_text()
    assert KEY not in log.read_text() + ended.err


@pytest.mark.usefixtures("bug")
def test_verbose_shows_the_traceback_without_the_key(shell: Shell) -> None:
    ended = shell.bare("schema", "-v")
    assert "Traceback" in ended.err
    assert KEY not in ended.err


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_leads_nowhere_and_no_file_of_ours_takes_its_place(tmp_path: Path, closed: str) -> None:
    look = tmp_path / "look.py"
    look.write_text(
        "import sys\n"
        "from hailuo_batch.cli import error_boundary, cli\n"
        "error_boundary.open_missing_streams()\n"
        f"with open({str(tmp_path / 'number')!r}, 'w') as file:\n"
        "    file.write(str(file.fileno()))\n"
        "cli.main(['schema', 'plan', '-v'])\n"
    )
    ended = subprocess.run(["sh", "-c", f"{shlex.join([sys.executable, str(look)])} {closed}"], check=False)
    assert ended.returncode == ExitCode.DONE
    assert int((tmp_path / "number").read_text()) > 2


def ended_with(shell: Shell, words: tuple[str, ...], redirected: str) -> tuple[int, str]:
    """The exit code of a process of its own, and what it could say where it still could."""
    named = [str(shell.manifest) if word == "lamps.yaml" else word for word in words]
    script = f"exec {shlex.join([sys.executable, '-m', 'hailuo_batch', *named])} {redirected}"
    ended = subprocess.run(["sh", "-c", script], stderr=subprocess.PIPE, text=True, check=False)
    return ended.returncode, ended.stderr


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@needs_full
@pytest.mark.parametrize("where", [">/dev/full", ">/dev/full 2>&1"])
@pytest.mark.parametrize(
    "words", [("schema",), ("validate", "--json", "lamps.yaml"), ("status", "lamps.yaml"), ("--help",), ("--version",)]
)
@pytest.mark.few(3)
def test_a_full_disk_behind_stdout_is_reported_in_a_line_and_is_no_bug(
    shell: Shell, words: tuple[str, ...], where: str
) -> None:
    code, printed = ended_with(shell, words, where)
    assert code == ExitCode.UNFINISHED
    assert "bug" not in printed
    assert "2>&1" in where or "stdout cannot be written (No space left on device)" in printed.splitlines()[-1]


@needs_full
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("status", "lamps.yaml"), ExitCode.DONE),
        (("plan", "--json", "lamps.yaml"), ExitCode.DONE),
        (("status", "nothing.yaml"), ExitCode.USAGE),
        (("verify", "lamps.yaml"), ExitCode.USAGE),
        (("aply",), ExitCode.USAGE),
        (("apply", "--yes", "lamps.yaml"), ExitCode.ACCOUNT),
    ],
)
@pytest.mark.few(2)
def test_a_full_disk_behind_stderr_is_silent_and_changes_no_exit_code(
    shell: Shell, words: tuple[str, ...], code: ExitCode
) -> None:
    assert ended_with(shell, words, "2>/dev/full") == (code, "")


def test_ctrl_c_anywhere_is_130(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(schema, "run", run)
    ended = shell.bare("schema")
    assert ended.code is ExitCode.SIGINT
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_a_version(shell: Shell, command: str) -> None:
    for option in ("-h", "--help"):
        ended = shell.bare(command, option)
        assert ended.code is ExitCode.DONE
        for name in ("--quiet", "--verbose", "--version"):
            assert name in ended.out
        assert max(map(len, ended.out.splitlines())) < 80
    assert shell.bare(command, "--version").out == f"hailuo-batch {__version__}\n"


@pytest.mark.parametrize("arguments", [(), ("state",)])
def test_without_arguments_the_help_is_printed_line_by_line(shell: Shell, arguments: tuple[str, ...]) -> None:
    ended = shell.bare(*arguments)
    assert ended.code is ExitCode.USAGE
    assert "\\n" not in ended.err
    assert len(ended.err.splitlines()) > 8


def test_an_unknown_command_is_wrong_usage(shell: Shell) -> None:
    ended = shell.bare("aply")
    assert ended.code is ExitCode.USAGE
    assert "aply" in ended.err


def test_a_reader_that_goes_away_is_no_bug(shell: Shell) -> None:
    command = f"{sys.executable} -m hailuo_batch schema | head -n 1"
    ended = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("{\n", "")


def test_expected_errors_are_one_paragraph(shell: Shell) -> None:
    ended = shell("apply")
    assert ended.code is ExitCode.ACCOUNT
    assert re.fullmatch(r"hailuo-batch: error: [^\n]+\n", ended.err)
