"""The yes that paying needs: what an apply is about to do, shown to the user, what could be paid, and the question.

A payment needs a yes at a terminal, or `--yes` beforehand; what pays nothing, and a rehearsal, need none. The question
names the most that can be paid. Runs that fail and are made again within `max_attempts` are refunded, so that they add
nothing to it, and the same yes covers them. Nothing here sends or writes anything.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass

from hailuo_batch.app.config import ApplyOptions, read_key
from hailuo_batch.app.image_preflight import ImageCheckLevel, check_images
from hailuo_batch.app.manifest_input import Manifest
from hailuo_batch.app.plan_file import SavedPlan
from hailuo_batch.app.workspace import SANDBOX, CampaignLocation, command_line
from hailuo_batch.core.engine import stop_reasons
from hailuo_batch.core.engine.stop_reasons import StopReason
from hailuo_batch.core.model.runs import Run, Snapshot, TakeRecord
from hailuo_batch.core.model.settings import Consent, Settings
from hailuo_batch.core.model.states import RUNNING, RunState
from hailuo_batch.core.planning.cap import Cap
from hailuo_batch.core.planning.estimate import Estimate, TimeNeeded, has_open_runs, has_work
from hailuo_batch.core.planning.history import History
from hailuo_batch.core.planning.plan import Plan, PlanRequest, count_failures
from hailuo_batch.core.planning.replacements import is_repeated
from hailuo_batch.ui.console import Console, columns_of
from hailuo_batch.ui.plan import render_plan
from hailuo_batch.ui.text import count
from hailuo_batch.values import CampaignSpec, format_usd

_CAN_STILL_FAIL = frozenset({*RUNNING, RunState.LOST})


@dataclass(frozen=True, slots=True)
class PaymentQuote:
    """What a yes would pay for.

    `runs` are due now, of which `affordable` fit under the cap by the prices that the plan shows; all of them cost
    `micro_usd` (None: a price is not known). `left_micro_usd` is what the cap leaves, None where there is no cap.
    `open_runs` may fail, and are then made again: each take is tried `attempts` times at most. `reached` says that the
    cap admits nothing at all.
    """

    runs: int
    affordable: int
    micro_usd: int | None
    left_micro_usd: int | None
    open_runs: int
    attempts: int
    cap_reached: StopReason | None = None

    @property
    def may_pay(self) -> bool:
        """Whether there is anything to agree to."""
        # rule open_runs_asked
        return self.cap_reached is None and (self.runs > 0 or self.open_runs > 0)

    def __str__(self) -> str:
        """`up to 35 of 48 runs, at most $10.00`."""
        some = f"up to {self.affordable:,} of " if self.affordable < self.runs else ""
        runs = some + count(self.runs, "run")
        if self.micro_usd is None:
            runs += " at a price that is not known yet"
        elif not some:
            runs += f", about {format_usd(self.micro_usd)}"
        if self.left_micro_usd is None:
            return f"{runs} (no spend limit is set)"
        return f"{runs}, at most {format_usd(self.left_micro_usd)}"


def quote_for(
    plan: Plan, snapshot: Snapshot, estimate: Estimate, settings: Settings, retried_takes: frozenset[str] | None
) -> PaymentQuote:
    """What this plan may pay for. `retried` are the takes that are made again where a run fails, None for all."""
    cap = Cap(settings.cap_micro_usd)
    for run in snapshot.paid_runs:
        cap.on_run_changed(run)
    prices = {price.model: price.cost_micro_usd for price in estimate.prices}
    models = [line.model for line in plan.paying]
    reached, affordable, left = None, len(models), None
    if settings.cap_micro_usd is not None:
        # rule room_under_cap
        left = max(0, settings.cap_micro_usd - cap.committed_micro_usd)
        affordable = _affordable([prices[model] for model in models], left)
        if models and not (cap.admits(models[0]) or cap.waits_for_price(models[0])):
            # as the engine has it: the first that the cap does not admit stops all that come after it
            reached = stop_reasons.cap_reached(settings.cap_micro_usd, cap.committed_micro_usd, cap.cost_of(models[0]))
        affordable = max(affordable, min(1, len(models)))  # one goes alone to teach a price that is only expected
    open_runs = sum(1 for _ in _retryable_runs(plan, snapshot, settings.max_attempts, retried_takes))
    return PaymentQuote(len(models), affordable, estimate.micro_usd, left, open_runs, settings.max_attempts, reached)


def ask_consent(quote: PaymentQuote, warnings: int, console: Console) -> Consent:
    """Ask at the terminal where there is anything to agree to. Raises KeyboardInterrupt."""
    if not quote.may_pay or not console.is_interactive:
        return Consent.MISSING
    return Consent.GIVEN if console.ask(_question(quote, warnings)) else Consent.DECLINED


def refused_payment(quote: PaymentQuote, consent: Consent) -> StopReason | None:
    """What is said, and how it makes the command end, where runs are due and nobody has agreed to pay; else None."""
    if quote.runs == 0 or consent is Consent.GIVEN:
        return None
    if quote.cap_reached is not None:
        return quote.cap_reached
    exit_code = stop_reasons.no_consent(consent).exit_code
    if consent is Consent.DECLINED:
        return StopReason(
            stop_reasons.StopScope.CREATES, exit_code, f"Declined. Nothing is created, nothing is paid: it was {quote}."
        )
    text = (
        f"Nothing is created: paying needs a yes, and --yes is missing. Nothing was paid. With --yes this command pays "
        f"for {quote}."
    )
    return StopReason(stop_reasons.StopScope.CREATES, exit_code, text)


def _question(quote: PaymentQuote, warnings: int) -> str:
    attempts = f"up to {count(quote.attempts, 'attempt')} for each take"
    if quote.runs == 0:
        alone = quote.open_runs == 1
        runs = "1 run is under way. If it fails" if alone else f"{quote.open_runs:,} runs are under way. If one fails"
        return f"{runs}, it is refunded. Pay for making it again then, {attempts}?"
    warning_note = (
        "" if not warnings else "There is 1 warning. " if warnings == 1 else f"There are {warnings:,} warnings. "
    )
    retries = f"A run that fails is refunded and made again, {attempts}. " if quote.attempts > 1 else ""
    return f"{warning_note}{retries}Pay for {quote}?"


def _affordable(prices: Iterable[int | None], left: int) -> int:
    """How many of these creates, in this order, fit into so much money; one whose price is not known, always."""
    number = 0
    for price in prices:
        # rule most_paid
        left -= price or 0
        if left < 0:
            break
        number += 1
    return number


def _retryable_runs(
    plan: Plan, snapshot: Snapshot, max_attempts: int, retried_takes: frozenset[str] | None
) -> Iterable[Run]:
    """The runs under way that would be made again if they failed."""
    ids = plan.scope if retried_takes is None else plan.scope & retried_takes
    ids |= {line.moved_from for line in plan.lines if line.take_id in ids and line.moved_from}
    records = (record for record in snapshot.takes if record.take.id in ids)
    lives = ((record, record.live) for record in records)
    return (live for record, live in lives if live is not None and _has_attempt_left(record, live, max_attempts))


def _has_attempt_left(record: TakeRecord, live: Run, max_attempts: int) -> bool:
    return live.state in _CAN_STILL_FAIL and count_failures(record.runs, live.fingerprint) + 1 < max_attempts


_FINISHES_REPLACEMENT = (
    "This finishes the --replace that was interrupted before, and begins no other one. Once it is finished, the same "
    "command makes these takes again."
)


@dataclass(frozen=True, slots=True)
class ApplyRequest:
    """All that one apply is asked. `saved` is the plan from a file that it follows, None where it makes its own."""

    where: CampaignLocation
    options: ApplyOptions
    manifest: Manifest
    endpoint: str
    wishes: PlanRequest
    settings: Settings
    saved_plan: SavedPlan | None

    @property
    def campaign(self) -> CampaignSpec:
        """What the manifest asks for."""
        return self.manifest.campaign

    @property
    def replan_command(self) -> str:
        """The command that makes a new plan."""
        return f"{command_line('plan', self.where)} --out FILE"

    @property
    def image_check_level(self) -> ImageCheckLevel:
        """A rehearsal needs no network, unless the user wants it."""
        # rule apply_checks_images
        return self.options.image_check_level or (
            ImageCheckLevel.LOCAL if self.is_rehearsal else ImageCheckLevel.ONLINE
        )

    @property
    def is_rehearsal(self) -> bool:
        """Whether no payment is real."""
        return self.endpoint == SANDBOX

    @property
    def retried_takes(self) -> frozenset[str] | None:
        """The takes that are made again where a run fails; None for all."""
        return None if self.saved_plan is None else frozenset(self.saved_plan.retryable)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an apply is about to do, before anybody has agreed to it."""

    plan: Plan
    snapshot: Snapshot
    estimate: Estimate
    time: TimeNeeded
    history: History


@dataclass(frozen=True, slots=True)
class ConsentResult:
    """Whether the user has agreed. `unpaid` is how that makes the apply end where it leaves undone what the plan would
    pay for, else None."""

    consent: Consent
    stop_reason: StopReason | None = None


def obtain_consent(request: ApplyRequest, proposal: Proposal, console: Console) -> ConsentResult:
    """Show the proposal and have the user agree to what it pays. Says what is left undone where nobody does.

    Raises AccountError without a key, UsageError for an image that cannot be used, KeyboardInterrupt at the question.
    """
    plan, snapshot = proposal.plan, proposal.snapshot
    if request.saved_plan is None and is_repeated(snapshot, request.wishes.replace, request.wishes.only):
        console.print_info(_FINISHES_REPLACEMENT)
    if not has_work(plan, snapshot):
        console.print_info("Nothing to do: nothing is to be sent, downloaded or paid.")
        return ConsentResult(Consent.MISSING)  # and nothing is left that could need one
    if not request.is_rehearsal:
        read_key()
    _show_proposal(request, proposal, console)
    quote = quote_for(plan, snapshot, proposal.estimate, request.settings, request.retried_takes)
    consent = _ask_or_assume(request, proposal, quote, console)
    stop_reason = refused_payment(quote, consent)
    if stop_reason is not None:
        collects_note = " What is paid for already is still collected." if has_open_runs(plan, snapshot) else ""
        console.print_warning(stop_reason.text + collects_note)
    return ConsentResult(consent, stop_reason)


def _show_proposal(request: ApplyRequest, proposal: Proposal, console: Console) -> None:
    console.print_info_lines(
        render_plan(
            proposal.plan,
            proposal.snapshot,
            proposal.estimate,
            proposal.time,
            cap_micro_usd=request.settings.cap_micro_usd,
            resolve=command_line("resolve", request.where),
            columns=columns_of(sys.stderr),
            show_all=console.is_verbose,
        )
    )
    if request.is_rehearsal:
        console.print_info("This is a rehearsal on the sandbox: no key, no real money.")


def _ask_or_assume(request: ApplyRequest, proposal: Proposal, quote: PaymentQuote, console: Console) -> Consent:
    has_yes = request.is_rehearsal or request.options.yes
    if not (has_yes or console.is_interactive):
        # rule nobody_to_ask
        return Consent.MISSING  # and nothing of what would be paid for is looked at
    # rule images_looked_at
    warnings = request.manifest.warnings + check_images(
        request.manifest, proposal.plan, request.image_check_level, console
    )
    return Consent.GIVEN if has_yes else ask_consent(quote, warnings, console)
