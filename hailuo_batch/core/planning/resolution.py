"""What the user's word does: settling a run that is in doubt, lost or stuck, and granting one more attempt.

Pure: it says which steps and events carry a wish out, or refuses it with a UsageError that says why. Whether the
API really knows a run that the user names is asked by the command, before. None of it ever pays by itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.ledger_changes import AddAttempt, DropAttempt, LedgerChange, ReviveRun, SupersedeRun
from hailuo_batch.core.model.runs import Run, Snapshot, Supersession, TakeRecord
from hailuo_batch.core.model.states import RUNNING, RunState, TakeState
from hailuo_batch.errors import UsageError


class ResolveOption(StrEnum):
    """The ways out for a run that does not end by itself."""

    NAME = "--run-id"
    RESUBMIT = "--resubmit"
    ABANDON = "--abandon"


@dataclass(frozen=True, slots=True)
class Resolution:
    """What settles a run: steps first, then events."""

    ledger_changes: tuple[LedgerChange, ...] = ()
    events: tuple[tuple[int, Event], ...] = ()


_STUCK = frozenset({RunState.IN_DOUBT, RunState.LOST, RunState.SUCCEEDED}) | RUNNING
_ALLOWED_FROM: Mapping[ResolveOption, frozenset[RunState]] = {
    ResolveOption.NAME: frozenset({RunState.IN_DOUBT, RunState.LOST, RunState.ABANDONED}),
    ResolveOption.RESUBMIT: _STUCK | {RunState.ABANDONED},
    ResolveOption.ABANDON: _STUCK,
}
_MAY_RETRY = frozenset({TakeState.FAILED, TakeState.REJECTED})


def find_run(snapshot: Snapshot, take_id: str, attempt: int | None) -> tuple[TakeRecord, Run]:
    """The attempt that is meant: the live one, or the one with that number. Raises UsageError where there is none."""
    record = next((record for record in snapshot.takes if record.take.id == take_id), None)
    if record is None or not record.runs:
        raise UsageError(
            f"{take_id}: the ledger knows no run of this take. Nothing was sent, nothing was changed. "
            "`hailuo-batch status MANIFEST` lists the takes."
        )
    if attempt is None:
        return record, record.live or record.runs[-1]
    # rule attempt_named
    run = next((run for run in record.runs if run.attempt == attempt), None)
    if run is None:
        known = ", ".join(str(run.attempt) for run in record.runs)
        raise UsageError(
            f"{take_id}: there is no attempt {attempt}, only {known}. Nothing was sent, nothing was changed."
        )
    return record, run


def check_option(record: TakeRecord, run: Run, option: ResolveOption) -> None:
    """Raises UsageError where this way does not lead out of the state that the run is in."""
    subject = f"{run.take_id}: attempt {run.attempt}"
    if not _is_allowed(run, option):
        nameable = "only one that is in doubt, lost or abandoned can be named"
        what = nameable if option is ResolveOption.NAME else "nothing is to be settled"
        raise UsageError(
            f"{subject} {_state_phrase(run.take_state)}; {what}. Nothing was sent, nothing was changed."
            f"{_hint(record, run, option)}"
        )
    if option is ResolveOption.RESUBMIT and (run.is_superseded or not record.in_manifest):
        raise UsageError(
            f"{subject} is not what the manifest asks for any more, so nothing is made again in its place. Nothing was "
            "sent, nothing was changed. --abandon gives it up."
        )


def name_run(record: TakeRecord, run: Run, run_id: str, cost_micro_usd: int | None) -> Resolution:
    """The run that the user named is the one that this create made.

    Where it was to be made again and has not been yet, it speaks for its take again, and nothing more is paid for.
    """
    events: tuple[tuple[int, Event], ...] = ((run.key, ev.RunNamed(run_id, cost_micro_usd)),)
    live = record.live
    waits = live is not None and live.state is RunState.UNSENT and live.fingerprint == run.fingerprint
    if live is None or not waits or run.superseded_by is not Supersession.RESUBMIT:
        return Resolution(events=events)
    return Resolution((DropAttempt(live.key), ReviveRun(run.key, run.take_id)), events)


def resubmit_run(run: Run) -> Resolution:
    """The take is made again by the next apply; the run keeps what it may have cost."""
    return Resolution(ledger_changes=(SupersedeRun(run.key, Supersession.RESUBMIT), AddAttempt(run.take_id)))


def abandon_run(run: Run) -> Resolution:
    """The run is given up; what it cost, or may have cost, still counts."""
    return Resolution(events=((run.key, ev.RunAbandoned("given up by the user")),))


def owner_of(runs: Iterable[Run], run_id: str, unless: Run) -> str | None:
    """The take that this run ID belongs to, None where it belongs to none but, perhaps, the run `unless`."""
    return next((run.take_id for run in runs if run.run_id == run_id and run.key != unless.key), None)


def retry_takes(snapshot: Snapshot, take_ids: Iterable[str]) -> tuple[LedgerChange, ...]:
    """One more attempt for these takes; for every failed or rejected one where none is named.

    Raises UsageError for a take that has neither failed nor been rejected; then none is granted any.
    """
    records = {record.take.id: record for record in snapshot.takes if record.in_manifest}
    chosen = tuple(dict.fromkeys(take_ids))
    if not chosen:
        chosen = tuple(id_ for id_, record in records.items() if record.state in _MAY_RETRY)
    changes: list[LedgerChange] = []
    for id_ in chosen:
        live = _retriable(id_, records.get(id_))
        changes += [SupersedeRun(live.key, Supersession.RETRY), AddAttempt(id_)]
    return tuple(changes)


def _retriable(take_id: str, record: TakeRecord | None) -> Run:
    """The failed or rejected run that gives way. Raises UsageError where there is none."""
    live = record.live if record is not None else None
    if record is None or live is None:
        raise UsageError(
            f"{take_id}: the ledger knows no such take of this manifest. Nothing was changed. `hailuo-batch status "
            "MANIFEST` lists the takes."
        )
    if record.state not in _MAY_RETRY:
        settles = {TakeState.IN_DOUBT, TakeState.LOST, TakeState.ABANDONED}
        hint = " `hailuo-batch status MANIFEST` shows how to settle it." if record.state in settles else ""
        raise UsageError(
            f"{take_id} {_state_phrase(record.state)}; only a failed or rejected take can be retried. Nothing was "
            f"changed.{hint}"
        )
    return live


def _is_allowed(run: Run, option: ResolveOption) -> bool:
    return run.state in _ALLOWED_FROM[option] and run.take_state is not TakeState.DONE


def _hint(record: TakeRecord, run: Run, option: ResolveOption) -> str:
    """Where the user may have meant to go."""
    if run.take_state in _MAY_RETRY and not run.is_superseded:
        return f" `hailuo-batch retry MANIFEST {run.take_id}` grants the take one more attempt."
    others = [other for other in record.runs if other.key != run.key and _is_allowed(other, option)]
    if not others:
        return ""
    other = others[-1]
    return f" Attempt {other.attempt} {_state_phrase(other.take_state)}: --attempt {other.attempt} settles that one."


def _state_phrase(state: TakeState) -> str:
    """The verb of a sentence about a take or an attempt, or its end."""
    return "has failed" if state is TakeState.FAILED else f"is {state.replace('_', ' ')}"
