"""How much room the videos to come need, by those that came before."""

from dataclasses import replace

import pytest

from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.disk_space import SPARE_BYTES, UNKNOWN_BYTES, VideoSizes
from tests.core.engine.by_hand import ManualEngine, unsent
from tests.helpers.snapshots import COST, output, run, take

MB = 1 << 20


def come(shot: str, *sizes: int) -> Run:
    """A run whose files of these sizes are here."""
    files = tuple(replace(output(f"{shot}.{n}.mp4", n), bytes=size) for n, size in enumerate(sizes))
    return run(of=take(shot), outputs=files)


def test_while_no_size_is_known_a_fixed_room_is_asked_for() -> None:
    assert {VideoSizes().need(runs).bytes for runs in (1, 5, 5000)} == {UNKNOWN_BYTES}
    assert VideoSizes().need(5).each_bytes is None


def test_nothing_to_come_needs_nothing() -> None:
    assert VideoSizes().need(0).bytes == VideoSizes([come("a", 7)]).need(0).bytes == 0


def test_each_counts_as_the_mean_and_one_as_the_largest() -> None:
    sizes = VideoSizes([come("a", 2 * MB), come("b", 6 * MB)])
    assert sizes.need(10).each_bytes == 4 * MB
    assert sizes.need(10).bytes == 10 * 4 * MB + 6 * MB + SPARE_BYTES


def test_a_run_with_several_files_is_as_large_as_all_of_them() -> None:
    assert VideoSizes([come("a", 2 * MB, 3 * MB)]).need(1).each_bytes == 5 * MB


def test_a_run_reports_once_and_only_while_all_its_files_are_here() -> None:
    sizes = VideoSizes()
    partly, whole = run(outputs=(output(), output(None, 1))), run(outputs=(output(),))
    for before, known in ((None, partly), (None, run(RunState.PENDING)), (None, come("b", 7)), (partly, whole)):
        sizes.on_run_changed(before, known)
        sizes.on_run_changed(known, known)
    assert sizes.need(1).each_bytes == -(-(7 + 1000) // 2)
    sizes.on_run_changed(whole, partly)
    assert sizes.need(1).each_bytes == 7


@pytest.mark.parametrize("runs", [1, 100])
def test_files_are_counted_too(runs: int) -> None:
    assert VideoSizes().need(runs).files > 2 * runs


def test_what_is_under_way_counts_beside_what_is_still_to_be_created() -> None:
    """5 to create, 2 running, 1 to download, and one video that came with 4 MB."""
    running = [run(RunState.PENDING, take(shot)) for shot in ("r", "s")]
    hand = ManualEngine([*unsent(5), *running, run(of=take("d"), outputs=(output(None),)), come("a", 4 * MB)])
    assert (hand.engine.disk_need.runs, hand.engine.total_disk_need.runs) == (3, 8)
    (create,) = hand.creates()[:1]
    assert hand.engine.disk_need.runs == 3 + len(
        [action for action in hand.under_way if isinstance(action, act.CreateRun)]
    )
    hand.created(create)
    assert hand.engine.total_disk_need.runs == 8
    assert hand.engine.disk_need.each_bytes == 4 * MB


def test_what_the_cap_does_not_let_go_needs_no_room() -> None:
    known = replace(come("a", 4 * MB), cost_micro_usd=COST)
    hand = ManualEngine([*unsent(5), known], Settings(cap_micro_usd=3 * COST))
    assert hand.engine.total_disk_need.runs == 2


def test_where_nothing_is_to_be_paid_no_room_is_asked_for() -> None:
    hand = ManualEngine([run(RunState.PENDING), run(of=take("d"), outputs=(output(None),))])
    assert hand.engine.total_disk_need.bytes == 0


def test_videos_of_this_apply_teach_how_large_they_are() -> None:
    hand = ManualEngine([*unsent(1), run(of=take("d"), outputs=(output(None),))])
    assert hand.engine.disk_need.each_bytes is None
    hand.answer(hand.fetches()[0], ev.FileSaved(0, "d.mp4", 3 * MB, "0" * 64))
    assert hand.engine.disk_need.each_bytes == 3 * MB
