"""What becomes of each re-roll, and that a mark pays for one video only, whatever became of the run it names."""

import pytest

from hailuo_batch.core.model.ledger_changes import AddAttempt, SupersedeRun
from hailuo_batch.core.model.runs import Run, Snapshot, Supersession, TakeRecord
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.picks.picks import Mark, Pick, Picks
from hailuo_batch.core.picks.rerolls import Reroll, judge_rerolls
from hailuo_batch.core.planning.plan import PlanAction, PlanRequest
from tests.core.planning_session import PlanningSession, paying, take, wants
from tests.helpers.snapshots import run

A, B, C = (take(name, prompt=f"lamp {name}") for name in "abc")


def marked(live: Run, take_id: str = "", note: str = "") -> Pick:
    assert live.run_id is not None
    return Pick(take_id or live.take_id, live.run_id, Mark.REROLL, note)


def test_picks_are_found_by_their_mark() -> None:
    one, other = Pick("a", "run_1", Mark.CHOSEN), Pick("b", "run_2", Mark.REROLL)
    picks = Picks("lamps", "", (one, other, Pick("c", "run_3", note="nice")))
    assert picks.marked(Mark.REROLL) == (other,)


# --- in a plan ---


def test_the_run_that_was_seen_is_replaced_once(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B))
    seen, _ = session.finish(RunState.SUCCEEDED)
    request = PlanRequest(rerolls=(marked(seen, note="darker"),))
    plan = session.plan(wants(A, B), request)
    assert plan.ledger_changes == (SupersedeRun(seen.key, Supersession.REPLACE), AddAttempt("a"))
    [line] = plan.paying
    assert (line.take_id, line.action, line.note) == ("a", PlanAction.REPLACE, "darker")
    assert line.reason == f"re-roll; the video of {seen.run_id} is kept as superseded"
    session.apply_plan(wants(A, B), request)
    again = session.plan(wants(A, B), request)
    assert again.ledger_changes == ()
    assert [(line.take_id, line.note) for line in again.paying] == [("a", "darker")]


@pytest.mark.parametrize("state", sorted({*RunState} - {RunState.UNSENT}))
def test_once_another_run_is_live_the_mark_asks_for_nothing(session: PlanningSession, state: RunState) -> None:
    session.apply_plan(wants(A))
    [seen] = session.finish(RunState.SUCCEEDED)
    request = PlanRequest(rerolls=(marked(seen),))
    session.apply_plan(wants(A), request)
    session.finish(state)
    assert session.plan(wants(A), request).paying == ()


@pytest.mark.parametrize("state", sorted({*RunState} - {RunState.SUCCEEDED, RunState.UNSENT}))
def test_a_run_without_a_video_is_not_replaced(session: PlanningSession, state: RunState) -> None:
    session.apply_plan(wants(A))
    [live] = session.finish(state)
    named = Pick("a", live.run_id or "", Mark.REROLL)
    assert session.plan(wants(A), PlanRequest(rerolls=(named,))).paying == ()


def test_a_mark_for_another_take_of_the_same_run_is_nothing(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B))
    seen, _ = session.finish(RunState.SUCCEEDED)
    assert session.plan(wants(A, B), PlanRequest(rerolls=(marked(seen, "b"),))).paying == ()
    renamed = take("z", prompt="lamp a")
    assert session.plan(wants(renamed, B), PlanRequest(rerolls=(marked(seen),))).paying == ()


def test_a_kept_plan_begins_only_what_it_replaces(session: PlanningSession) -> None:
    """A run that it only follows may be done when it is applied again."""
    session.apply_plan(wants(A, B))
    runs = session.finish(RunState.SUCCEEDED)
    rerolls = tuple(map(marked, runs))
    plan = session.plan(wants(A, B), PlanRequest(rerolls=rerolls, replaceable=frozenset({"b"})))
    assert [line.take_id for line in plan.paying] == ["b"]


def test_only_and_limit_hold_for_it(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B, C))
    rerolls = tuple(map(marked, session.finish(RunState.SUCCEEDED)))
    plan = session.plan(wants(A, B, C), PlanRequest(only=("b", "c"), limit=1, rerolls=rerolls))
    assert [line.take_id for line in plan.paying] == ["b"]
    assert plan.left_for_later == {"c"}
    assert [line.note for line in plan.lines] == ["", "", ""]


def test_a_take_that_is_replaced_as_well_is_paid_for_once(session: PlanningSession) -> None:
    session.apply_plan(wants(A))
    [seen] = session.finish(RunState.SUCCEEDED)
    request = PlanRequest(replace=("a",), rerolls=(marked(seen),))
    lines = session.apply_plan(wants(A), request)
    assert (paying(lines), lines["a"].reason.partition(";")[0]) == ({"a"}, "--replace")
    session.finish(RunState.SUCCEEDED)
    assert len(session.record_of("a").runs) == 2


# --- in words ---


def judge(pick: Pick, *records: TakeRecord, wanted: str = "a", **sets: str) -> Reroll:
    known = {name: frozenset(sets.get(name, "")) for name in ("later", "scope")}
    known["replaced"] = frozenset(filter(None, [sets.get("replaced", "")]))
    judged = judge_rerolls([pick], Snapshot("lamps", "sandbox", records), frozenset(wanted), **known)
    [kind] = judged
    assert judged[kind] == (pick,)
    return kind


def replaced(state: RunState, by: Supersession = Supersession.REPLACE) -> tuple[Pick, TakeRecord]:
    """The mark of a run after which another was made, which is in this state."""
    seen = run(of=A, superseded_by=by)
    return marked(seen), TakeRecord(A, True, (seen, run(state, A, attempt=2)))


def test_of_a_live_run() -> None:
    seen = run(of=A)
    pick, record = marked(seen), TakeRecord(A, True, (seen,))
    assert judge(pick, record, replaced=pick.run_id, scope="a") is Reroll.BEGINS
    assert judge(pick, record, later="a") is Reroll.LATER
    assert judge(pick, record) is Reroll.LEFT_OUT
    assert judge(pick, record, scope="a") is Reroll.EDITED
    assert judge(pick, record, wanted="b") is Reroll.NOT_WANTED
    running = run(RunState.PENDING, A)
    assert judge(marked(running), TakeRecord(A, True, (running,)), scope="a") is Reroll.NO_VIDEO


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (RunState.UNSENT, Reroll.UNDER_WAY),
        (RunState.IN_DOUBT, Reroll.UNDER_WAY),
        (RunState.PENDING, Reroll.UNDER_WAY),
        (RunState.SUCCEEDED, Reroll.DONE),
        (RunState.FAILED, Reroll.ENDED),
        (RunState.LOST, Reroll.ENDED),
    ],
)
def test_of_a_run_that_was_replaced(state: RunState, kind: Reroll) -> None:
    pick, record = replaced(state)
    assert judge(pick, record, scope="a") is kind


def test_of_one_that_was_begun_and_is_left_out_now() -> None:
    pick, record = replaced(RunState.UNSENT)
    assert judge(pick, record) is Reroll.LEFT_OUT
    assert judge(pick, record, later="a") is Reroll.LATER


def test_of_a_run_that_its_take_has_again_after_an_edit_that_is_taken_back() -> None:
    pick, record = replaced(RunState.SUCCEEDED, Supersession.EDIT)
    assert judge(pick, record, replaced=pick.run_id, scope="a") is Reroll.BEGINS


def test_of_other_runs() -> None:
    pick, record = replaced(RunState.SUCCEEDED, Supersession.EDIT)
    assert judge(pick, record, scope="a") is Reroll.OTHER_RUN
    assert judge(Pick("b", pick.run_id), record, TakeRecord(B, True, ()), wanted="ab") is Reroll.OTHER_RUN
    assert judge(Pick("a", "run_unknown"), record) is Reroll.UNKNOWN
    assert judge(Pick("b", pick.run_id), record, wanted="ab") is Reroll.UNKNOWN
    assert judge(Pick("z", "run_unknown"), record) is Reroll.UNKNOWN
    assert judge(Pick("z", pick.run_id), record) is Reroll.NOT_WANTED
