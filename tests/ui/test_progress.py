"""What is seen of an apply, on a pretended terminal and in a log."""

import fcntl
import io
import os
import pty
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import TextIO

import pytest

from hailuo_batch.core.engine.counters import Progress
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.text import display_width
from hailuo_batch.ui.progress import LINE_INTERVAL_S, BarView, LineView, ProgressView, QuietView, format_rate


class Time:
    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def progress(
    done: int = 2, takes: int = 6, open_runs: int = 3, files: int = 0, left_s: float | None = None, **wrong: int
) -> Progress:
    states = {TakeState.DONE: done} | {TakeState(name): count for name, count in wrong.items()}
    return Progress(takes, states, 1_400_000, 280_000, open_runs, files, None, left_s)


class Screen:
    """A pseudo-terminal: `stream` to write to, and what has come out of it since the last look."""

    _MARK = "\x03"

    def __init__(self, screen: int, stream: TextIO) -> None:
        self.stream = stream
        self._screen = screen

    def seen(self) -> str:
        self.stream.write(self._MARK)
        self.stream.flush()
        data = b""
        while not data.endswith(self._MARK.encode()):
            data += os.read(self._screen, 65536)
        return data.decode("utf-8").removesuffix(self._MARK)


@contextmanager
def terminal(columns: int, rows: int = 24) -> Iterator[Screen]:
    screen, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    with os.fdopen(inner, "w", encoding="utf-8") as stream:
        try:
            yield Screen(screen, stream)
        finally:
            os.close(screen)


def test_a_log_gets_a_line_when_something_changed_and_ten_seconds_have_passed() -> None:
    now, log = Time(), io.StringIO()
    reporter = LineView(log, now)
    reporter.update(progress(done=0))
    now.at += LINE_INTERVAL_S - 1
    reporter.update(progress(done=1))
    now.at += 1
    reporter.update(progress(done=2))
    now.at += 5 * LINE_INTERVAL_S
    reporter.update(progress(done=2))
    assert log.getvalue().splitlines() == [
        "0 of 6 done, 3 in flight, $1.12 spent",
        "2 of 6 done, 3 in flight, $1.12 spent",
    ]


def test_a_log_states_how_long_it_will_take_but_no_line_comes_for_that_alone() -> None:
    now, log = Time(), io.StringIO()
    reporter = LineView(log, now)
    reporter.update(progress(left_s=inf))
    now.at += LINE_INTERVAL_S
    reporter.update(progress(left_s=400.0))
    reporter.update(progress(done=3, left_s=390.0))
    assert log.getvalue().splitlines() == [
        "2 of 6 done, 3 in flight, $1.12 spent, time left: not known yet",
        "3 of 6 done, 3 in flight, $1.12 spent, ~7m left",
    ]


def test_a_log_ends_with_how_it_ended() -> None:
    now, log = Time(), io.StringIO()
    reporter = LineView(log, now)
    reporter.update(progress(done=0, left_s=40.0))
    reporter.update(progress(done=6, open_runs=0, left_s=17.0))
    reporter.close()
    reporter.close()
    assert log.getvalue().splitlines()[1:] == ["6 of 6 done, 0 in flight, $1.12 spent"]


def test_notices_go_to_a_log_at_once() -> None:
    log = io.StringIO()
    LineView(log, Time()).notice("hero: in doubt")
    assert log.getvalue() == "hero: in doubt\n"


def test_quiet_still_passes_notices_on() -> None:
    log = io.StringIO()
    reporter = QuietView(log)
    reporter.update(progress())
    reporter.notice("hero: in doubt")
    reporter.close()
    assert log.getvalue() == "hero: in doubt\n"


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
def test_the_bar_never_wraps(columns: int) -> None:
    with terminal(columns) as screen:
        reporter = BarView(screen.stream, Time(), lambda: 0)
        reporter.update(progress(done=1234, takes=100_000, open_runs=1234, failed=12, in_doubt=3))
        lines = screen.seen().split("\r")
        assert max(map(len, lines)) < columns
        assert "1234/100000" in lines[-1]


def test_the_bar_shows_what_counts() -> None:
    with terminal(100) as screen:
        now = Time()
        reporter = BarView(screen.stream, now, lambda: 0)
        now.at += 75
        reporter.update(progress(failed=1, in_doubt=1))
        line = screen.seen()
        for fact in ("2/6 done", "1:15", "3 in flight", "1 failed", "1 in doubt", "$1.12 spent"):
            assert fact in line


@pytest.mark.parametrize(
    ("left_s", "shown"), [(inf, "0:00  time left: not known yet  3 in flight"), (45.2, "0:00  ~45s left  3 in flight")]
)
def test_the_bar_shows_how_long_it_will_take(left_s: float, shown: str) -> None:
    with terminal(80) as screen:
        BarView(screen.stream, Time(), lambda: 0).update(progress(left_s=left_s))
        assert shown in screen.seen()


def test_the_time_left_does_not_flicker_with_its_estimate() -> None:
    with terminal(80) as screen:
        reporter = BarView(screen.stream, Time(), lambda: 0)
        for left_s in (20.4, 19.4, 20.4):
            reporter.update(progress(left_s=left_s))
        assert "~19s" not in screen.seen()


def test_eighty_columns_hold_all_that_counts_of_a_long_campaign() -> None:
    with terminal(80) as screen:
        now = Time()
        reporter = BarView(screen.stream, now, lambda: 0)
        now.at += 3 * 3600
        reporter.update(progress(done=4321, takes=10_000, open_runs=180, left_s=7_900.0, failed=12))
        line = screen.seen().split("\r")[-1]
        for fact in ("4321/10000 done", "3:00:00", "~2h 12m left", "180 in flight", "12 failed"):
            assert fact in line


def test_the_bar_shows_how_fast_downloads_are() -> None:
    with terminal(100) as screen:
        now, received = Time(), iter([0, 0, 4_000_000])
        reporter = BarView(screen.stream, now, lambda: next(received))
        reporter.update(progress(files=1))
        now.at += 2
        screen.seen()
        reporter.update(progress(files=1))
        line = screen.seen()
        assert "1 downloading" in line
        assert "2.0 MB/s" in line


def test_how_fast_downloads_are_is_that_of_the_last_seconds_and_gone_with_them() -> None:
    with terminal(100) as screen:
        now, received = Time(), iter([0, 0, 50_000_000, *[56_000_000] * 3])
        reporter = BarView(screen.stream, now, lambda: next(received))
        for _ in range(2):
            reporter.update(progress(files=1))
            now.at += 10
        screen.seen()
        reporter.update(progress(files=1))
        assert "600.0 kB/s" in screen.seen()
        now.at += 1
        reporter.update(progress(files=0))
        assert "B/s" not in screen.seen()


@pytest.mark.parametrize("columns", range(30, 100, 7))
def test_no_fact_is_cut_in_two(columns: int) -> None:
    with terminal(columns) as screen:
        now, received = Time(), iter([0, 0, 24_600_000])
        reporter = BarView(screen.stream, now, lambda: next(received))
        reporter.update(progress(files=4))
        now.at += 2
        screen.seen()
        reporter.update(progress(open_runs=40, files=4, left_s=20.0, failed=3, in_doubt=1))
        facts = screen.seen().split("\r")[-1].rpartition("| ")[2].strip().split("  ")
    whole = ["0:02", "~20s left", "12.3 MB/s", "40 in flight", "3 failed", "1 in doubt", "$1.12 spent", "4 downloading"]
    assert facts == whole[: len(facts)]


def test_eighty_columns_hold_how_fast_downloads_are_beside_the_time_left_and_the_money() -> None:
    with terminal(80) as screen:
        now, received = Time(), iter([0, 0, 24_600_000])
        reporter = BarView(screen.stream, now, lambda: next(received))
        reporter.update(progress(done=20, takes=60))
        now.at += 2
        screen.seen()
        reporter.update(progress(done=20, takes=60, open_runs=40, files=4, left_s=20.0))
        line = screen.seen().split("\r")[-1]
        for fact in ("20/60 done", "~20s left", "12.3 MB/s", "40 in flight", "$1.12 spent"):
            assert fact in line


def test_the_bar_moves_each_second_although_nothing_changes() -> None:
    with terminal(80) as screen:
        now = Time()
        reporter = BarView(screen.stream, now, lambda: 0)
        reporter.update(progress())
        before = screen.seen().split("\r")[-1]
        now.at += 1
        reporter.update(progress())
        assert screen.seen().split("\r")[-1] != before


def test_a_notice_stands_above_the_bar_in_whole_words() -> None:
    with terminal(40) as screen:
        reporter: ProgressView = BarView(screen.stream, Time(), lambda: 0)
        reporter.update(progress())
        screen.seen()
        reporter.notice("hero: rejected by the API, nothing was paid: the prompt is not allowed")
        text = screen.seen()
        assert "hero: rejected by the API, nothing was\r\n" in text
        assert text.split("\r")[-1].startswith("2/6 done")


def test_a_notice_of_wide_text_fits_the_terminal() -> None:
    with terminal(80) as screen:
        reporter = BarView(screen.stream, Time(), lambda: 0)
        reporter.notice(f"hero: {'出力フォルダーに書き込めません。' * 5}")
        lines = screen.seen().splitlines()
    assert len(lines) == 3
    assert max(map(display_width, lines)) <= 80


def test_a_terminal_that_claims_to_be_of_any_width_has_a_bar_of_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(10**9))
    with terminal(columns=0) as screen:
        monkeypatch.setattr(sys, "stderr", screen.stream)
        BarView(screen.stream, Time(), lambda: 0).update(progress())
        assert len(screen.seen()) < 5_000


def test_a_terminal_that_does_not_state_its_size_has_a_bar_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(columns=0, rows=0) as screen:
        monkeypatch.setattr(sys, "stderr", screen.stream)
        BarView(screen.stream, Time(), lambda: 0).update(progress())
        assert "2/6 done" in screen.seen()


def test_closing_takes_the_bar_away() -> None:
    with terminal(80) as screen:
        reporter = BarView(screen.stream, Time(), lambda: 0)
        reporter.update(progress())
        screen.seen()
        reporter.close()
        reporter.close()
        assert screen.seen().strip() == ""


@pytest.mark.parametrize(
    ("bytes_per_s", "text"),
    [(0, "0 B/s"), (999, "999 B/s"), (1500, "1.5 kB/s"), (2.5e6, "2.5 MB/s"), (3e9, "3.0 GB/s")],
)
def test_rates_read_well(bytes_per_s: float, text: str) -> None:
    assert format_rate(bytes_per_s) == text


def test_work_for_no_take_at_all_shows_what_it_does_and_no_share_of_nothing() -> None:
    stream = io.StringIO()
    reporter = LineView(stream, lambda: 0.0)
    reporter.update(progress(done=0, takes=0, files=2))
    assert "done" not in stream.getvalue()
    assert "2 downloading" in stream.getvalue()
