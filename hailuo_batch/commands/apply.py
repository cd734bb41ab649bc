"""`apply`: does what the plan says. Creates what is missing, resumes what is running, downloads, reports.

The order is what keeps money safe: lock, books in order, plan, consent, then the driver. No payment is prepared before
the user has agreed, and nothing is sent before it is written. Without consent only what is paid for already is seen to.
"""

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.local.output_files import OutputFiles
from hailuo_batch.app.config import (
    ApplyOptions,
    check_options,
    read_endpoint,
    read_settings,
    read_wishes,
    resume_command,
)
from hailuo_batch.app.consent import ApplyRequest, ConsentResult, Proposal, obtain_consent
from hailuo_batch.app.ledger_access import (
    RESUME_FACT,
    campaign_lock,
    empty_snapshot,
    load_history,
    snapshot_before_first_apply,
    waiting_notice,
)
from hailuo_batch.app.manifest_input import read_manifest
from hailuo_batch.app.older_ledger import check_not_older, names_in_files
from hailuo_batch.app.plan_file import SavedPlan, read_plan, sources_of
from hailuo_batch.app.plan_guard import (
    PLAN_FACT,
    PlanProgress,
    carried_out_fact,
    check_ledger_for_plan,
    check_plan,
    check_sources,
)
from hailuo_batch.app.reconcile import reconcile_ledger
from hailuo_batch.app.reports import remember_receipts, report_of, unchanged_receipts, write_final_report
from hailuo_batch.app.run_campaign import ApplyResult, Job, close_finished_replacements, has_files_to_move, run_campaign
from hailuo_batch.app.signals import stop_on_signals
from hailuo_batch.app.workspace import (
    CampaignLocation,
    CampaignPaths,
    command_line,
    folder_options,
    has_ledger,
    ledger_exists,
    locate,
    make_outputs,
    set_aside,
)
from hailuo_batch.core.engine import stop_reasons
from hailuo_batch.core.engine.stop_reasons import StopReason
from hailuo_batch.core.model.runs import Snapshot, in_doubt_if_submitting
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.estimate import estimate_cost, estimate_time, has_open_runs, has_work
from hailuo_batch.core.planning.history import NEWEST
from hailuo_batch.core.planning.plan import PlanRequest, make_plan
from hailuo_batch.core.planning.replacements import is_complete, with_patterns
from hailuo_batch.core.planning.traces import KnownIds
from hailuo_batch.errors import ExitCode, LedgerError, ReaderGoneError, StreamError, UsageError
from hailuo_batch.report.model import Report
from hailuo_batch.report.render_json import report_document
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.ui.console import Console, Verbosity, columns_of
from hailuo_batch.ui.in_doubt import render_in_doubt
from hailuo_batch.ui.summary import render_summary, unfinished_takes, worst_code

if TYPE_CHECKING:
    from hailuo_batch.runtime.driver import Deadline

__all__ = ["ApplyOptions", "run"]

_ENDED_WELL = frozenset({ExitCode.DONE, ExitCode.UNFINISHED})


def run(where: CampaignLocation, options: ApplyOptions, console: Console) -> ExitCode:
    """Apply the manifest. Raises what reading a manifest, taking the lock or opening the ledger raises."""
    try:
        with ExitStack() as signal_stack:
            return _apply(where, options, console, signal_stack)
    except ReaderGoneError:
        return ExitCode.SIGTERM  # as on SIGHUP, and before anything was sent


def _apply(where: CampaignLocation, options: ApplyOptions, console: Console, signal_stack: ExitStack) -> ExitCode:
    """`heeded` is left once all is closed: until then, from consent on, a signal stops the apply in good order."""
    check_options(options)
    clock = Clock()
    give_up_at = clock.now() + options.max_duration_s
    request = _read_request(where, options, console)
    paths = locate(where, request.campaign.name)
    lock = campaign_lock(paths, "apply", clock)
    wait_s = min(options.wait_s, max(0.0, give_up_at - clock.now()))
    if lock.acquire(wait_s, waiting_notice(wait_s, console)):
        # rule read_again
        request = _read_request_again(request, console)
    with lock, ExitStack() as stack:
        present = ledger_exists(paths) if options.new_ledger else has_ledger(paths)
        if not present and options.require_ledger:
            raise LedgerError(
                f"{paths.ledger}: the campaign has no ledger, and --require-ledger was given. Nothing was sent, "
                "nothing was paid. Bring its state folder back, from a cache or an artifact perhaps; without the "
                "option a first ledger is begun."
            )
        ledger = stack.enter_context(_open_ledger(request, paths, clock)) if present else None
        if ledger is not None:
            check_not_older(paths, request.campaign.name, request.endpoint, where)
        proposal = _propose(request, paths, ledger, clock, console)
        consent = obtain_consent(request, proposal, console)
        if consent.stop_reason is not None:
            # rule nothing_begun
            if ledger is None:
                return _end_without_ledger(request, consent.stop_reason, clock, console)
            proposal = _without_paying(request, proposal)
        signal_stack.enter_context(stop_on_signals(console.stop))
        if consent.stop_reason is None and proposal.plan.paying:
            make_outputs(paths)
        if ledger is None:
            ledger = stack.enter_context(_create_ledger(request, paths, clock, console))
            ledger.record_fact(PLAN_FACT, "" if request.saved_plan is None else request.saved_plan.id)
        # rule guard_held
        lock.acquire_guard()
        job = replace(_make_job(request, proposal, consent, paths), lock=lock, deadline=_deadline(options, give_up_at))
        if job.sends or job.plan.ledger_changes:
            ledger.record_fact(RESUME_FACT, job.resume_command)
        # rule plan_forgotten
        if request.saved_plan is None and (
            job.sends or job.plan.ledger_changes or has_files_to_move(proposal.snapshot)
        ):
            ledger.record_fact(PLAN_FACT, "")
        outcome = run_campaign(job, ledger, clock, console)
        if outcome.snapshot is proposal.snapshot:
            remember_receipts(paths)
        return _report_result(request, consent, job, outcome, ledger, clock, console)


def _read_request(where: CampaignLocation, options: ApplyOptions, console: Console) -> ApplyRequest:
    """All that is asked, checked before anything is opened. Raises UsageError and ManifestError."""
    saved = None if options.plan_file is None else _read_saved_plan(options.plan_file, options)
    manifest = read_manifest(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    settings = read_settings(options.limits, manifest.campaign)
    if saved is None:
        wishes = read_wishes(manifest.campaign, options.only, options.replace, options.in_doubt)
        return ApplyRequest(where, options, manifest, endpoint, wishes, settings, None)
    # rule plan_cap
    settings = replace(settings, cap_micro_usd=saved.cap_micro_usd)
    request = ApplyRequest(where, options, manifest, endpoint, saved.wishes, settings, saved)
    check_sources(saved, manifest.campaign, endpoint, sources_of(manifest), request.replan_command)
    return request


def _read_saved_plan(path: Path, options: ApplyOptions) -> SavedPlan:
    given = {
        "--only": options.only,
        "--replace": options.replace,
        "--in-doubt": options.in_doubt != "hold",
        "--max-spend": options.limits.max_spend,
        "--new-ledger": options.new_ledger,
    }
    conflicting = [name for name, value in given.items() if value]
    if conflicting:
        raise UsageError(
            f"--plan does just what {path} says, so that {' and '.join(conflicting)} cannot be given with it. Nothing "
            "was sent. Give them to `hailuo-batch plan MANIFEST --out FILE` instead, and apply that plan."
        )
    return read_plan(path)


def _open_ledger(request: ApplyRequest, paths: CampaignPaths, clock: Clock) -> Ledger:
    return Ledger.open(paths.ledger, request.campaign.name, request.endpoint, clock.wall())


def _create_ledger(request: ApplyRequest, paths: CampaignPaths, clock: Clock, console: Console) -> Ledger:
    """Begin a new ledger. It remembers the runs that what is set aside was made by: put back, a file of theirs says
    nothing against it."""
    names = names_in_files(paths, request.campaign.name, request.endpoint)
    for path, new_path in set_aside(paths):
        console.print_warning(f"Set aside: {path} is now {new_path.name}.")
    Ledger.create(paths.ledger, request.campaign.name, request.endpoint, clock.wall())
    ledger = _open_ledger(request, paths, clock)
    if names != KnownIds():
        ledger.record_set_aside(names, clock.wall())
    return ledger


def _propose(
    request: ApplyRequest, paths: CampaignPaths, ledger: Ledger | None, clock: Clock, console: Console
) -> Proposal:
    """The plan as it is now. Raises UsageError where a plan from a file does not hold any more."""
    snapshot = empty_snapshot(request.campaign, request.endpoint)
    progress = PlanProgress(request.wishes)
    if request.saved_plan is not None:
        progress = check_ledger_for_plan(request.saved_plan, ledger, request.replan_command)
    if ledger is not None:
        known_receipts = unchanged_receipts(paths)
        files = OutputFiles(paths.outputs)
        snapshot = reconcile_ledger(ledger, paths.receipts, files, clock.wall(), console.print_warning, known_receipts)
    plan = make_plan(request.campaign, snapshot, progress.wishes)
    if request.saved_plan is not None:
        check_plan(request.saved_plan, plan, request.campaign, progress, request.replan_command)
    history = load_history(paths, snapshot)
    estimate = estimate_cost(plan, history, request.campaign.limits)
    return Proposal(plan, snapshot, estimate, estimate_time(plan, estimate, history, request.settings), history)


def _without_paying(request: ApplyRequest, proposal: Proposal) -> Proposal:
    """What is left of it without consent: runs are followed, files moved, and no payment is prepared.

    No wish is recorded: the next apply would pay for it under another word. That is why a failed run is not superseded
    by an attempt either. A plan from a file is carried out as a whole, so that none of its steps is.
    """
    ids = {line.moved_from for line in proposal.plan.lines if line.moved_from and line.take_id in proposal.plan.scope}
    if request.saved_plan is not None:
        # rule no_step_of_a_plan
        plan = replace(proposal.plan, ledger_changes=(), followed=proposal.plan.followed | ids)
    else:
        # rule no_attempt_without_yes
        limits = replace(request.campaign.limits, max_attempts=1)
        # rule no_wish_recorded
        plan = make_plan(replace(request.campaign, limits=limits), proposal.snapshot, PlanRequest(request.wishes.only))
    return replace(proposal, plan=plan)


def _make_job(request: ApplyRequest, proposal: Proposal, consent: ConsentResult, paths: CampaignPaths) -> Job:
    settings, saved, plan = request.settings, request.saved_plan, proposal.plan
    durations = proposal.history.newest_durations(NEWEST)
    settings = replace(settings, known_durations=durations, consent=consent.consent)
    if not request.options.accept_price:
        prices = proposal.estimate.known_prices if saved is None else saved.prices
        settings = replace(settings, shown_prices=prices)
    pays = consent.stop_reason is None
    return Job(
        request.campaign,
        plan,
        paths,
        request.endpoint,
        settings,
        has_work(plan, proposal.snapshot) if pays else has_open_runs(plan, proposal.snapshot),
        str(request.where.manifest),
        folder_options(request.where),
        carried_out_fact(saved) if saved is not None and pays else "",
        # rule plan_retries
        request.retried_takes,
        resume_command=resume_command(request.where, replace(request.options, yes=False), paid=pays, replacing=True),
    )


def _deadline(options: ApplyOptions, at: float) -> "Deadline | None":
    if options.max_duration is None:
        return None
    from hailuo_batch.runtime.driver import Deadline

    return Deadline(at, stop_reasons.out_of_time(options.max_duration_s))


def _read_request_again(request: ApplyRequest, console: Console) -> ApplyRequest:
    """All that is asked, after a wait in which it may have changed. Raises UsageError where it is another campaign."""
    now = _read_request(request.where, request.options, console)
    if now.campaign.name != request.campaign.name:
        raise UsageError(
            f"{request.where.manifest}: the manifest's campaign was renamed from {request.campaign.name} to "
            f"{now.campaign.name} while this apply waited for the first one's lock. Nothing was sent. Run the same "
            "command again."
        )
    return now


def _end_without_ledger(request: ApplyRequest, stop_reason: StopReason, clock: Clock, console: Console) -> ExitCode:
    """A campaign that has no ledger gets none without consent, and no outputs: without a ledger they would be in the
    way of the next apply."""
    if console.as_json:
        snapshot = snapshot_before_first_apply(request.campaign, request.endpoint)
        resume = resume_command(request.where, request.options, paid=False, replacing=True)
        console.print_json(report_document(report_of(snapshot, request.where, clock.wall(), resume)))
    return stop_reason.exit_code


def _report_result(
    request: ApplyRequest,
    consent: ConsentResult,
    job: Job,
    outcome: ApplyResult,
    ledger: Ledger,
    clock: Clock,
    console: Console,
) -> ExitCode:
    """Write the report and the sidecars, and say how it ended.

    A `--replace` is over only after all that, and only where nothing cut the apply short: then it ends last of all.
    """
    where, options, snapshot = request.where, request.options, outcome.snapshot
    wishes_left = {
        "paid": consent.stop_reason is None,
        "replacing": any(not is_complete(snapshot, own) for own in with_patterns(snapshot, request.wishes.replace)),
    }
    if options.only and not wishes_left["replacing"] and _is_done(snapshot, job.plan.scope):
        options = replace(options, only=(), yes=False)  # what is left is the rest, to which nobody has said yes
    resume = resume_command(where, replace(options, yes=False), **wishes_left)
    if job.sends:
        ledger.record_fact(RESUME_FACT, resume)
    attempts = request.campaign.limits.max_attempts
    report = report_of(snapshot, where, clock.wall(), resume, max_attempts=attempts)
    unfinished = unfinished_takes(report, job.plan.scope)
    page, unwritten = write_final_report(report, snapshot, ledger, job.paths, options.no_sidecar, console)
    codes = [*outcome.codes, *([ExitCode.UNFINISHED] if unfinished else []), *unwritten]
    codes += [] if consent.stop_reason is None else [consent.stop_reason.exit_code]
    columns = columns_of(sys.stderr if console.as_json else sys.stdout)
    doubts = render_in_doubt(in_doubt_if_submitting(snapshot), command_line("resolve", where), columns)
    summary = render_summary(
        report,
        unfinished,
        doubts,
        page=page,
        resume=resume_command(where, options, **wishes_left),
        status=command_line("status", where),
        columns=columns,
    )
    if console.as_json:
        codes += _print_document(report, console)
        console.print_info_lines(summary)
    else:
        console.print_summary(summary)
    if doubts and console.verbosity is Verbosity.QUIET:
        console.print_verbatim(
            console.with_full_commands("\n".join(doubts))
        )  # money that nobody can account for must be heard of
    stop_code = console.stop.finalize()
    code = worst_code([*codes, *([] if stop_code is None else [stop_code])])
    if code in _ENDED_WELL and not unwritten:
        close_finished_replacements(ledger, outcome.snapshot, request.wishes.replace, job.plan.scope)
    return code


def _is_done(snapshot: Snapshot, scope: frozenset[str]) -> bool:
    return all(record.state is TakeState.DONE for record in snapshot.takes if record.take.id in scope)


def _print_document(report: Report, console: Console) -> tuple[ExitCode, ...]:
    """Write the document. Gives the code of what stands in the way: the work is done, and its end has a code too."""
    try:
        console.print_json(report_document(report))
    except StreamError as error:
        console.print_warning(str(error))
        return (error.exit_code,)
    return ()
