"""What an exchange with Runbase means, decided from what is known of it and nothing else. Pure.

`create_outcome` is the one place that decides whether a create may be repeated; a mistake there pays twice. Outside
facts are those of Runbase's documented errors. Every text has passed through `fields`, which makes it printable.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hailuo_batch.adapters.http.text import printable
from hailuo_batch.adapters.runbase import fields
from hailuo_batch.core.model.events import (
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
    Replier,
    RunCreated,
    RunFailed,
    RunMissing,
    RunQueued,
    RunStarted,
    RunSucceeded,
    StatusUnknown,
)
from hailuo_batch.core.model.obstacles import Obstacle


@dataclass(frozen=True, slots=True)
class NotSent:
    """The connection provably never stood: no byte of the request left. `setting` names the proxy, if there is one."""

    reason: str
    obstacle: Obstacle = Obstacle.PASSING
    setting: str = ""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The request may have arrived; no answer came."""

    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer came.

    `data` is the JSON object in its body, None where there is none; `content` then says in words what came instead.
    `flaw` says why the body is not whole, else it is empty. `retry_after` and `date` are those headers.
    """

    status: int
    data: Mapping[str, Any] | None
    flaw: str = ""
    retry_after: str | None = None
    date: str | None = None
    content: str = "no readable body"

    @property
    def is_success(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300


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
    if data and answer.is_success:
        return CreateUnanswered(f"HTTP {answer.status}, but the answer names no readable run ID")
    problem = fields.parse_problem(data)
    if problem is None:
        # A gateway may have passed the create on before it answered in its own words: whatever the status says, only
        # the API's own body proves that nothing was made. To believe a page here would be to pay twice.
        return CreateUnanswered(_reason(answer))
    refusal = _refusal(answer.status, problem.code)
    if refusal is not None:
        wait_s = fields.parse_retry_after(answer.retry_after, answer.date)
        return CreateRefused(refusal, problem.code, problem.message or f"HTTP {answer.status}", wait_s)
    if answer.status == 400:
        return InputRejected(problem.code, problem.message or f"HTTP {answer.status}")
    return CreateUnanswered(_reason(answer))


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


def _reason(answer: Answer) -> str:
    """What came in place of an answer that could be used, in words."""
    problem, status = fields.parse_problem(answer.data), f"HTTP {answer.status}"
    if problem is not None:
        return f"{status}: {problem.message or problem.code}"
    if answer.data is not None:
        said = fields.parse_foreign_words(answer.data)
        return f"{status}: {said}" if said else f"{status} with JSON that is not the API's"
    return f"{status} with {answer.content}: a proxy or firewall may have answered"


def _replier(answer: Answer) -> Replier:
    """Who gave an answer from which nothing of the run can be read."""
    is_own = fields.parse_problem(answer.data) is not None
    if answer.status >= 500:
        return Replier.NOBODY if is_own else Replier.GATEWAY
    return Replier.API if is_own else Replier.STRANGER


def read_outcome(exchange: Exchange, run_id: str) -> ReadOutcome:
    """What the API said of the run when it was asked."""
    match exchange:
        case NotSent(reason, obstacle, setting):
            return ReadNotSent(reason, obstacle, setting)
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
    problem = fields.parse_problem(answer.data)
    if answer.is_success and answer.data and "id" in answer.data:
        return _run(answer.data, run_id)
    if answer.is_success or problem is None:
        return ReadUnanswered(_reason(answer), _replier(answer))
    if answer.status == 404 and problem.code.casefold() == "run_not_found":
        return RunMissing()
    refusal = _refusal(answer.status, problem.code)
    if refusal is None or answer.status in {400, 404}:
        return ReadUnanswered(_reason(answer), _replier(answer))
    wait_s = fields.parse_retry_after(answer.retry_after, answer.date)
    return ReadRefused(refusal, problem.code, problem.message or f"HTTP {answer.status}", wait_s)


def _run(data: Mapping[str, Any], run_id: str) -> ReadOutcome:
    if data["id"] != run_id:
        return ReadUnanswered("the answer is about another run")
    status, error = data.get("status"), data.get("error")
    cost_micro_usd, _ = fields.parse_cost(data.get("costUsd"))
    times = fields.parse_time(data.get("createdAt")), fields.parse_time(data.get("completedAt"))
    said = "" if error is None else fields.parse_failure(error)
    match status:
        case "pending":
            return RunQueued()
        case "processing":
            return RunStarted()
        case "succeeded":
            urls = fields.parse_urls(data.get("output"))
            return RunSucceeded(urls, cost_micro_usd, *times, "" if urls else said)
        case "failed":
            return RunFailed(fields.parse_failure(error), cost_micro_usd, *times)
        case str():
            return StatusUnknown(printable(status, 60), said)
        case _:
            return ReadUnanswered("the answer names no status")
