"""What is learned of how long runs take, from exact durations and from looks that found a run done or not."""

from math import exp, log
from random import Random
from statistics import median

import pytest

from hailuo_batch.core.scheduling.hazard import Hazard


def done_by(hazard: Hazard, age: float) -> float:
    return 1 - exp(-hazard.total(age))


def median_of(hazard: Hazard) -> float:
    return hazard.age_at(log(2))


def durations(count: int, seed: int = 1, median_s: float = 90.0) -> list[float]:
    rng = Random(seed)
    return [rng.lognormvariate(log(median_s), 0.35) for _ in range(count)]


@pytest.mark.parametrize("median_s", [5.0, 90.0, 1200.0])
def test_exact_durations_are_learned_whatever_their_scale(median_s: float) -> None:
    hazard, known = Hazard(), durations(400, median_s=median_s)
    for duration in known:
        hazard.on_duration(0.0, duration)
    assert hazard.completions == 400
    assert median_of(hazard) == pytest.approx(median(known), rel=0.06)
    assert done_by(hazard, 0.4 * median_s) < 0.04
    assert done_by(hazard, 2.2 * median_s) > 0.95


def test_two_looks_between_which_a_run_finished_teach_nearly_as_much() -> None:
    hazard, rng = Hazard(), Random(3)
    for duration in durations(600):
        before = rng.uniform(0.0, duration)
        hazard.on_unfinished(0.0, before)
        hazard.on_finished(before, duration + rng.uniform(0.0, 60.0))
    assert median_of(hazard) == pytest.approx(90.0, rel=0.12)


def test_a_look_that_comes_very_late_misleads_little() -> None:
    hazard = Hazard()
    for duration in durations(300):
        hazard.on_duration(0.0, duration)
    for _ in range(100):
        hazard.on_finished(0.0, 5000.0)
    assert median_of(hazard) == pytest.approx(90.0, rel=0.1)


def test_two_humps_stay_two() -> None:
    hazard = Hazard()
    for duration in durations(300, median_s=60.0) + durations(200, seed=2, median_s=600.0):
        hazard.on_duration(0.0, duration)
    assert done_by(hazard, 200.0) == pytest.approx(0.6, abs=0.05)
    assert hazard.rate(200.0) < 0.1 * hazard.rate(80.0)
    assert hazard.rate(200.0) < 0.3 * hazard.rate(600.0)


def test_runs_found_unfinished_make_an_early_end_unlikelier() -> None:
    hazard = Hazard()
    before = done_by(hazard, 100.0)
    for _ in range(50):
        hazard.on_unfinished(0.0, 100.0)
    assert done_by(hazard, 100.0) < 0.2 * before


def test_knowing_nothing_the_longer_a_run_lives_the_likelier_it_is_done() -> None:
    hazard = Hazard()
    chances = [done_by(hazard, age) for age in (0.2, 1.0, 10.0, 100.0, 1000.0)]
    assert chances == sorted(chances)
    assert 0.0 < chances[0] < 0.2
    assert chances[-1] > 0.8


def test_knowing_nothing_seconds_and_hours_are_alike() -> None:
    gains = []
    for age in (3.0, 30.0, 300.0, 3000.0):
        hazard = Hazard()
        for _ in range(5):
            hazard.on_unfinished(0.0, age)
        gains.append(hazard.total(1.5 * age) - hazard.total(age))
    assert gains == pytest.approx([gains[0]] * 4, rel=0.15)


def test_a_run_that_never_finishes_states_little_of_those_begun_beside_it() -> None:
    hazard = Hazard()
    hazard.on_unfinished(0.0, 400_000.0)
    assert hazard.total(20.0) - hazard.total(5.0) > 0.1
    for duration in durations(3):
        hazard.on_duration(0.0, duration)
    assert done_by(hazard, 300.0) > 0.7


def test_the_first_completion_is_learned_from_at_once() -> None:
    hazard = Hazard()
    for _ in range(5):
        hazard.on_unfinished(0.0, 25.0)
    before = hazard.rate(30.0)
    hazard.on_duration(25.0, 30.0)
    assert hazard.rate(30.0) > 2 * before


@pytest.mark.parametrize("age", [0.0, 0.5, 1.0, 77.0, 19_000.0, 90_000.0])
def test_any_age_has_a_rate_and_a_total(age: float) -> None:
    hazard = Hazard()
    for duration in (0.0, 0.3, 90_000.0):
        hazard.on_duration(0.0, duration)
    hazard.on_finished(80_000.0, 90_000.0)
    hazard.on_unfinished(10.0, 10.0)
    assert hazard.rate(age) > 0.0
    assert hazard.total(age) >= 0.0
    assert hazard.age_at(hazard.total(age)) == pytest.approx(age, abs=1e-6)


def test_what_is_left_of_a_run_shrinks_with_its_age() -> None:
    known = durations(500)
    hazard = Hazard()
    for duration in known:
        hazard.on_duration(0.0, duration)
    mean = sum(known) / len(known)
    assert hazard.mean_left(0.0) == pytest.approx(mean, rel=0.1)
    older = [duration - 100.0 for duration in known if duration > 100.0]
    assert hazard.mean_left(100.0) == pytest.approx(sum(older) / len(older), rel=0.2)
    assert hazard.mean_left(1e6) > 0.0
    assert hazard.mean_left_midway() == pytest.approx(sum(each**2 for each in known) / 2 / sum(known), rel=0.1)
