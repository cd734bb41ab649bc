"""What the command line asks beyond the manifest: --only, --replace, --in-doubt, and the attempts allowed."""

import pytest

from hailuo_batch.core.model.runs import Replacement, Supersession
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.plan import InDoubtPolicy, PlanAction, PlanRequest
from hailuo_batch.core.planning.selection import matches_any
from hailuo_batch.values import format_utc_minute
from tests.core.planning_session import PlanningSession, paying, take, wants

A, B, C = take("a", prompt="first"), take("b", prompt="second"), take("c", prompt="third")
RESUBMIT = PlanRequest(in_doubt=InDoubtPolicy.RESUBMIT)


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("hero", True), ("he*", True), ("*", True), ("h?ro", True), ("h[aeiou]ro", True), ("her", False), ("HERO", False)],
)
def test_patterns_fit_whole_take_ids_as_they_are_written(pattern: str, fits: bool) -> None:
    assert matches_any("hero", ["other", pattern]) is fits


def test_only_the_takes_asked_for_are_paid_for_and_collected(session: PlanningSession) -> None:
    lines = session.apply_plan(wants(A, B, C), PlanRequest(only=("a", "c*")))
    assert paying(lines) == {"a", "c"}
    assert (lines["b"].action, lines["b"].reason) == (PlanAction.HOLD, "not selected by --only")
    plan = session.plan(wants(A, B, C), PlanRequest(only=("a", "c*")))
    assert plan.scope == plan.followed == {"a", "c"}
    assert paying(session.apply_plan(wants(A, B, C))) == {"a", "b", "c"}


def test_only_keeps_no_other_take_from_taking_over_its_run(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B))
    first, _ = session.finish(RunState.SUCCEEDED)
    lines = session.apply_plan(wants(take("z", prompt="first"), B), PlanRequest(only=("b",)))
    assert lines["z"].action is PlanAction.HOLD
    assert session.live("z").key == first.key


def test_replace_makes_done_takes_anew_and_keeps_what_they_had(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B))
    old, _ = session.finish(RunState.SUCCEEDED)
    lines = session.apply_plan(wants(A, B), PlanRequest(replace=("a",)))
    assert paying(lines) == {"a"}
    assert lines["a"].action is PlanAction.REPLACE
    assert lines["a"].reason == f"--replace; the video of {old.run_id} is kept as superseded"
    before, after = session.record_of("a").runs
    assert (before.key, before.superseded_by) == (old.key, Supersession.REPLACE)
    assert (after.state, after.fingerprint) == (RunState.UNSENT, A.fingerprint)


def test_the_wish_to_replace_is_recorded_before_its_create(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B))
    session.finish(RunState.SUCCEEDED)
    session.apply_plan(wants(A, B), PlanRequest(replace=("a", "x*")))
    assert session.snapshot.replacements == (Replacement(("a", "x*"), frozenset({"a"})),)


@pytest.mark.parametrize("state", [RunState.UNSENT, RunState.IN_DOUBT, RunState.PENDING, RunState.SUCCEEDED])
def test_the_same_wish_repeated_after_an_interruption_starts_no_second_one(
    session: PlanningSession, state: RunState
) -> None:
    request = PlanRequest(replace=("*",))
    session.apply_plan(wants(A, B))
    session.finish(RunState.SUCCEEDED)
    session.apply_plan(wants(A, B), request)
    session.finish(state, RunState.UNSENT)
    lines = session.apply_plan(wants(A, B), request)
    assert paying(lines) == ({"a", "b"} if state is RunState.UNSENT else {"b"})
    assert lines["b"].action is PlanAction.REPLACE
    assert lines["b"].reason == "--replace, not created yet"
    assert [len(session.record_of(id_).runs) for id_ in "ab"] == [2, 2]


def test_once_a_replacement_is_done_the_same_wish_begins_another(session: PlanningSession) -> None:
    request = PlanRequest(replace=("a",))
    session.apply_plan(wants(A))
    session.finish(RunState.SUCCEEDED)
    session.apply_plan(wants(A), request)
    session.finish(RunState.SUCCEEDED)
    session.ledger.close_replacements(session.snapshot.replacements)
    assert paying(session.apply_plan(wants(A), request)) == {"a"}
    assert len(session.record_of("a").runs) == 3


def test_a_take_that_is_to_be_made_anew_does_not_take_over_an_old_run_instead(session: PlanningSession) -> None:
    twin = take("b", prompt="first")
    session.apply_plan(wants(A, twin))
    session.finish(RunState.SUCCEEDED)
    session.apply_plan(wants(A, twin), PlanRequest(replace=("a",)))
    lines = session.apply_plan(wants(A))
    assert lines["a"].action is PlanAction.REPLACE
    assert session.live("a").state is RunState.UNSENT
    assert session.record_of("b").live is not None


def test_another_wish_begins_another_replacement(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B))
    session.finish(RunState.SUCCEEDED)
    session.apply_plan(wants(A, B), PlanRequest(replace=("a",)))
    assert paying(session.apply_plan(wants(A, B), PlanRequest(replace=("b",)))) == {"a", "b"}


def test_a_replacement_under_way_goes_on_without_the_option(session: PlanningSession) -> None:
    session.apply_plan(wants(A))
    session.finish(RunState.SUCCEEDED)
    session.apply_plan(wants(A), PlanRequest(replace=("a",)))
    lines = session.apply_plan(wants(A))
    assert lines["a"].action is PlanAction.REPLACE
    assert len(session.record_of("a").runs) == 2


@pytest.mark.parametrize(
    "state",
    [RunState.IN_DOUBT, RunState.PENDING, RunState.FAILED, RunState.REJECTED, RunState.LOST, RunState.ABANDONED],
)
def test_only_what_succeeded_is_replaced(session: PlanningSession, state: RunState) -> None:
    session.apply_plan(wants(A))
    session.finish(state)
    assert not paying(session.apply_plan(wants(A), PlanRequest(replace=("*",))))
    is_to_come = state in {RunState.IN_DOUBT, RunState.PENDING}
    assert bool(session.snapshot.replacements) is is_to_come


def test_what_the_same_command_made_before_it_was_cut_off_is_not_replaced(session: PlanningSession) -> None:
    request = PlanRequest(replace=("*",))
    assert paying(session.apply_plan(wants(A, B), request)) == {"a", "b"}
    session.finish(RunState.SUCCEEDED, RunState.REJECTED)
    assert not paying(session.apply_plan(wants(A, B), request))
    session.ledger.close_replacements(session.snapshot.replacements)
    assert paying(session.apply_plan(wants(A, B), request)) == {"a"}


def test_a_plan_in_a_file_replaces_the_takes_alone_that_it_names(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B))
    session.finish(RunState.SUCCEEDED)
    assert paying(session.apply_plan(wants(A, B), PlanRequest(replace=("*",), replaceable=frozenset("a")))) == {"a"}


def test_replace_stays_within_only(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B))
    session.finish(RunState.SUCCEEDED)
    assert paying(session.apply_plan(wants(A, B), PlanRequest(only=("a",), replace=("*",)))) == {"a"}


def test_a_take_that_takes_over_a_run_can_be_replaced_in_the_same_breath(session: PlanningSession) -> None:
    session.apply_plan(wants(A))
    (old,) = session.finish(RunState.SUCCEEDED)
    lines = session.apply_plan(wants(take("z", prompt="first")), PlanRequest(replace=("z",)))
    assert (lines["z"].action, lines["z"].moved_from) == (PlanAction.REPLACE, "a")
    assert session.record_of("z").runs[0].key == old.key
    assert session.live("z").state is RunState.UNSENT


def test_in_doubt_is_held_unless_it_is_reported_otherwise(session: PlanningSession) -> None:
    session.apply_plan(wants(A))
    session.finish(RunState.IN_DOUBT)
    line = session.apply_plan(wants(A))["a"]
    since = format_utc_minute(session.record_of("a").runs[0].submitted_at or 0.0)
    assert (line.action, line.explanation) == (
        PlanAction.HOLD,
        f"in doubt since {since}, may have been charged: timed out; use `resolve`",
    )


def test_resubmit_makes_what_is_in_doubt_again_and_keeps_it_in_sight(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B, C))
    session.finish(RunState.IN_DOUBT, RunState.SUCCEEDED, RunState.LOST)
    lines = session.apply_plan(wants(A, B, C), RESUBMIT)
    assert paying(lines) == {"a"}
    assert lines["a"].reason == "in doubt; --in-doubt resubmit sends it again, which may pay twice"
    old, new = session.record_of("a").runs
    assert (old.state, old.superseded_by) == (RunState.IN_DOUBT, Supersession.RESUBMIT)
    assert new.state is RunState.UNSENT


def test_resubmit_repeats_a_create_once_in_an_apply(session: PlanningSession) -> None:
    session.apply_plan(wants(A))
    session.finish(RunState.IN_DOUBT)
    session.apply_plan(wants(A), RESUBMIT)
    assert paying(session.apply_plan(wants(A), RESUBMIT)) == {"a"}
    assert len(session.record_of("a").runs) == 2


def test_resubmit_stays_within_only(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B))
    session.finish(RunState.IN_DOUBT)
    assert paying(session.apply_plan(wants(A, B), PlanRequest(only=("b",), in_doubt=InDoubtPolicy.RESUBMIT))) == {"b"}
    assert session.live("a").state is RunState.IN_DOUBT


def test_a_failed_run_is_made_again_up_to_the_attempts_allowed(session: PlanningSession) -> None:
    wanted = wants(A, max_attempts=3)
    session.apply_plan(wanted)
    for attempt in (1, 2):
        session.finish(RunState.FAILED)
        line = session.apply_plan(wanted)["a"]
        assert line.action is PlanAction.CREATE
        assert line.reason == f"attempt {attempt} failed and was refunded: the model broke"
    session.finish(RunState.FAILED)
    line = session.apply_plan(wanted)["a"]
    assert line.action is PlanAction.HOLD
    assert line.explanation == "failed and refunded: the model broke; `retry` allows one more attempt"


def test_a_rejected_take_is_never_made_again_by_itself(session: PlanningSession) -> None:
    session.apply_plan(wants(A, max_attempts=5))
    session.finish(RunState.REJECTED)
    line = session.apply_plan(wants(A, max_attempts=5))["a"]
    assert line.action is PlanAction.HOLD
    assert line.explanation == "rejected, nothing paid: no prompt (invalid_input); change it, or use `retry`"


def test_failures_of_another_request_do_not_count(session: PlanningSession) -> None:
    session.apply_plan(wants(A))
    session.finish(RunState.FAILED)
    changed = wants(take("a", prompt="edited"), max_attempts=2)
    session.apply_plan(changed)
    session.finish(RunState.FAILED)
    assert paying(session.apply_plan(changed)) == {"a"}


@pytest.mark.parametrize(
    ("state", "action", "reason"),
    [
        (RunState.PENDING, PlanAction.RESUME, "resumes run_1"),
        (RunState.SUCCEEDED, PlanAction.KEEP, "done"),
        (RunState.LOST, PlanAction.RESUME, "lost; run_1 is checked again"),
        (RunState.ABANDONED, PlanAction.HOLD, "abandoned"),
    ],
)
def test_the_plan_states_how_every_other_take_stands(
    session: PlanningSession, state: RunState, action: PlanAction, reason: str
) -> None:
    session.apply_plan(wants(A))
    session.finish(state)
    line = session.apply_plan(wants(A))["a"]
    assert (line.action, line.explanation) == (action, reason)
