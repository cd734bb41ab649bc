"""What the engine downloads and renames, and what becomes of downloads that break."""

import pytest

from hailuo_batch.core.engine.downloads import MAX_WITHOUT_ROOM
from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.engine.stop_reasons import StopScope
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Outcome
from hailuo_batch.core.model.runs import Run, Supersession
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.errors import ExitCode
from tests.core.engine.by_hand import SUCCESS, ManualEngine, unsent
from tests.helpers.snapshots import STARTED_AT, output, run, take

EARLIER = STARTED_AT - 600.0
BROKEN = ev.FetchFailed("connection reset")
GONE = ev.FetchFailed("HTTP 404", gone=True)


def saved(fetch: act.FetchFile) -> ev.FileSaved:
    return ev.FileSaved(fetch.index, f"{fetch.stem}.mp4", 5, "0" * 64)


def unfetched(shot: str = "hero", outputs: int = 1) -> Run:
    """A run that succeeded and whose files are not here yet."""
    return run(of=take(shot), at=EARLIER, outputs=tuple(output(None, n) for n in range(outputs)))


def test_every_output_is_downloaded_once_and_the_take_is_done() -> None:
    hand = ManualEngine([unfetched(outputs=2)])
    fetches = hand.fetches()
    assert [(fetch.index, fetch.stem) for fetch in fetches] == [(0, "hero"), (1, "hero.out2")]
    assert fetches[0].url == output(None).url
    states = [hand.answer(fetch, saved(fetch)).take_state for fetch in fetches]
    assert states == [TakeState.DOWNLOADING, TakeState.DONE]
    assert hand.decide(60.0) == []
    assert hand.engine.is_finished


def test_only_what_is_missing_is_downloaded() -> None:
    hand = ManualEngine([run(outputs=(output("hero.mp4"), output(None, 1)))])
    assert [fetch.index for fetch in hand.fetches()] == [1]


def test_no_more_downloads_run_at_once_than_allowed() -> None:
    hand = ManualEngine([unfetched(shot) for shot in "abcdef"], Settings(max_fetches=4))
    fetches = hand.fetches()
    assert len(fetches) == 4
    assert hand.fetches(60.0) == []
    hand.answer(fetches[2], saved(fetches[2]))
    assert len(hand.fetches()) == 1


def test_downloads_do_not_wait_for_the_window() -> None:
    hand = ManualEngine([*unsent(5), unfetched()], Settings(rate_limit=1))
    assert {type(action) for action in hand.decide()} == {act.CreateRun, act.FetchFile}


def test_a_superseded_run_is_downloaded_too_to_a_place_of_its_own() -> None:
    old = run(of=take("a"), outputs=(output(None),), superseded_by=Supersession.EDIT)
    (fetch,) = ManualEngine([old]).fetches()
    assert fetch.stem == f"superseded/a.{old.run_id}"


def test_a_dead_link_is_read_for_fresh_ones_once_and_then_left_to_the_next_apply() -> None:
    hand = ManualEngine([unfetched()])
    (fetch,) = hand.fetches()
    hand.answer(fetch, GONE)
    read = hand.wait_for_read()
    hand.answer(read, SUCCESS)
    reads = 0
    while not hand.engine.is_finished:
        for action in hand.decide():
            reads += isinstance(action, act.ReadRun)
            hand.answer(action, GONE if isinstance(action, act.FetchFile) else SUCCESS)
        if not hand.engine.is_finished:
            hand.sleep()
    assert reads == 0
    assert any("could not be downloaded: HTTP 404" in text for text in hand.notices)
    assert hand.engine.stop_reasons == []


def test_a_fresh_link_is_used_at_once() -> None:
    hand = ManualEngine([unfetched()])
    (fetch,) = hand.fetches()
    hand.answer(fetch, GONE)
    hand.answer(hand.wait_for_read(), ev.RunSucceeded(("https://runbase.net/files/generated/fresh.mp4",)))
    (again,) = hand.fetches()
    assert again.url.endswith("fresh.mp4")
    assert hand.answer(again, saved(again)).take_state is TakeState.DONE


def test_a_link_that_keeps_breaking_is_read_for_a_fresh_one_after_its_second_failure() -> None:
    hand = ManualEngine([unfetched()])
    hand.answer(hand.fetches()[0], BROKEN)
    assert hand.reads() == []
    hand.sleep()
    hand.answer(hand.fetches()[0], BROKEN)
    assert hand.wait_for_read().run.take_id == "hero"


@pytest.mark.parametrize(
    "outcome",
    [ev.RunMissing(), ev.ReadRefused(ev.Refusal.RATE, "RATE_LIMITED", ""), ev.RunFailed("broke"), ev.RunQueued()],
)
def test_whatever_the_read_for_fresh_links_states_a_success_stays_one(outcome: Outcome) -> None:
    hand = ManualEngine([unfetched()])
    hand.answer(hand.fetches()[0], GONE)
    assert hand.answer(hand.wait_for_read(), outcome).state is RunState.SUCCEEDED
    while not hand.engine.is_finished:
        for action in hand.decide():
            hand.answer(action, saved(action) if isinstance(action, act.FetchFile) else outcome)
        if not hand.engine.is_finished:
            hand.sleep()
    assert all(known.take_state is TakeState.DONE for known in hand.runs.values())


def test_a_broken_download_is_tried_again_after_a_pause() -> None:
    hand = ManualEngine([unfetched()])
    (fetch,) = hand.fetches()
    hand.answer(fetch, BROKEN)
    assert hand.fetches() == []
    assert hand.sleep() == pytest.approx(1.0)
    (again,) = hand.fetches()
    hand.answer(again, saved(again))
    assert hand.engine.is_finished
    assert hand.notices == []


def test_what_was_left_is_tried_by_the_next_apply() -> None:
    hand = ManualEngine([unfetched()])
    while not hand.engine.is_finished:
        for action in hand.decide():
            hand.answer(action, BROKEN if isinstance(action, act.FetchFile) else SUCCESS)
        if not hand.engine.is_finished:
            hand.sleep()
    assert len(hand.notices) == 1
    assert len(ManualEngine(hand.runs.values()).fetches()) == 1


def test_a_full_disk_stops_paying_and_lets_what_is_under_way_end() -> None:
    hand = ManualEngine([unfetched(shot) for shot in "abcdef"] + [*unsent(1)], Settings(rate_limit=1))
    hand.engine.windows[1].assume_spent(1, hand.now + 5.0)
    fetches = hand.fetches()
    hand.answer(fetches[0], ev.DiskFull("no space left on device"))
    assert (hand.engine.stop_scope, hand.exit_codes()) == (StopScope.CREATES, [ExitCode.UNFINISHED])
    assert hand.decide(60.0) == []
    for fetch in fetches[1:]:
        hand.answer(fetch, saved(fetch))
    assert hand.decide(60.0) == []
    assert hand.engine.is_finished


def test_what_does_not_fit_keeps_no_other_file_from_being_tried() -> None:
    hand = ManualEngine([unfetched(shot) for shot in "abcd"], Settings(max_fetches=1))
    tried = []
    for outcome in (ev.DiskFull("too large"), None, ev.DiskFull("too large"), None):
        (fetch,) = hand.fetches(1.0)
        tried.append(fetch.stem)
        hand.answer(fetch, outcome or saved(fetch))
    assert tried == ["a", "b", "c", "d"]
    assert hand.engine.is_finished


def test_where_nothing_fits_nothing_else_is_tried() -> None:
    hand = ManualEngine([unfetched(shot) for shot in "abcd"], Settings(max_fetches=1))
    hand.answer(hand.fetches()[0], ev.DiskFull("no space left on device", for_any=True))
    assert hand.fetches(60.0) == []
    assert hand.engine.is_finished


def test_after_many_files_in_a_row_that_do_not_fit_no_other_is_tried() -> None:
    hand = ManualEngine([unfetched(f"s{n}") for n in range(3 * MAX_WITHOUT_ROOM)], Settings(max_fetches=1))
    tried = 0
    while fetches := hand.fetches(1.0):
        tried += 1
        hand.answer(fetches[0], saved(fetches[0]) if tried == 5 else ev.DiskFull("too large"))
    assert tried == 5 + MAX_WITHOUT_ROOM


def test_a_full_disk_still_lets_runs_be_read_to_their_end() -> None:
    hand = ManualEngine([unfetched(), run(RunState.PENDING, take("b"), at=EARLIER)])
    (fetch,) = [action for action in hand.decide() if isinstance(action, act.FetchFile)]
    hand.answer(fetch, ev.DiskFull("no space left on device"))
    (read,) = hand.under_way
    hand.answer(read, ev.RunStarted())
    assert not hand.engine.is_finished
    assert hand.wait_for_read().run.take_id == "b"


def test_a_download_that_was_cancelled_is_left_as_it_is() -> None:
    hand = ManualEngine([unfetched()])
    (fetch,) = hand.fetches()
    hand.answer(fetch, ev.FetchCancelled())
    assert hand.decide(60.0) == []
    assert hand.notices == []
    assert hand.engine.is_finished


def test_files_that_swap_names_are_renamed_one_after_the_other() -> None:
    hand = ManualEngine([run(of=take("a"), outputs=(output("b.mp4"),)), run(of=take("b"), outputs=(output("a.mp4"),))])
    moves = []
    while actions := hand.decide():
        for action in actions:
            assert isinstance(action, act.MoveFile)
            moves.append((action.source, action.target))
            hand.answer(action, ev.FileMoved(action.index, action.target))
    assert len(moves) == 3
    assert moves[0][1].startswith("superseded/")
    assert {known.take_id: known.outputs[0].path for known in hand.runs.values()} == {"a": "a.mp4", "b": "b.mp4"}


def test_a_file_that_cannot_be_renamed_stays_and_is_reported_once() -> None:
    hand = ManualEngine([run(of=take("a"), outputs=(output("z.mp4"),))])
    (move,) = hand.decide()
    hand.answer(move, ev.MoveFailed("permission denied"))
    assert hand.decide(60.0) == []
    assert hand.engine.is_finished
    assert hand.notices == ["a: z.mp4 could not be renamed and keeps its name: permission denied."]


def test_a_file_that_cannot_be_renamed_is_not_tried_again_when_another_answer_comes() -> None:
    hand = ManualEngine([run(of=take("a"), outputs=(output("z.mp4"), output(None, 1)))])
    actions = hand.decide()
    (move,) = [action for action in actions if isinstance(action, act.MoveFile)]
    (fetch,) = [action for action in actions if isinstance(action, act.FetchFile)]
    hand.answer(move, ev.MoveFailed("permission denied"))
    hand.answer(fetch, saved(fetch))
    assert hand.decide(60.0) == []


def test_a_file_that_was_downloaded_again_is_not_wanted_once_more_by_a_read_for_the_other() -> None:
    made = run(outputs=(output("hero.mp4"), output("hero.out2.mp4", 1)))
    hand = ManualEngine([made], again=[(made.key, 0), (made.key, 1)])
    first, second = hand.fetches()
    hand.answer(first, saved(first))
    hand.answer(second, GONE)
    hand.answer(hand.wait_for_read(), ev.RunSucceeded((output(None).url, output(None, 1).url)))
    assert [fetch.index for fetch in hand.fetches()] == [1]


def test_the_old_file_makes_room_once_the_new_one_is_saved() -> None:
    old = run(of=take("a"), superseded_by=Supersession.REPLACE)
    new = run(of=take("a"), attempt=2, outputs=(output(None),))
    hand = ManualEngine([old, new])
    (fetch,) = hand.fetches()
    assert fetch.stem == f"superseded/a.{new.run_id}"
    hand.answer(fetch, saved(fetch))
    while actions := hand.decide():
        for action in actions:
            assert isinstance(action, act.MoveFile)
            hand.answer(action, ev.FileMoved(action.index, action.target))
    assert hand.runs[old.key].outputs[0].path == f"superseded/a.{old.run_id}.mp4"
    assert hand.runs[new.key].outputs[0].path == "a.mp4"
