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
    Responder,
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
class Response:
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


ExchangeResult = NotSent | Unanswered | Response

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


def create_outcome(exchange: ExchangeResult) -> CreateOutcome:
    """What is known of a create: not sent, answered, refused, or in doubt."""
    match exchange:
        case NotSent(reason):
            return CreateNotSent(reason)
        case Unanswered(reason):
            return CreateUnanswered(reason)
        case Response():
            return _create_response_outcome(exchange)


def _create_response_outcome(response: Response) -> CreateOutcome:
    data = response.data or {}
    run_id = _run_id_in(response.status, data.get("id"))
    if run_id is not None:
        cost_micro_usd, cost_note = fields.parse_cost(data.get("costUsd"))
        return RunCreated(run_id, cost_micro_usd, cost_note)
    if response.flaw:
        return CreateUnanswered(f"HTTP {response.status}, but {response.flaw}")
    if data and response.is_success:
        return CreateUnanswered(f"HTTP {response.status}, but the answer names no readable run ID")
    problem = fields.parse_api_error(data)
    if problem is None:
        # A gateway may have passed the create on before it answered in its own words: whatever the status says, only
        # the API's own body proves that nothing was made. To believe a page here would be to pay twice.
        return CreateUnanswered(_describe_response(response))
    refusal = _refusal_for(response.status, problem.code)
    if refusal is not None:
        wait_s = fields.parse_retry_after(response.retry_after, response.date)
        return CreateRefused(refusal, problem.code, problem.message or f"HTTP {response.status}", wait_s)
    if response.status == 400:
        return InputRejected(problem.code, problem.message or f"HTTP {response.status}")
    return CreateUnanswered(_describe_response(response))


def _run_id_in(status: int, run_id: object) -> str | None:
    """The run that the answer names.

    A success may name it in any safe form. Any other answer counts only where it has the documented form of a run ID,
    since errors may carry the ID of the request; but then it does count: a run that is paid for must not be lost.
    """
    if not isinstance(run_id, str) or not fields.is_run_id(run_id):
        return None
    return run_id if 200 <= status < 300 or run_id.startswith("run_") else None


def _refusal_for(status: int, code: str) -> Refusal | None:
    """By the code where it is known, else by the status alone; None where nothing beyond the request was refused."""
    return _BY_CODE.get((status, code.casefold()), _BY_STATUS.get(status))


def _describe_response(response: Response) -> str:
    """What came in place of an answer that could be used, in words."""
    problem, status = fields.parse_api_error(response.data), f"HTTP {response.status}"
    if problem is not None:
        return f"{status}: {problem.message or problem.code}"
    if response.data is not None:
        message = fields.parse_foreign_message(response.data)
        return f"{status}: {message}" if message else f"{status} with JSON that is not the API's"
    return f"{status} with {response.content}: a proxy or firewall may have answered"


def _replier_of(response: Response) -> Responder:
    """Who gave an answer from which nothing of the run can be read."""
    is_own = fields.parse_api_error(response.data) is not None
    if response.status >= 500:
        return Responder.NOBODY if is_own else Responder.GATEWAY
    return Responder.API if is_own else Responder.OTHER


def read_outcome(exchange: ExchangeResult, run_id: str) -> ReadOutcome:
    """What the API said of the run when it was asked."""
    match exchange:
        case NotSent(reason, obstacle, setting):
            return ReadNotSent(reason, obstacle, setting)
        case Unanswered(reason):
            return ReadUnanswered(reason)
        case Response():
            return _read_response_outcome(exchange, run_id)


@dataclass(frozen=True, slots=True)
class RunLookup:
    """A look at a run that a person named: where it stands, and its model and cost where the answer shows them."""

    outcome: ReadOutcome
    model: str | None = None
    cost_micro_usd: int | None = None


def lookup_outcome(exchange: ExchangeResult, run_id: str) -> RunLookup:
    """What the API said of a run that may not be ours."""
    outcome = read_outcome(exchange, run_id)
    if not isinstance(exchange, Response) or isinstance(outcome, ReadUnanswered | ReadRefused | RunMissing):
        return RunLookup(outcome)
    data = exchange.data or {}
    model = data.get("model")
    return RunLookup(
        outcome, printable(model, 100) if isinstance(model, str) else None, fields.parse_cost(data.get("costUsd"))[0]
    )


def _read_response_outcome(response: Response, run_id: str) -> ReadOutcome:
    if response.flaw:
        return ReadUnanswered(f"HTTP {response.status}, but {response.flaw}")
    problem = fields.parse_api_error(response.data)
    if response.is_success and response.data and "id" in response.data:
        return _run_outcome(response.data, run_id)
    if response.is_success or problem is None:
        return ReadUnanswered(_describe_response(response), _replier_of(response))
    if response.status == 404 and problem.code.casefold() == "run_not_found":
        return RunMissing()
    refusal = _refusal_for(response.status, problem.code)
    if refusal is None or response.status in {400, 404}:
        return ReadUnanswered(_describe_response(response), _replier_of(response))
    wait_s = fields.parse_retry_after(response.retry_after, response.date)
    return ReadRefused(refusal, problem.code, problem.message or f"HTTP {response.status}", wait_s)


def _run_outcome(data: Mapping[str, Any], run_id: str) -> ReadOutcome:
    if data["id"] != run_id:
        return ReadUnanswered("the answer is about another run")
    status, error = data.get("status"), data.get("error")
    cost_micro_usd, _ = fields.parse_cost(data.get("costUsd"))
    times = fields.parse_time(data.get("createdAt")), fields.parse_time(data.get("completedAt"))
    error_text = "" if error is None else fields.parse_run_error(error)
    match status:
        case "pending":
            return RunQueued()
        case "processing":
            return RunStarted()
        case "succeeded":
            urls = fields.parse_urls(data.get("output"))
            return RunSucceeded(urls, cost_micro_usd, *times, "" if urls else error_text)
        case "failed":
            return RunFailed(fields.parse_run_error(error), cost_micro_usd, *times)
        case str():
            return StatusUnknown(printable(status, 60), error_text)
        case _:
            return ReadUnanswered("the answer names no status")
