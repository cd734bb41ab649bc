"""What the user's word does to a run, and where it is refused."""

from dataclasses import replace

import pytest

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.ledger_changes import AddAttempt, DropAttempt, ReviveRun, SupersedeRun
from hailuo_batch.core.model.runs import Output, Run, Supersession, TakeRecord, fold
from hailuo_batch.core.model.states import TRANSITIONS, RunState, TakeState
from hailuo_batch.core.planning.resolution import (
    Resolution,
    ResolveOption,
    abandon_run,
    check_option,
    choose_runs,
    find_run,
    name_run,
    owner_of,
    resubmit_run,
    retry_takes,
)
from hailuo_batch.errors import UsageError
from tests.helpers.snapshots import STARTED_AT, output, record, run, snapshot, take

S = RunState
HERO = take("hero")
LEADS_OUT = {
    ResolveOption.NAME: {S.IN_DOUBT, S.LOST, S.ABANDONED},
    ResolveOption.RESUBMIT: {S.IN_DOUBT, S.LOST, S.ABANDONED, S.PENDING, S.PROCESSING, S.SUCCEEDED},
    ResolveOption.ABANDON: {S.IN_DOUBT, S.LOST, S.PENDING, S.PROCESSING, S.SUCCEEDED},
}
GRID = [(way, state, state in states) for way, states in LEADS_OUT.items() for state in RunState]


def stuck(state: RunState, attempt: int = 1, superseded_by: Supersession | None = None) -> Run:
    """A run in that state that is not done: where it succeeded, its file is not on disk."""
    outputs = (output(None),) if state is S.SUCCEEDED else ()
    return run(state, HERO, attempt=attempt, superseded_by=superseded_by, outputs=outputs)


def refusal(of: TakeRecord, chosen: Run, way: ResolveOption) -> str:
    with pytest.raises(UsageError) as refused:
        check_option(of, chosen, way)
    return str(refused.value)


@pytest.mark.parametrize(("way", "state", "leads_out"), GRID)
def test_each_way_leads_out_of_its_states_and_of_no_other(way: ResolveOption, state: RunState, leads_out: bool) -> None:
    chosen = stuck(state)
    if leads_out:
        check_option(record(HERO, chosen), chosen, way)
    else:
        assert "Nothing was sent, nothing was changed." in refusal(record(HERO, chosen), chosen, way)


@pytest.mark.parametrize("state", sorted(LEADS_OUT[ResolveOption.NAME]))
def test_a_run_that_is_named_is_followed_again(state: RunState) -> None:
    chosen = stuck(state)
    result = name_run(record(HERO, chosen), chosen, "run_found", 300_000, api_key=2)
    after = resolved(chosen, result)
    assert (after.state, after.run_id, after.cost_micro_usd) == (S.PENDING, "run_found", 300_000)
    assert after.api_key == 2
    assert result.ledger_changes == ()


@pytest.mark.parametrize("state", sorted(LEADS_OUT[ResolveOption.ABANDON]))
def test_a_run_that_is_given_up_keeps_its_id_and_its_money(state: RunState) -> None:
    chosen = stuck(state)
    after = resolved(chosen, abandon_run(chosen))
    assert after.state is S.ABANDONED
    assert (after.run_id, after.cost_micro_usd) == (chosen.run_id, chosen.cost_micro_usd)


@pytest.mark.parametrize("state", sorted(LEADS_OUT[ResolveOption.RESUBMIT]))
def test_making_it_again_adds_an_attempt_and_leaves_the_run_as_it_is(state: RunState) -> None:
    chosen = stuck(state)
    assert resubmit_run(chosen) == Resolution(
        ledger_changes=(SupersedeRun(chosen.key, Supersession.RESUBMIT), AddAttempt("hero")), events=()
    )


def test_a_run_found_before_it_was_made_again_speaks_for_its_take_again() -> None:
    older = stuck(S.IN_DOUBT, superseded_by=Supersession.RESUBMIT)
    promised = run(S.UNSENT, HERO, attempt=2)
    result = name_run(record(HERO, older, promised), older, "run_found", None, api_key=1)
    assert result.ledger_changes == (DropAttempt(promised.key), ReviveRun(older.key, "hero"))


@pytest.mark.parametrize(
    ("by", "newest"),
    [
        (Supersession.EDIT, run(S.UNSENT, take("hero", prompt="another"), attempt=2)),
        (Supersession.RESUBMIT, run(S.PENDING, HERO, attempt=2)),
        (Supersession.RESUBMIT, run(S.UNSENT, take("hero", prompt="another"), attempt=2)),
    ],
)
def test_a_run_found_after_its_take_went_another_way_stays_superseded(by: Supersession, newest: Run) -> None:
    older = stuck(S.IN_DOUBT, superseded_by=by)
    assert name_run(record(HERO, older, newest), older, "run_found", None, api_key=1).ledger_changes == ()


def test_a_take_that_is_done_has_nothing_to_resolve() -> None:
    done = run(S.SUCCEEDED, HERO)
    for way in (ResolveOption.ABANDON, ResolveOption.RESUBMIT):
        assert "attempt 1 is done" in refusal(record(HERO, done), done, way)


@pytest.mark.parametrize(("state", "stands"), [(S.FAILED, "has failed"), (S.REJECTED, "is rejected")])
def test_what_can_be_retried_is_sent_to_retry(state: RunState, stands: str) -> None:
    chosen = stuck(state)
    message = refusal(record(HERO, chosen), chosen, ResolveOption.ABANDON)
    assert f"attempt {chosen.attempt} {stands}; there is nothing to resolve" in message
    assert "MANIFEST hero` allows one more attempt" in message


def test_an_older_attempt_that_is_meant_is_named() -> None:
    older, newest = stuck(S.IN_DOUBT, superseded_by=Supersession.EDIT), stuck(S.FAILED, attempt=2)
    newest = replace(newest, superseded_by=Supersession.EDIT)
    last = run(S.UNSENT, HERO, attempt=3)
    assert "Attempt 1 is in doubt: use --attempt 1" in refusal(
        record(HERO, older, newest, last), last, ResolveOption.NAME
    )


def test_nothing_is_made_again_that_the_manifest_does_not_ask_for() -> None:
    chosen = stuck(S.IN_DOUBT)
    assert "not what the manifest asks for" in refusal(
        record(HERO, chosen, in_manifest=False), chosen, ResolveOption.RESUBMIT
    )
    older = stuck(S.IN_DOUBT, superseded_by=Supersession.EDIT)
    newest = stuck(S.PENDING, attempt=2)
    assert "not what the manifest asks for" in refusal(record(HERO, older, newest), older, ResolveOption.RESUBMIT)


def test_the_live_attempt_is_meant_unless_another_is_named() -> None:
    older, live = stuck(S.IN_DOUBT, superseded_by=Supersession.EDIT), stuck(S.PENDING, attempt=2)
    held = snapshot(record(HERO, older, live))
    assert find_run(held, "hero", None)[1] is live
    assert find_run(held, "hero", 1)[1] is older
    with pytest.raises(UsageError, match="no attempt 3, only 1, 2"):
        find_run(held, "hero", 3)


@pytest.mark.parametrize("take_id", ["heros", "desk"])
def test_a_take_without_a_run_cannot_be_resolved(take_id: str) -> None:
    with pytest.raises(UsageError, match="the ledger has no run of this take"):
        find_run(snapshot(record(HERO, stuck(S.LOST)), record(take("desk"))), take_id, None)


def test_a_run_id_has_one_owner_and_may_be_its_own() -> None:
    mine, other = run(S.LOST, HERO, run_id="run_a"), run(S.PENDING, take("desk"), run_id="run_b")
    assert owner_of((mine, other), "run_b", unless=mine) == "desk"
    assert owner_of((mine, other), "run_a", unless=mine) is None
    assert owner_of((mine, other), "run_c", unless=mine) is None


# --- retry ---


def test_retry_without_names_is_for_every_take_that_failed_or_was_rejected() -> None:
    takes = {state: take(state.replace("_", "-")) for state in RunState}
    held = snapshot(*(record(of, run(state, of)) for state, of in takes.items()))
    steps = retry_takes(held, ())
    assert {step.take_id for step in steps if isinstance(step, AddAttempt)} == {"failed", "rejected"}
    assert {step.by for step in steps if isinstance(step, SupersedeRun)} == {Supersession.RETRY}


@pytest.mark.parametrize("state", sorted(set(RunState) - {S.FAILED, S.REJECTED}))
def test_retry_is_for_no_other_state(state: RunState) -> None:
    with pytest.raises(UsageError, match="only a failed or rejected take can be retried") as refused:
        retry_takes(snapshot(record(HERO, run(state, HERO))), ["hero"])
    is_resolvable = run(state, HERO).take_state in {TakeState.IN_DOUBT, TakeState.LOST, TakeState.ABANDONED}
    assert ("shows how to resolve it" in str(refused.value)) is is_resolvable


def test_one_name_that_does_not_fit_grants_nothing() -> None:
    held = snapshot(record(HERO, run(S.FAILED, HERO)), record(take("desk"), run(S.SUCCEEDED, take("desk"))))
    with pytest.raises(UsageError, match="desk is done"):
        retry_takes(held, ["hero", "desk"])


def test_a_name_given_twice_grants_one_attempt() -> None:
    steps = retry_takes(snapshot(record(HERO, run(S.FAILED, HERO))), ["hero", "hero"])
    assert sum(isinstance(step, AddAttempt) for step in steps) == 1


def test_a_take_that_the_manifest_does_not_ask_for_is_not_retried() -> None:
    held = snapshot(record(HERO, run(S.FAILED, HERO), in_manifest=False))
    assert retry_takes(held, ()) == ()
    with pytest.raises(UsageError, match="no such take of this manifest"):
        retry_takes(held, ["hero"])


def resolved(chosen: Run, result: Resolution) -> Run:
    after = chosen
    for key, event in result.events:
        assert key == chosen.key
        assert (after.state, type(event)) in TRANSITIONS
        after = fold(after, event, STARTED_AT + 1)
    assert not any(isinstance(event, ev.RunCreated) for _, event in result.events)
    return after


# --- several at once ---

OLD = STARTED_AT - 86_400.0


@pytest.mark.parametrize(
    ("state", "at", "outputs", "is_chosen"),
    [
        (S.IN_DOUBT, STARTED_AT, (), True),
        (S.LOST, STARTED_AT, (), True),
        (S.PENDING, STARTED_AT, (), False),
        (S.PROCESSING, OLD, (), False),
        (S.SUCCEEDED, OLD, (output(None),), False),
        (S.SUCCEEDED, STARTED_AT + 1, (output(None),), False),
        (S.SUCCEEDED, STARTED_AT + 1, (), True),
        (S.SUCCEEDED, OLD, (output(),), False),
        (S.FAILED, OLD, (), False),
        (S.ABANDONED, OLD, (), False),
        (S.UNSENT, OLD, (), False),
    ],
)
@pytest.mark.parametrize("words", [(), ("*",)])
def test_a_pattern_chooses_what_needs_a_decision(
    state: RunState, at: float, outputs: tuple[Output, ...], is_chosen: bool, words: tuple[str, ...]
) -> None:
    chosen = replace(run(state, HERO, outputs=outputs, at=at), submitted_at=at, completed_at=at)
    known = snapshot(record(HERO, chosen))
    if is_chosen or not words:
        found = choose_runs(known, words, ResolveOption.ABANDON)
        assert [each.key for _, each in found] == ([chosen.key] if is_chosen else [])
    else:
        with pytest.raises(UsageError, match="matches no take that is in doubt, lost or stuck"):
            choose_runs(known, words, ResolveOption.ABANDON)


def test_a_run_whose_age_is_not_known_is_not_stuck() -> None:
    chosen = replace(run(S.PENDING, HERO), submitted_at=None)
    assert choose_runs(snapshot(record(HERO, chosen)), (), ResolveOption.ABANDON) == ()


def test_older_attempts_and_takes_that_left_are_given_up_and_not_made_again() -> None:
    older, live = stuck(S.IN_DOUBT, 1, Supersession.EDIT), stuck(S.LOST, 2)
    left = TakeRecord(take("desk"), False, (run(S.IN_DOUBT, take("desk")), run(S.LOST, take("desk"), attempt=2)))
    known = snapshot(record(HERO, older, live), left)
    abandoned = choose_runs(known, (), ResolveOption.ABANDON)
    assert [each.key for _, each in abandoned] == [older.key, live.key, left.runs[0].key]
    assert [each.key for _, each in choose_runs(known, ("h*",), ResolveOption.RESUBMIT)] == [live.key]


def test_each_is_chosen_once() -> None:
    chosen = stuck(S.IN_DOUBT)
    found = choose_runs(snapshot(record(HERO, chosen)), ("hero", "h*", "hero"), ResolveOption.ABANDON)
    assert [each.key for _, each in found] == [chosen.key]
