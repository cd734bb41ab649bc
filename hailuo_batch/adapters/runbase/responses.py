"""What the result of an exchange with Runbase means. Pure.

`create_outcome` alone decides whether a create may be repeated; a mistake there pays twice. Status and error codes are
those of Runbase's documentation. Every text has passed through `fields`, which makes it printable.
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
    """The connection provably never opened: no byte of the request left. `setting` names the proxy, if there is one."""

    reason: str
    obstacle: Obstacle = Obstacle.PASSING
    setting: str = ""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The request may have arrived; no response came."""

    reason: str


@dataclass(frozen=True, slots=True)
class Response:
    """A response of which at least the head arrived.

    `data` is the JSON object in its body, None where there is none; `content` then describes the body. `flaw` says why
    the body is incomplete, else it is empty. `retry_after` and `date` are those headers.
    """

    status: int
    data: Mapping[str, Any] | None
    flaw: str = ""
    retry_after: str | None = None
    date: str | None = None
    content: str = "no readable body"

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
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
    """Decide what is known of a create.

    CreateNotSent, CreateRefused and InputRejected prove that nothing was paid. After CreateUnanswered a run may exist
    and be paid for, so it must not be sent again without the user's decision.
    """
    match exchange:
        case NotSent(reason):
            return CreateNotSent(reason)
        case Unanswered(reason):
            return CreateUnanswered(reason)
        case Response():
            return _create_response_outcome(exchange)


def _create_response_outcome(response: Response) -> CreateOutcome:
    data = response.data or {}
    # The run ID comes first, whatever the status: a named run exists, and losing its ID would lose what was paid.
    run_id = _run_id_in(response.status, data.get("id"))
    if run_id is not None:
        cost_micro_usd, cost_note = fields.parse_cost(data.get("costUsd"))
        return RunCreated(run_id, cost_micro_usd, cost_note)
    if response.flaw:  # the missing part of the body may have named a run
        return CreateUnanswered(f"HTTP {response.status}, but {response.flaw}")
    if data and response.is_success:
        return CreateUnanswered(f"HTTP {response.status}, but the response has no readable run ID")
    problem = fields.parse_api_error(data)
    if problem is None:
        # A gateway may have forwarded the create before it answered with a page of its own. Whatever the status, only
        # the API's own error body proves that no run exists; believing the page would pay for the take twice.
        return CreateUnanswered(_describe_response(response))
    refusal = _refusal_for(response.status, problem.code)
    if refusal is not None:
        wait_s = fields.parse_retry_after(response.retry_after, response.date)
        return CreateRefused(refusal, problem.code, problem.message or f"HTTP {response.status}", wait_s)
    if response.status == 400:
        return InputRejected(problem.code, problem.message or f"HTTP {response.status}")
    return CreateUnanswered(_describe_response(response))


def _run_id_in(status: int, run_id: object) -> str | None:
    """Return the run ID in a response, None where there is none.

    A success may name it in any safe form. In an error only the documented form `run_...` counts, because errors may
    carry the ID of the request; but there it does count: a run that is paid for must not be lost.
    """
    if not isinstance(run_id, str) or not fields.is_run_id(run_id):
        return None
    return run_id if 200 <= status < 300 or run_id.startswith("run_") else None


def _refusal_for(status: int, code: str) -> Refusal | None:
    """Look up the refusal by the code, else by the status; None where only this request was refused, or nothing was."""
    return _BY_CODE.get((status, code.casefold()), _BY_STATUS.get(status))


def _describe_response(response: Response) -> str:
    """Describe a response that cannot be used."""
    problem, status = fields.parse_api_error(response.data), f"HTTP {response.status}"
    if problem is not None:
        return f"{status}: {problem.message or problem.code}"
    if response.data is not None:
        message = fields.parse_foreign_message(response.data)
        return f"{status}: {message}" if message else f"{status} with JSON in an unknown form"
    return f"{status} with {response.content}: a proxy or firewall may have answered"


def _replier_of(response: Response) -> Responder:
    """Say who sent a response that tells nothing about the run."""
    is_own = fields.parse_api_error(response.data) is not None
    if response.status >= 500:
        return Responder.NOBODY if is_own else Responder.GATEWAY
    return Responder.API if is_own else Responder.OTHER


def read_outcome(exchange: ExchangeResult, run_id: str) -> ReadOutcome:
    """Decide what a read says about the run."""
    match exchange:
        case NotSent(reason, obstacle, setting):
            return ReadNotSent(reason, obstacle, setting)
        case Unanswered(reason):
            return ReadUnanswered(reason)
        case Response():
            return _read_response_outcome(exchange, run_id)


@dataclass(frozen=True, slots=True)
class RunLookup:
    """The state of a run that a person named, and its model and cost where the response has them."""

    outcome: ReadOutcome
    model: str | None = None
    cost_micro_usd: int | None = None


def lookup_outcome(exchange: ExchangeResult, run_id: str) -> RunLookup:
    """Decide what a read says about a run that may not be ours."""
    outcome = read_outcome(exchange, run_id)
    if not isinstance(exchange, Response) or isinstance(outcome, ReadUnanswered | ReadRefused | RunMissing):
        return RunLookup(outcome)
    data = exchange.data or {}
    model = data.get("model")
    return RunLookup(
        outcome, printable(model, 100) if isinstance(model, str) else None, fields.parse_cost(data.get("costUsd"))[0]
    )


@dataclass(frozen=True, slots=True)
class ApiCheck:
    """What a read shows of the API itself. `server_time` is its clock, in seconds since the epoch, None if unknown."""

    outcome: ReadOutcome
    server_time: float | None = None


def api_check_outcome(exchange: ExchangeResult, run_id: str) -> ApiCheck:
    """Decide what a read shows of the API. The time of whatever else has answered is not the API's."""
    outcome = read_outcome(exchange, run_id)
    is_foreign = isinstance(outcome, ReadUnanswered) and outcome.responder is not Responder.API
    if not isinstance(exchange, Response) or is_foreign:
        return ApiCheck(outcome)
    return ApiCheck(outcome, fields.parse_http_date(exchange.date))


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
        return ReadUnanswered("the response is about another run")
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
            return ReadUnanswered("the response has no status")
