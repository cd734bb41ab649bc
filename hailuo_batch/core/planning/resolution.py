"""What `resolve` and `retry` record: the end of a run that is in doubt, lost or stuck, and one more attempt at a take.

Pure: it returns the changes and events that carry out the user's decision, or raises UsageError with the reason against
it. The command has asked the API before whether it knows a run that the user names. Nothing here sends or pays: a new
attempt is only recorded, and the next apply asks for consent like any other.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.ledger_changes import AddAttempt, DropAttempt, LedgerChange, ReviveRun, SupersedeRun
from hailuo_batch.core.model.runs import Run, Snapshot, Supersession, TakeRecord
from hailuo_batch.core.model.states import RUNNING, RunState, TakeState
from hailuo_batch.core.planning.failures import is_refused_content
from hailuo_batch.core.planning.selection import TAG_PREFIX, chooses
from hailuo_batch.errors import UsageError


class ResolveOption(StrEnum):
    """What the user can do about a run that will not finish: the options of `resolve`."""

    NAME = "--run-id"
    RESUBMIT = "--resubmit"
    ABANDON = "--abandon"


@dataclass(frozen=True, slots=True)
class Resolution:
    """The records that resolve a run: changes of the ledger first, then events."""

    ledger_changes: tuple[LedgerChange, ...] = ()
    events: tuple[tuple[int, Event], ...] = ()


_STUCK = frozenset({RunState.IN_DOUBT, RunState.LOST, RunState.SUCCEEDED}) | RUNNING
_ALLOWED_FROM: Mapping[ResolveOption, frozenset[RunState]] = {
    ResolveOption.NAME: frozenset({RunState.IN_DOUBT, RunState.LOST, RunState.ABANDONED}),
    ResolveOption.RESUBMIT: _STUCK | {RunState.ABANDONED},
    ResolveOption.ABANDON: _STUCK,
}
_MAY_RETRY = frozenset({TakeState.FAILED, TakeState.REJECTED})


Chosen = tuple[TakeRecord, Run]
"""An attempt that a decision is about, and its take."""


def is_pattern(word: str) -> bool:
    """Whether a word of the command line is a pattern, and not the ID of one take."""
    return word.startswith(TAG_PREFIX) or any(sign in word for sign in "*?[")


def choose_runs(snapshot: Snapshot, words: Sequence[str], option: ResolveOption) -> tuple[Chosen, ...]:
    """The attempts that these words choose for the option, each once; without words all that need a decision.

    A take that is named alone is taken at the user's word, whatever its state, as long as the option fits. A pattern
    chooses only what needs a decision: a run that an apply still collects, or that the user has abandoned, is not given
    up or paid for again because of a `*`. Raises UsageError for a word that chooses nothing, and for an option that
    does not fit.
    """
    undecided = tuple(pair for pair in _undecided(snapshot) if _fits(*pair, option))
    if not words:
        return undecided
    chosen: dict[int, Chosen] = {}
    for word in words:
        for record, run in _chosen_by(word, undecided, snapshot, option):
            if len({*words}) > 1:
                _check_not_collected(run)
            chosen[run.key] = (record, run)
    return tuple(chosen.values())


def is_collected(run: Run) -> bool:
    """Whether the next apply asks for this paid run, or downloads its video: it is resolved alone, by its name."""
    return run.state in RUNNING or (run.state is RunState.SUCCEEDED and bool(run.outputs))


def find_run(snapshot: Snapshot, take_id: str, attempt: int | None) -> tuple[TakeRecord, Run]:
    """Find the attempt with this number, or the live one where no number is given. Raises UsageError without one."""
    record = next((record for record in snapshot.takes if record.take.id == take_id), None)
    if record is None or not record.runs:
        raise UsageError(
            f"{take_id}: the ledger has no run of this take. Nothing was sent, nothing was changed. "
            "`hailuo-batch status MANIFEST --all` lists the takes."
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
    """Raise UsageError where this option does not fit the state of the run."""
    subject = f"{run.take_id}: attempt {run.attempt}"
    if not _is_allowed(run, option):
        why = "there is nothing to resolve"
        if option is ResolveOption.NAME:
            why = "--run-id is for an attempt that is in doubt, lost or abandoned"
        raise UsageError(
            f"{subject} {_state_phrase(run.take_state)}; {why}. Nothing was sent, nothing was changed."
            f"{_hint(record, run, option)}"
        )
    if not _fits(record, run, option):
        raise UsageError(
            f"{subject} is not what the manifest asks for, so it is not sent again. Nothing was sent, nothing was "
            "changed. Use --abandon to give it up."
        )


def name_run(record: TakeRecord, run: Run, run_id: str, cost_micro_usd: int | None, api_key: int) -> Resolution:
    """Record that this create made the run with that ID, which the API knows by the key of this number.

    A resubmission that has not been sent yet is dropped and the run is live again: nothing more is paid for.
    """
    named: tuple[Event, ...] = (ev.RunNamed(run_id, cost_micro_usd),)
    if run.api_key != api_key:
        named += (ev.RunTakenOver(api_key),)
    events = tuple((run.key, event) for event in named)
    live = record.live if run.superseded_by is Supersession.RESUBMIT else None
    if live is None or live.state is not RunState.UNSENT or live.fingerprint != run.fingerprint:
        return Resolution(events=events)
    return Resolution((DropAttempt(live.key), ReviveRun(run.key, run.take_id)), events)


def resubmit_run(run: Run) -> Resolution:
    """Have the next apply send the request again. The run keeps what it cost, or may have cost."""
    return Resolution((SupersedeRun(run.key, Supersession.RESUBMIT), AddAttempt(run.take_id)))


def abandon_run(run: Run) -> Resolution:
    """Give up the run. What it cost, or may have cost, still counts."""
    return Resolution(events=((run.key, ev.RunAbandoned("given up by the user")),))


def owner_of(runs: Iterable[Run], run_id: str, unless: Run) -> str | None:
    """The take of another run than `unless` that has this run ID, None where there is none."""
    return next((run.take_id for run in runs if run.run_id == run_id and run.key != unless.key), None)


def retry_takes(snapshot: Snapshot, words: Iterable[str]) -> tuple[LedgerChange, ...]:
    """Allow the takes that these words choose one more attempt each; without words every failed or rejected one.

    A pattern chooses among the failed and rejected ones. Raises UsageError for a pattern that chooses none, and if a
    take that is named is neither; then no take gets another attempt.
    """
    records = {record.take.id: record for record in snapshot.takes if record.in_manifest}
    failed = tuple(record for record in records.values() if record.state in _MAY_RETRY)
    chosen: list[str] = []
    for word in dict.fromkeys(words):
        if is_pattern(word):
            chosen += _matching(word, failed, records.values(), "failed or rejected", "Nothing was changed.")
        else:
            chosen.append(word)
    changes: list[LedgerChange] = []
    for id_ in dict.fromkeys(chosen or (record.take.id for record in failed)):
        live = _retriable(id_, records.get(id_))
        changes += [SupersedeRun(live.key, Supersession.RETRY), AddAttempt(id_)]
    return tuple(changes)


def takes_to_retry(snapshot: Snapshot) -> tuple[str, ...]:
    """The takes that `retry` is for."""
    return tuple(record.take.id for record in snapshot.takes if record.in_manifest and record.state in _MAY_RETRY)


def takes_to_resolve(snapshot: Snapshot) -> tuple[str, ...]:
    """The takes that need a decision, each once."""
    return tuple(dict.fromkeys(record.take.id for record, _ in _undecided(snapshot)))


def refused_content(snapshot: Snapshot, changes: Iterable[LedgerChange]) -> tuple[str, ...]:
    """The takes that these changes try again although their runs failed because of their content."""
    tried = {change.key for change in changes if isinstance(change, SupersedeRun)}
    return tuple(run.take_id for run in snapshot.runs if run.key in tried and is_refused_content(run))


def _undecided(snapshot: Snapshot) -> Iterable[Chosen]:
    return ((record, run) for record in snapshot.takes for run in record.runs if _needs_decision(record, run))


def _needs_decision(record: TakeRecord, run: Run) -> bool:
    """Whether nothing more can come of this attempt without the user: it is in doubt, lost, or made no file.

    How long ago a run was requested does not tell: it may have finished long ago, and nobody has asked since. That is
    so with every run of an apply that was stopped, and with a request in doubt that the user has just named a run for.
    """
    if run.state is RunState.IN_DOUBT:
        return True
    if not record.in_manifest or run.is_superseded:
        return False
    # rule stuck_not_running
    return run.state is RunState.LOST or (run.state is RunState.SUCCEEDED and not run.outputs)


def _check_not_collected(run: Run) -> None:
    """Raise UsageError for a paid run whose video may just have to be collected: a list is pasted more easily than
    read, and one of its requests in doubt may have been found meanwhile."""
    # rule collected_named_alone
    if is_collected(run):
        raise UsageError(
            f"{run.take_id}: attempt {run.attempt} {_state_phrase(run.take_state)} and paid for; the next apply "
            "collects it. Leave it out, or name it alone if you do give it up. Nothing was sent, nothing was changed."
        )


def _chosen_by(word: str, undecided: Sequence[Chosen], snapshot: Snapshot, option: ResolveOption) -> Iterable[Chosen]:
    if not is_pattern(word):
        record, run = find_run(snapshot, word, None)
        check_option(record, run, option)
        return ((record, run),)
    records = {record.take.id: record for record, _ in undecided}
    what = f"in doubt, lost or stuck in a way that {option} is for"
    unchanged = "What is running, to be downloaded or abandoned has to be named. Nothing was sent, nothing was changed."
    ids = _matching(word, records.values(), snapshot.takes, what, unchanged)
    return (pair for pair in undecided if pair[0].take.id in ids)


def _matching(
    pattern: str, fitting: Iterable[TakeRecord], known: Iterable[TakeRecord], what: str, unchanged: str
) -> tuple[str, ...]:
    """The IDs of the fitting takes that the pattern chooses. Raises UsageError where there are none, with the reason:
    `what` the others are not, and what is `unchanged`."""
    ids = tuple(record.take.id for record in fitting if chooses((pattern,), record.take))
    if ids:
        return ids
    others = Counter(record.state for record in known if chooses((pattern,), record.take))
    if not others:
        raise UsageError(
            f"{pattern!r} matches no take of the ledger. {unchanged} `hailuo-batch status MANIFEST --all` "
            "lists the takes."
        )
    states = ", ".join(f"{number:,} {state.replace('_', ' ')}" for state, number in others.items())
    raise UsageError(f"{pattern!r} matches no take that is {what} ({states}). {unchanged}")


def _retriable(take_id: str, record: TakeRecord | None) -> Run:
    """The failed or rejected run of a take. Raises UsageError where there is none."""
    live = record.live if record is not None else None
    if record is None or live is None:
        raise UsageError(
            f"{take_id}: the ledger has no such take of this manifest. Nothing was changed. `hailuo-batch status "
            "MANIFEST --all` lists the takes."
        )
    if record.state not in _MAY_RETRY:
        resolvable = {TakeState.IN_DOUBT, TakeState.LOST, TakeState.ABANDONED}
        hint = " `hailuo-batch status MANIFEST` shows how to resolve it." if record.state in resolvable else ""
        if record.state is TakeState.DONE:
            # with --only: without it, the apply would also pay for every other take that is missing
            another = f"`hailuo-batch apply MANIFEST --only {take_id} --replace {take_id}`"
            hint = f" For another video of it: {another}, which pays again."
        raise UsageError(
            f"{take_id} {_state_phrase(record.state)}; only a failed or rejected take can be retried. Nothing was "
            f"changed.{hint}"
        )
    return live


def _fits(record: TakeRecord, run: Run, option: ResolveOption) -> bool:
    # an attempt that the manifest does not ask for would be paid for in vain
    is_wanted = record.in_manifest and not run.is_superseded
    return _is_allowed(run, option) and (is_wanted or option is not ResolveOption.RESUBMIT)


def _is_allowed(run: Run, option: ResolveOption) -> bool:
    return run.state in _ALLOWED_FROM[option] and run.take_state is not TakeState.DONE


def _hint(record: TakeRecord, run: Run, option: ResolveOption) -> str:
    """What the user may have meant instead."""
    if run.take_state in _MAY_RETRY and not run.is_superseded:
        return f" `hailuo-batch retry MANIFEST {run.take_id}` allows one more attempt."
    others = [other for other in record.runs if other.key != run.key and _is_allowed(other, option)]
    if not others:
        return ""
    other = others[-1]
    return f" Attempt {other.attempt} {_state_phrase(other.take_state)}: use --attempt {other.attempt} for that one."


def _state_phrase(state: TakeState) -> str:
    """The predicate of a sentence about a take or an attempt: `has failed`, `is in doubt`."""
    return "has failed" if state is TakeState.FAILED else f"is {state.replace('_', ' ')}"
