"""Run ffmpeg on one file of ours and take its picture, whatever is in that file.

A file came from a network or from a stranger, and ffmpeg reads many formats. So it gets the open file and no name, may
open nothing but files and write none, sees no variable of ours (one holds the API key), and is bounded in time,
processor time, memory and output. It runs at low priority, in a session of its own: Ctrl-C is ours to handle.
"""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import IO

_LONGEST_S = 30.0
_LARGEST_OUTPUT = 200_000
_STEP_S = 0.05
"""How long a cancellation may go unnoticed."""

# Seconds of processor time, kB of memory, and no byte into any file. A limit that a system does not know is left out.
_BOUNDED = 'ulimit -t 30; ulimit -v 4194304; ulimit -f 0; ulimit -c 0; exec nice -n 10 "$@"'
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

IsCancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """The installed ffmpeg, by its path."""

    program: str

    def run(self, source: int, read: Sequence[str], write: Sequence[str], is_cancelled: IsCancelled) -> bytes | None:
        """Return what ffmpeg makes of an open file; None if it fails, is cancelled or goes beyond its bounds.

        `read` are the options for reading the file, which name its format, and `write` those for the picture.
        """
        arguments = [self.program, "-nostdin", "-v", "error", "-max_alloc", "500000000", "-protocol_whitelist", "file"]
        arguments += [*read, "-max_pixels", "70000000", "-threads", "1", "-i", f"file:/dev/fd/{source}"]
        arguments += [*write, "-frames:v", "1", "-threads", "1", "-c:v", "mjpeg", "-f", "image2pipe", "pipe:1"]
        os.lseek(source, 0, os.SEEK_SET)  # where /dev/fd does not open a file anew, its place is shared
        try:
            process = subprocess.Popen(  # noqa: S603 - the arguments are ours, and hold no name of a file
                ["/bin/sh", "-c", _BOUNDED, "sh", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(source,),
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            return None
        try:
            assert process.stdout is not None
            output = _read(process.stdout, is_cancelled)
            return output if output is not None and process.wait(_LONGEST_S) == 0 else None
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process)


def find_ffmpeg() -> Ffmpeg | None:
    """Return the ffmpeg on PATH, None where there is none."""
    program = which("ffmpeg")
    return None if program is None else Ffmpeg(str(Path(program).absolute()))


def _read(pipe: IO[bytes], is_cancelled: IsCancelled) -> bytes | None:
    """Read to the end; None if that is too far off, or is cancelled."""
    output = b""
    ends_at = time.monotonic() + _LONGEST_S
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(output) <= _LARGEST_OUTPUT and time.monotonic() < ends_at and not is_cancelled():
            if not selector.select(_STEP_S):
                continue
            piece = os.read(pipe.fileno(), 65_536)
            if not piece:
                return output
            output += piece
    return None


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process and whatever it has started, and wait for it."""
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):  # it may end just now
            os.killpg(process.pid, signal.SIGKILL)
    assert process.stdout is not None
    process.stdout.close()
    process.wait()
