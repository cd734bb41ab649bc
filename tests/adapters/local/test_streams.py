"""Streams that take everything: full disks, readers that go, readers that wait, terminals that are closed."""

import errno
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from hailuo_batch.adapters.local.streams import (
    Sink,
    flush_pending,
    guard_streams,
    is_reader_gone,
    never_blocking,
    notify_when_unread,
    write_failure_of,
    write_from_handler,
)

FULL = Path("/dev/full")
MORE = 300_000  # bytes, than any pipe holds


class Pipe:
    """The end to read from."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_open = True

    def read(self, most: int) -> bytes:
        return os.read(self.number, most)

    def close(self) -> None:
        if self.is_open:
            os.close(self.number)
            self.is_open = False


@contextmanager
def piped() -> Iterator[Pipe]:
    """Both streams are guarded and go into a pipe."""
    ours, theirs = os.pipe()
    pipe, copy = Pipe(ours), os.dup(theirs)
    with pytest.MonkeyPatch.context() as patch, os.fdopen(theirs, "w") as out, os.fdopen(copy, "w") as err:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        guard_streams()
        try:
            yield pipe
        finally:
            pipe.close()


def write_text(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_remembered_and_passed_over() -> None:
    with FULL.open("wb", buffering=0) as full:
        sink = Sink(full.fileno())
        assert sink.write(b"words") == 5
        assert sink.failure is not None
        assert sink.failure.errno == errno.ENOSPC
        assert not sink.has_lost_reader
        assert sink.write(b"more") == 4


def test_a_reader_that_goes_is_reported_once() -> None:
    calls: list[str] = []
    with piped() as pipe, notify_when_unread(lambda: calls.append("gone")):
        write_text(sys.stdout, "words")
        assert calls == []
        pipe.close()
        for _ in range(3):
            write_text(sys.stdout, "words")
        assert calls == ["gone"]
        assert write_failure_of(sys.stdout) is not None
        assert write_failure_of(sys.stderr) is None


def test_one_that_has_gone_before_is_reported_at_once() -> None:
    calls: list[str] = []
    with piped() as pipe:
        pipe.close()
        write_text(sys.stderr, "words")
        with notify_when_unread(lambda: calls.append("gone")):
            assert calls == ["gone"]


def test_a_terminal_that_is_closed_is_a_reader_that_has_gone() -> None:
    ours, theirs = pty.openpty()
    sink = Sink(theirs)
    os.close(ours)
    sink.write(b"words")
    assert sink.has_lost_reader
    os.close(theirs)


def test_an_input_output_error_of_a_disk_is_none(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        assert not is_reader_gone(OSError(errno.EIO, "broken"), log.fileno())
    assert not is_reader_gone(OSError(errno.EIO, "broken"))
    assert is_reader_gone(BrokenPipeError(errno.EPIPE, "gone"))


def test_work_does_not_wait_for_a_reader_that_does_not_read_and_nothing_is_lost() -> None:
    line, count = "x" * 999 + "\n", MORE // 1_000
    with piped() as pipe, never_blocking():
        for _ in range(count):
            write_text(sys.stdout, line)
        assert write_failure_of(sys.stdout) is None
        seen = pipe.read(MORE)
        write_text(sys.stdout, "y\n")
        while len(seen) < MORE + 2:
            flush_pending()
            seen += pipe.read(MORE)
    assert seen.decode() == line * count + "y\n"


def test_what_nobody_reads_is_kept_within_bounds() -> None:
    with piped():
        sink = Sink(sys.stdout.fileno())
        sink.may_wait = False
        for _ in range(40):
            sink.write(b"x" * 100_000)
        assert len(sink._pending) < 1_200_000


def test_a_pipe_that_somebody_else_made_non_blocking_gets_it_all() -> None:
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    reader = subprocess.Popen(["wc", "-c"], stdin=ours, stdout=subprocess.PIPE)
    os.close(ours)
    Sink(theirs).write(b"z" * MORE)
    os.close(theirs)
    assert int(reader.communicate()[0]) == MORE


def test_a_handler_never_waits_and_never_fails() -> None:
    with piped() as pipe:
        number = sys.stdout.fileno()
        write_from_handler(number, "stopping")
        assert pipe.read(100) == b"stopping"
        with never_blocking():
            write_text(sys.stdout, "x" * MORE)
        write_from_handler(number, "stopping")
        pipe.close()
        write_from_handler(number, "stopping")
