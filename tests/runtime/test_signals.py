"""Which signals are a wish to stop, which are one to leave at once, and who hears of it."""

import os
import signal
from collections.abc import Iterator

import pytest

from hailuo_batch.adapters.local.stop_request import StopRequest
from hailuo_batch.errors import ExitCode
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.runtime.signals import stop_on_signals
from tests.helpers.handlers import kept_handlers


class ExitedHere(BaseException):
    """The process has ended."""


class Time:
    at = 100.0


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(Clock, "now", lambda _: time.at)
    return time


@pytest.fixture(autouse=True)
def _no_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def leave(code: int) -> None:
        raise ExitedHere(code)

    monkeypatch.setattr(os, "_exit", leave)
    with kept_handlers():
        yield


@pytest.fixture
def stop(time: Time) -> Iterator[StopRequest]:
    stop = StopRequest()
    with stop_on_signals(stop):
        yield stop


def test_a_signal_passed_on_by_whoever_started_it_is_the_same_signal(stop: StopRequest, time: Time) -> None:
    for _ in range(3):
        signal.raise_signal(signal.SIGTERM)
        time.at += 0.3
    assert stop.code is ExitCode.SIGTERM


def test_the_first_one_is_shown_that_another_counts_after_a_second(
    stop: StopRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    signal.raise_signal(signal.SIGINT)
    printed = " ".join(capfd.readouterr().err.split())
    assert "Press Ctrl-C again after a second to quit now." in printed
    signal.raise_signal(signal.SIGINT)
    assert stop.code is ExitCode.SIGINT
    assert capfd.readouterr().err == ""


def test_asked_again_after_a_while_it_leaves(stop: StopRequest, time: Time) -> None:
    signal.raise_signal(signal.SIGINT)
    time.at += 1.0
    with pytest.raises(ExitedHere, match="143"):
        signal.raise_signal(signal.SIGTERM)
    assert stop.code is ExitCode.SIGINT


def test_what_is_printed_fits_a_terminal_of_80_columns(
    stop: StopRequest, time: Time, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing wraps it: whoever handles a signal only writes."""
    signal.raise_signal(signal.SIGINT)
    time.at += 1.0
    with pytest.raises(ExitedHere):
        signal.raise_signal(signal.SIGINT)
    assert max(map(len, capfd.readouterr().err.splitlines())) < 80


def test_a_terminal_that_is_closed_may_report_it_as_often_as_it_likes(stop: StopRequest, time: Time) -> None:
    for _ in range(3):
        signal.raise_signal(signal.SIGHUP)
        time.at += 10.0
    assert stop.code is ExitCode.SIGTERM


def test_a_reader_that_went_before_is_no_first_signal(stop: StopRequest, time: Time) -> None:
    stop.request(ExitCode.SIGTERM)
    time.at += 10.0
    signal.raise_signal(signal.SIGINT)
    assert stop.code is ExitCode.SIGTERM


def test_what_it_is_started_to_ignore_stays_ignored_as_nohup_asks_for() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = StopRequest()
    try:
        with stop_on_signals(stop):
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert stop.code is None


def test_a_wish_that_came_early_is_carried_out_by_whoever_comes_to_work(stop: StopRequest) -> None:
    printed: list[ExitCode] = []
    signal.raise_signal(signal.SIGINT)
    with stop.handled_by(printed.append):
        assert printed == [ExitCode.SIGINT]
    signal.raise_signal(signal.SIGINT)
    assert printed == [ExitCode.SIGINT]


def test_a_signal_is_that_wish_until_the_process_has_ended(time: Time) -> None:
    stop = StopRequest()
    with stop_on_signals(stop), stop_on_signals(stop):
        pass
    assert not stop.is_acknowledged
    signal.raise_signal(signal.SIGTERM)
    assert stop.code is ExitCode.SIGTERM


def test_a_signal_that_comes_after_the_end_is_final_is_no_wish_and_ends_nothing(stop: StopRequest, time: Time) -> None:
    assert stop.finalize() is None
    for _ in range(2):
        signal.raise_signal(signal.SIGINT)
        time.at += 10.0
    assert stop.code is None
