"""The remaining time as it is shown: steady, and true."""

from itertools import pairwise
from math import inf

import pytest

from hailuo_batch.ui.countdown import Countdown

NOISE_S = (0.0, 0.9, -0.9, 0.4, -0.7, 1.2, -1.2)


def shown_at(countdown: Countdown, left_s: float, now: float) -> float:
    shown_s = countdown.show(left_s, now)
    assert shown_s is not None
    return shown_s


def test_an_estimate_that_wavers_by_a_second_is_shown_as_a_steady_countdown() -> None:
    countdown = Countdown()
    shown = [shown_at(countdown, 30.0 - n / 4 + NOISE_S[n % len(NOISE_S)], n / 4) for n in range(100)]
    assert shown == [30.0 - n / 4 for n in range(100)]


@pytest.mark.parametrize("left_s", [60.0, 600.0, 6000.0])
def test_it_never_goes_back_up_while_the_estimates_differ_by_less_than_a_tenth(left_s: float) -> None:
    countdown = Countdown()
    factors = (1.0, 1.05, 0.96, 1.04, 0.95)
    shown = [shown_at(countdown, (left_s - n) * factors[n % len(factors)], float(n)) for n in range(50)]
    assert all(later < earlier for earlier, later in pairwise(shown))


@pytest.mark.parametrize("estimate_s", [45.0, 20.0])
def test_an_estimate_that_really_is_another_is_shown_at_once(estimate_s: float) -> None:
    countdown = Countdown()
    countdown.show(31.0, 0.0)
    assert countdown.show(estimate_s, 1.0) == estimate_s


def test_an_estimate_that_stands_still_while_the_window_is_full_is_no_news() -> None:
    countdown = Countdown()
    lulls = [20.0] * 40 + [10.0] * 40  # four looks a second; every ten seconds twenty more requests are through
    shown = [shown_at(countdown, left_s, n / 4) for n, left_s in enumerate(lulls)]
    assert shown == [max(5.0, 20.0 - n / 4) for n in range(80)]


@pytest.mark.parametrize(("shown_s", "left_s"), [(1.0, 12.0), (30.0, 41.0), (600.0, 700.0)])
def test_an_end_that_is_clearly_later_is_shown_at_once(shown_s: float, left_s: float) -> None:
    countdown = Countdown()
    countdown.show(shown_s, 0.0)
    assert countdown.show(left_s, 0.0) == left_s


def test_it_never_shows_less_than_half_of_what_is_left() -> None:
    countdown = Countdown()
    countdown.show(9.0, 0.0)
    assert countdown.show(8.0, 8.0) == 4.0


def test_many_small_steps_in_one_direction_are_followed() -> None:
    countdown = Countdown()
    for second in range(100):
        estimate_s = 100.0 + second  # as if the end went away by two seconds each second
        assert shown_at(countdown, estimate_s, float(second)) == pytest.approx(estimate_s, rel=0.12)


def test_it_never_states_that_nothing_is_left_while_something_is() -> None:
    countdown = Countdown()
    countdown.show(3.0, 0.0)
    assert countdown.show(0.5, 2.9) == 1.0


@pytest.mark.parametrize("left_s", [None, inf])
def test_what_is_not_known_is_passed_on_and_what_comes_after_it_begins_again(left_s: float | None) -> None:
    countdown = Countdown()
    countdown.show(30.0, 0.0)
    assert countdown.show(left_s, 1.0) == left_s
    assert countdown.show(28.0, 1.0) == 28.0
