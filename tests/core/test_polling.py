"""When runs are asked about: in time, in turn, and not more than the window can serve."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as some

from hailuo_batch.core.polling import Polling


def asked_at(polling: Polling, key: int, until: float, *, answer_s: float = 0.1) -> list[float]:
    """When this one run is asked about, each answer being that it goes on."""
    times = []
    now = polling.next_due_at()
    while now <= until:
        assert polling.pick(now) == key
        times.append(now)
        polling.asked(key)
        polling.unfinished(key, now + answer_s)
        now = polling.next_due_at()
    return times


def test_nothing_is_due_where_nothing_is_open() -> None:
    polling = Polling(2.0)
    assert polling.pick(1e9) is None
    assert polling.next_due_at() == math.inf
    assert len(polling) == 0


def test_a_young_run_is_left_alone_for_a_moment_and_then_asked_about() -> None:
    polling = Polling(2.0)
    polling.open(7, since=100.0, now=100.0)
    due_at = polling.next_due_at()
    assert 100.0 < due_at <= 105.0
    assert polling.pick(due_at - 0.01) is None
    assert polling.pick(due_at) == 7


def test_a_run_from_an_earlier_apply_is_asked_about_at_once() -> None:
    polling = Polling(2.0)
    polling.open(7, since=100.0, now=5000.0)
    assert polling.pick(5000.0) == 7


def test_a_read_for_fresh_links_can_be_due_at_once() -> None:
    polling = Polling(2.0)
    polling.open(7, since=100.0, now=100.0, first_pause_s=0.0)
    assert polling.pick(100.0) == 7


def test_a_run_that_is_being_asked_about_is_not_asked_twice() -> None:
    polling = Polling(2.0)
    polling.open(7, since=0.0, now=100.0)
    polling.asked(7)
    assert polling.pick(1e9) is None
    assert polling.next_due_at() == math.inf
    assert len(polling) == 1


def test_a_run_that_goes_on_is_asked_about_again_later() -> None:
    polling = Polling(2.0)
    polling.open(7, since=0.0, now=100.0)
    polling.asked(7)
    polling.unfinished(7, 101.0)
    assert polling.pick(101.0) is None
    assert 101.0 < polling.next_due_at() < 200.0
    assert polling.pick(polling.next_due_at()) == 7


def test_a_closed_run_is_never_asked_about_again() -> None:
    polling = Polling(2.0)
    polling.open(7, since=0.0, now=100.0)
    polling.close(7)
    polling.unfinished(7, 100.0)
    polling.close(7)
    assert polling.pick(1e9) is None
    assert len(polling) == 0


def test_a_run_that_is_opened_again_after_its_end_is_asked_about_again() -> None:
    polling = Polling(2.0)
    polling.open(7, since=0.0, now=100.0)
    polling.close(7)
    polling.open(7, since=200.0, now=200.0, first_pause_s=0.0)
    assert polling.pick(200.0) == 7
    polling.close(7)
    assert polling.pick(1e9) is None


def test_a_short_run_is_noticed_within_seconds_and_a_long_one_costs_few_reads() -> None:
    polling = Polling(2.0)
    polling.open(7, since=0.0, now=0.0)
    times = asked_at(polling, 7, until=3600.0)
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert max(pauses[:5]) <= 5.0
    assert max(pauses) <= 70.0
    assert len(times) < 150


def test_a_run_is_asked_about_for_as_long_as_it_is_open() -> None:
    polling = Polling(2.0)
    polling.open(7, since=0.0, now=0.0)
    assert asked_at(polling, 7, until=90_000.0)[-1] > 89_900.0


@given(some.lists(some.integers(0, 1000), min_size=1, max_size=30), some.data())
def test_the_longest_due_is_asked_about_first(since: list[int], data: some.DataObject) -> None:
    polling = Polling(2.0)
    for key, opened_at in enumerate(since):
        polling.open(key, since=float(opened_at), now=float(opened_at))
    closed = data.draw(some.sets(some.sampled_from(range(len(since)))))
    for key in closed:
        polling.close(key)
    order = []
    while (due := polling.pick(2000.0)) is not None:
        order.append(due)
        polling.asked(due)
    assert sorted(order) == sorted(set(range(len(since))) - closed)
    assert [since[key] for key in order] == sorted(since[key] for key in order)


@given(some.integers(1, 60), some.floats(0.5, 10.0))
def test_many_open_runs_share_the_window_fairly(count: int, pace: float) -> None:
    polling = Polling(pace)
    for key in range(count):
        polling.open(key, since=0.0, now=0.0)
    turn_s = max(10.0, 3 * count / pace)
    reads = dict.fromkeys(range(count), 0)
    now, until = 0.0, 4 * turn_s
    while now < until:
        due = polling.pick(now)
        if due is None:
            now = max(now, polling.next_due_at())
            continue
        reads[due] += 1
        polling.asked(due)
        polling.unfinished(due, now)
        now += 1 / pace
    assert min(reads.values()) >= 1, "a run was starved"
    assert max(reads.values()) <= 2 * min(reads.values()) + 2, "a run was favoured"


def test_the_reads_of_many_open_runs_fit_the_window() -> None:
    polling, pace, count = Polling(2.0), 2.0, 200
    for key in range(count):
        polling.open(key, since=0.0, now=100.0)
    reads, now = 0, 100.0
    first_round = count
    while now < 1100.0:
        due = polling.pick(now)
        if due is None:
            now = polling.next_due_at()
            continue
        reads += 1
        polling.asked(due)
        polling.unfinished(due, now)
    assert reads - first_round <= 1000.0 * pace
