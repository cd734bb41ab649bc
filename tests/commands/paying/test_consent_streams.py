"""Where the question cannot be asked, because stdin or stderr is no terminal, nothing is paid for without --yes.

At the real command line, whatever else its three streams are.
"""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from typing import IO

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import Shell, state_of
from tests.helpers.misbehaving_api import nothing_finishes
from tests.helpers.timeouts import TEST_TIMEOUT_S

KINDS = ("terminal", "file", "pipe", "closed")
WITHOUT_A_QUESTION = [
    streams for streams in product(KINDS, repeat=3) if (streams[0], streams[2]) != ("terminal", "terminal")
]
EVERY_THIRD = WITHOUT_A_QUESTION[::3]
_CLOSING = ("<&-", ">&-", "2>&-")


@contextmanager
def ends_of(kind: str, folder: Path, number: int) -> Iterator[int | IO[bytes]]:
    """The program's end of a stream; where it is closed, the shell that starts the program closes it."""
    with ExitStack() as stack:
        match kind:
            case "terminal":
                ours, theirs = pty.openpty()
                stack.callback(os.close, ours)
                stack.callback(os.close, theirs)
                os.write(ours, b"y\n")
                yield theirs
            case "file":
                path = folder / f"stream-{number}"
                path.write_bytes(b"y\n" if number == 0 else b"")
                yield stack.enter_context(path.open("rb" if number == 0 else "wb"))
            case "pipe":
                yield subprocess.PIPE
            case _:
                yield subprocess.DEVNULL


def apply_with(streams: tuple[str, ...], shell: Shell) -> int:
    """An apply without --yes, with such streams; whoever can type has typed yes. Gives its exit code."""
    closing = " ".join(text for kind, text in zip(streams, _CLOSING, strict=True) if kind == "closed")
    command = ["sh", "-c", f'exec "$0" "$@" {closing}', sys.executable, "-m", "hailuo_batch", "apply"]
    with ExitStack() as stack:
        stdin, stdout, stderr = (
            stack.enter_context(ends_of(kind, shell.workspace.parent, number)) for number, kind in enumerate(streams)
        )
        process = subprocess.Popen(
            [*command, str(shell.manifest)], stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
        )
        typed = b"y\n" if streams[0] == "pipe" else None
        process.communicate(typed, timeout=TEST_TIMEOUT_S)
        return process.returncode


@pytest.fixture
def running(shell: Shell, api: SandboxServer) -> SandboxServer:
    """`hero` is being made, and the API finishes it as soon as it is asked about again."""
    with nothing_finishes(api):
        assert shell("apply", "--only", "hero", "--run-timeout", "1s").code is ExitCode.UNFINISHED
    return api


@pytest.mark.parametrize(
    "streams",
    [
        pytest.param(streams, marks=() if streams in EVERY_THIRD else pytest.mark.deep, id="-".join(streams))
        for streams in WITHOUT_A_QUESTION
    ],
)
@pytest.mark.few(4)
def test_nothing_is_created_and_what_runs_is_collected(
    shell: Shell, running: SandboxServer, streams: tuple[str, ...]
) -> None:
    assert apply_with(streams, shell) == ExitCode.USAGE
    assert running.world.stats.creates == 1
    assert state_of(shell, "hero") == "done"
    assert (shell.outputs / "hero.mp4").exists()


def test_twenty_combinations_are_in_the_suite() -> None:
    assert len(EVERY_THIRD) == 20
    assert all({streams[place] for streams in EVERY_THIRD} == set(KINDS) for place in range(3))
