"""The places of a key's window that one process holds, as the other processes on this machine see them.

Values, and the text in which they are shared. The text may be damaged or forged: what cannot be read counts as nothing,
and impossible values are left out, so that no text can delay anybody by more than the longest request and a window.
Pure: times are seconds of a clock that all processes of the machine share.
"""

import json
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hailuo_batch.core.scheduling.backoff import Drop

LONGEST_REQUEST_S = 120.0
"""The client gives up a request after this time."""

_VERSION = 1
_MOST_PROCESSES = 64
_MOST_PLACES = 1_000_000
_BUCKETS = 100  # in a window: places that come back in the same one are written as one


@dataclass(frozen=True, slots=True)
class Holding:
    """`back_at` pairs times with the number of places that come back then. `under_way` places come back after their
    answers; the newest was taken at `taken_at`. `waits_at` is when the process last had to wait for a place."""

    back_at: tuple[tuple[float, int], ...] = ()
    under_way: int = 0
    taken_at: float = float("-inf")
    waits_at: float = float("-inf")
    drop: Drop | None = None
    held_until: float = float("-inf")

    def held(self, now: float, window_s: float) -> int:
        """How many places the process holds."""
        gone = now >= self.taken_at + LONGEST_REQUEST_S + window_s
        return sum(count for at, count in self.back_at if at > now) + (0 if gone else self.under_way)

    def after_exit(self, now: float, window_s: float) -> "Holding":
        """The holding of a process that has ended by `now`: what it sent has reached the server by then, or never
        will."""
        ended = ((now + window_s, self.under_way),) if self.under_way else ()
        return replace(self, back_at=(*self.back_at, *ended), under_way=0, waits_at=float("-inf"))

    def is_expired(self, now: float, window_s: float) -> bool:
        """Whether it holds nothing that matters to the others."""
        recent = max(self.waits_at, self.held_until, float("-inf") if self.drop is None else self.drop.at)
        return self.held(now, window_s) == 0 and recent + LONGEST_REQUEST_S < now


class Buckets:
    """The times at which places come back, in order: grouped to keep the text short, none of them too early."""

    def __init__(self, window_s: float) -> None:
        self._width_s = window_s / _BUCKETS
        self._groups: deque[tuple[float, int]] = deque()

    def add(self, at: float) -> None:
        """Add a place that comes back at `at`, no earlier than those before it."""
        end = max(at, math.ceil(at / self._width_s) * self._width_s)
        last, count = self._groups.pop() if self._groups else (end, 0)
        if last < end:
            self._groups.append((last, count))
            last, count = end, 0
        self._groups.append((last, count + 1))

    def drop_returned(self, now: float) -> None:
        """Drop the places that have come back."""
        while self._groups and self._groups[0][0] <= now:
            self._groups.popleft()

    def groups(self) -> tuple[tuple[float, int], ...]:
        """Each time with the number of places that come back then."""
        return tuple(self._groups)


def render_holdings(boot: str, holdings: Mapping[str, Holding]) -> bytes:
    """Render the holdings as one line of JSON. `boot` identifies the machine's boot, which starts its clock."""
    processes = {name: _record(holding) for name, holding in holdings.items()}
    document = {"version": _VERSION, "boot": boot, "processes": processes}
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def parse_holdings(data: bytes, boot: str, now: float, window_s: float) -> dict[str, Holding]:
    """Parse the holdings that can be read and are possible at `now`, by the processes' names. Never raises."""
    try:
        document = json.loads(data.partition(b"\n")[0])
    except (ValueError, RecursionError):
        return {}
    if not isinstance(document, Mapping) or document.get("version") != _VERSION or document.get("boot") != boot:
        return {}
    processes = document.get("processes")
    if not isinstance(processes, Mapping):
        return {}
    latest = now + LONGEST_REQUEST_S + window_s
    read = ((name, _holding(record, now, latest)) for name, record in processes.items() if isinstance(record, Mapping))
    kept = [(name, holding) for name, holding in read if not holding.is_expired(now, window_s)]
    return dict(kept[-_MOST_PROCESSES:])


def _record(holding: Holding) -> dict[str, Any]:
    record: dict[str, Any] = {"back_at": holding.back_at}
    if holding.under_way:
        record["under_way"] = holding.under_way
    if holding.drop is not None:
        record |= {"drop": [holding.drop.places, holding.drop.at]}
    times = {"taken_at": holding.taken_at, "waits_at": holding.waits_at, "held_until": holding.held_until}
    return record | {name: at for name, at in times.items() if math.isfinite(at)}


def _holding(record: Mapping[str, Any], now: float, latest: float) -> Holding:
    pairs = record.get("back_at")
    read = (_pair(pair) for pair in pairs) if isinstance(pairs, Sequence) and not isinstance(pairs, str) else ()
    back_at = tuple((at, count) for at, count in read if now < at <= latest)
    taken_at = _past(record.get("taken_at"), now, latest)
    drop_at, drop_places = _pair(tuple(reversed(pair)) if isinstance(pair := record.get("drop"), list) else None)
    return Holding(
        back_at=back_at,
        under_way=_count(record.get("under_way")) if math.isfinite(taken_at) else 0,
        taken_at=taken_at,
        waits_at=_past(record.get("waits_at"), now, latest),
        drop=Drop(drop_places, min(drop_at, now)) if drop_places > 0 and drop_at <= latest else None,
        held_until=_time(record.get("held_until"), latest),
    )


def _pair(value: Any) -> tuple[float, int]:
    """A time and a count; the infinite future where the value is not both."""
    if not isinstance(value, Sequence) or len(value) != 2:
        return float("inf"), 0
    at = _time(value[0], float("inf"))
    return (at, _count(value[1])) if math.isfinite(at) else (float("inf"), 0)


def _time(value: Any, latest: float) -> float:
    """A time up to the latest possible one; the infinite past where the value is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e15 and value <= latest else float("-inf")


def _past(value: Any, now: float, latest: float) -> float:
    """A time that has passed; the infinite past where the value is none.

    Whoever wrote it may have read the clock after this reader, who then waited for the other's turn to end: to take
    such a time for impossible would give away places that are held.
    """
    return min(_time(value, latest), now)


def _count(value: Any) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return value if is_count and 0 < value <= _MOST_PLACES else 0
