"""A desk to plan at: a real ledger, the plans made over it, and what became of the runs."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.runs import Run, Snapshot, TakeRecord
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.plan import Plan, PlanAction, PlanLine, PlanRequest, make_plan
from hailuo_batch.values import CampaignSpec, Limits, Shot, Take
from tests.helpers.snapshots import COST, STARTED_AT, take

NAME = "spring-lamps"
ENDPOINT = "sandbox"


def wants(*takes: Take, max_attempts: int = 1) -> CampaignSpec:
    """A campaign that asks for exactly these takes, in this order."""
    shots = tuple(Shot(wanted.shot, (wanted,)) for wanted in takes)
    return CampaignSpec(NAME, shots, "0" * 64, limits=Limits(max_attempts=max_attempts))


def with_images(of: Take, digest: str | None) -> Take:
    """The same take with that digest over the local copies of its images."""
    return replace(of, images_sha256=digest)


class PlanningSession:
    """Plans over a real ledger in `folder`, as applies do one after the other."""

    def __init__(self, folder: Path) -> None:
        path = folder / f"{NAME}.db"
        Ledger.create(path, NAME, ENDPOINT, STARTED_AT)
        self.ledger = Ledger.open(path, NAME, ENDPOINT, STARTED_AT)
        self.clock = STARTED_AT

    def close(self) -> None:
        self.ledger.close()

    @property
    def snapshot(self) -> Snapshot:
        return self.ledger.snapshot()

    def plan(self, campaign: CampaignSpec, request: PlanRequest = PlanRequest()) -> Plan:
        return make_plan(campaign, self.snapshot, request)

    def apply_plan(self, campaign: CampaignSpec, request: PlanRequest = PlanRequest()) -> dict[str, PlanLine]:
        """Plan, carry the steps out, and give the lines by take."""
        plan = self.plan(campaign, request)
        self.ledger.carry_out(plan.ledger_changes, self.advance())
        return {line.take_id: line for line in plan.lines}

    def advance(self) -> float:
        self.clock += 10.0
        return self.clock

    def record_of(self, take_id: str) -> TakeRecord:
        return {record.take.id: record for record in self.snapshot.takes}[take_id]

    def live(self, take_id: str) -> Run:
        live = self.record_of(take_id).live
        assert live is not None
        return live

    def record_events(self, run: Run, *events: Event) -> Run:
        changed = self.ledger.record([(run.key, event) for event in events], self.advance())
        return changed[0] if changed else run

    def bring_to(self, run: Run, state: RunState) -> Run:
        """Bring an unsent run to that state."""
        return self.record_events(run, *events_to(state, run))

    def finish(self, *states: RunState) -> list[Run]:
        """Bring the live unsent runs, in the manifest's order, to these states; the last state serves the rest."""
        lives = [record.live for record in self.snapshot.takes if record.in_manifest]
        waiting = [live for live in lives if live is not None and live.state is RunState.UNSENT]
        fates = dict(zip((run.key for run in waiting), [*states, *[states[-1]] * len(waiting)], strict=False))
        events = [(run.key, event) for run in waiting for event in events_to(fates[run.key], run)]
        changed = {run.key: run for run in self.ledger.record(events, self.advance())}
        return [changed.get(run.key, run) for run in waiting]


def events_to(state: RunState, run: Run) -> tuple[Event, ...]:
    """The events that bring an unsent run to that state, along the way that runs really go."""
    sent = ev.CreateStarted(f"create-{run.key}")
    created = ev.RunCreated(f"run_{run.key}", COST)
    done = ev.RunSucceeded((f"https://runbase.net/files/generated/{run.key}.mp4",))
    ways: Mapping[RunState, tuple[Event, ...]] = {
        RunState.UNSENT: (),
        RunState.SUBMITTING: (sent,),
        RunState.IN_DOUBT: (sent, ev.CreateUnanswered("timed out")),
        RunState.PENDING: (sent, created),
        RunState.PROCESSING: (sent, created, ev.RunStarted()),
        RunState.SUCCEEDED: (sent, created, done, ev.FileSaved(0, f"{run.take_id}.{run.key}.mp4", 5, "0" * 64)),
        RunState.FAILED: (sent, created, ev.RunFailed("the model broke")),
        RunState.REJECTED: (sent, ev.InputRejected("invalid_input", "no prompt")),
        RunState.LOST: (sent, created, ev.RunLost()),
        RunState.ABANDONED: (sent, ev.CreateUnanswered("timed out"), ev.RunAbandoned("given up")),
    }
    return ways[state]


def paying(lines: Mapping[str, PlanLine]) -> set[str]:
    """The takes that are to be paid for."""
    return {id_ for id_, line in lines.items() if line.action in {PlanAction.CREATE, PlanAction.REPLACE}}


__all__ = ["PlanningSession", "paying", "take", "wants", "with_images"]
