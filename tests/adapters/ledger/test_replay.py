"""What a reader foresees of the receipts is what a writer makes of them."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as some

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model import ledger_changes as st
from hailuo_batch.core.model.events import CreateOutcome, Event
from hailuo_batch.core.model.runs import Run, Snapshot, Supersession
from hailuo_batch.core.planning.recovery import CreateIntent, CreateResult, Receipt, recover
from hailuo_batch.core.planning.replay import replay_receipts
from tests.helpers.ledgers import SAVED, SUCCEEDED, new_ledger, open_ledger, request
from tests.helpers.snapshots import STARTED_AT, take

NOW = STARTED_AT + 1000
TAKES = (take("hero"), take("desk"), take("lamp", 2))
EDITED = take("hero", prompt="another lamp")
OUTCOMES: tuple[CreateOutcome, ...] = (
    ev.RunCreated("run_1", 280_000),
    ev.RunCreated("run_2", None),
    ev.RunCreated("run_3", 40_000),
    ev.CreateNotSent("refused"),
    ev.CreateUnanswered("timed out"),
    ev.InputRejected("invalid_input", "no"),
)
LATER: tuple[tuple[Event, ...], ...] = (
    (),
    (ev.RunLost(),),
    (SUCCEEDED,),
    (SUCCEEDED, SAVED),
    (ev.RunFailed("broke"),),
    (ev.RunAbandoned("given up"),),
)

create_ids = some.sampled_from([f"create-{number}" for number in range(6)])
intents = some.builds(
    lambda create_id, at, of: CreateIntent(create_id, at, of.id, 1, of.model, of.input_json, of.images_sha256),
    create_ids,
    some.floats(STARTED_AT - 100, STARTED_AT + 100),
    some.sampled_from((*TAKES, EDITED)),
)
results = some.builds(CreateResult, create_ids, some.just(STARTED_AT + 5), some.sampled_from(OUTCOMES))
lives = some.tuples(
    create_ids, some.none() | some.sampled_from(OUTCOMES), some.sampled_from(LATER), some.booleans(), some.booleans()
)


def live(ledger: Ledger, key: int, life: tuple[str, CreateOutcome | None, tuple[Event, ...], bool, bool]) -> None:
    """What happened to a run before its ledger was left behind."""
    create_id, outcome, later, is_superseded, is_forgotten = life
    if any(run.create_id == create_id for run in ledger.snapshot().paid_runs):
        return
    ledger.record([(key, ev.CreateStarted(create_id))], STARTED_AT)
    if outcome is None:
        return
    if isinstance(outcome, ev.RunCreated):
        outcome = replace(outcome, run_id=f"{outcome.run_id}-{key}")
    (run,) = ledger.record([(key, outcome)], STARTED_AT)
    if isinstance(outcome, ev.RunCreated):
        ledger.record([(key, event) for event in later], STARTED_AT)
    if run.run_id is not None and is_superseded:
        ledger.carry_out([st.SupersedeRun(key, Supersession.REPLACE), st.AddAttempt(run.take_id)], STARTED_AT)
    if run.run_id is not None and is_forgotten:
        ledger.carry_out([st.ForgetRuns(run.take_id)], STARTED_AT)


def comparable(snapshot: Snapshot) -> object:
    """All but keys and numbers, which only a ledger gives, and the order of takes that left the manifest; the order of
    the creates is compared."""
    created = sorted(run.create_number for run in snapshot.paid_runs if run.create_number is not None)

    def unnumbered(run: Run) -> Run:
        return replace(run, key=0, create_number=run.create_number and created.index(run.create_number))

    takes = [replace(each, runs=tuple(map(unnumbered, each.runs))) for each in snapshot.takes]
    forgotten = tuple(map(unnumbered, snapshot.forgotten))
    return replace(snapshot, takes=(), forgotten=forgotten), sorted(takes, key=lambda each: each.take.id)


@settings(max_examples=150)
@given(known=some.lists(lives, max_size=2), receipts=some.lists(intents | results, max_size=10))
def test_a_reader_foresees_what_a_writer_does(
    known: list[tuple[str, CreateOutcome | None, tuple[Event, ...], bool, bool]], receipts: list[Receipt]
) -> None:
    with TemporaryDirectory() as folder, open_ledger(new_ledger(Path(folder))) as ledger:
        ledger._db.execute("PRAGMA synchronous = OFF")
        for run, life in zip(request(ledger, *TAKES[:2]), known, strict=False):
            live(ledger, run.key, life)
        before = ledger.snapshot()
        foreseen = replay_receipts(before, receipts, NOW)
        missed, forgotten = recover(before, receipts, NOW)
        ledger.restore_runs(forgotten, NOW)
        for item in missed:
            ledger.record(((item.key, item.event),), item.at)
        assert comparable(foreseen) == comparable(ledger.snapshot())
