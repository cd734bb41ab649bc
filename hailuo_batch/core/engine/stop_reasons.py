"""Why an apply stops before all is done, in words for the user, and what each reason leaves running.

Pure text and values: the engine's parts decide when, this file says what it means and keeps what they have said so far.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.model.events import Refusal
from hailuo_batch.core.model.settings import Consent
from hailuo_batch.errors import ExitCode
from hailuo_batch.values import format_duration, format_usd


class StopScope(IntEnum):
    """How far a halt goes; the furthest one counts."""

    NONE = 0
    CREATES = 1  # nothing more is paid for; runs are read and downloaded to their end
    REQUESTS = 2  # the API is asked nothing more; files that are ready are still downloaded
    ALL = 3  # nothing new is started at all


@dataclass(frozen=True, slots=True)
class StopReason:
    """Why the apply stops: one short paragraph, empty where all is said. `exit_code` is what it makes of the whole."""

    scope: StopScope
    exit_code: ExitCode
    text: str


_REFUSALS: dict[Refusal, tuple[StopScope, ExitCode, str]] = {
    Refusal.BALANCE: (
        StopScope.CREATES,
        ExitCode.ACCOUNT,
        (
            "the balance is too low for another run. Nothing was paid for the refused one. Runs under way are still "
            "collected; top up the balance, then run the same command again"
        ),
    ),
    Refusal.KEY_SPEND: (
        StopScope.CREATES,
        ExitCode.ACCOUNT,
        (
            "the API key has reached its lifetime spend limit. Nothing was paid for the refused run. Raise the key's "
            "limit or use another key, then run the same command again"
        ),
    ),
    Refusal.ACCOUNT: (
        StopScope.REQUESTS,
        ExitCode.ACCOUNT,
        (
            "the API refuses this key. Nothing was paid for the refused request. Check RUNBASE_API_KEY, its address "
            "list and its quota, then run the same command again; runs under way are not lost"
        ),
    ),
    Refusal.ADDRESS: (
        StopScope.REQUESTS,
        ExitCode.UNFINISHED,
        (
            "the address does not answer like the API. Nothing was paid for the refused run. Check RUNBASE_BASE_URL, "
            "then run the same command again"
        ),
    ),
    Refusal.PROTOCOL: (
        StopScope.REQUESTS,
        ExitCode.UNFINISHED,
        (
            "the API calls a request malformed, which is a fault of this program or of a proxy in between. Nothing was "
            "paid for it. Runs under way are not lost; please report this"
        ),
    ),
}


def refused(refusal: Refusal, code: str, message: str) -> StopReason | None:
    """What a refusal makes of the whole apply; None where it only touches a moment or one model."""
    known = _REFUSALS.get(refusal)
    if known is None:
        return None
    scope, exit_code, text = known
    detail = f" (the API says: {message}{f', {code}' if code else ''})" if message or code else ""
    return StopReason(scope, exit_code, f"Stopped: {text}{detail}.")


def cap_reached(cap_micro_usd: int, committed_micro_usd: int, cost_micro_usd: int | None) -> StopReason:
    """The cap on net spend admits no further create."""
    if cost_micro_usd is None:
        text = (
            f"Stopped creating: the cap is {format_usd(cap_micro_usd)}, and a run's price is not known: the create "
            "that would have taught it came back without a cost, or not at all. Runs under way are still collected. If "
            "it is in doubt, `hailuo-batch resolve MANIFEST TAKE --run-id ID` may teach it; else take the cap away for "
            "one apply of one take with --only."
        )
        return StopReason(StopScope.CREATES, ExitCode.ACCOUNT, text)
    text = (
        f"Stopped creating: {format_usd(committed_micro_usd)} are spent or may have been, a run costs "
        f"{format_usd(cost_micro_usd)}, and the cap is {format_usd(cap_micro_usd)}. Runs under way are still "
        "collected. Raise limits.max_spend_usd or --max-spend to go on."
    )
    return StopReason(StopScope.CREATES, ExitCode.ACCOUNT, text)


def price_rose(model: str, shown_micro_usd: int, cost_micro_usd: int) -> StopReason:
    """A run costs clearly more than the plan showed."""
    text = (
        f"Stopped creating: a run of {model} cost {format_usd(cost_micro_usd)}, and the plan showed "
        f"{format_usd(shown_micro_usd)}. Runs under way are still collected. Look at the new plan and run the same "
        "command again, or give --accept-price to go on whatever a run costs."
    )
    return StopReason(StopScope.CREATES, ExitCode.ACCOUNT, text)


def wrong_key(run_ids: Sequence[str]) -> StopReason:
    """The key knows none of these runs, which this campaign made."""
    *others, last = run_ids
    listed = f"{', '.join(others)} or {last}" if others else last
    text = (
        f"Stopped: this API key is not the one that made the campaign's runs, and it does not know {listed}. Nothing "
        "was paid and nothing is marked lost. Set RUNBASE_API_KEY to a key of the account that made them."
    )
    return StopReason(StopScope.REQUESTS, ExitCode.ACCOUNT, text)


_NO_CONSENT_CODES = {Consent.MISSING: ExitCode.USAGE, Consent.DECLINED: ExitCode.UNFINISHED}


def no_consent(consent: Consent) -> StopReason:
    """Takes wait to be paid for, and the user has not agreed. What they cost was said where the question belongs."""
    return StopReason(StopScope.CREATES, _NO_CONSENT_CODES[consent], "")


def no_consent_for_retry(consent: Consent) -> StopReason:
    """A run failed that `max_attempts` would have made again, and the user has not agreed to pay."""
    if consent is Consent.DECLINED:
        text = "A run that failed is not made again, for the payment was declined. Run the same command to be asked."
    else:
        text = "A run that failed is not made again: paying needs a yes, and --yes is missing."
    return StopReason(
        StopScope.CREATES,
        _NO_CONSENT_CODES[consent],
        f"{text} Its cost is refunded. Runs under way are still collected.",
    )


def out_of_time(max_duration_s: float) -> StopReason:
    """The user gave the apply so much time, and it is over."""
    text = (
        f"Stopped after {format_duration(max_duration_s)}, as asked by --max-duration. Runs under way are paid for and "
        "recorded. Run the same command to continue."
    )
    return StopReason(StopScope.ALL, ExitCode.UNFINISHED, text)


def waits_for_other_runs(count: int) -> StopReason:
    """Creates wait for the end of runs that this apply does not follow."""
    takes = "1 take waits" if count == 1 else f"{count} takes wait"
    text = (
        f"Stopped creating: {takes} for runs under way to finish, and these runs are not among the takes of --only. "
        "Nothing was paid for what waits. Give --only the takes of those runs, too, or run the same command when they "
        "have finished."
    )
    return StopReason(StopScope.CREATES, ExitCode.UNFINISHED, text)


def too_many_unanswered(count: int) -> StopReason:
    """Creates go unanswered one after the other."""
    text = (
        f"Stopped creating: {count} creates in a row went unanswered. Each may be paid for and is held in doubt. "
        "Runs under way are still collected. When the API answers again, run the same command again."
    )
    return StopReason(StopScope.CREATES, ExitCode.UNFINISHED, text)


def api_silent(reason: str, since_s: float, advice: str) -> StopReason:
    """The network, or the API, has been away for long. `advice` is what would mend it, empty where nothing is known."""
    text = (
        f"Stopped: the API has not answered for {format_duration(since_s)} ({reason}). Nothing is lost: run the same "
        f"command again when the network is back, and it goes on where it stopped.{f' {advice}.' if advice else ''}"
    )
    return StopReason(StopScope.REQUESTS, ExitCode.UNFINISHED, text)


def cannot_connect(reason: str, advice: str) -> StopReason:
    """Before the API has answered at all, no connection to it comes to stand, and waiting cannot help."""
    text = f"Stopped: {reason}. Nothing was sent, nothing was paid. {advice}; then run the same command again."
    return StopReason(StopScope.REQUESTS, ExitCode.UNFINISHED, text)


def refused_for_long(run_timeout_s: float) -> StopReason:
    """The API has refused every request for its rate, for as long as a run is waited for."""
    text = (
        f"Stopped waiting: the API has refused every request for its rate for {format_duration(run_timeout_s)}. "
        "Nothing was paid for those, and runs under way stay recorded. Run the same command again later; if nobody "
        "else uses this key, look at its limits in your Runbase account."
    )
    return StopReason(StopScope.REQUESTS, ExitCode.UNFINISHED, text)


def wait_too_long(wait_s: float, run_timeout_s: float) -> StopReason:
    """The API says itself that it takes no requests for longer than a run is waited for."""
    text = (
        f"Stopped: the API takes no requests for the next {format_duration(wait_s)}, and this apply waits for "
        f"{format_duration(run_timeout_s)} at most. Nothing was paid for what it refused, and runs under way stay "
        "recorded. Run the same command again then, or with a longer --run-timeout."
    )
    return StopReason(StopScope.REQUESTS, ExitCode.UNFINISHED, text)


def not_the_api(endpoint: str, answer: str) -> StopReason:
    """Before the API has answered at all, somebody else did. `came` is what they answered."""
    text = (
        f"Stopped: {endpoint} does not answer like the API; what came back is {answer}. Nothing was paid. Check "
        "RUNBASE_BASE_URL, and whether a proxy (HTTPS_PROXY), a firewall or a login page of this network stands in "
        "between, then run the same command again."
    )
    return StopReason(StopScope.REQUESTS, ExitCode.UNFINISHED, text)


def timed_out(run_timeout_s: float, open_runs: int) -> StopReason:
    """No run has finished for so long that waiting on makes no sense."""
    runs = (
        "1 run is still open. It is paid for and stays recorded"
        if open_runs == 1
        else f"{open_runs:,} runs are still open. They are paid for and stay recorded"
    )
    text = (
        f"Stopped waiting: no run has finished for {format_duration(run_timeout_s)}, and {runs}: run the same command "
        "again to go on waiting. One that never finishes is given up with `hailuo-batch resolve MANIFEST TAKE "
        "--abandon`, or made again with --resubmit instead, which pays again."
    )
    return StopReason(StopScope.REQUESTS, ExitCode.UNFINISHED, text)


def disk_full(reason: str) -> StopReason:
    """There is no room for the videos."""
    text = (
        f"Stopped creating: {reason}. Nothing more is paid for. What was paid for is recorded: what fits is saved, and "
        "the rest is downloaded by the next apply. Free some space, then run the same command again."
    )
    return StopReason(StopScope.CREATES, ExitCode.UNFINISHED, text)


def no_room(lack: str) -> StopReason:
    """There would be no room for what the next create pays for."""
    text = (
        f"Stopped creating: {lack}. Nothing is paid for that could not be saved; what was paid for before is still "
        "collected, as far as it fits. Free some space, give another folder with --output-dir, or make fewer at a time "
        "with --only; then run the same command again."
    )
    return StopReason(StopScope.CREATES, ExitCode.UNFINISHED, text)


def unwritable(reason: str) -> StopReason:
    """The ledger or the receipts cannot be written: nothing may be paid for that cannot be recorded."""
    text = f"Stopped creating: {reason} Nothing is paid for while it cannot be recorded."
    return StopReason(StopScope.CREATES, ExitCode.LEDGER, text)


def unrecordable() -> StopReason:
    """The ledger could not be written for long."""
    return StopReason(StopScope.ALL, ExitCode.LEDGER, "Stopped: the ledger cannot be written.")


def program_fault() -> StopReason:
    """A part of this program raised what it never should."""
    return StopReason(
        StopScope.ALL, ExitCode.UNFINISHED, "Stopped: a fault of this program. What is under way is still recorded."
    )


def signalled(exit_code: ExitCode) -> StopReason:
    """The user, or the system, asks to stop. Whoever heard it has said so at once, before this is known."""
    return StopReason(StopScope.ALL, exit_code, "")


class EngineOutput:
    """What the engine's parts have said so far. `notices` are taken from the left by whoever shows them."""

    def __init__(self) -> None:
        self.notices: deque[Notice] = deque()
        self.stop_reasons: list[StopReason] = []
        self.stop_scope = StopScope.NONE  # how far the halts so far go

    def notify(self, *notices: Notice) -> None:
        """The user is to hear this."""
        self.notices += notices

    def stop(self, reason: StopReason) -> None:
        """Stop, as far as the halt goes. What is under way still comes to its end."""
        if reason.scope > self.stop_scope or reason.exit_code not in {known.exit_code for known in self.stop_reasons}:
            self.stop_reasons.append(reason)
            self.stop_scope = max(self.stop_scope, reason.scope)
            self.notify(*([Notice(reason.text)] if reason.text else []))
