"""Whole campaigns in virtual time, under a key that somebody else uses for a share of its places."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest

from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.scheduling.backoff import Backoff
from tests.benchmarks.engine_client import EngineClient
from tests.benchmarks.provider import FixedWindow, Limiter, Provider, SlidingWindow
from tests.benchmarks.scenarios import Scenario
from tests.benchmarks.simulate import Outcome, simulate

RUNS, LIMIT, WINDOW_S = 300, 20, 10.0


class SharedLimiter:
    """A key's limiter that somebody else asks, too, `places` times in a window and evenly."""

    def __init__(self, limiter: Limiter, places: int) -> None:
        self._limiter = limiter
        self._every_s = WINDOW_S / places
        self._next_at = 0.0

    def admits(self, now: float) -> bool:
        while self._next_at <= now:
            self._limiter.admits(self._next_at)
            self._next_at += self._every_s
        return self._limiter.admits(now)


def campaign(places: int, *, fixed: bool = False) -> Outcome:
    """A campaign beside somebody who takes so many of the key's places."""
    limiter = FixedWindow(LIMIT, WINDOW_S, 3.0) if fixed else SlidingWindow(LIMIT, WINDOW_S)
    provider = Provider(Scenario(RUNS).durations(1), SharedLimiter(limiter, places))
    return simulate(EngineClient(Settings(LIMIT, WINDOW_S), RUNS), provider, RUNS)


@contextmanager
def only_holds() -> Iterator[None]:
    """A pace that is never lowered: after a refusal all is held for a moment, and then goes on as before."""
    with mock.patch.object(Backoff, "places", lambda self, _: self.limit):
        yield


@pytest.mark.parametrize("fixed", [False, True], ids=["sliding", "fixed"])
@pytest.mark.parametrize("places", [2, 5, 10, 15])
@pytest.mark.few(2)
def test_few_requests_are_refused_beside_a_fair_user_of_the_same_key(places: int, fixed: bool) -> None:
    assert campaign(places, fixed=fixed).refused < 0.06 * 2 * RUNS


@pytest.mark.parametrize("fixed", [False, True], ids=["sliding", "fixed"])
@pytest.mark.parametrize("places", [2, 5, 10])
@pytest.mark.few(2)
def test_a_lowered_rate_spares_most_refusals_while_both_have_their_share(places: int, fixed: bool) -> None:
    lowered = campaign(places, fixed=fixed)
    with only_holds():
        held = campaign(places, fixed=fixed)
    assert lowered.refused < held.refused / 4


@pytest.mark.parametrize("places", [2, 5, 10])
def test_nearly_all_that_a_fair_user_of_the_same_key_leaves_is_used(places: int) -> None:
    least_s = 2 * RUNS / (LIMIT - places) * WINDOW_S
    assert campaign(places).campaign_s < 1.2 * least_s
