"""What the user's word does: settling a run that is in doubt, lost or stuck, and granting one more attempt.

Pure: it says which steps and events carry a wish out, or refuses it with a UsageError that says why. Whether the
API really knows a run that the user names is asked by the command, before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hailuo_batch.core import events as ev
from hailuo_batch.core.events import Event
from hailuo_batch.core.lifecycle import RUNNING, RunState, TakeState
from hailuo_batch.core.records import Run, Snapshot, Supersession, TakeRecord
from hailuo_batch.core.steps import AddAttempt, Step, SupersedeRun
from hailuo_batch.errors import UsageError


class Way(StrEnum):
    """The ways out for a run that does not end by itself."""

    NAME = "--run-id"
    RESUBMIT = "--resubmit"
    ABANDON = "--abandon"


@dataclass(frozen=True, slots=True)
class Settlement:
    """What settles a run: events first, then steps."""

    events: tuple[tuple[int, Event], ...] = ()
    steps: tuple[Step, ...] = ()


_NAMEABLE = frozenset({RunState.IN_DOUBT, RunState.LOST, RunState.ABANDONED})
_STUCK = frozenset({RunState.IN_DOUBT, RunState.LOST, RunState.SUCCEEDED}) | RUNNING


def choose_run(snapshot: Snapshot, take_id: str, attempt: int | None) -> tuple[TakeRecord, Run]:
    """The attempt that is meant: the live one, or the one with that number. Raises UsageError where there is none."""
    record = next((record for record in snapshot.takes if record.take.id == take_id), None)
    if record is None or not record.runs:
        raise UsageError(
            f"{take_id}: the ledger knows no run of this take. Nothing was sent. `status` lists the takes."
        )
    if attempt is None:
        return record, record.live or record.runs[-1]
    run = next((run for run in record.runs if run.attempt == attempt), None)
    if run is None:
        known = ", ".join(str(run.attempt) for run in record.runs)
        raise UsageError(f"{take_id}: there is no attempt {attempt}, only {known}. Nothing was sent.")
    return record, run


def check_way(record: TakeRecord, run: Run, way: Way) -> None:
    """Raises UsageError where this way does not lead out of the state that the run is in."""
    told = f"{run.take_id}: attempt {run.attempt}"
    if way is Way.NAME:
        if run.state not in _NAMEABLE:
            raise UsageError(
                f"{told} is {run.state}; only a run in doubt, lost or abandoned can be named. Nothing was sent."
            )
        return
    allowed = _STUCK | {RunState.ABANDONED} if way is Way.RESUBMIT else _STUCK
    if run.state not in allowed or run.take_state is TakeState.DONE:
        hint = " `retry` grants it one more attempt." if run.state in {RunState.FAILED, RunState.REJECTED} else ""
        raise UsageError(f"{told} is {run.take_state}: there is nothing to settle. Nothing was changed.{hint}")
    if way is Way.RESUBMIT and (run.superseded or not record.in_manifest):
        raise UsageError(f"{told} is not what the manifest asks for any more, so nothing is made again in its place.")


def named(run: Run, run_id: str, cost_micro_usd: int | None) -> Settlement:
    """The run that the user named is the one that this create made."""
    return Settlement(events=((run.key, ev.RunNamed(run_id, cost_micro_usd)),))


def resubmitted(run: Run) -> Settlement:
    """The take is made again by the next apply; the run keeps what it may have cost."""
    return Settlement(steps=(SupersedeRun(run.key, Supersession.RESUBMIT), AddAttempt(run.take_id)))


def abandoned(run: Run) -> Settlement:
    """The run is given up; what it cost, or may have cost, still counts."""
    return Settlement(events=((run.key, ev.RunAbandoned("given up by the user")),))


def owner_of(runs: Iterable[Run], run_id: str) -> str | None:
    """The take that this run ID belongs to, None where it belongs to none of them."""
    return next((run.take_id for run in runs if run.run_id == run_id), None)


def retried(snapshot: Snapshot, take_ids: Iterable[str]) -> tuple[Step, ...]:
    """One more attempt for these takes; for every failed or rejected one where none is named.

    Raises UsageError for a take that has neither failed nor been rejected.
    """
    records = {record.take.id: record for record in snapshot.takes if record.in_manifest}
    chosen = tuple(dict.fromkeys(take_ids))
    if not chosen:
        chosen = tuple(id_ for id_, record in records.items() if _may_retry(record))
    steps: list[Step] = []
    for id_ in chosen:
        record = records.get(id_)
        live = record.live if record is not None else None
        if record is None or live is None:
            raise UsageError(f"{id_}: the ledger knows no such take of this manifest. Nothing was changed.")
        if not _may_retry(record):
            settles = {TakeState.IN_DOUBT, TakeState.LOST}
            hint = " `resolve` settles it." if record.state in settles else ""
            raise UsageError(f"{id_} is {record.state}; only a failed or rejected take can be retried.{hint}")
        steps += [SupersedeRun(live.key, Supersession.RETRY), AddAttempt(id_)]
    return tuple(steps)


def _may_retry(record: TakeRecord) -> bool:
    return record.state in {TakeState.FAILED, TakeState.REJECTED}
