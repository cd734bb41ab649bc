"""A provider that works on few runs at once is found out, and one that works on all of them is not suspected."""

import heapq
from random import Random

import pytest

from hailuo_batch.core.scheduling.queue_model import ObservedRun, QueueModel


class Shop:
    """Runs accepted every half second, worked on `places` at a time, each asked about in turn."""

    def __init__(self, places: int | None, count: int, *, reports_times: bool) -> None:
        rng = Random(4)
        self.known_model = QueueModel()
        self.reports_times = reports_times
        self.lines: list[ObservedRun] = []
        self.done_at: list[float] = []
        free_at = [0.0] * (places or count)
        for number in range(count):
            since = number / 2
            self.lines.append(self.known_model.add_run(since))
            done_at = max(since, heapq.heappop(free_at)) + rng.lognormvariate(4.5, 0.35)
            heapq.heappush(free_at, done_at)
            self.done_at.append(done_at)

    def poll(self, number: int, now: float) -> None:
        if self.done_at[number] <= now:
            self.known_model.on_finished(self.lines[number], now, self.done_at[number] if self.reports_times else None)
        else:
            self.known_model.on_unfinished(self.lines[number], now)

    def poll_all(self, now: float, pause_s: float, until: float) -> None:
        """Ask about the runs in the order in which they were accepted, each until it is done, ten at a time."""
        waiting = list(range(len(self.lines)))
        while waiting and now < until:
            for number in waiting[:10]:
                self.poll(number, now)
                now += pause_s
            waiting = [number for number in waiting if self.done_at[number] > now - 10 * pause_s]


@pytest.mark.parametrize("reports_times", [True, False])
def test_a_run_whose_turn_has_not_come_is_not_worth_a_look(reports_times: bool) -> None:
    shop = Shop(8, 200, reports_times=reports_times)
    shop.poll_all(now=100.0, pause_s=1.0, until=1200.0)
    last, first = shop.lines[-1], next(line for line, at in zip(shop.lines, shop.done_at, strict=True) if at > 1250.0)
    assert shop.known_model.poll_value(last, 1250.0).chance < 0.1
    assert shop.known_model.poll_value(first, 1400.0).chance > shop.known_model.poll_value(last, 1400.0).chance


@pytest.mark.parametrize("reports_times", [True, False])
def test_without_a_queue_all_runs_of_an_age_are_worth_the_same(reports_times: bool) -> None:
    shop = Shop(None, 200, reports_times=reports_times)
    shop.poll_all(now=150.0, pause_s=0.5, until=300.0)
    assert shop.known_model.poll_value(shop.lines[-1], 300.0).chance > 0.5


def test_a_time_that_cannot_be_true_is_not_believed() -> None:
    plain, lied_to = QueueModel(), QueueModel()
    for known_model, done_at in ((plain, None), (lied_to, -5e8)):
        for _ in range(50):
            known_model.on_finished(known_model.add_run(0.0), 90.0, done_at)
    line = ObservedRun(0, 0.0, 0.0)
    assert lied_to.poll_value(line, 60.0) == plain.poll_value(line, 60.0)
    assert lied_to.completions == 50


def test_a_look_just_after_a_look_is_worth_nothing() -> None:
    known_model = QueueModel()
    line = known_model.add_run(0.0)
    known_model.on_unfinished(line, 50.0)
    assert known_model.poll_value(line, 50.0).saving_s == 0.0
    assert known_model.poll_value(line, 40.0).chance == 0.0


def test_what_earlier_campaigns_took_is_known_from_the_start() -> None:
    known_model = QueueModel()
    for _ in range(40):
        known_model.add_duration(300.0)
    line = known_model.add_run(0.0)
    assert known_model.completions == 40
    assert known_model.poll_value(line, 150.0).chance < 0.1
    assert known_model.poll_value(line, 400.0).chance > 0.9
