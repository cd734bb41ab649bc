"""What is asked next: creates before reads that may be wasted, and of the runs, the one whose read saves most."""

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from hailuo_batch.core.scheduling.polling import PAUSE_S, PAUSE_UNANSWERED_S, Polling
from hailuo_batch.core.scheduling.queue_model import QueueModels

MODEL = "hailuo/pro"
RNG = Random(7)
KNOWN = {MODEL: [RNG.lognormvariate(4.5, 0.35) for _ in range(300)]}  # about 90 s


def polling_after(**known: float) -> Polling:
    """A polling that knows how long runs take, with open runs by their age at 1,000 s."""
    polling = Polling(2.0, QueueModels(KNOWN))
    for key, age in known.items():
        polling.open(int(key.removeprefix("run")), MODEL, 1000.0 - age)
    return polling


def read_unfinished(polling: Polling, key: int, now: float) -> None:
    polling.on_read_started(key, now)
    polling.on_unfinished(key)


def test_nothing_is_asked_where_nothing_is_open() -> None:
    polling = Polling(2.0, QueueModels())
    assert polling.pick(1e9, creates=0) is None
    assert polling.next_check_at(5.0) == math.inf
    assert len(polling) == 0


def test_a_run_that_cannot_be_done_yet_is_left_alone() -> None:
    assert polling_after(run1=5.0).pick(1000.0, creates=0) is None


def test_the_run_that_is_most_overdue_is_asked_about_first() -> None:
    assert polling_after(run1=60.0, run2=200.0, run3=110.0).pick(1000.0, creates=0) == 2


def test_runs_from_earlier_applies_may_come_in_any_order() -> None:
    assert polling_after(run1=200.0, run2=90_000.0, run3=110.0).pick(1000.0, creates=0) == 2


def test_a_create_goes_before_a_read_that_may_be_wasted() -> None:
    assert polling_after(run1=100.0).pick(1000.0, creates=1000) is None


def test_a_read_that_is_almost_surely_rewarded_goes_before_a_create() -> None:
    assert polling_after(run1=400.0).pick(1000.0, creates=1000) == 1


def test_no_read_goes_before_the_creates_of_a_campaign_whose_end_it_would_delay() -> None:
    assert polling_after(run1=400.0).pick(1000.0, creates=100) is None


def reserve_s(per_second: float) -> float:
    """The seconds of reads that are left when reads stop to go before creates."""
    polling = Polling(per_second, QueueModels(KNOWN))
    polling.open(1, MODEL, -5000.0)
    creates = 1
    while polling.pick(0.0, creates) is None:
        creates += 1
    return (creates + 1) / per_second


def test_reads_go_before_creates_until_those_left_take_as_long_as_the_last_runs() -> None:
    rng = Random(11)
    ends = [max(rng.lognormvariate(4.5, 0.35) - number / 2.0 for number in range(600)) for _ in range(40)]
    assert reserve_s(2.0) == pytest.approx(sum(ends) / len(ends), rel=0.25)
    assert reserve_s(20.0) > reserve_s(2.0)


def test_while_nothing_is_known_few_reads_go_before_creates() -> None:
    polling = Polling(2.0, QueueModels())
    for number in range(400):
        polling.on_create_started(number / 2)
        polling.open(number, MODEL, number / 2)
    reads = 0
    while (key := polling.pick(200.0, creates=10_000)) is not None and reads < 400:
        read_unfinished(polling, key, 200.0)
        reads += 1
    assert 0 < reads <= 40


def test_reads_that_find_a_run_finished_are_none_of_those_few() -> None:
    polling = Polling(2.0, QueueModels())
    for number in range(60):
        polling.on_create_started(number / 2)
        polling.open(number, MODEL, number / 2)
    reads = 0
    while (key := polling.pick(60.0, creates=10_000)) is not None:
        polling.on_read_started(key, 60.0)
        polling.on_finished(key, 4.5)
        reads += 1
    assert reads > 9


def test_a_run_left_from_another_day_does_not_keep_new_ones_from_being_looked_at() -> None:
    polling = Polling(2.0, QueueModels())
    polling.open(99, MODEL, -400_000.0)
    read_unfinished(polling, 99, 0.0)
    for key in range(5):
        polling.open(key, MODEL, 0.0)
    now, seen = 0.0, set[int]()
    while now < 15.0:
        chosen = polling.pick(now, creates=0)
        if chosen is not None:
            read_unfinished(polling, chosen, now)
            seen.add(chosen)
        now += 0.1
    assert seen >= set(range(5))


def test_a_run_that_is_being_asked_about_is_not_asked_twice() -> None:
    polling = polling_after(run1=200.0)
    polling.on_read_started(1, 1000.0)
    assert polling.pick(1100.0, creates=0) is None
    assert len(polling) == 1


def test_a_run_that_goes_on_is_asked_about_again_later() -> None:
    polling = polling_after(run1=200.0)
    read_unfinished(polling, 1, 1000.0)
    assert polling.pick(1000.0 + PAUSE_S / 2, creates=0) is None
    assert polling.pick(1060.0, creates=0) == 1


def test_a_read_that_taught_nothing_is_repeated_after_a_pause() -> None:
    polling = polling_after(run1=200.0)
    polling.on_read_started(1, 1000.0)
    polling.on_unanswered(1)
    assert polling.pick(1000.0 + PAUSE_UNANSWERED_S - 0.1, creates=0) is None
    assert polling.pick(1000.0 + PAUSE_UNANSWERED_S, creates=0) == 1


def test_reads_that_may_be_wasted_are_spaced_and_sure_ones_are_not() -> None:
    polling = polling_after(run1=90.0, run2=90.0, run3=800.0)
    polling.on_read_started(3, 999.9)
    assert polling.pick(1000.0, creates=0) is None
    spaced_at = polling.next_check_at(1000.0)
    assert 1000.0 < spaced_at <= 1000.5
    assert polling.pick(spaced_at, creates=0) in {1, 2}
    sure = polling_after(run1=800.0, run2=801.0)
    sure.on_read_started(2, 999.9)
    assert sure.pick(1000.0, creates=0) == 1


def test_a_wanted_read_goes_first_and_whatever_else_waits() -> None:
    polling = polling_after(run1=400.0)
    polling.enqueue_read(9, MODEL, 1000.0)
    assert polling.pick(1000.0, creates=1000) == 9
    polling.on_read_started(9, 1000.0)
    assert polling.pick(1000.0, creates=1000) == 1


def test_an_open_run_can_be_wanted_too() -> None:
    polling = polling_after(run1=5.0, run2=400.0)
    polling.enqueue_read(1, MODEL, 1000.0)
    assert len(polling) == 2
    assert polling.pick(1000.0, creates=0) == 1
    read_unfinished(polling, 1, 1000.0)
    assert polling.pick(1001.0, creates=0) == 2


def test_a_closed_run_is_never_asked_about_again() -> None:
    polling = polling_after(run1=400.0)
    polling.on_read_started(1, 1000.0)
    polling.on_finished(1, 90.0)
    polling.on_unfinished(1)
    polling.on_unanswered(1)
    polling.close(1)
    assert polling.pick(1e6, creates=0) is None
    assert len(polling) == 0


def test_a_run_that_is_opened_again_after_its_end_is_asked_about_again() -> None:
    polling = polling_after(run1=400.0)
    polling.close(1)
    polling.open(1, MODEL, 800.0)
    assert polling.pick(1000.0, creates=0) == 1


def test_each_model_has_durations_of_its_own() -> None:
    polling = Polling(2.0, QueueModels({"quick": [10.0] * 50, "slow": [1000.0] * 50}))
    polling.open(1, "slow", 900.0)
    polling.open(2, "quick", 970.0)
    assert polling.pick(1000.0, creates=0) == 2
    read_unfinished(polling, 2, 1000.0)
    assert polling.pick(1000.1, creates=0) is None


def test_a_run_that_outlives_all_that_is_known_is_still_asked_about() -> None:
    polling, now, reads = polling_after(run1=0.0), 1000.0, 0
    while now < 100_000.0:
        key = polling.pick(now, creates=0)
        if key is not None:
            read_unfinished(polling, key, now)
            reads += 1
            last_read_at = now
        now += 20.0
    assert last_read_at > 99_000.0
    assert reads < 4_000


@settings(max_examples=20)
@given(some.lists(some.integers(300, 900), min_size=1, max_size=30), some.data())
def test_every_open_run_has_its_turn(ages: list[int], data: some.DataObject) -> None:
    polling = polling_after(**{f"run{key}": float(age) for key, age in enumerate(ages)})
    closed = data.draw(some.sets(some.sampled_from(range(len(ages)))))
    for key in closed:
        polling.close(key)
    order = []
    while (due := polling.pick(1000.0, creates=0)) is not None:
        order.append(due)
        polling.on_read_started(due, 1000.0)
    assert sorted(order) == sorted(set(range(len(ages))) - closed)
    assert [ages[key] for key in order] == sorted((ages[key] for key in order), reverse=True)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_runs_that_go_on_share_the_window(count: int) -> None:
    polling = Polling(2.0, QueueModels(KNOWN))
    for number in range(count):
        polling.open(number, MODEL, 0.0)
    reads = dict.fromkeys(range(count), 0)
    now = 150.0
    for _ in range(5 * count + 40):
        key = polling.pick(now, creates=0)
        if key is not None:
            reads[key] += 1
            read_unfinished(polling, key, now)
        now += 0.5
    assert min(reads.values()) >= max(reads.values()) - 1, "a run was favoured"


def test_a_run_that_was_to_be_asked_and_needs_no_reads_any_more_holds_up_no_other() -> None:
    polling = polling_after(run1=400.0, run2=90.0)
    assert not polling.read_each_since(1000.0)
    polling.close(1)
    assert polling.pick(1000.0, creates=0) == 2
