"""What an exchange with Runbase means, decided from what is known of it and nothing else. Pure.

`create_outcome` is the one place that decides whether a create may be repeated; a mistake there pays twice. Outside
facts are those of Runbase's documented errors. Every text has passed through `fields`, which makes it printable.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hailuo_batch.core.events import (
    CreateNotSent,
    CreateOutcome,
    CreateRefused,
    CreateUnanswered,
    InputRejected,
    ReadNotSent,
    ReadOutcome,
    ReadRefused,
    ReadUnanswered,
    Refusal,
    RunCreated,
    RunFailed,
    RunMissing,
    RunQueued,
    RunStarted,
    RunSucceeded,
    StatusUnknown,
)
from hailuo_batch.shell.client import fields
from hailuo_batch.shell.wire.text import printable


@dataclass(frozen=True, slots=True)
class NotSent:
    """The connection provably never stood: no byte of the request left."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The request may have arrived; no answer came."""

    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer came.

    `data` is the JSON object in its body, None where there is none. `flaw` says why the body is not whole, else it is
    empty. `retry_after` and `date` are those headers.
    """

    status: int
    data: Mapping[str, Any] | None
    flaw: str = ""
    retry_after: str | None = None
    date: str | None = None


Exchange = NotSent | Unanswered | Answer

_BY_CODE: dict[tuple[int, str], Refusal] = {
    (400, "invalid_json"): Refusal.PROTOCOL,
    (400, "missing_model"): Refusal.PROTOCOL,
    (400, "missing_input"): Refusal.PROTOCOL,
    (400, "model_not_found"): Refusal.MODEL,
    (403, "api_key_spend_limit_exceeded"): Refusal.KEY_SPEND,
    (429, "usage_exceeded"): Refusal.ACCOUNT,
}
_BY_STATUS: dict[int, Refusal] = {
    401: Refusal.ACCOUNT,
    402: Refusal.BALANCE,
    403: Refusal.ACCOUNT,
    404: Refusal.ADDRESS,
    429: Refusal.RATE,
}


def create_outcome(exchange: Exchange) -> CreateOutcome:
    """What is known of a create: not sent, answered, refused, or in doubt."""
    match exchange:
        case NotSent(reason):
            return CreateNotSent(reason)
        case Unanswered(reason):
            return CreateUnanswered(reason)
        case Answer():
            return _answered_create(exchange)


def _answered_create(answer: Answer) -> CreateOutcome:
    data = answer.data or {}
    run_id = _named_run(answer.status, data.get("id"))
    if run_id is not None:
        cost_micro_usd, cost_note = fields.parse_cost(data.get("costUsd"))
        return RunCreated(run_id, cost_micro_usd, cost_note)
    if answer.flaw:
        return CreateUnanswered(f"HTTP {answer.status}, but {answer.flaw}")
    code, message = _problem(answer)
    refusal = _refusal(answer.status, code)
    if refusal is not None:
        return CreateRefused(refusal, code, message, fields.parse_retry_after(answer.retry_after, answer.date))
    if answer.status == 400:
        return InputRejected(code, message)
    if 200 <= answer.status < 300:
        return CreateUnanswered(f"HTTP {answer.status}, but the answer names no readable run ID")
    return CreateUnanswered(_said(answer, message))


def _named_run(status: int, run_id: object) -> str | None:
    """The run that the answer names.

    A success may name it in any safe form. Any other answer counts only where it has the documented form of a run ID,
    since errors may carry the ID of the request; but then it does count: a run that is paid for must not be lost.
    """
    if not isinstance(run_id, str) or not fields.is_run_id(run_id):
        return None
    return run_id if 200 <= status < 300 or run_id.startswith("run_") else None


def _refusal(status: int, code: str) -> Refusal | None:
    """By the code where it is known, else by the status alone; None where nothing beyond the request was refused."""
    return _BY_CODE.get((status, code.casefold()), _BY_STATUS.get(status))


def _problem(answer: Answer) -> tuple[str, str]:
    code, message = fields.parse_problem(answer.data)
    return code, message or f"HTTP {answer.status} without a readable reason"


def _said(answer: Answer, message: str) -> str:
    return message if message.startswith("HTTP ") else f"HTTP {answer.status}: {message}"


def read_outcome(exchange: Exchange, run_id: str) -> ReadOutcome:
    """What the API said of the run when it was asked."""
    match exchange:
        case NotSent(reason):
            return ReadNotSent(reason)
        case Unanswered(reason):
            return ReadUnanswered(reason)
        case Answer():
            return _answered_read(exchange, run_id)


@dataclass(frozen=True, slots=True)
class RunLook:
    """A look at a run that a person named: where it stands, and its model and cost where the answer shows them."""

    outcome: ReadOutcome
    model: str | None = None
    cost_micro_usd: int | None = None


def look_outcome(exchange: Exchange, run_id: str) -> RunLook:
    """What the API said of a run that may not be ours."""
    outcome = read_outcome(exchange, run_id)
    if not isinstance(exchange, Answer) or isinstance(outcome, ReadUnanswered | ReadRefused | RunMissing):
        return RunLook(outcome)
    data = exchange.data or {}
    model = data.get("model")
    return RunLook(
        outcome, printable(model, 100) if isinstance(model, str) else None, fields.parse_cost(data.get("costUsd"))[0]
    )


def _answered_read(answer: Answer, run_id: str) -> ReadOutcome:
    if answer.flaw:
        return ReadUnanswered(f"HTTP {answer.status}, but {answer.flaw}")
    if 200 <= answer.status < 300:
        return _run(answer.data, run_id) if answer.data else ReadUnanswered("the answer is no JSON object")
    code, message = _problem(answer)
    if answer.status == 404:
        # A proxy or a wrong address also answers 404: only the API's own code speaks of the run.
        return RunMissing() if code.casefold() == "run_not_found" else ReadUnanswered(_said(answer, message))
    refusal = _refusal(answer.status, code)
    if refusal is None or answer.status == 400:
        return ReadUnanswered(_said(answer, message))
    return ReadRefused(refusal, code, message, fields.parse_retry_after(answer.retry_after, answer.date))


def _run(data: Mapping[str, Any], run_id: str) -> ReadOutcome:
    if data.get("id", run_id) != run_id:
        return ReadUnanswered("the answer is about another run")
    status = data.get("status")
    cost_micro_usd, _ = fields.parse_cost(data.get("costUsd"))
    times = fields.parse_time(data.get("createdAt")), fields.parse_time(data.get("completedAt"))
    match status:
        case "pending":
            return RunQueued()
        case "processing":
            return RunStarted()
        case "succeeded":
            return RunSucceeded(fields.parse_urls(data.get("output")), cost_micro_usd, *times)
        case "failed":
            return RunFailed(fields.parse_failure(data.get("error")), cost_micro_usd, *times)
        case str():
            return StatusUnknown(printable(status, 60))
        case _:
            return ReadUnanswered("the answer names no status")
