"""When which download is tried, and when it is left to the next apply."""

import math

import pytest

from hailuo_batch.core.engine.download_queue import RETRY_PAUSES_S, DownloadQueue

FILE, OTHER, THIRD = (1, 0), (1, 1), (2, 0)


def fail(queue: DownloadQueue, now: float) -> int:
    queue.start(FILE)
    return queue.on_failed(FILE, now)


def test_nothing_is_due_where_nothing_is_wanted() -> None:
    queue = DownloadQueue(4)
    assert queue.pick(1e9) is None
    assert queue.next_due_at() == math.inf
    assert len(queue) == 0


def test_what_is_wanted_is_downloaded_at_once_and_then_no_more() -> None:
    queue = DownloadQueue(4)
    queue.enqueue(FILE, 5.0)
    assert queue.next_due_at() == 5.0
    assert queue.pick(4.9) is None
    assert queue.pick(5.0) == FILE
    queue.start(FILE)
    assert queue.pick(1e9) is None
    queue.on_done(FILE)
    assert (len(queue), queue.under_way, queue.is_pending(FILE)) == (0, 0, False)


def test_what_waits_longest_goes_first() -> None:
    queue = DownloadQueue(4)
    for slot, at in ((THIRD, 3.0), (FILE, 1.0), (OTHER, 2.0)):
        queue.enqueue(slot, at)
    order = []
    while (slot_due := queue.pick(10.0)) is not None:
        order.append(slot_due)
        queue.start(slot_due)
    assert order == [FILE, OTHER, THIRD]


def test_no_more_are_under_way_than_allowed() -> None:
    queue = DownloadQueue(2)
    for slot in (FILE, OTHER, THIRD):
        queue.enqueue(slot, 0.0)
    queue.start(FILE)
    queue.start(OTHER)
    assert queue.pick(1.0) is None
    assert queue.next_due_at() == math.inf
    queue.on_done(OTHER)
    assert queue.pick(1.0) == THIRD


def test_a_broken_download_is_tried_again_after_growing_pauses_and_then_left_to_the_next_apply() -> None:
    queue, now = DownloadQueue(4), 0.0
    queue.enqueue(FILE, now)
    for failures, pause_s in enumerate(RETRY_PAUSES_S, 1):
        assert fail(queue, now) == failures
        assert queue.next_due_at() == now + pause_s
        assert queue.pick(now + pause_s - 0.01) is None
        now += pause_s
        assert queue.pick(now) == FILE
    assert fail(queue, now) == len(RETRY_PAUSES_S) + 1
    assert not queue.is_pending(FILE)
    assert queue.pick(1e9) is None
    assert queue.under_way == 0


def test_pauses_grow() -> None:
    assert list(RETRY_PAUSES_S) == sorted(set(RETRY_PAUSES_S))
    assert sum(RETRY_PAUSES_S) < 60.0


def test_a_fresh_link_is_tried_at_once_without_forgetting_the_failures() -> None:
    queue = DownloadQueue(4)
    queue.enqueue(FILE, 0.0)
    fail(queue, 0.0)
    fail(queue, 1.0)
    queue.enqueue(FILE, 1.5)
    assert queue.pick(1.5) == FILE
    assert fail(queue, 1.5) == 3


def test_what_is_being_downloaded_is_not_begun_twice() -> None:
    queue = DownloadQueue(4)
    queue.enqueue(FILE, 0.0)
    queue.start(FILE)
    queue.enqueue(FILE, 1.0)
    assert queue.pick(1e9) is None
    queue.on_done(FILE)
    assert queue.pick(1e9) is None


@pytest.mark.parametrize("ends_well", [True, False])
def test_what_is_dropped_while_idle_leaves_only_what_is_under_way(ends_well: bool) -> None:
    queue = DownloadQueue(4)
    for slot in (FILE, OTHER, THIRD):
        queue.enqueue(slot, 0.0)
    queue.start(FILE)
    queue.drop_idle()
    assert (len(queue), queue.pick(1e9)) == (1, None)
    if ends_well:
        queue.on_done(FILE)
        assert len(queue) == 0
    else:
        queue.on_failed(FILE, 1.0)
        assert queue.pick(1e9) == FILE
    assert queue.under_way == 0
