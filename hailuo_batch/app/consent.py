"""Consent to pay: what an apply is about to do and what it can cost, and whether the user agrees.

Paying needs a yes, to a question or beforehand, as with `--yes`. What pays nothing needs none, nor does a practice run.
The question names the most that can be paid. Failed runs that are made again within `max_attempts` add nothing to it,
since they are refunded: the same yes covers them. Nothing here sends or writes anything.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hailuo_batch.app.config import DEFAULT_BASE_URL, ApplyOptions, read_keys
from hailuo_batch.app.frontend import ApplyFrontend, Frontend
from hailuo_batch.app.ledger_access import load_history
from hailuo_batch.app.manifest_input import ImageCheckLevel, Manifest, check_images
from hailuo_batch.app.picks.rerolls import tell_rerolls
from hailuo_batch.app.plan_file import SavedPlan
from hailuo_batch.app.workspace import CampaignContext
from hailuo_batch.core.engine import stop_reasons
from hailuo_batch.core.engine.stop_reasons import StopReason, StopScope
from hailuo_batch.core.model.api_keys import ONLY_KEY
from hailuo_batch.core.model.runs import Run, Snapshot, TakeRecord
from hailuo_batch.core.model.settings import Consent, Settings
from hailuo_batch.core.model.states import RUNNING, RunState
from hailuo_batch.core.planning.cap import Cap
from hailuo_batch.core.planning.estimate import (
    Estimate,
    TimeNeeded,
    estimate_cost,
    estimate_time,
    has_open_runs,
    has_work,
)
from hailuo_batch.core.planning.failures import attempts_left
from hailuo_batch.core.planning.history import History
from hailuo_batch.core.planning.plan import Plan, PlanAction, PlanRequest, make_plan
from hailuo_batch.core.planning.replacements import is_repeated
from hailuo_batch.core.planning.selection import matches_any
from hailuo_batch.ui.plan import left_for_later_text
from hailuo_batch.ui.text import count, name_some
from hailuo_batch.values import format_usd

_MOST_NAMED = 10
_CAN_STILL_FAIL = frozenset({*RUNNING, RunState.LOST})


@dataclass(frozen=True, slots=True)
class PaymentQuote:
    """What a yes would pay for.

    `runs` are due now and cost `micro_usd` together (None: a price is unknown); `affordable` of them fit under the cap
    at the prices that the plan shows. `left_micro_usd` is what the cap leaves, None without a cap. `open_runs` are
    running: those that fail are made again, up to `attempts` times per take. `cap_reached` is set if the cap admits no
    request at all.
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
            return f"{runs} (no spending cap is set)"
        why = " (what the cap leaves)" if not some and self.micro_usd is not None else ""
        return f"{runs}, at most {format_usd(self.left_micro_usd)}{why}"


def quote_for(
    plan: Plan, snapshot: Snapshot, estimate: Estimate, settings: Settings, retried_takes: frozenset[str] | None
) -> PaymentQuote:
    """What this plan may pay for. Failed runs of `retried_takes` are made again, None for all takes."""
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
            # the same rule as the engine's: the first request that the cap does not admit stops all after it
            cost, needed = cap.cost_of(models[0]), cap.needed_for(models)
            reached = stop_reasons.cap_reached(settings.cap_micro_usd, cap.committed_micro_usd, cost, needed)
        # While a price is only expected, one request is sent alone to learn the real one, even if it does not fit.
        affordable = max(affordable, min(1, len(models)))
    open_runs = sum(1 for _ in _retryable_runs(plan, snapshot, settings.max_attempts, retried_takes))
    attempts = settings.max_attempts
    if settings.max_creates is not None:
        # a further attempt is a create, too: only what the runs due now leave of the limit can be spent on it
        unused = max(0, settings.max_creates - len(models))
        open_runs, attempts = min(open_runs, unused), attempts if unused else 1
    return PaymentQuote(len(models), affordable, estimate.micro_usd, left, open_runs, attempts, reached)


def ask_consent(quote: PaymentQuote, warnings: int, frontend: Frontend) -> Consent:
    """Ask if there is anything to agree to. Raises KeyboardInterrupt."""
    if not quote.may_pay or not frontend.can_ask:
        return Consent.MISSING
    return Consent.GIVEN if frontend.ask(_question(quote, warnings)) else Consent.DECLINED


def refused_payment(quote: PaymentQuote, consent: Consent) -> StopReason | None:
    """Why runs that are due will not be paid for, with the exit code; None if they will be or none are due."""
    if quote.runs == 0 or consent is Consent.GIVEN:
        return None
    if quote.cap_reached is not None:
        return quote.cap_reached
    if consent is Consent.DECLINED:
        text = f"Declined. No video was requested, nothing was paid. Run the same command to be asked again: {quote}."
    else:
        text = f"No video was requested. Nothing was paid: --yes is missing. With --yes this command pays for {quote}."
    return StopReason(StopScope.CREATES, stop_reasons.no_consent(consent).exit_code, text)


def _question(quote: PaymentQuote, warnings: int) -> str:
    attempts = f"up to {count(quote.attempts, 'attempt')} per take"
    if quote.runs == 0:
        if quote.open_runs == 1:
            runs = "1 run is in progress. If it fails"
        else:
            runs = f"{quote.open_runs:,} runs are in progress. If one fails"
        return f"{runs}, it is refunded. Pay for another attempt then, {attempts}?"
    # rule warnings_asked
    warned = f"There {'is' if warnings == 1 else 'are'} {count(warnings, 'warning')}. " if warnings else ""
    retries = f"A run that fails is refunded and tried again, {attempts}. " if quote.attempts > 1 else ""
    return f"{warned}{retries}Pay for {quote}?"


def _affordable(prices: Iterable[int | None], left: int) -> int:
    """How many of these requests, in this order, the money is enough for. An unknown price counts as nothing."""
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
    """The runs in progress that would be made again if they failed."""
    ids = plan.scope if retried_takes is None else plan.scope & retried_takes
    ids |= {line.moved_from for line in plan.lines if line.take_id in ids and line.moved_from}
    records = (record for record in snapshot.takes if record.take.id in ids)
    lives = ((record, record.live) for record in records)
    return (live for record, live in lives if live is not None and _has_attempt_left(record, live, max_attempts))


def _has_attempt_left(record: TakeRecord, live: Run, max_attempts: int) -> bool:
    return live.state in _CAN_STILL_FAIL and attempts_left(record.runs, live.fingerprint, max_attempts) > 1


_FINISHES_REPLACEMENT = (
    "This finishes the --replace that was interrupted, and starts no new one. Once it is finished, the same command "
    "replaces these takes again."
)


@dataclass(frozen=True, slots=True)
class ApplyRequest:
    """Everything that one apply is asked to do. `saved_plan` is the plan file that it follows, if any."""

    context: CampaignContext
    options: ApplyOptions
    manifest: Manifest
    plan_request: PlanRequest
    settings: Settings
    saved_plan: SavedPlan | None

    @property
    def replan_command(self) -> str:
        """What makes a new plan: a command, or the call of a program."""
        if self.options.plan is not None:
            return "campaign.plan()"
        return f"{self.context.where.command_line('plan')} --out FILE"

    @property
    def image_check_level(self) -> ImageCheckLevel:
        """How images are checked: as the user decided, else online, and locally in a practice run."""
        if self.options.check_images is not None:
            # rule no_check_images
            return ImageCheckLevel.ONLINE if self.options.check_images else ImageCheckLevel.NONE
        # rule apply_checks_images
        return ImageCheckLevel.LOCAL if self.context.is_sandbox else ImageCheckLevel.ONLINE

    @property
    def retried_takes(self) -> frozenset[str] | None:
        """The takes whose failed runs are made again; None for all."""
        return None if self.saved_plan is None else frozenset(self.saved_plan.retryable)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an apply is about to do, before anybody has agreed to it."""

    plan: Plan
    snapshot: Snapshot
    estimate: Estimate
    time: TimeNeeded
    history: History


def tell_not_replaced(request: PlanRequest, plan: Plan, frontend: Frontend) -> None:
    """Tell which takes --replace names and --only leaves out, so that nobody waits for another video of them."""
    asked = plan.scope | plan.left_for_later
    wanted = (line.take_id for line in plan.lines if line.action is not PlanAction.UNWANTED)
    left_out = [id_ for id_ in wanted if id_ not in asked and matches_any(id_, request.replace)]
    if left_out:
        names = name_some(left_out, _MOST_NAMED)
        frontend.remark(f"Not replaced, because --only leaves {'it' if len(left_out) == 1 else 'them'} out: {names}.")


def make_proposal(context: CampaignContext, snapshot: Snapshot, plan: Plan, settings: Settings) -> Proposal:
    """The plan with what it is likely to cost and how long it is likely to take."""
    history = load_history(context.paths, snapshot)
    if context.is_sandbox:
        settings = replace(settings, api_keys=(ONLY_KEY,))  # a practice run has one, whatever keys there are
    estimate = estimate_cost(plan, history, context.campaign.limits)
    return Proposal(plan, snapshot, estimate, estimate_time(plan, estimate, history, settings), history)


@dataclass(frozen=True, slots=True)
class ConsentResult:
    """Whether the user has agreed. `stop_reason` is set if payments that the plan needs will not be made."""

    consent: Consent
    stop_reason: StopReason | None = None


def obtain_consent(request: ApplyRequest, proposal: Proposal, frontend: ApplyFrontend) -> ConsentResult:
    """Show the proposal and ask the user to pay for it. Without a yes, show what will not be done.

    Raises AccountError without a key, UsageError for an unusable image, KeyboardInterrupt at the question.
    """
    plan, snapshot = proposal.plan, proposal.snapshot
    if request.saved_plan is None and is_repeated(snapshot, request.plan_request.replace, request.plan_request.only):
        frontend.remark(_FINISHES_REPLACEMENT)
    source = request.options.replace_from or (request.options.plan_file if request.plan_request.rerolls else None)
    tell_rerolls(source, request.plan_request, plan, snapshot, frontend)
    tell_not_replaced(request.plan_request, plan, frontend)
    if not has_work(plan, snapshot):
        later = f" {left_for_later_text(plan)}" if plan.left_for_later else ""
        text = f"Nothing to do: no video to request, download or pay for.{later}"
        frontend.show_nothing_to_do(request, proposal, text)
        return ConsentResult(Consent.MISSING)  # there is nothing to consent to
    if not request.context.is_sandbox:
        read_keys(request.context.where.access.keys)
    frontend.show_proposal(request, proposal)
    if request.context.is_sandbox:
        frontend.remark("Practice run on the sandbox: no key, no real money.")
    elif request.context.endpoint != DEFAULT_BASE_URL:  # a variable that was forgotten, or one that was not
        variable = "" if request.context.where.access.base_url else " (RUNBASE_BASE_URL)"
        frontend.remark(f"At {request.context.endpoint}{variable}, and not at Runbase.")
    quote = quote_for(plan, snapshot, proposal.estimate, request.settings, request.retried_takes)
    consent = _ask_or_assume(request, proposal, quote, frontend)
    stop_reason = refused_payment(quote, consent)
    if stop_reason is not None:
        collects_note = (
            " Videos that are already paid for are still collected." if has_open_runs(plan, snapshot) else ""
        )
        frontend.refuse_payment(quote, consent, stop_reason, collects_note)
    return ConsentResult(consent, stop_reason)


def _ask_or_assume(request: ApplyRequest, proposal: Proposal, quote: PaymentQuote, frontend: Frontend) -> Consent:
    has_yes = request.context.is_sandbox or request.options.yes
    if not (has_yes or frontend.can_ask):
        # rule nobody_to_ask
        return Consent.MISSING  # nothing will be paid for, so its images need no check
    # rule images_looked_at
    warnings = request.manifest.warnings + check_images(
        request.manifest, proposal.plan, request.image_check_level, frontend
    )
    return Consent.GIVEN if has_yes else ask_consent(quote, warnings, frontend)


def without_paying(request: ApplyRequest, proposal: Proposal) -> Proposal:
    """What is left of the proposal without consent: runs are followed and files moved, and no payment is prepared.

    Nothing that was asked for is recorded either, not even that a failed run gets another attempt: the next apply would
    take it as agreed, and pay. The changes of a plan file belong together, so that none of them is made.
    """
    plan = proposal.plan
    if request.saved_plan is not None:
        ids = {line.moved_from for line in plan.lines if line.moved_from and line.take_id in plan.scope}
        # rule no_step_of_a_plan
        plan = replace(plan, ledger_changes=(), followed=plan.followed | ids)
    else:
        campaign, asked = request.context.campaign, request.plan_request
        # rule no_attempt_without_yes
        campaign = replace(campaign, limits=replace(campaign.limits, max_attempts=1))
        # rule no_wish_recorded
        plan = make_plan(campaign, proposal.snapshot, PlanRequest(asked.only, limit=asked.limit))
    return replace(proposal, plan=plan)
