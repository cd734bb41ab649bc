"""Any life a campaign can have: after each step, the tables agree with a model that is folded in memory."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as some

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model import ledger_changes as st
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.runs import Run, Snapshot, Supersession, fold
from hailuo_batch.core.model.states import TRANSITIONS, IllegalTransition
from tests.helpers.ledgers import new_ledger, open_ledger, query, read_ledger, request
from tests.helpers.snapshots import STARTED_AT, take

TAKES = ("hero", "teal")
URLS = ("https://x/a.mp4", "https://x/b.mp4")


class Campaign:
    """A ledger and a model of its runs, changed in step."""

    def __init__(self, path: Path, ledger: Ledger) -> None:
        self.path = path
        self.ledger = ledger
        ledger.record_keys([f"{0:032x}:{0:064x}"])
        self.model = {run.key: run for run in request(ledger, *map(take, TAKES))}
        self.at = STARTED_AT
        self.changes = len(query(path, "SELECT 1 FROM journal"))

    def record(self, run: Run, event: Event) -> None:
        self.at += 1
        self.changes += 1
        expected = fold(run, event, self.at)
        if isinstance(event, ev.CreateStarted):
            expected = replace(expected, create_number=self.changes)
        assert self.ledger.record([(run.key, event)], self.at) == (expected,)
        self.model[run.key] = expected

    def refuse(self, run: Run, event: Event) -> None:
        try:
            self.ledger.record([(run.key, event)], self.at)
        except IllegalTransition:
            return
        raise AssertionError(f"{run.state} took {event}")

    def carry_out(self, *steps: st.LedgerChange) -> None:
        self.at += 1
        for run in self.ledger.carry_out(steps, self.at):
            self.model[run.key] = run
        self.changes += len(steps)

    def check(self) -> None:
        snapshot = self.ledger.snapshot()
        assert {run.key: run for run in snapshot.runs} == self.model
        states = dict(query(self.path, "SELECT id, state FROM takes"))
        assert all(states[record.take.id] == record.state for record in snapshot.takes)
        assert len(query(self.path, "SELECT 1 FROM journal")) == self.changes


def events_of(key: int, number: int) -> dict[type[Event], some.SearchStrategy[Event]]:
    """Every kind of event, with run IDs that are nobody else's."""
    cost = some.none() | some.integers(0, 10**9)
    at = some.none() | some.floats(0, 2e9)
    index = some.integers(0, 1)
    name = some.lists(some.text("abcü", min_size=1, max_size=4), min_size=1, max_size=2).map("/".join)
    run_id = some.just(f"run_{key}_{number}")
    return {
        ev.CreateStarted: some.just(ev.CreateStarted(f"create-{key}-{number}", 1)),
        ev.CreateNotSent: some.just(ev.CreateNotSent("no route")),
        ev.CreateRefused: some.builds(ev.CreateRefused, some.sampled_from(ev.Refusal), some.text(), some.text()),
        ev.InputRejected: some.builds(ev.InputRejected, some.text(), some.text()),
        ev.CreateUnanswered: some.builds(ev.CreateUnanswered, some.text()),
        ev.RunCreated: some.builds(ev.RunCreated, run_id, cost),
        ev.RunQueued: some.just(ev.RunQueued()),
        ev.RunStarted: some.just(ev.RunStarted()),
        ev.StatusUnknown: some.builds(ev.StatusUnknown, some.text(), some.text()),
        ev.RunSucceeded: some.builds(ev.RunSucceeded, some.just(URLS), cost, some.none(), at),
        ev.RunFailed: some.builds(ev.RunFailed, some.text(), cost, some.none(), at),
        ev.RunLost: some.just(ev.RunLost()),
        ev.RunTakenOver: some.just(ev.RunTakenOver(1)),
        ev.RunNamed: some.builds(ev.RunNamed, run_id, cost),
        ev.RunAbandoned: some.builds(ev.RunAbandoned, some.text()),
        ev.FileSaved: some.builds(ev.FileSaved, index, name, some.integers(0, 2**40), some.just("ab" * 32)),
        ev.FileMoving: some.builds(ev.FileMoving, index, name),
        ev.FileMoved: some.builds(ev.FileMoved, index, name),
        ev.FileMissed: some.builds(ev.FileMissed, index),
    }


def steps_of(snapshot: Snapshot, data: some.DataObject) -> tuple[st.LedgerChange, ...]:
    """Bookkeeping as a plan gives it: a take has one run that speaks for it, and none is lost."""
    record = data.draw(some.sampled_from(snapshot.takes))
    live, id_ = record.live, record.take.id
    match data.draw(some.sampled_from(["again", "edit", "unwant", "move"])):
        case "again" if live is not None:
            return (st.SupersedeRun(live.key, data.draw(some.sampled_from(Supersession))), st.AddAttempt(id_))
        case "edit":
            return (st.WantTake(take(id_, prompt=data.draw(some.text())), data.draw(some.integers(0, 3))),)
        case "unwant":
            return (st.UnwantTake(id_),)
        case "move" if live is not None:
            target = TAKES[1 - TAKES.index(id_)]
            served = [other.live for other in snapshot.takes if other.take.id == target and other.live is not None]
            return (*(st.SupersedeRun(run.key, Supersession.EDIT) for run in served), st.ReviveRun(live.key, target))
        case _:
            return (st.AddAttempt(id_),)


@settings(max_examples=25, deadline=None)
@given(some.data())
def test_tables_journal_and_model_never_disagree(data: some.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = new_ledger(Path(folder))
        with open_ledger(path) as ledger:
            ledger._db.execute("PRAGMA synchronous = OFF")  # a hundred commits for each life; no power is cut here
            campaign = Campaign(path, ledger)
            for number in range(data.draw(some.integers(5, 20))):
                if data.draw(some.integers(0, 3)) == 0:
                    campaign.carry_out(*steps_of(ledger.snapshot(), data))
                else:
                    _live_on(campaign, number, data)
                campaign.check()
        with read_ledger(path) as reader:
            assert {run.key: run for run in reader.snapshot().runs} == campaign.model


def _live_on(campaign: Campaign, number: int, data: some.DataObject) -> None:
    run = campaign.model[data.draw(some.sampled_from(sorted(campaign.model)))]
    kinds = list(get_args(Event))
    admitted = [kind for state, kind in TRANSITIONS if state is run.state]
    kind = data.draw(some.sampled_from(admitted * 5 + kinds))
    event = data.draw(events_of(run.key, number)[kind])
    if kind in admitted and _is_of_a_file_there(run, event):
        campaign.record(run, event)
    else:
        campaign.refuse(run, event)


def _is_of_a_file_there(run: Run, event: Event) -> bool:
    """Whether the file that the event is about is an output of the run, and on disk where it is to be renamed."""
    match event:
        case ev.FileMoving(index) | ev.FileMoved(index):
            return index < len(run.outputs) and run.outputs[index].path is not None
        case ev.FileSaved(index) | ev.FileMissed(index):
            return index < len(run.outputs)
        case _:
            return True
