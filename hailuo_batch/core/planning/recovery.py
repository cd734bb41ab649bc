"""What a receipt says, and what the ledger must take over from the receipts.

Pure. The receipts are the truth about payments: a run ID that stands there is a run, and a create there without an
answer is in doubt, whatever a crash or an older backup has left in the ledger.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import CreateOutcome, Event
from hailuo_batch.core.model.runs import NO_ANSWER, Run, Snapshot, Supersession, doubt_for_taken_id
from hailuo_batch.core.model.states import MAYBE_PAID, TRANSITIONS, RunState
from hailuo_batch.values import MAX_COST_MICRO_USD, MAX_EPOCH_S, SHA256, canonical_json, compute_fingerprint

_MAX_ATTEMPTS = 2**31
ADOPTED_PREFIX = "adopted-"
"""The beginning of the create ID of a run that only a file beside the ledger names: its real one is unknown."""


@dataclass(frozen=True, slots=True)
class CreateIntent:
    """A create that was about to be sent: for which attempt at which take, and the whole request.

    `known_fingerprint` is the fingerprint where only a part of the input is known, else None.
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
        """Parse a line's data. Raises ValueError, TypeError or KeyError where it is no intent.

        Only what identifies the payment must be readable. An unreadable time becomes `previous_at`, that of the line
        before, and an unreadable attempt number becomes 1: no payment is forgotten because of a detail.
        """
        images = data["images_sha256"]
        is_digest = isinstance(images, str) and SHA256.fullmatch(images) is not None
        return cls(
            create_id=_text(data["create"]),
            at=parse_at(data["at"], previous_at),
            take_id=_text(data["take"]),
            attempt=_attempt(data["attempt"]),
            model=_text(data["model"]),
            input_json=_text(canonical_json(data["input"])),
            images_sha256=images if is_digest else None,  # an unknown hash matches every image, so it pays for nothing
            known_fingerprint=_text(data["fingerprint"]) if "fingerprint" in data else None,
        )

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the request that was sent."""
        return self.known_fingerprint or compute_fingerprint(self.model, self.input_json)


@dataclass(frozen=True, slots=True)
class CreateResult:
    """The result of a create."""

    create_id: str
    at: float
    outcome: CreateOutcome

    @classmethod
    def parse(cls, data: Mapping[str, Any], previous_at: float = 0.0) -> "CreateResult | None":
        """Parse a line's data; None for an unknown kind of result. Raises as `CreateIntent.parse` does."""
        outcome = parse_result(data)
        return None if outcome is None else cls(_text(data["create"]), parse_at(data["at"], previous_at), outcome)


Receipt = CreateIntent | CreateResult


def parse_at(value: object, previous_at: float) -> float:
    """The time of a line, in seconds since the epoch; that of the line before it where it cannot be read."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MAX_EPOCH_S:
        return previous_at
    return float(value)


def _attempt(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MAX_ATTEMPTS:
        return 1
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is a string")
    value.encode("utf-8")  # half of a surrogate pair cannot be recorded
    return value


def _cost(value: object) -> tuple[int | None, str]:
    """A cost, or None with the reason why it is unknown."""
    if value is None:
        return None, ""
    if not isinstance(value, int) or isinstance(value, bool):
        return None, "the cost in its receipt is not an integer"
    if not 0 <= value <= MAX_COST_MICRO_USD:
        return None, "the cost in its receipt is impossible"
    return value, ""


def parse_result(data: Mapping[str, Any]) -> CreateOutcome | None:
    """The outcome that a line names, None for an unknown kind."""
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
    """An event that the ledger lacks for one of its runs."""

    key: int
    event: Event
    at: float


@dataclass(frozen=True, slots=True)
class MissingAttempt:
    """A create that the ledger lacks, and its result: it must be restored as a run of its take.

    `is_outdated` means that the take's live run in the ledger was made later. `later_events` happened to the run after
    its create, at `ended_at`.
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
    """What the ledger must take over from the receipts before anything is sent. `now` is seconds since the epoch, UTC.

    Without it, a create whose answer was lost in a crash would be sent and paid for a second time.
    """
    intents: dict[str, CreateIntent] = {}
    results: dict[str, CreateResult] = {}
    for receipt in receipts:
        if isinstance(receipt, CreateIntent):
            intents[receipt.create_id] = receipt
        elif isinstance(receipt.outcome, ev.RunCreated) or receipt.create_id not in results:
            # a run ID is proof of payment, and no other line about the same create overrules it
            results[receipt.create_id] = receipt
    runs = {run.create_id: run for run in snapshot.paid_runs if run.create_id is not None}
    taken = {run.run_id for run in snapshot.paid_runs if run.run_id is not None}
    missed = [_missed_event(run, results.get(create_id), taken, now) for create_id, run in runs.items()]
    adopted = {run.run_id for create_id, run in runs.items() if create_id.startswith(ADOPTED_PREFIX)}
    live_runs = {record.take.id: record.live for record in snapshot.takes}
    order = {create_id: number for number, create_id in enumerate(intents)}
    missing = []
    for create_id, intent in intents.items():
        result = results.get(create_id)
        outcome = ev.CreateUnanswered(NO_ANSWER) if result is None else result.outcome
        if create_id in runs or not isinstance(outcome, ev.RunCreated | ev.CreateUnanswered):
            continue  # known, or provably nothing was made
        if isinstance(outcome, ev.RunCreated) and outcome.run_id in adopted:
            continue  # known under another create ID
        is_outdated = _is_outdated(intent, live_runs.get(intent.take_id), order)
        at = intent.at if result is None else result.at
        missing.append(MissingAttempt(intent, _unless_taken(outcome, taken), at, is_outdated))
    return tuple(filter(None, missed)), tuple(missing)


def _is_outdated(intent: CreateIntent, live: Run | None, order: Mapping[str, int]) -> bool:
    """Whether the take's live run was made later than this create.

    The order of the receipts decides, because the time of day may have jumped. Where the receipts lack the live run, it
    stays live if it is paid for, or may be.
    """
    if live is None or live.state is RunState.UNSENT:
        return False
    made = order.get(live.create_id or "")
    return live.state in MAYBE_PAID if made is None else made > order[intent.create_id]


def runs_without_receipt(snapshot: Snapshot, receipts: Iterable[Receipt]) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """Runs with a run ID that the receipts lack: first those whose intent is missing too, then all of them.

    They exist where the receipts could not be written when the answer came.
    """
    creates: set[str] = set()
    answered: set[str] = set()
    for receipt in receipts:
        creates.add(receipt.create_id)
        if isinstance(receipt, CreateResult) and isinstance(receipt.outcome, ev.RunCreated):
            answered.add(receipt.create_id)
    missing = [run for run in snapshot.paid_runs if run.run_id and run.create_id and run.create_id not in answered]
    return tuple(run for run in missing if run.create_id not in creates), tuple(missing)


def supersession_by_restored(before: Run, intent: CreateIntent) -> Supersession:
    """Why the live run of a take is superseded by one that is restored and was made after it."""
    if before.fingerprint != intent.fingerprint:
        return Supersession.EDIT
    match before.state:
        case RunState.FAILED | RunState.REJECTED:
            return Supersession.RETRY
        case RunState.SUCCEEDED:
            return Supersession.REPLACE
        case _:
            return Supersession.RESUBMIT


def _missed_event(run: Run, result: CreateResult | None, taken: set[str], now: float) -> MissedEvent | None:
    outcome = None if result is None else result.outcome
    at = now if result is None else result.at
    if run.state in {RunState.LOST, RunState.ABANDONED}:
        # the user named another run after the backup was made: what the receipts name was paid for
        if not isinstance(outcome, ev.RunCreated) or outcome.run_id in taken:
            return None
        taken.add(outcome.run_id)
        return MissedEvent(run.key, ev.RunNamed(outcome.run_id, outcome.cost_micro_usd), at)
    if run.state not in {RunState.SUBMITTING, RunState.IN_DOUBT}:
        return None
    event = _unless_taken(outcome or ev.CreateUnanswered(NO_ANSWER), taken)
    return MissedEvent(run.key, event, at) if (run.state, type(event)) in TRANSITIONS else None


def _unless_taken(outcome: CreateOutcome, taken: set[str]) -> CreateOutcome:
    """The outcome, with its run ID added to those taken. An ID that is taken leaves this create in doubt."""
    if not isinstance(outcome, ev.RunCreated):
        return outcome
    if outcome.run_id in taken:
        return doubt_for_taken_id(outcome.run_id)
    taken.add(outcome.run_id)
    return outcome
