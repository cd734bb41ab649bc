"""The use case `apply`: lock, reconcile, plan, consent, carry out, report.

The order keeps money safe. The lock comes first, so that nobody else pays meanwhile. The ledger is reconciled before it
is planned with, so that no paid run is missing from it. No payment is prepared before the user has agreed, and nothing
is sent before it is written down. Without consent, only runs that are already paid for are collected.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.local.output_files import OutputFiles
from hailuo_batch.adapters.stills.ffmpeg import find_ffmpeg
from hailuo_batch.app.config import ApplyOptions, check_options, read_plan_request, read_settings, resume_command
from hailuo_batch.app.consent import (
    ApplyRequest,
    ConsentResult,
    Proposal,
    make_proposal,
    obtain_consent,
    without_paying,
)
from hailuo_batch.app.frontend import ApplyFrontend
from hailuo_batch.app.ledger_access import (
    RESUME_FACT,
    campaign_lock,
    empty_snapshot,
    snapshot_before_first_apply,
    waiting_notice,
)
from hailuo_batch.app.manifest_input import context_of, read_manifest
from hailuo_batch.app.older_ledger import check_not_older, names_in_files
from hailuo_batch.app.picks.rerolls import may_name_picks, read_rerolls, still_names_picks
from hailuo_batch.app.plan_file import sources_of
from hailuo_batch.app.plan_guard import (
    PLAN_FACT,
    PlanProgress,
    carried_out_fact,
    check_ledger_for_plan,
    check_options_for,
    check_plan,
    check_sources,
    read_plan_for,
)
from hailuo_batch.app.reconcile import reconcile_ledger
from hailuo_batch.app.reports import remember_receipts, report_of, unchanged_receipts, write_final_report
from hailuo_batch.app.run_campaign import (
    ApplyResult,
    Job,
    close_finished_replacements,
    has_files_to_move,
    run_campaign,
)
from hailuo_batch.app.stills.maker import StillMaker
from hailuo_batch.app.workspace import (
    CampaignLocation,
    check_outputs,
    has_ledger,
    ledger_exists,
    make_outputs,
    set_aside,
)
from hailuo_batch.core.engine import stop_reasons
from hailuo_batch.core.engine.stop_reasons import StopReason
from hailuo_batch.core.model.runs import Snapshot, in_doubt_if_submitting
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.cap import stopped_by_cap
from hailuo_batch.core.planning.estimate import has_open_runs, has_work
from hailuo_batch.core.planning.history import NEWEST
from hailuo_batch.core.planning.plan import Plan, make_plan
from hailuo_batch.core.planning.replacements import UNFINISHED, is_complete, with_patterns
from hailuo_batch.core.planning.traces import KnownIds
from hailuo_batch.errors import ExitCode, LedgerError, UsageError
from hailuo_batch.manifest import load_manifest, load_with_image_warnings
from hailuo_batch.manifest.diagnostics import warning_severity
from hailuo_batch.report.model import Report, ReportTake
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.ui.plan import left_for_later_text
from hailuo_batch.ui.summary import unfinished_takes, worst_code
from hailuo_batch.ui.text import count
from hailuo_batch.values import format_usd

if TYPE_CHECKING:
    from hailuo_batch.runtime.driver import Deadline


@dataclass(frozen=True, slots=True)
class ApplyEnding:
    """How an apply ended, for its front end.

    `report` is the campaign as it is now, `unfinished` are the takes asked for that have no good video, and `snapshot`
    is the ledger in which each request without an answer is in doubt. `page` is the report's page, None where it was
    not written; `resume` continues the apply, and `later` says what it has left. `stop_reasons` are why it ended before
    all was done, `codes` the exit codes of all that kept it from that.
    """

    where: CampaignLocation
    report: Report
    snapshot: Snapshot
    unfinished: tuple[ReportTake, ...]
    page: Path | None
    resume: str
    later: tuple[str, ...]
    took: str
    remedy: str
    creates: int
    stop_reasons: tuple[StopReason, ...]
    codes: tuple[ExitCode, ...]


def apply_campaign(
    where: CampaignLocation, options: ApplyOptions, frontend: ApplyFrontend, until_end: ExitStack
) -> ExitCode:
    """Apply the manifest. Raises what reading a manifest, taking the lock or opening the ledger raises.

    From consent on, a request to stop is heeded in good order. What the front end needs for that goes onto `until_end`,
    which the caller closes after everything here is closed.
    """
    check_options(options)
    clock = Clock()
    give_up_at = clock.now() + options.max_duration_s
    request = _read_request(where, options, frontend)
    lock = campaign_lock(request.context.paths, "apply", clock)
    wait_s = min(options.wait_s, max(0.0, give_up_at - clock.now()))
    if lock.acquire(wait_s, waiting_notice(wait_s, frontend), lambda: frontend.stop.code is not None):
        # rule read_again
        request = _read_request_again(request, frontend)
    with lock, ExitStack() as stack:
        check_outputs(request.context.paths)
        apply = _Apply(request, clock, frontend)
        ledger = apply.open_ledger(stack)
        proposal = apply.propose(ledger)
        consent = obtain_consent(request, proposal, frontend)
        if consent.stop_reason is not None:
            # rule nothing_begun
            if ledger is None:
                return apply.end_without_ledger(consent.stop_reason)
            proposal = without_paying(request, proposal)
        # from here on the ledger changes: whoever ends this must let each request be recorded before
        until_end.enter_context(frontend.stoppable())
        if consent.stop_reason is None and proposal.plan.paying:
            make_outputs(request.context.paths)  # raises before anything is paid for that could not be saved
        if ledger is None:
            ledger = stack.enter_context(apply.create_ledger())
            ledger.record_fact(PLAN_FACT, "" if request.saved_plan is None else request.saved_plan.id)
        # rule guard_held
        lock.acquire_guard()  # on the receipts: a deleted lock file must not let in a second apply that pays as well
        stills = StillMaker(request.context.paths.outputs, find_ffmpeg)
        deadline = _deadline(options, give_up_at)
        job = replace(_make_job(request, proposal, consent), lock=lock, deadline=deadline, stills=stills)
        apply.record_beginning(job, ledger, proposal.snapshot)
        outcome = run_campaign(job, ledger, clock, frontend)
        if outcome.snapshot is proposal.snapshot:  # nothing was recorded since the receipts were compared with it
            remember_receipts(request.context.paths)
        return apply.finish(consent, job, outcome, ledger)


@dataclass(frozen=True, slots=True)
class _Apply:
    """The steps of one apply that need its request, the clock and the front end."""

    request: ApplyRequest
    clock: Clock
    frontend: ApplyFrontend

    def open_ledger(self, stack: ExitStack) -> Ledger | None:
        """The campaign's ledger, None if a first one has to be created. Raises LedgerError if it cannot be used."""
        context, options = self.request.context, self.request.options
        present = ledger_exists(context.paths) if options.new_ledger else has_ledger(context.paths)
        if present:
            ledger = stack.enter_context(self._open())
            check_not_older(context)
            return ledger
        if options.require_ledger:
            raise LedgerError(
                f"{context.paths.ledger}: this campaign has no ledger, and --require-ledger was given. Nothing was "
                "sent, nothing was paid. Restore its state folder, perhaps from a cache or an artifact. To start a "
                "first ledger, leave the option out."
            )
        return None

    def create_ledger(self) -> Ledger:
        """Create a new ledger, after moving leftovers aside.

        It records which runs the files moved aside name: put back later, they do not prove that it is an older ledger.
        """
        context, now = self.request.context, self.clock.wall()
        names = names_in_files(context)
        for path, new_path in set_aside(context.paths):
            self.frontend.warn(f"{path} was renamed to {new_path.name}.")
        Ledger.create(context.paths.ledger, context.campaign.name, context.endpoint, now)
        ledger = self._open()
        if names != KnownIds():
            ledger.record_set_aside(names, now)
        return ledger

    def _open(self) -> Ledger:
        context = self.request.context
        return Ledger.open(context.paths.ledger, context.campaign.name, context.endpoint, self.clock.wall())

    def record_beginning(self, job: Job, ledger: Ledger, snapshot: Snapshot) -> None:
        """Record what the ledger has to know before anything is sent."""
        changes = job.sends or bool(job.plan.ledger_changes)
        if changes:
            # after a kill, `status` must name a command that pays for no more than this one
            ledger.record_fact(RESUME_FACT, job.resume_command)
        # rule plan_forgotten
        if self.request.saved_plan is None and (changes or has_files_to_move(snapshot)):
            ledger.record_fact(PLAN_FACT, "")  # this apply changes the ledger: plan files made before are out of date

    def propose(self, ledger: Ledger | None) -> Proposal:
        """Make the plan. Raises UsageError if a plan file is out of date."""
        request, context, saved = self.request, self.request.context, self.request.saved_plan
        snapshot = empty_snapshot(context)
        progress = PlanProgress(request.plan_request)
        if saved is not None:
            # before reconciling, which writes to the journal: any line in it that is not the plan's own is refused
            progress = check_ledger_for_plan(saved, ledger, request.replan_command)
        if ledger is not None:
            known, files = unchanged_receipts(context.paths), OutputFiles(context.paths.outputs)
            warn = self.frontend.warn
            snapshot = reconcile_ledger(ledger, context.paths.receipts, files, self.clock.wall(), warn, known)
        plan = make_plan(context.campaign, snapshot, progress.plan_request)
        if saved is not None:
            check_plan(saved, plan, context.campaign, progress, request.replan_command)
        return make_proposal(context, snapshot, plan, request.settings)

    def end_without_ledger(self, stop_reason: StopReason) -> ExitCode:
        """End without consent before a first ledger: none is created, and no outputs.

        Outputs without a ledger would make the next apply refuse to start.
        """
        context = self.request.context
        resume = resume_command(context.where, self.request.options, paid=False, replacing=True)
        report = report_of(context, snapshot_before_first_apply(context), self.clock.wall(), resume=resume)
        self.frontend.show_nothing_begun(report)
        return stop_reason.exit_code

    def finish(self, consent: ConsentResult, job: Job, outcome: ApplyResult, ledger: Ledger) -> ExitCode:
        """Write the report and the sidecars, show how it ended, and return the exit code.

        A `--replace` is closed last of all, and only if nothing cut the apply short.
        """
        request, frontend, snapshot = self.request, self.frontend, outcome.snapshot
        where, patterns = request.context.where, request.plan_request.replace
        replacing = any(not is_complete(snapshot, own) for own in with_patterns(snapshot, patterns))
        paid = consent.stop_reason is None
        options = _options_to_continue(request.options, job.plan, outcome, replacing=replacing)
        if paid and not still_names_picks(request.plan_request, job.plan, snapshot):
            options = replace(options, replace_from=None)
        resume = resume_command(where, replace(options, yes=False), paid=paid, replacing=replacing)
        if job.sends:
            ledger.record_fact(RESUME_FACT, resume)
        report = report_of(request.context, snapshot, self.clock.wall(), resume=resume)
        unfinished = unfinished_takes(report, job.plan.scope)
        ends_at = inf if job.deadline is None else job.deadline.at
        page, unwritten = write_final_report(
            report, snapshot, ledger, job.context, options.no_sidecar, frontend, job.stills, ends_at
        )
        codes = [*outcome.codes, *([ExitCode.UNFINISHED] if unfinished else []), *unwritten]
        codes += [] if consent.stop_reason is None else [consent.stop_reason.exit_code]
        refused = () if consent.stop_reason is None else (consent.stop_reason,)
        ending = ApplyEnding(
            where,
            report,
            in_doubt_if_submitting(snapshot),
            unfinished,
            page,
            resume_command(where, options, paid=paid, replacing=replacing),
            _rest_sentences(job, snapshot),
            outcome.time_sentence,
            outcome.remedy or ("" if consent.stop_reason is None else consent.stop_reason.remedy),
            outcome.creates,
            (*refused, *outcome.stop_reasons),
            tuple(codes),
        )
        codes += frontend.show_ending(ending)
        stop_code = frontend.stop.finalize()
        code = worst_code([*codes, *([] if stop_code is None else [stop_code])])
        if code in {ExitCode.DONE, ExitCode.UNFINISHED} and not unwritten:
            close_finished_replacements(ledger, snapshot, patterns, job.plan.scope)
        return code


def _read_request(where: CampaignLocation, options: ApplyOptions, frontend: ApplyFrontend) -> ApplyRequest:
    """Read and check everything that is asked, before anything is opened. Raises UsageError and ManifestError."""
    saved = options.plan
    if saved is not None:
        check_options_for(saved.path, options)
    elif options.plan_file is not None:
        saved = read_plan_for(options.plan_file, options)
    load = load_manifest if options.check_images is False else load_with_image_warnings
    manifest = read_manifest(where, frontend, warning_severity(strict=options.strict), load)
    context = context_of(where, manifest)
    settings = read_settings(options, manifest.campaign, where.access.keys)
    if saved is None:
        rerolls = read_rerolls(options.replace_from, context)
        asked = read_plan_request(
            manifest.campaign, options.only, options.replace, options.in_doubt, options.limit, rerolls
        )
        return ApplyRequest(context, options, manifest, asked, settings, None)
    # rule plan_cap
    settings = replace(settings, cap_micro_usd=saved.cap_micro_usd, max_creates=saved.plan_request.limit)
    request = ApplyRequest(context, options, manifest, saved.plan_request, settings, saved)
    check_sources(saved, manifest.campaign, context.endpoint, sources_of(manifest), request.replan_command)
    return request


def _read_request_again(request: ApplyRequest, frontend: ApplyFrontend) -> ApplyRequest:
    """Read the request again after a wait in which files may have changed. Raises UsageError for another campaign."""
    context = request.context
    now = _read_request(context.where, request.options, frontend)
    if now.context.campaign.name != context.campaign.name:
        raise UsageError(
            f"{context.where.manifest}: the manifest's campaign was renamed from {context.campaign.name} to "
            f"{now.context.campaign.name} while this apply waited for the lock of the first. Nothing was sent. Run the "
            "same command again."
        )
    return now


def _make_job(request: ApplyRequest, proposal: Proposal, consent: ConsentResult) -> Job:
    saved, plan = request.saved_plan, proposal.plan
    durations = proposal.history.newest_durations(NEWEST)
    settings = replace(request.settings, known_durations=durations, consent=consent.consent)
    if not request.options.accept_price:
        prices = proposal.estimate.known_prices if saved is None else saved.prices
        settings = replace(settings, shown_prices=prices)
    pays = consent.stop_reason is None
    resume_options = replace(request.options, yes=False)  # consent is given once, never by a pasted command
    if pays and not may_name_picks(request.plan_request, plan, proposal.snapshot):
        resume_options = replace(resume_options, replace_from=None)
    if pays and resume_options.limit is not None:
        # After a kill nobody has counted how many of the limit were created, and the same limit once more could pay for
        # as many again: the command that is named then only collects what was begun.
        resume_options = replace(resume_options, limit=0)
    return Job(
        request.context,
        plan,
        settings,
        has_work(plan, proposal.snapshot) if pays else has_open_runs(plan, proposal.snapshot),
        carried_out_fact(saved) if saved is not None and pays else "",
        # rule plan_retries
        request.retried_takes,
        resume_command=resume_command(request.context.where, resume_options, paid=pays, replacing=True),
    )


def _options_to_continue(options: ApplyOptions, plan: Plan, outcome: ApplyResult, *, replacing: bool) -> ApplyOptions:
    """The options that continue this apply and pay for no more than it would have. Once all that it was asked for is
    done, those that begin the rest of the campaign, to which nobody has agreed yet."""
    in_scope = [record.state for record in outcome.snapshot.takes if record.take.id in plan.scope]
    if options.limit is not None:
        if any(state in UNFINISHED for state in in_scope):
            # rule rest_of_limit
            return replace(options, limit=max(0, options.limit - outcome.creates))
        # where nothing was to be created, the same once more would create nothing: the rest is what is left
        options = replace(options, yes=False, limit=options.limit or None)
    is_done = not plan.left_for_later and all(state is TakeState.DONE for state in in_scope)
    return replace(options, only=(), yes=False) if options.only and is_done and not replacing else options


def _rest_sentences(job: Job, snapshot: Snapshot) -> tuple[str, ...]:
    """What --limit has left for later, and what has to be raised before the same command can make the rest."""
    stopped = stopped_by_cap(snapshot, job.settings.cap_micro_usd, job.plan.scope)
    sentences = [left_for_later_text(job.plan)]
    if stopped is not None:
        sentences.append(
            f"The spend limit of {format_usd(stopped.cap_micro_usd)} is not enough for the "
            f"{count(stopped.runs, 'run')} left. First raise limits.max_spend_usd or --max-spend to "
            f"{format_usd(stopped.needed_micro_usd)}."
        )
    return tuple(sentence for sentence in sentences if sentence)


def _deadline(options: ApplyOptions, at: float) -> "Deadline | None":
    if options.max_duration is None:
        return None
    from hailuo_batch.runtime.driver import Deadline

    return Deadline(at, stop_reasons.out_of_time(options.max_duration_s))
