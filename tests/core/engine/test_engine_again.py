"""Outputs that are downloaded again although they are on record, and what the user is told of files that were saved."""

from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.runs import Supersession
from hailuo_batch.core.model.states import RunState, TakeState
from tests.core.engine.by_hand import SUCCESS, ManualEngine, unsent
from tests.helpers.snapshots import output, run, take

SAME = output("hero.mp4").sha256 or ""


def test_a_saved_output_is_downloaded_again_to_where_it_was_saved_and_nothing_else_is_done() -> None:
    damaged = run(outputs=(output("hero.mp4"), output("hero.out2.mp4", 1)))
    waiting = run(RunState.PENDING, take("other"))
    hand = ManualEngine([damaged, waiting, *unsent(2)], collected=set(), again=[(damaged.key, 0)])
    (fetch,) = hand.fetches()
    assert hand.under_way == [fetch]
    assert (fetch.run.key, fetch.index, fetch.stem) == (damaged.key, 0, "hero")
    hand.answer(fetch, ev.FileSaved(0, "hero.mp4", 1000, SAME))
    assert hand.decide(60.0) == []
    assert hand.notices == []
    assert hand.engine.is_finished


def test_a_superseded_output_goes_back_to_its_own_place() -> None:
    old = run(outputs=(output("superseded/hero.run_1.mp4"),), superseded_by=Supersession.EDIT)
    (fetch,) = ManualEngine([old], collected=set(), again=[(old.key, 0)]).fetches()
    assert fetch.stem == "superseded/hero.run_1"


def test_an_output_that_is_downloaded_again_is_renamed_only_afterwards() -> None:
    astray = run(outputs=(output("superseded/hero.run_1.mp4"),))
    hand = ManualEngine([astray], collected=set(), again=[(astray.key, 0)])
    (fetch,) = hand.decide()
    assert isinstance(fetch, act.FetchFile)
    assert fetch.stem == "superseded/hero.run_1"
    hand.answer(fetch, ev.FileSaved(0, "superseded/hero.run_1.mp4", 1000, SAME))
    (move,) = hand.decide()
    assert isinstance(move, act.MoveFile)
    assert (move.source, move.target) == ("superseded/hero.run_1.mp4", "hero.mp4")


def test_an_output_that_is_gone_from_disk_is_downloaded_again_too() -> None:
    missed = run(outputs=(output(None),))
    assert len(ManualEngine([missed], collected=set()).fetches()) == 0
    assert len(ManualEngine([missed], collected=set(), again=[(missed.key, 0)]).fetches()) == 1


def test_a_take_stays_done_while_its_file_cannot_be_had_again() -> None:
    damaged = run()
    hand = ManualEngine([damaged], collected=set(), again=[(damaged.key, 0)])
    (fetch,) = hand.fetches()
    after = hand.answer(fetch, ev.FetchFailed("HTTP 404", gone=True))
    assert hand.wait_for_read().run.key == damaged.key
    assert after.take_state is TakeState.DONE


def test_a_fresh_link_is_used_for_what_is_downloaded_again() -> None:
    damaged = run()
    hand = ManualEngine([damaged], collected=set(), again=[(damaged.key, 0)])
    hand.answer(hand.fetches()[0], ev.FetchFailed("HTTP 404", gone=True))
    hand.answer(hand.wait_for_read(), SUCCESS)
    (fetch,) = hand.fetches()
    hand.answer(fetch, ev.FileSaved(0, "hero.mp4", 1000, damaged.outputs[0].sha256 or ""))
    assert hand.decide(60.0) == []
    assert hand.engine.is_finished


def test_what_there_is_to_state_of_a_file_is_reported_with_its_take() -> None:
    hand = ManualEngine([run(outputs=(output(None),))])
    (fetch,) = hand.fetches()
    hand.answer(fetch, ev.FileSaved(0, "hero.mp4", 1000, SAME, "a file that differs is kept as hero.kept-1.mp4"))
    assert hand.notices == ["hero: a file that differs is kept as hero.kept-1.mp4."]


def test_a_video_that_differs_from_the_one_saved_before_is_reported() -> None:
    damaged = run()
    hand = ManualEngine([damaged], collected=set(), again=[(damaged.key, 0)])
    hand.answer(hand.fetches()[0], ev.FileSaved(0, "hero.mp4", 1000, "f" * 64))
    assert len(hand.notices) == 1
    assert "differs from the video that was saved before" in hand.notices[0]
