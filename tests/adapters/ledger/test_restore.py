"""Creates that only the receipts know of become runs again, and speak for their takes unless newer ones do."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model import ledger_changes as st
from hailuo_batch.core.model.events import CreateOutcome, Event
from hailuo_batch.core.model.runs import NO_ANSWER, Run, Supersession, TakeRecord
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.core.planning.recovery import CreateIntent, MissingAttempt
from hailuo_batch.errors import LedgerError
from hailuo_batch.values import Take
from tests.helpers.full_disk import full_disk
from tests.helpers.ledgers import SUCCEEDED, create_run, journal_of, new_ledger, open_ledger, request
from tests.helpers.snapshots import STARTED_AT, take

EARLIER, LATER = STARTED_AT - 60, STARTED_AT + 60
UNANSWERED = ev.CreateUnanswered(NO_ANSWER)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(new_ledger(tmp_path)) as opened:
        yield opened


def forgotten(
    of: Take, outcome: CreateOutcome = UNANSWERED, create_id: str = "create-9", at: float = LATER
) -> MissingAttempt:
    """A receipt's create that was answered two seconds later."""
    intent = CreateIntent(create_id, at, of.id, 1, of.model, of.input_json, of.images_sha256)
    return MissingAttempt(intent, outcome, at + 2)


def record_of(ledger: Ledger, take_id: str) -> TakeRecord:
    return next(record for record in ledger.snapshot().takes if record.take.id == take_id)


def runs_of(ledger: Ledger, take_id: str) -> tuple[Run, ...]:
    return record_of(ledger, take_id).runs


def test_a_paid_run_is_a_run_again(ledger: Ledger) -> None:
    ledger.restore_runs([forgotten(take("hero"), ev.RunCreated("run_9", 280_000))], LATER + 10)
    record = record_of(ledger, "hero")
    (run,) = record.runs
    assert (record.state, record.in_manifest) == (TakeState.RUNNING, False)
    assert (run.state, run.run_id, run.cost_micro_usd) == (RunState.PENDING, "run_9", 280_000)
    assert (run.create_id, run.submitted_at) == ("create-9", LATER)
    assert (record.take.shot, record.take.number, run.fingerprint) == ("hero", 1, take("hero").fingerprint)


def in_part(outcome: CreateOutcome) -> MissingAttempt:
    """As of a sidecar that names an image by its hash alone: all that is known is what the whole was."""
    shown, whole = take("hero"), take("hero", image_urls=["data:image/png;base64,iVBORw0KGgo="])
    intent = CreateIntent("adopted-run_9", LATER, "hero", 1, shown.model, shown.input_json, None, whole.fingerprint)
    return MissingAttempt(intent, outcome, LATER)


def test_of_a_run_whose_input_is_known_in_part_the_fingerprint_counts(ledger: Ledger) -> None:
    ledger.restore_runs([in_part(ev.RunCreated("run_9", 280_000))], LATER)
    with open_ledger(ledger.path) as again:
        (run,) = runs_of(again, "hero")
    assert run.fingerprint == take("hero", image_urls=["data:image/png;base64,iVBORw0KGgo="]).fingerprint
    assert json.loads(run.input_json) == take("hero").input


def test_an_input_that_is_known_in_part_is_never_paid_for(ledger: Ledger) -> None:
    ledger.restore_runs([in_part(UNANSWERED)], LATER)
    (run,) = runs_of(ledger, "hero")
    ledger.record([(run.key, ev.CreateNotSent("refused"))], LATER)
    with pytest.raises(LedgerError, match="only a part of the input of hero"):
        ledger.record([(run.key, ev.CreateStarted("create-10"))], LATER)


def test_a_second_take_knows_its_shot(ledger: Ledger) -> None:
    ledger.restore_runs([forgotten(take("hero", 2))], LATER)
    put_back = record_of(ledger, "hero.take2").take
    assert (put_back.shot, put_back.number) == ("hero", 2)


def test_a_create_without_an_answer_is_in_doubt(ledger: Ledger) -> None:
    ledger.restore_runs([forgotten(take("hero"))], LATER)
    record = record_of(ledger, "hero")
    assert (record.state, record.runs[0].reason) == (TakeState.IN_DOUBT, NO_ANSWER)


def test_it_takes_the_place_of_an_attempt_for_which_nothing_was_sent(ledger: Ledger) -> None:
    request(ledger, take("hero"))
    ledger.restore_runs([forgotten(take("hero"), ev.RunCreated("run_9", None))], LATER)
    assert [run.run_id for run in runs_of(ledger, "hero")] == ["run_9"]


@pytest.mark.parametrize(
    ("before", "why"),
    [
        ((ev.RunFailed("no"),), Supersession.RETRY),
        ((SUCCEEDED,), Supersession.REPLACE),
        ((ev.RunLost(),), Supersession.RESUBMIT),
        ((), Supersession.RESUBMIT),
    ],
)
def test_a_newer_create_than_the_recorded_one_speaks_for_the_take(
    ledger: Ledger, before: tuple[Event, ...], why: Supersession
) -> None:
    (hero,) = request(ledger, take("hero"))
    create_run(ledger, hero, "run_1")
    ledger.record([(hero.key, event) for event in before], STARTED_AT)
    ledger.restore_runs([forgotten(take("hero"), ev.RunCreated("run_9", None))], LATER)
    old, new = runs_of(ledger, "hero")
    assert (old.superseded_by, new.superseded_by) == (why, None)
    assert (new.attempt, new.run_id) == (2, "run_9")


def test_a_newer_create_of_another_prompt_supersedes_as_an_edit_does(ledger: Ledger) -> None:
    (hero,) = request(ledger, take("hero"))
    create_run(ledger, hero, "run_1")
    ledger.restore_runs([forgotten(take("hero", prompt="another lamp"))], LATER)
    old, new = runs_of(ledger, "hero")
    assert (old.superseded_by, new.state) == (Supersession.EDIT, RunState.IN_DOUBT)


def test_an_older_create_than_the_recorded_one_does_not_speak(ledger: Ledger) -> None:
    (hero,) = request(ledger, take("hero"))
    create_run(ledger, hero, "run_1")
    older = forgotten(take("hero"), ev.RunCreated("run_9", None), at=EARLIER)
    ledger.restore_runs([replace(older, is_outdated=True)], LATER)
    record = record_of(ledger, "hero")
    assert record.live is not None
    assert record.live.run_id == "run_1"
    assert [(run.run_id, run.is_superseded) for run in record.runs] == [("run_1", False), ("run_9", True)]


def test_what_the_manifest_wants_of_a_take_is_not_overwritten(ledger: Ledger) -> None:
    request(ledger, take("hero", prompt="a brass lamp", tags=("spring",)))
    wanted = record_of(ledger, "hero").take
    ledger.restore_runs([forgotten(take("hero", prompt="a teal lamp"))], LATER)
    assert (record_of(ledger, "hero").take, record_of(ledger, "hero").in_manifest) == (wanted, True)


def test_several_are_put_back_together_and_the_journal_reports_it(ledger: Ledger) -> None:
    first = forgotten(take("hero"), ev.RunCreated("run_1", 1), "create-1", EARLIER)
    second = forgotten(take("hero"), ev.RunCreated("run_2", 1), "create-2", LATER)
    ledger.restore_runs([first, second, forgotten(take("teal"), create_id="create-3")], LATER)
    assert [(run.run_id, run.is_superseded) for run in runs_of(ledger, "hero")] == [("run_1", True), ("run_2", False)]
    assert [line[2:] for line in journal_of(ledger.path)] == [
        ("PutBack", "pending"),
        ("PutBack", "pending"),
        ("PutBack", "in_doubt"),
    ]


def test_all_are_put_back_or_none(ledger: Ledger) -> None:
    same_create = [forgotten(take("hero")), forgotten(take("teal"))]
    with pytest.raises(LedgerError):
        ledger.restore_runs(same_create, LATER)
    with full_disk(), pytest.raises(LedgerError):
        ledger.restore_runs(same_create[:1], LATER)
    assert ledger.snapshot().takes == ()
    assert journal_of(ledger.path) == []


def test_a_forgotten_takes_money_is_found_again_under_a_new_attempt(ledger: Ledger) -> None:
    (hero,) = request(ledger, take("hero"))
    create_run(ledger, hero, "run_1")
    ledger.carry_out([st.ForgetRuns("hero"), st.ForgetTake("hero")], LATER)
    ledger.restore_runs([forgotten(take("hero"), ev.RunCreated("run_9", 1))], LATER)
    assert [(run.run_id, run.attempt) for run in runs_of(ledger, "hero")] == [("run_9", 2)]
    assert [run.run_id for run in ledger.snapshot().forgotten] == ["run_1"]
