"""What a receipt says, and what the ledger must take over from the receipts.

Pure. The receipts are the truth about payments: a run ID that is known there is a run, and a create there without
an answer is in doubt, whatever the ledger was left with by a crash or an older backup.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hailuo_batch.core import events as ev
from hailuo_batch.core.events import CreateOutcome, Event
from hailuo_batch.core.lifecycle import TRANSITIONS, RunState
from hailuo_batch.core.records import Run, Snapshot, Supersession
from hailuo_batch.values import canonical_json, fingerprint

_YEAR_3000 = 32_503_680_000
NO_ANSWER = "the program ended before an answer was recorded"


@dataclass(frozen=True, slots=True)
class Intent:
    """A create that was about to be sent: of which attempt at which take, and all that was asked."""

    create_id: str
    at: float
    take_id: str
    attempt: int
    model: str
    input_json: str
    images_sha256: str | None

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "Intent":
        """From a line's data. Raises ValueError, TypeError or KeyError where it is not one."""
        images = data["images_sha256"]
        return cls(
            create_id=_text(data["create"]),
            at=parse_at(data["at"]),
            take_id=_text(data["take"]),
            attempt=int(data["attempt"]),
            model=_text(data["model"]),
            input_json=_text(canonical_json(data["input"])),
            images_sha256=None if images is None else _text(images),
        )

    @property
    def fingerprint(self) -> str:
        """What the money buys."""
        return fingerprint(self.model, self.input_json)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a create."""

    create_id: str
    at: float
    outcome: CreateOutcome


Receipt = Intent | Result


def parse_at(value: object) -> float:
    """A time, in seconds since the epoch. Raises ValueError or TypeError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a time is a number")
    if not 0 <= value < _YEAR_3000:
        raise ValueError("a time lies between 1970 and 3000")
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is a string")
    value.encode("utf-8")  # half a character of a surrogate pair cannot be recorded
    return value


def parse_result(data: Mapping[str, Any]) -> CreateOutcome | None:
    """The outcome that a line names, None where it names none that is known."""
    match data["result"]:
        case "RunCreated":
            cost = data["cost_micro_usd"]
            known = isinstance(cost, int) and not isinstance(cost, bool)
            return ev.RunCreated(_text(data["run_id"]), cost if known else None)
        case "CreateNotSent":
            return ev.CreateNotSent(_text(data["reason"]))
        case "CreateRefused":
            return ev.CreateRefused(ev.Refusal(data["refusal"]), _text(data["code"]), _text(data["message"]))
        case "InputRejected":
            return ev.InputRejected(_text(data["code"]), _text(data["message"]))
        case "CreateUnanswered":
            return ev.CreateUnanswered(_text(data["reason"]))
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Recovered:
    """An event that a run of the ledger has missed."""

    key: int
    event: Event
    at: float


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A create that the ledger knows nothing of, and what came of it: it must be put back as a run of its take."""

    intent: Intent
    outcome: CreateOutcome
    at: float


def recover(
    snapshot: Snapshot, receipts: Iterable[Receipt], now: float
) -> tuple[tuple[Recovered, ...], tuple[Forgotten, ...]]:
    """What the ledger must take over, at the start of every apply. `now` is seconds since the epoch, UTC."""
    intents: dict[str, Intent] = {}
    results: dict[str, Result] = {}
    for receipt in receipts:
        if isinstance(receipt, Intent):
            intents[receipt.create_id] = receipt
        elif isinstance(receipt.outcome, ev.RunCreated) or receipt.create_id not in results:
            results[receipt.create_id] = receipt
    runs = {run.create_id: run for run in snapshot.paid_runs if run.create_id is not None}
    named = {run.run_id for run in snapshot.paid_runs if run.run_id is not None}
    missed = (_missed(run, results.get(create_id), named, now) for create_id, run in runs.items())
    unknown = (intent for create_id, intent in intents.items() if create_id not in runs)
    forgotten = (_forgotten(intent, results.get(intent.create_id), named) for intent in unknown)
    return tuple(filter(None, missed)), tuple(filter(None, forgotten))


def superseded_by_put_back(before: Run, intent: Intent) -> Supersession:
    """Why a run gives way to one that is put back after it."""
    if before.fingerprint != intent.fingerprint:
        return Supersession.EDIT
    match before.state:
        case RunState.FAILED | RunState.REJECTED:
            return Supersession.RETRY
        case RunState.SUCCEEDED:
            return Supersession.REPLACE
        case _:
            return Supersession.RESUBMIT


def _missed(run: Run, result: Result | None, named: set[str], now: float) -> Recovered | None:
    if run.state not in {RunState.SUBMITTING, RunState.IN_DOUBT}:
        return None
    outcome, at = _outcome_of(result), result.at if result is not None else now
    if outcome is None:
        outcome = ev.CreateUnanswered(NO_ANSWER)
    outcome = _unless_taken(outcome, named)
    return Recovered(run.key, outcome, at) if (run.state, type(outcome)) in TRANSITIONS else None


def _forgotten(intent: Intent, result: Result | None, named: set[str]) -> Forgotten | None:
    outcome = _outcome_of(result) or ev.CreateUnanswered(NO_ANSWER)
    at = result.at if result is not None else intent.at
    if not isinstance(outcome, ev.RunCreated | ev.CreateUnanswered):
        return None
    return Forgotten(intent, _unless_taken(outcome, named), at)


def _unless_taken(outcome: CreateOutcome, named: set[str]) -> CreateOutcome:
    """One run serves one create: an ID that is taken leaves the other in doubt. Takes the ID."""
    if not isinstance(outcome, ev.RunCreated):
        return outcome
    if outcome.run_id in named:
        return ev.CreateUnanswered(f"the API answered with the ID of another run, {outcome.run_id}")
    named.add(outcome.run_id)
    return outcome


def _outcome_of(result: Result | None) -> CreateOutcome | None:
    return None if result is None else result.outcome
