"""When which download is tried, and when it is left to the next apply."""

import math

import pytest

from hailuo_batch.core.engine.download_queue import PAUSES_S, Fetching

FILE, OTHER, THIRD = (1, 0), (1, 1), (2, 0)


def fail(fetching: Fetching, now: float) -> int:
    fetching.start(FILE)
    return fetching.failed(FILE, now)


def test_nothing_is_due_where_nothing_is_wanted() -> None:
    fetching = Fetching(4)
    assert fetching.pick(1e9) is None
    assert fetching.next_due_at() == math.inf
    assert len(fetching) == 0


def test_what_is_wanted_is_downloaded_at_once_and_then_no_more() -> None:
    fetching = Fetching(4)
    fetching.want(FILE, 5.0)
    assert fetching.next_due_at() == 5.0
    assert fetching.pick(4.9) is None
    assert fetching.pick(5.0) == FILE
    fetching.start(FILE)
    assert fetching.pick(1e9) is None
    fetching.done(FILE)
    assert (len(fetching), fetching.under_way, fetching.waits_for(FILE)) == (0, 0, False)


def test_what_waits_longest_goes_first() -> None:
    fetching = Fetching(4)
    for slot, at in ((THIRD, 3.0), (FILE, 1.0), (OTHER, 2.0)):
        fetching.want(slot, at)
    order = []
    while (slot_due := fetching.pick(10.0)) is not None:
        order.append(slot_due)
        fetching.start(slot_due)
    assert order == [FILE, OTHER, THIRD]


def test_no_more_are_under_way_than_allowed() -> None:
    fetching = Fetching(2)
    for slot in (FILE, OTHER, THIRD):
        fetching.want(slot, 0.0)
    fetching.start(FILE)
    fetching.start(OTHER)
    assert fetching.pick(1.0) is None
    assert fetching.next_due_at() == math.inf
    fetching.done(OTHER)
    assert fetching.pick(1.0) == THIRD


def test_a_broken_download_is_tried_again_after_growing_pauses_and_then_left_to_the_next_apply() -> None:
    fetching, now = Fetching(4), 0.0
    fetching.want(FILE, now)
    for failures, pause_s in enumerate(PAUSES_S, 1):
        assert fail(fetching, now) == failures
        assert fetching.next_due_at() == now + pause_s
        assert fetching.pick(now + pause_s - 0.01) is None
        now += pause_s
        assert fetching.pick(now) == FILE
    assert fail(fetching, now) == len(PAUSES_S) + 1
    assert not fetching.waits_for(FILE)
    assert fetching.pick(1e9) is None
    assert fetching.under_way == 0


def test_pauses_grow() -> None:
    assert list(PAUSES_S) == sorted(set(PAUSES_S))
    assert sum(PAUSES_S) < 60.0


def test_a_fresh_link_is_tried_at_once_without_forgetting_the_failures() -> None:
    fetching = Fetching(4)
    fetching.want(FILE, 0.0)
    fail(fetching, 0.0)
    fail(fetching, 1.0)
    fetching.want(FILE, 1.5)
    assert fetching.pick(1.5) == FILE
    assert fail(fetching, 1.5) == 3


def test_what_is_being_downloaded_is_not_begun_twice() -> None:
    fetching = Fetching(4)
    fetching.want(FILE, 0.0)
    fetching.start(FILE)
    fetching.want(FILE, 1.0)
    assert fetching.pick(1e9) is None
    fetching.done(FILE)
    assert fetching.pick(1e9) is None


@pytest.mark.parametrize("ends_well", [True, False])
def test_what_is_dropped_while_idle_leaves_only_what_is_under_way(ends_well: bool) -> None:
    fetching = Fetching(4)
    for slot in (FILE, OTHER, THIRD):
        fetching.want(slot, 0.0)
    fetching.start(FILE)
    fetching.drop_idle()
    assert (len(fetching), fetching.pick(1e9)) == (1, None)
    if ends_well:
        fetching.done(FILE)
        assert len(fetching) == 0
    else:
        fetching.failed(FILE, 1.0)
        assert fetching.pick(1e9) == FILE
    assert fetching.under_way == 0
