"""Plans over random edits, wishes and fates, each carried out in a real ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as some

from hailuo_batch.core.model.runs import Run, Snapshot, Supersession
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.matching import serves
from hailuo_batch.core.planning.plan import InDoubtPolicy, Plan, PlanAction, PlanRequest, make_plan
from hailuo_batch.core.planning.selection import matches_any
from hailuo_batch.values import CampaignSpec, Take
from tests.core.planning_session import PlanningSession, take, wants, with_images

FATES = [state for state in RunState if state is not RunState.SUBMITTING]


@dataclass(frozen=True)
class Edit:
    """What the user asks for next, and what then becomes of the creates, one after the other."""

    takes: tuple[Take, ...]
    max_attempts: int
    request: PlanRequest
    fates: tuple[RunState, ...]

    @property
    def campaign(self) -> CampaignSpec:
        return wants(*self.takes, max_attempts=self.max_attempts)


takes = some.builds(
    lambda shot, number, prompt, digest: with_images(take(shot, number, prompt=prompt), digest),
    some.sampled_from(["a", "b", "c"]),
    some.sampled_from([1, 1, 2]),
    some.sampled_from(["first", "first", "second", "third"]),
    some.sampled_from([None, None, "1" * 64, "2" * 64]),
)
request = some.builds(
    PlanRequest,
    only=some.sampled_from([(), (), (), ("a*",), ("b", "c")]),
    replace=some.sampled_from([(), (), ("*",), ("a",)]),
    in_doubt=some.sampled_from(InDoubtPolicy),
)
edits = some.builds(
    Edit,
    some.lists(takes, max_size=4, unique_by=lambda wanted: wanted.id).map(tuple),
    some.integers(1, 2),
    some.just(PlanRequest()) | request,
    some.lists(some.sampled_from(FATES), min_size=1, max_size=4).map(tuple),
)
histories = some.lists(edits, min_size=1, max_size=6)
small = settings(max_examples=25)


@contextmanager
def new_session() -> Iterator[PlanningSession]:
    with TemporaryDirectory() as folder:
        session = PlanningSession(Path(folder))
        try:
            yield session
        finally:
            session.close()


def was_sent(run: Run) -> bool:
    return run.state is not RunState.UNSENT


def check_orders(plan: Plan, edit: Edit, before: Snapshot, after: Snapshot) -> None:
    records = {record.take.id: record for record in after.takes}
    wanted = {asked.id: asked for asked in edit.takes}
    assert [record.take for record in after.takes if record.in_manifest] == list(edit.takes)
    for id_, asked in wanted.items():
        (live,) = [run for run in records[id_].runs if not run.is_superseded]
        assert serves(live, asked), "a run speaks for a take that asks for something else"
    assert all(record.runs for record in after.takes if not record.in_manifest), "a take without a run was kept"
    unsent = {run.take_id for run in after.runs if not was_sent(run)}
    assert unsent & plan.scope == {line.take_id for line in plan.paying}
    assert unsent <= wanted.keys()
    sent_before = {run.key: run for run in before.runs if was_sent(run)}
    sent_after = {run.key: run for run in after.runs if was_sent(run)}
    assert sent_before.keys() == sent_after.keys(), "a run that was sent has disappeared"
    for key, run in sent_before.items():
        if run.superseded_by not in {None, Supersession.EDIT}:
            assert sent_after[key].superseded_by is run.superseded_by, "a run came back that never may"
            assert sent_after[key].take_id == run.take_id


def check_nothing_paid_needlessly(plan: Plan, edit: Edit, after: Snapshot) -> None:
    """No take is paid for as new while a run of that very request lies idle."""
    wanted = {asked.id for asked in edit.takes}
    idle = [
        run
        for run in after.runs
        if was_sent(run)
        and (run.superseded_by is Supersession.EDIT or (run.take_id not in wanted and not run.is_superseded))
    ]
    records = {record.take.id: record for record in after.takes}
    for line in plan.paying:
        record = records[line.take_id]
        asked_again = any(run.superseded_by not in {None, Supersession.EDIT} for run in record.runs)
        assert asked_again or not any(serves(run, record.take) for run in idle), "an idle run was passed over"


@small
@given(histories)
def test_every_wanted_take_has_one_run_that_serves_it_and_nothing_sent_is_ever_dropped(history: list[Edit]) -> None:
    with new_session() as session:
        for edit in history:
            before = session.snapshot
            plan = make_plan(edit.campaign, before, edit.request)
            session.ledger.carry_out(plan.ledger_changes, session.advance())
            after = session.snapshot
            check_orders(plan, edit, before, after)
            check_nothing_paid_needlessly(plan, edit, after)
            assert session.plan(edit.campaign, edit.request).ledger_changes == (), "the same plan again is not idle"
            session.finish(*edit.fates)


@small
@given(histories)
def test_every_take_has_a_line_and_no_line_is_without_its_reason(history: list[Edit]) -> None:
    with new_session() as session:
        for edit in history:
            plan = session.plan(edit.campaign, edit.request)
            ids = [line.take_id for line in plan.lines]
            asked = [wanted.id for wanted in edit.takes]
            assert ids[: len(asked)] == asked
            assert len(set(ids)) == len(ids)
            assert all(line.reason for line in plan.lines)
            assert {line.take_id for line in plan.lines if line.action is PlanAction.UNWANTED} == set(ids) - set(asked)
            held = set(asked) - plan.scope
            assert held == {id_ for id_ in asked if edit.request.only and not matches_any(id_, edit.request.only)}
            assert all(line.action is PlanAction.HOLD for line in plan.lines if line.take_id in held)
            session.ledger.carry_out(plan.ledger_changes, session.advance())
            session.finish(*edit.fates)


@small
@given(histories, some.permutations(range(4)))
def test_a_finished_campaign_pays_nothing_in_whatever_order_it_is_written(
    history: list[Edit], order: list[int]
) -> None:
    with new_session() as session:
        for edit in history:
            session.apply_plan(edit.campaign)
            session.finish(RunState.SUCCEEDED)
        last = history[-1].takes
        shuffled = [last[index] for index in order if index < len(last)]
        assert session.plan(wants(*shuffled)).paying == ()
