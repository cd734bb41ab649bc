"""When which download is tried, and when it is left to the next apply."""

import math

import pytest

from hailuo_batch.core.engine.download_queue import RETRY_PAUSES_S, DownloadQueue

FILE, OTHER, THIRD = (1, 0), (1, 1), (2, 0)


def fail(fetching: DownloadQueue, now: float) -> int:
    fetching.start(FILE)
    return fetching.on_failed(FILE, now)


def test_nothing_is_due_where_nothing_is_wanted() -> None:
    fetching = DownloadQueue(4)
    assert fetching.pick(1e9) is None
    assert fetching.next_due_at() == math.inf
    assert len(fetching) == 0


def test_what_is_wanted_is_downloaded_at_once_and_then_no_more() -> None:
    fetching = DownloadQueue(4)
    fetching.enqueue(FILE, 5.0)
    assert fetching.next_due_at() == 5.0
    assert fetching.pick(4.9) is None
    assert fetching.pick(5.0) == FILE
    fetching.start(FILE)
    assert fetching.pick(1e9) is None
    fetching.on_done(FILE)
    assert (len(fetching), fetching.under_way, fetching.is_pending(FILE)) == (0, 0, False)


def test_what_waits_longest_goes_first() -> None:
    fetching = DownloadQueue(4)
    for slot, at in ((THIRD, 3.0), (FILE, 1.0), (OTHER, 2.0)):
        fetching.enqueue(slot, at)
    order = []
    while (slot_due := fetching.pick(10.0)) is not None:
        order.append(slot_due)
        fetching.start(slot_due)
    assert order == [FILE, OTHER, THIRD]


def test_no_more_are_under_way_than_allowed() -> None:
    fetching = DownloadQueue(2)
    for slot in (FILE, OTHER, THIRD):
        fetching.enqueue(slot, 0.0)
    fetching.start(FILE)
    fetching.start(OTHER)
    assert fetching.pick(1.0) is None
    assert fetching.next_due_at() == math.inf
    fetching.on_done(OTHER)
    assert fetching.pick(1.0) == THIRD


def test_a_broken_download_is_tried_again_after_growing_pauses_and_then_left_to_the_next_apply() -> None:
    fetching, now = DownloadQueue(4), 0.0
    fetching.enqueue(FILE, now)
    for failures, pause_s in enumerate(RETRY_PAUSES_S, 1):
        assert fail(fetching, now) == failures
        assert fetching.next_due_at() == now + pause_s
        assert fetching.pick(now + pause_s - 0.01) is None
        now += pause_s
        assert fetching.pick(now) == FILE
    assert fail(fetching, now) == len(RETRY_PAUSES_S) + 1
    assert not fetching.is_pending(FILE)
    assert fetching.pick(1e9) is None
    assert fetching.under_way == 0


def test_pauses_grow() -> None:
    assert list(RETRY_PAUSES_S) == sorted(set(RETRY_PAUSES_S))
    assert sum(RETRY_PAUSES_S) < 60.0


def test_a_fresh_link_is_tried_at_once_without_forgetting_the_failures() -> None:
    fetching = DownloadQueue(4)
    fetching.enqueue(FILE, 0.0)
    fail(fetching, 0.0)
    fail(fetching, 1.0)
    fetching.enqueue(FILE, 1.5)
    assert fetching.pick(1.5) == FILE
    assert fail(fetching, 1.5) == 3


def test_what_is_being_downloaded_is_not_begun_twice() -> None:
    fetching = DownloadQueue(4)
    fetching.enqueue(FILE, 0.0)
    fetching.start(FILE)
    fetching.enqueue(FILE, 1.0)
    assert fetching.pick(1e9) is None
    fetching.on_done(FILE)
    assert fetching.pick(1e9) is None


@pytest.mark.parametrize("ends_well", [True, False])
def test_what_is_dropped_while_idle_leaves_only_what_is_under_way(ends_well: bool) -> None:
    fetching = DownloadQueue(4)
    for slot in (FILE, OTHER, THIRD):
        fetching.enqueue(slot, 0.0)
    fetching.start(FILE)
    fetching.drop_idle()
    assert (len(fetching), fetching.pick(1e9)) == (1, None)
    if ends_well:
        fetching.on_done(FILE)
        assert len(fetching) == 0
    else:
        fetching.on_failed(FILE, 1.0)
        assert fetching.pick(1e9) == FILE
    assert fetching.under_way == 0
