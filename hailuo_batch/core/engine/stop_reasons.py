"""Why an apply stops before all is done: the text for the user, the exit code, and how far the stop goes.

Pure. The engine's parts decide when to stop; EngineOutput collects their reasons and notices.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.model.api_keys import ApiKey
from hailuo_batch.core.model.events import Refusal
from hailuo_batch.core.model.settings import Consent
from hailuo_batch.errors import ExitCode
from hailuo_batch.values import format_duration, format_usd


class StopScope(IntEnum):
    """How far a stop goes. Of several stops, the furthest one counts."""

    NONE = 0
    CREATES = 1  # nothing more is paid for; runs are still read and downloaded to their end
    REQUESTS = 2  # no more requests to the API; files that are ready are still downloaded
    ALL = 3  # nothing new is started


@dataclass(frozen=True, slots=True)
class StopReason:
    """Why the apply stops, in one short paragraph, empty where the user has been told already.

    `remedy` is what has to be done before the same command can get any further, empty where that is nothing. `of_key`
    says the same of one API key in a few words; it is empty for a reason that concerns all keys at once.
    """

    scope: StopScope
    exit_code: ExitCode
    text: str
    remedy: str = ""
    of_key: str = ""


_REFUSALS: dict[Refusal, StopReason] = {
    # runs under way are paid for, so they are read to their end wherever the key still allows reading
    Refusal.BALANCE: StopReason(
        StopScope.CREATES,
        ExitCode.ACCOUNT,
        "the balance is too low for another run. Nothing was paid for the refused one. Current runs are still "
        "collected. Top up the balance, then run the same command again",
        "top up the balance",
        "the balance of its account is too low for another run",
    ),
    Refusal.KEY_SPEND: StopReason(
        StopScope.CREATES,
        ExitCode.ACCOUNT,
        "the API key has reached its lifetime spend limit. Nothing was paid for the refused run. Current runs are "
        "still collected. Raise the key's limit or use another key, then run the same command again",
        "raise the key's limit or use another key",
        "it has reached its lifetime spend limit",
    ),
    Refusal.ACCOUNT: StopReason(
        StopScope.REQUESTS,
        ExitCode.ACCOUNT,
        "the API refuses this key. Nothing was paid for the refused request, and current runs are not lost. Check "
        "RUNBASE_API_KEY, its address list and its quota, then run the same command again",
        of_key="the API refuses it",
    ),
    Refusal.ADDRESS: StopReason(
        StopScope.REQUESTS,
        ExitCode.UNFINISHED,
        "the address does not answer like the API. Nothing was paid for the refused run. Check RUNBASE_BASE_URL, "
        "then run the same command again",
    ),
    Refusal.PROTOCOL: StopReason(
        StopScope.REQUESTS,
        ExitCode.UNFINISHED,
        "the API calls a request malformed, which is a fault of this program or of a proxy in between. Nothing was "
        "paid for it, and current runs are not lost. Please report this",
    ),
}


def _creates(exit_code: ExitCode, text: str) -> StopReason:
    return StopReason(StopScope.CREATES, exit_code, f"Stopped creating: {text}")


def _requests(text: str, exit_code: ExitCode = ExitCode.UNFINISHED) -> StopReason:
    return StopReason(StopScope.REQUESTS, exit_code, text)


def refused(refusal: Refusal, code: str, message: str) -> StopReason | None:
    """The stop that a refusal causes, None where it concerns only a moment or one model."""
    known = _REFUSALS.get(refusal)
    if known is None:
        return None
    detail = f" (the API says: {message}{f', {code}' if code else ''})" if message or code else ""
    of_key = f"{known.of_key}{detail}" if known.of_key else ""
    return replace(known, text=f"Stopped: {known.text}{detail}.", of_key=of_key)


def cap_reached(
    cap_micro_usd: int, committed_micro_usd: int, cost_micro_usd: int | None, needed_micro_usd: int | None
) -> StopReason:
    """The spend limit admits no further create. `cost_micro_usd` is the price of a run, None while it is unknown;
    `needed_micro_usd` is the spend limit that all that is left needs, None while that is unknown."""
    cap = format_usd(cap_micro_usd)
    if cost_micro_usd is None:
        text = (
            f"the spend limit is {cap}, and the price of a run is unknown: the request that should have shown it came "
            "back without a cost, or got no answer. Current runs are still collected. If your Runbase account shows "
            "that run, `hailuo-batch resolve MANIFEST TAKE --run-id ID` may bring the price. If not, one run without "
            "the limit does: `hailuo-batch apply MANIFEST --max-spend none --limit 1`."
        )
    else:
        text = (
            f"{format_usd(committed_micro_usd)} is spent or may have been charged, a run costs "
            f"{format_usd(cost_micro_usd)}, and the spend limit is {cap}. Current runs are still collected. To "
            f"continue, raise limits.max_spend_usd or --max-spend{_to_at_least(needed_micro_usd)}."
        )
    return _creates(ExitCode.ACCOUNT, text)


def _to_at_least(needed_micro_usd: int | None) -> str:
    if needed_micro_usd is None:
        return ""
    return f" to {format_usd(needed_micro_usd)}, which is what the runs that are left need at today's price"


def limit_reached(limit: int) -> StopReason:
    """As many runs were created as --limit allows, and attempts are left."""
    text = f"--limit {limit:,} is reached. Current runs are still collected. Run the same command to create more."
    return _creates(ExitCode.UNFINISHED, text)


def price_rose(model: str, shown_micro_usd: int, cost_micro_usd: int) -> StopReason:
    """A run costs clearly more than the plan showed, so the user's consent does not cover the next one."""
    text = (
        f"a run of {model} cost {format_usd(cost_micro_usd)}, and the plan showed {format_usd(shown_micro_usd)}. "
        "Current runs are still collected. Look at the new plan and run the same command again, or use --accept-price "
        "to continue at any price."
    )
    return _creates(ExitCode.ACCOUNT, text)


def wrong_keys(keys: Sequence[ApiKey], run_ids: Sequence[str]) -> StopReason:
    """None of the keys knows any of these runs, which this campaign made."""
    *others, last = run_ids
    listed = f"{', '.join(others)} or {last}" if others else last
    if len(keys) == 1:
        who, remedy = "this API key did not make the campaign's runs, and it does", "Set RUNBASE_API_KEY to a key"
    else:
        named = ", ".join(map(str, keys))
        who = f"none of these API keys ({named}) made the campaign's runs, and they do"
        remedy = "Put a key into RUNBASE_API_KEYS"
    text = (
        f"Stopped: {who} not know {listed}. Nothing was paid, and no run is marked lost. {remedy} of the account that "
        "made them."
    )
    return _requests(text, ExitCode.ACCOUNT)


def no_key_left(scope: StopScope, reasons: Mapping[ApiKey, StopReason]) -> StopReason:
    """Every key has stopped, each for its own reason."""
    listed = "; ".join(f"{key}: {reason.of_key}" for key, reason in reasons.items())
    still = "Current runs are still collected. " if scope is StopScope.CREATES else ""
    text = (
        f"Stopped: no API key is left {'to create runs with' if scope is StopScope.CREATES else 'to use'}. {listed}. "
        f"Nothing was paid for what was refused, and current runs are not lost. {still}When one of the keys can be "
        "used again, or with another key in RUNBASE_API_KEYS, run the same command again."
    )
    codes = {reason.exit_code for reason in reasons.values()}
    remedies = dict.fromkeys(reason.remedy for reason in reasons.values() if reason.remedy)
    code = ExitCode.ACCOUNT if ExitCode.ACCOUNT in codes else ExitCode.UNFINISHED
    return StopReason(scope, code, text, " or ".join(remedies))


_NO_CONSENT_CODES = {Consent.MISSING: ExitCode.USAGE, Consent.DECLINED: ExitCode.UNFINISHED}


def no_consent(consent: Consent) -> StopReason:
    """Takes wait to be paid for without consent. Their cost was shown where the question belongs, so no text."""
    return StopReason(StopScope.CREATES, _NO_CONSENT_CODES[consent], "")


def no_consent_for_retry(consent: Consent) -> StopReason:
    """A run failed that `max_attempts` would have repeated, and the user has not agreed to pay."""
    why = "--yes is missing. Add it to pay for another attempt."
    if consent is Consent.DECLINED:
        why = "you declined the payment. Run the same command to be asked again."
    text = f"A run failed and was not repeated: {why} The failed run is refunded. Current runs are still collected."
    return StopReason(StopScope.CREATES, _NO_CONSENT_CODES[consent], text)


def out_of_time(max_duration_s: float) -> StopReason:
    """The time that the user gave the apply is over."""
    text = (
        f"Stopped after {format_duration(max_duration_s)} (--max-duration). Current runs are paid for and recorded. "
        "Run the same command to continue."
    )
    return StopReason(StopScope.ALL, ExitCode.UNFINISHED, text)


def waits_for_other_runs(count: int) -> StopReason:
    """Creates wait for the end of runs that this apply does not follow."""
    takes = "1 take waits" if count == 1 else f"{count} takes wait"
    text = (
        f"{takes} for current runs to finish, and those runs belong to takes that --only leaves out. Nothing was paid "
        "for the waiting takes. Add the others to --only, or run the same command when their runs have finished."
    )
    return _creates(ExitCode.UNFINISHED, text)


def too_many_unanswered(count: int) -> StopReason:
    """The circuit breaker tripped: create after create got no answer."""
    text = (
        f"{count} requests in a row got no answer. Each may have been charged and is held in doubt. Current runs are "
        "still collected. When the API answers again, run the same command again."
    )
    return _creates(ExitCode.UNFINISHED, text)


def api_silent(reason: str, since_s: float, advice: str) -> StopReason:
    """The API, or the network, has been away for long. `advice` is what may help, empty where that is unknown."""
    text = (
        f"Stopped: the API has not answered for {format_duration(since_s)} ({reason}). Nothing is lost. When the "
        f"network is back, run the same command to continue.{f' {advice}.' if advice else ''}"
    )
    return _requests(text)


def cannot_connect(reason: str, advice: str) -> StopReason:
    """No connection can be established before the API has answered at all, and waiting does not help."""
    return _requests(
        f"Stopped: {reason}. Nothing was sent, nothing was paid. {advice}; then run the same command again."
    )


def refused_for_long(run_timeout_s: float) -> StopReason:
    """The API has refused every request for its rate, for as long as a run is waited for."""
    text = (
        f"Stopped waiting: the API has refused every request for its rate for {format_duration(run_timeout_s)}. "
        "Nothing was paid for those, and current runs stay recorded. Run the same command again later; if nobody else "
        "uses this key, check its limits in your Runbase account."
    )
    of_key = f"the API has refused every request for its rate for {format_duration(run_timeout_s)}"
    return replace(_requests(text), of_key=of_key)


def wait_too_long(wait_s: float, run_timeout_s: float) -> StopReason:
    """The API asks for a longer pause than a run is waited for."""
    text = (
        f"Stopped: the API takes no requests for the next {format_duration(wait_s)}, and this apply waits for at most "
        f"{format_duration(run_timeout_s)}. Nothing was paid for what it refused, and current runs stay recorded. Run "
        "the same command again then, or with a longer --run-timeout."
    )
    return replace(_requests(text), of_key=f"the API takes no requests with it for the next {format_duration(wait_s)}")


def not_the_api(endpoint: str, answer: str) -> StopReason:
    """Something other than the API answered before the API has answered at all."""
    text = (
        f"Stopped: {endpoint} does not answer like the API; what came back is {answer}. Nothing was paid. Check "
        "RUNBASE_BASE_URL, and whether a proxy (HTTPS_PROXY), a firewall or a login page of this network is in "
        "between. Then run the same command again."
    )
    return _requests(text)


def timed_out(run_timeout_s: float, open_runs: int) -> StopReason:
    """No run has finished for so long that waiting is useless."""
    runs, they = (
        ("1 run is still open", "It is") if open_runs == 1 else (f"{open_runs:,} runs are still open", "They are")
    )
    text = (
        f"Stopped waiting: no run has finished for {format_duration(run_timeout_s)}, and {runs}. {they} paid for and "
        "recorded. Run the same command to wait longer. To give up a run that never finishes, use `hailuo-batch "
        "resolve MANIFEST TAKE --abandon`; to send its request again, which pays again, use --resubmit."
    )
    return _requests(text)


def disk_full(reason: str) -> StopReason:
    """A video could not be saved for lack of space."""
    text = (
        f"{reason}. Nothing more is paid for. What was paid for is recorded: what fits is saved, and the next apply "
        "downloads the rest. Free some space, then run the same command again."
    )
    return _creates(ExitCode.UNFINISHED, text)


def no_room(shortage: str) -> StopReason:
    """There would be no space for the video that the next create pays for."""
    text = (
        f"{shortage}. Nothing more will be paid for. What was paid for before is still collected, as "
        "far as it fits. Free some space, choose another folder with --output-dir, or make fewer videos at a time with "
        "--only; then run the same command again."
    )
    return _creates(ExitCode.UNFINISHED, text)


def unwritable(reason: str) -> StopReason:
    """The ledger or the receipts cannot be written, and nothing may be paid for that cannot be recorded."""
    return _creates(ExitCode.LEDGER, f"{reason} Nothing is paid for while it cannot be recorded.")


def unrecordable() -> StopReason:
    """The ledger could not be written for long."""
    return StopReason(StopScope.ALL, ExitCode.LEDGER, "Stopped: the ledger cannot be written.")


def program_fault() -> StopReason:
    """A part of this program raised an exception that it never should raise."""
    text = "Stopped: a fault of this program. The results of current requests are still recorded."
    return StopReason(StopScope.ALL, ExitCode.UNFINISHED, text)


def signalled(exit_code: ExitCode) -> StopReason:
    """The user or the system asked to stop. The signal handler has told the user already, so no text."""
    return StopReason(StopScope.ALL, exit_code, "")


class EngineOutput:
    """The notices and stop reasons of the engine's parts. Whoever shows `notices` takes them from the left."""

    def __init__(self) -> None:
        self.notices: deque[Notice] = deque()
        self.stop_reasons: list[StopReason] = []
        self.stop_scope = StopScope.NONE  # the furthest of the stop reasons

    def notify(self, *notices: Notice) -> None:
        """Have these shown to the user."""
        self.notices += notices

    def stop(self, reason: StopReason) -> None:
        """Stop as far as the reason goes. What is under way still comes to its end.

        A reason that changes neither scope nor exit code is dropped: the user has been told why already.
        """
        if reason.scope > self.stop_scope or reason.exit_code not in {known.exit_code for known in self.stop_reasons}:
            self.stop_reasons.append(reason)
            self.stop_scope = max(self.stop_scope, reason.scope)
            if reason.text:
                self.notify(Notice(reason.text))
