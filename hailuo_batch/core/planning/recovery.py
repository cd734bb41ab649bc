"""What a receipt says, and what the ledger must take over from the receipts.

Pure. The receipts are the truth about payments: a run ID that is known there is a run, and a create there without
an answer is in doubt, whatever the ledger was left with by a crash or an older backup.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import CreateOutcome, Event
from hailuo_batch.core.model.runs import Run, Snapshot, Supersession
from hailuo_batch.core.model.states import MAYBE_PAID, TRANSITIONS, RunState
from hailuo_batch.values import MAX_COST_MICRO_USD, MAX_EPOCH_S, canonical_json, compute_fingerprint

_MOST_ATTEMPTS = 2**31
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
ADOPTED_PREFIX = "adopted-"
"""What the ID of a create begins with that only a file beside the ledger told of: its own is not known."""
NO_ANSWER = "the program ended before an answer was recorded"


@dataclass(frozen=True, slots=True)
class CreateIntent:
    """A create that was about to be sent: of which attempt at which take, and all that was asked.

    `made_of` is the fingerprint where the input is not known whole, else None.
    """

    create_id: str
    at: float
    take_id: str
    attempt: int
    model: str
    input_json: str
    images_sha256: str | None
    known_fingerprint: str | None = None

    @classmethod
    def parse(cls, data: Mapping[str, Any], previous_at: float = 0.0) -> "CreateIntent":
        """From a line's data. Raises ValueError, TypeError or KeyError where it is not one.

        `before` is the time of the line before it. Time and number of the attempt are there for people: a payment is
        not forgotten for want of one that can be read.
        """
        images = data["images_sha256"]
        is_digest = isinstance(images, str) and _SHA256.fullmatch(images) is not None
        return cls(
            create_id=_text(data["create"]),
            at=parse_at(data["at"], previous_at),
            take_id=_text(data["take"]),
            attempt=_attempt(data["attempt"]),
            model=_text(data["model"]),
            input_json=_text(canonical_json(data["input"])),
            images_sha256=images if is_digest else None,  # what is not known makes no difference, and pays for nothing
            known_fingerprint=_text(data["fingerprint"]) if "fingerprint" in data else None,
        )

    @property
    def fingerprint(self) -> str:
        """What the money buys."""
        return self.known_fingerprint or compute_fingerprint(self.model, self.input_json)


@dataclass(frozen=True, slots=True)
class CreateResult:
    """What came of a create."""

    create_id: str
    at: float
    outcome: CreateOutcome

    @classmethod
    def parse(cls, data: Mapping[str, Any], previous_at: float = 0.0) -> "CreateResult | None":
        """From a line's data; None for an outcome that is not known. Raises as `Intent.parse`."""
        outcome = parse_result(data)
        return None if outcome is None else cls(_text(data["create"]), parse_at(data["at"], previous_at), outcome)


Receipt = CreateIntent | CreateResult


def parse_at(value: object, previous_at: float) -> float:
    """The time of a line, in seconds since the epoch; that of the line before it where it cannot be read."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MAX_EPOCH_S:
        return previous_at
    return float(value)


def _attempt(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MOST_ATTEMPTS:
        return 1
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is a string")
    value.encode("utf-8")  # half a character of a surrogate pair cannot be recorded
    return value


def _cost(value: object) -> tuple[int | None, str]:
    """A cost, or None with the reason why it is unknown."""
    if value is None:
        return None, ""
    if not isinstance(value, int) or isinstance(value, bool):
        return None, "the cost in its receipt is no integer"
    if not 0 <= value <= MAX_COST_MICRO_USD:
        return None, "the cost in its receipt is none that a run can have"
    return value, ""


def parse_result(data: Mapping[str, Any]) -> CreateOutcome | None:
    """The outcome that a line names, None where it names none that is known."""
    match data["result"]:
        case "RunCreated":
            return ev.RunCreated(_text(data["run_id"]), *_cost(data.get("cost_micro_usd")))
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
class MissedEvent:
    """An event that a run of the ledger has missed."""

    key: int
    event: Event
    at: float


@dataclass(frozen=True, slots=True)
class MissingAttempt:
    """A create that the ledger knows nothing of, and what came of it: it must be put back as a run of its take.

    `outdated` says that the run which speaks for the take in the ledger was made later. `later` is what happened to the
    run after its create, at `ended_at`.
    """

    intent: CreateIntent
    outcome: CreateOutcome
    at: float
    is_outdated: bool = False
    later_events: tuple[Event, ...] = ()
    ended_at: float = 0.0


def recover(
    snapshot: Snapshot, receipts: Iterable[Receipt], now: float
) -> tuple[tuple[MissedEvent, ...], tuple[MissingAttempt, ...]]:
    """What the ledger must take over, at the start of every apply. `now` is seconds since the epoch, UTC."""
    intents: dict[str, CreateIntent] = {}
    results: dict[str, CreateResult] = {}
    for receipt in receipts:
        if isinstance(receipt, CreateIntent):
            intents[receipt.create_id] = receipt
        elif isinstance(receipt.outcome, ev.RunCreated) or receipt.create_id not in results:
            results[receipt.create_id] = receipt
    runs = {run.create_id: run for run in snapshot.paid_runs if run.create_id is not None}
    named = {run.run_id for run in snapshot.paid_runs if run.run_id is not None}
    missed = (_missed_event(run, results.get(create_id), named, now) for create_id, run in runs.items())
    adopted = {run.run_id for create_id, run in runs.items() if create_id.startswith(ADOPTED_PREFIX)}
    unknown = (
        intent
        for create_id, intent in intents.items()
        if create_id not in runs and _run_id_of(results.get(create_id)) not in adopted
    )
    missing = (_missing_attempt(intent, results.get(intent.create_id), named) for intent in unknown)
    speakers = {record.take.id: record.live for record in snapshot.takes}
    order = {create_id: number for number, create_id in enumerate(intents)}
    dated = (
        replace(item, is_outdated=_is_outdated(item.intent, speakers.get(item.intent.take_id), order))
        for item in filter(None, missing)
    )
    return tuple(filter(None, missed)), tuple(dated)


def _is_outdated(intent: CreateIntent, live: Run | None, order: Mapping[str, int]) -> bool:
    """Whether the live run was made later. The order of the receipts tells, for the time of day may have jumped; where
    they do not have the live run, one that is paid for, or may be, keeps its place."""
    if live is None or live.state is RunState.UNSENT:
        return False
    made = order.get(live.create_id or "")
    if made is not None:
        return made > order[intent.create_id]
    return live.state in MAYBE_PAID


def runs_without_receipt(snapshot: Snapshot, receipts: Iterable[Receipt]) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """Runs that the API named and the receipts do not name: those whose create is missing too, then all of them.

    It comes about where the receipts could not be written when the answer came.
    """
    creates: set[str] = set()
    named: set[str] = set()
    for receipt in receipts:
        creates.add(receipt.create_id)
        if isinstance(receipt, CreateResult) and isinstance(receipt.outcome, ev.RunCreated):
            named.add(receipt.create_id)
    missing = [run for run in snapshot.paid_runs if run.run_id and run.create_id and run.create_id not in named]
    return tuple(run for run in missing if run.create_id not in creates), tuple(missing)


def supersession_by_restored(before: Run, intent: CreateIntent) -> Supersession:
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


def _missed_event(run: Run, result: CreateResult | None, named: set[str], now: float) -> MissedEvent | None:
    if run.state in {RunState.LOST, RunState.ABANDONED}:
        return _renamed_event(run, result, named)
    if run.state not in {RunState.SUBMITTING, RunState.IN_DOUBT}:
        return None
    outcome, at = _outcome_of(result), result.at if result is not None else now
    if outcome is None:
        outcome = ev.CreateUnanswered(NO_ANSWER)
    outcome = _unless_taken(outcome, named)
    return MissedEvent(run.key, outcome, at) if (run.state, type(outcome)) in TRANSITIONS else None


def _renamed_event(run: Run, result: CreateResult | None, named: set[str]) -> MissedEvent | None:
    """The user named another run after the ledger was backed up: what the receipts name is a run."""
    if result is None or not isinstance(result.outcome, ev.RunCreated) or result.outcome.run_id in named:
        return None
    named.add(result.outcome.run_id)
    return MissedEvent(run.key, ev.RunNamed(result.outcome.run_id, result.outcome.cost_micro_usd), result.at)


def _missing_attempt(intent: CreateIntent, result: CreateResult | None, named: set[str]) -> MissingAttempt | None:
    outcome = _outcome_of(result) or ev.CreateUnanswered(NO_ANSWER)
    at = result.at if result is not None else intent.at
    if not isinstance(outcome, ev.RunCreated | ev.CreateUnanswered):
        return None
    return MissingAttempt(intent, _unless_taken(outcome, named), at)


def _unless_taken(outcome: CreateOutcome, named: set[str]) -> CreateOutcome:
    """One run serves one create: an ID that is taken leaves the other in doubt. Takes the ID."""
    if not isinstance(outcome, ev.RunCreated):
        return outcome
    if outcome.run_id in named:
        return ev.CreateUnanswered(f"the API answered with the ID of another run, {outcome.run_id}")
    named.add(outcome.run_id)
    return outcome


def _run_id_of(result: CreateResult | None) -> str:
    return result.outcome.run_id if result is not None and isinstance(result.outcome, ev.RunCreated) else ""


def _outcome_of(result: CreateResult | None) -> CreateOutcome | None:
    return None if result is None else result.outcome
