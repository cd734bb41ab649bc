"""What processes tell each other of a key's window: nothing is lost on the way, and no text can hold anybody up."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hailuo_batch.core.scheduling.backoff import Drop
from hailuo_batch.core.scheduling.shared_window import (
    LONGEST_REQUEST_S,
    Buckets,
    Holding,
    parse_holdings,
    render_holdings,
)

NOW, WINDOW_S, BOOT = 1000.0, 10.0, "one"
LATEST = NOW + LONGEST_REQUEST_S + WINDOW_S

past = some.floats(NOW - 60.0, NOW)
future = some.floats(NOW, LATEST, exclude_min=True)
counts = some.integers(1, 4000)
holdings = some.builds(
    Holding,
    back_at=some.lists(some.tuples(future, counts), min_size=1, max_size=5).map(tuple),
    under_way=counts | some.just(0),
    taken_at=past,
    waits_at=past | some.just(float("-inf")),
    drop=some.none() | some.builds(Drop, counts, past),
    held_until=some.floats(NOW - 60.0, LATEST) | some.just(float("-inf")),
)

anything = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)
records = some.fixed_dictionaries(
    {},
    optional={
        "back_at": anything | some.lists(some.tuples(some.integers() | some.floats(), anything), max_size=4),
        "under_way": anything,
        "taken_at": anything | some.floats(),
        "waits_at": anything | some.floats(),
        "drop": anything | some.tuples(anything, anything),
        "held_until": anything | some.floats(),
    },
)


def parsed(data: bytes, now: float = NOW) -> dict[str, Holding]:
    return parse_holdings(data, BOOT, now, WINDOW_S)


def text_of(**record: Any) -> bytes:
    return json.dumps({"version": 1, "boot": BOOT, "processes": {"a": record}}).encode()


@given(some.dictionaries(some.text(min_size=1), holdings, max_size=5))
def test_what_is_reported_is_what_is_received(reported: dict[str, Holding]) -> None:
    assert parsed(render_holdings(BOOT, reported)) == reported


@given(some.binary() | some.builds(lambda found: json.dumps(found).encode(), anything))
def test_a_text_that_is_none_reports_nothing(data: bytes) -> None:
    assert parsed(data) == {}


@given(some.dictionaries(some.text(min_size=1, max_size=3), records | anything, max_size=3))
def test_whatever_a_text_states_nobody_is_held_up_for_longer_than_a_request_and_a_window(processes: Any) -> None:
    data = json.dumps({"version": 1, "boot": BOOT, "processes": processes}).encode()
    for holding in parsed(data).values():
        assert holding.held(LATEST, WINDOW_S) == 0
        assert holding.held_until <= LATEST
        assert max(holding.taken_at, holding.waits_at) <= NOW
        assert holding.drop is None or (holding.drop.places >= 1 and holding.drop.at <= NOW)


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"version":1,"boot":"one","processes":' + b"9" * 5000 + b"}"])
def test_a_text_made_to_break_its_reader_reports_nothing(data: bytes) -> None:
    assert parsed(data) == {}


def test_what_comes_after_the_first_line_is_left_from_a_longer_text() -> None:
    reported = {"a": Holding(((NOW + 1.0, 3),))}
    assert parsed(render_holdings(BOOT, reported) + b'"]}}') == reported


def test_what_was_reported_before_the_machine_started_anew_is_nothing() -> None:
    assert parse_holdings(text_of(back_at=[[NOW + 5, 20]]), "another", NOW, WINDOW_S) == {}


def test_times_that_cannot_be_hold_nobody_up() -> None:
    assert parsed(text_of(back_at=[[LATEST + 1, 20]], under_way=20, taken_at=LATEST + 1, held_until=LATEST + 1)) == {}


def test_who_has_waited_for_a_turn_believes_times_that_are_a_moment_ahead_of_its_clock() -> None:
    """It read the clock before it waited, and the other one while it did."""
    ahead = NOW + 0.004
    holding = parsed(text_of(back_at=[], under_way=20, taken_at=ahead, waits_at=ahead, drop=[3, ahead]))["a"]
    assert holding == Holding(under_way=20, taken_at=NOW, waits_at=NOW, drop=Drop(3, NOW))


def test_places_under_way_come_back_by_themselves_after_the_longest_request_and_a_window() -> None:
    holding = Holding(under_way=3, taken_at=NOW)
    assert holding.held(LATEST - 0.1, WINDOW_S) == 3
    assert holding.held(LATEST, WINDOW_S) == 0


def test_what_a_process_left_behind_comes_back_a_window_later() -> None:
    left = Holding(((NOW + 1.0, 2),), under_way=3, taken_at=NOW - 1.0).after_exit(NOW, WINDOW_S)
    assert [left.held(NOW + after_s, WINDOW_S) for after_s in (0.0, 1.0, 9.9, 10.0)] == [5, 3, 3, 0]


@given(some.floats(1.0, 1e7), some.lists(some.floats(0.0, 10.0), max_size=4000))
def test_places_are_reported_in_few_groups_and_never_earlier_than_they_come_back(
    since: float, after: list[float]
) -> None:
    times = [since + after_s for after_s in after]
    buckets = Buckets(WINDOW_S)
    for at in sorted(times):
        buckets.add(at)
    groups = buckets.groups()
    assert len(groups) <= 103
    ends = [end for end, count in groups for _ in range(count)]
    for at, end in zip(sorted(times), ends, strict=True):
        assert at <= end <= at + WINDOW_S / 100 + 1e-6
    middle = since + 5.0
    buckets.drop_returned(middle)
    assert buckets.groups() == tuple(group for group in groups if group[0] > middle)


@pytest.mark.parametrize("processes", [None, [], "me", 3])
def test_what_lists_no_processes_holds_nothing(processes: object) -> None:
    document = {"version": 1, "boot": BOOT, "processes": processes}
    assert parse_holdings(json.dumps(document).encode(), BOOT, NOW, WINDOW_S) == {}
