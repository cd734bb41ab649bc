"""The loop of one virtual campaign: a client's requests travel, are answered, and the answers travel back."""

import heapq
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from math import inf
from typing import Protocol

from tests.benchmarks.provider import Answer, Provider, Request

ROUND_TRIP_S = 0.15
GIVEN_UP_S = 50_000.0


class Client(Protocol):
    """Whoever runs a campaign."""

    def start(self, now: float) -> Iterable[Request]:
        """What to send now."""

    def wake_at(self, now: float) -> float:
        """When to be asked again if no answer comes before."""

    def on_answer(self, request: Request, answer: Answer, now: float) -> None:
        """An answer has come back."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One campaign. Times in seconds; `campaign_s` is infinite where it was given up; `delay_s` is the mean over the
    runs from finished to noticed."""

    campaign_s: float
    requests_per_run: float
    refused: int
    delay_s: float
    cpu_s: float


def simulate(client: Client, provider: Provider, runs: int, round_trip_s: float = ROUND_TRIP_S) -> Outcome:
    """Have the client carry its campaign through until every run has been seen to be finished, or it is given up."""
    started = time.process_time()
    now, order = 0.0, count()
    on_the_way: list[tuple[float, int, Request, Answer]] = []
    noticed: dict[int, float] = {}
    while len(noticed) < runs and now < GIVEN_UP_S:
        for request in client.start(now):
            answer = provider.handle(request, now + round_trip_s / 2)
            heapq.heappush(on_the_way, (now + round_trip_s, next(order), request, answer))
        wake_at = client.wake_at(now)
        now = min(wake_at, on_the_way[0][0]) if on_the_way else wake_at
        assert now < float("inf"), "the client waits for ever"
        while on_the_way and on_the_way[0][0] <= now:
            _, _, request, answer = heapq.heappop(on_the_way)
            client.on_answer(request, answer, now)
            if not request.creates and answer.done_at is not None:
                noticed.setdefault(request.number, now)
    return Outcome(
        campaign_s=max(noticed.values()) if len(noticed) == runs else inf,
        requests_per_run=(provider.requests - provider.refused) / runs,
        refused=provider.refused,
        delay_s=sum(at - provider.done_at[number] for number, at in noticed.items()) / max(1, len(noticed)),
        cpu_s=time.process_time() - started,
    )
