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
from hailuo_batch.adapters.local.output_files import Files
from hailuo_batch.app.config import ApplyOptions, again, check_options, read_endpoint, read_settings, read_wishes
from hailuo_batch.app.consent import Asked, Proposal, Verdict, agree
from hailuo_batch.app.ledger_access import (
    RESUME_FACT,
    campaign_lock,
    empty_snapshot,
    learn,
    say_for_whom,
    untouched_snapshot,
)
from hailuo_batch.app.manifest_input import read_manifest
from hailuo_batch.app.older_ledger import check_not_older, names_beside
from hailuo_batch.app.plan_file import SavedPlan, read_plan, sources_of
from hailuo_batch.app.plan_guard import (
    PLAN_FACT,
    Admitted,
    admit,
    check_plan,
    check_sources,
    mark_carried_out,
)
from hailuo_batch.app.reconcile import put_in_order
from hailuo_batch.app.reports import leave_report, remember_settled, report_of, settled_receipts
from hailuo_batch.app.run_campaign import Job, Outcome, end_replacements, moves_files, run_campaign
from hailuo_batch.app.signals import heeding
from hailuo_batch.app.workspace import (
    CampaignPaths,
    Whereabouts,
    command_line,
    folder_options,
    has_ledger,
    ledger_exists,
    locate,
    make_outputs,
    set_aside,
)
from hailuo_batch.core.engine import stop_reasons
from hailuo_batch.core.engine.stop_reasons import Halt
from hailuo_batch.core.model.runs import Snapshot, in_doubt_if_submitting
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.estimate import collects, estimate_cost, estimate_time, has_work
from hailuo_batch.core.planning.history import NEWEST
from hailuo_batch.core.planning.plan import Wishes, make_plan
from hailuo_batch.core.planning.replacements import in_these_words, is_made
from hailuo_batch.core.planning.traces import Names
from hailuo_batch.errors import ExitCode, LedgerError, ReaderGoneError, StreamError, UsageError
from hailuo_batch.report.model import Report
from hailuo_batch.report.render_json import document
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.ui.console import Console, Verbosity, columns_of
from hailuo_batch.ui.in_doubt import render_doubts
from hailuo_batch.ui.summary import not_done, render_summary, worst

if TYPE_CHECKING:
    from hailuo_batch.runtime.driver import Deadline

__all__ = ["ApplyOptions", "run"]

_ENDED_WELL = frozenset({ExitCode.DONE, ExitCode.UNFINISHED})


def run(where: Whereabouts, options: ApplyOptions, console: Console) -> ExitCode:
    """Apply the manifest. Raises what reading a manifest, taking the lock or opening the ledger raises."""
    try:
        with ExitStack() as heeded:
            return _apply(where, options, console, heeded)
    except ReaderGoneError:
        return ExitCode.SIGTERM  # as on SIGHUP, and before anything was sent


def _apply(where: Whereabouts, options: ApplyOptions, console: Console, heeded: ExitStack) -> ExitCode:
    """`heeded` is left once all is closed: until then, from consent on, a signal stops the apply in good order."""
    check_options(options)
    clock = Clock()
    give_up_at = clock.now() + options.max_duration_s
    asked = _read(where, options, console)
    paths = locate(where, asked.campaign.name)
    lock = campaign_lock(paths, "apply", clock)
    wait_s = min(options.wait_s, max(0.0, give_up_at - clock.now()))
    if lock.acquire(wait_s, say_for_whom(wait_s, console)):
        # rule read_again
        asked = _read_again(asked, console)
    with lock, ExitStack() as stack:
        present = ledger_exists(paths) if options.new_ledger else has_ledger(paths)
        if not present and options.require_ledger:
            raise LedgerError(
                f"{paths.ledger}: the campaign has no ledger, and --require-ledger was given. Nothing was sent, "
                "nothing was paid. Bring its state folder back, from a cache or an artifact perhaps; without the "
                "option a first ledger is begun."
            )
        ledger = stack.enter_context(_open(asked, paths, clock)) if present else None
        if ledger is not None:
            check_not_older(paths, asked.campaign.name, asked.endpoint, where)
        proposal = _propose(asked, paths, ledger, clock, console)
        verdict = agree(asked, proposal, console)
        if verdict.unpaid is not None:
            # rule nothing_begun
            if ledger is None:
                return _leave_unbegun(asked, verdict.unpaid, clock, console)
            proposal = _without_paying(asked, proposal)
        heeded.enter_context(heeding(console.stop))
        if verdict.unpaid is None and proposal.plan.paying:
            make_outputs(paths)
        if ledger is None:
            ledger = stack.enter_context(_begin(asked, paths, clock, console))
            ledger.remember(PLAN_FACT, "" if asked.saved is None else asked.saved.id)
        # rule guard_held
        lock.hold_guard()
        job = replace(_job(asked, proposal, verdict, paths), lock=lock, deadline=_deadline(options, give_up_at))
        if job.sends or job.plan.steps:
            ledger.remember(RESUME_FACT, job.resume)
        # rule plan_forgotten
        if asked.saved is None and (job.sends or job.plan.steps or moves_files(proposal.snapshot)):
            ledger.remember(PLAN_FACT, "")
        outcome = run_campaign(job, ledger, clock, console)
        if outcome.snapshot is proposal.snapshot:
            remember_settled(paths)
        return _finish(asked, verdict, job, outcome, ledger, clock, console)


def _read(where: Whereabouts, options: ApplyOptions, console: Console) -> Asked:
    """All that is asked, checked before anything is opened. Raises UsageError and ManifestError."""
    saved = None if options.plan_file is None else _read_saved(options.plan_file, options)
    manifest = read_manifest(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    settings = read_settings(options.bounds, manifest.campaign)
    if saved is None:
        wishes = read_wishes(manifest.campaign, options.only, options.replace, options.in_doubt)
        return Asked(where, options, manifest, endpoint, wishes, settings, None)
    # rule plan_cap
    settings = replace(settings, cap_micro_usd=saved.cap_micro_usd)
    asked = Asked(where, options, manifest, endpoint, saved.wishes, settings, saved)
    check_sources(saved, manifest.campaign, endpoint, sources_of(manifest), asked.remedy)
    return asked


def _read_saved(path: Path, options: ApplyOptions) -> SavedPlan:
    given = {
        "--only": options.only,
        "--replace": options.replace,
        "--in-doubt": options.in_doubt != "hold",
        "--max-spend": options.bounds.max_spend,
        "--new-ledger": options.new_ledger,
    }
    beside = [name for name, value in given.items() if value]
    if beside:
        raise UsageError(
            f"--plan does just what {path} says, so that {' and '.join(beside)} cannot be given with it. Nothing was "
            "sent. Give them to `hailuo-batch plan MANIFEST --out FILE` instead, and apply that plan."
        )
    return read_plan(path)


def _open(asked: Asked, paths: CampaignPaths, clock: Clock) -> Ledger:
    return Ledger.open(paths.ledger, asked.campaign.name, asked.endpoint, clock.wall())


def _begin(asked: Asked, paths: CampaignPaths, clock: Clock, console: Console) -> Ledger:
    """Begin a new ledger. It remembers the runs that what is set aside was made by: put back, a file of theirs says
    nothing against it."""
    names = names_beside(paths, asked.campaign.name, asked.endpoint)
    for path, aside in set_aside(paths):
        console.warn(f"Set aside: {path} is now {aside.name}.")
    Ledger.create(paths.ledger, asked.campaign.name, asked.endpoint, clock.wall())
    ledger = _open(asked, paths, clock)
    if names != Names():
        ledger.note_set_aside(names, clock.wall())
    return ledger


def _propose(asked: Asked, paths: CampaignPaths, ledger: Ledger | None, clock: Clock, console: Console) -> Proposal:
    """The plan as it is now. Raises UsageError where a plan from a file does not hold any more."""
    snapshot = empty_snapshot(asked.campaign, asked.endpoint)
    admitted = Admitted(asked.wishes)
    if asked.saved is not None:
        admitted = admit(asked.saved, ledger, asked.remedy)
    if ledger is not None:
        settled = settled_receipts(paths)
        files = Files(paths.outputs)
        snapshot = put_in_order(ledger, paths.receipts, files, clock.wall(), console.warn, settled)
    plan = make_plan(asked.campaign, snapshot, admitted.wishes)
    if asked.saved is not None:
        check_plan(asked.saved, plan, asked.campaign, admitted, asked.remedy)
    experience = learn(paths, snapshot)
    estimate = estimate_cost(plan, experience, asked.campaign.limits)
    return Proposal(plan, snapshot, estimate, estimate_time(plan, estimate, experience, asked.settings), experience)


def _without_paying(asked: Asked, proposal: Proposal) -> Proposal:
    """What is left of it without consent: runs are followed, files moved, and no payment is prepared.

    No wish is recorded: the next apply would pay for it under another word. That is why a failed run is not superseded
    by an attempt either. A plan from a file is carried out as a whole, so that none of its steps is.
    """
    ids = {line.moved_from for line in proposal.plan.lines if line.moved_from and line.take_id in proposal.plan.scope}
    if asked.saved is not None:
        # rule no_step_of_a_plan
        plan = replace(proposal.plan, steps=(), collected=proposal.plan.collected | ids)
    else:
        # rule no_attempt_without_yes
        limits = replace(asked.campaign.limits, max_attempts=1)
        # rule no_wish_recorded
        plan = make_plan(replace(asked.campaign, limits=limits), proposal.snapshot, Wishes(asked.wishes.only))
    return replace(proposal, plan=plan)


def _job(asked: Asked, proposal: Proposal, verdict: Verdict, paths: CampaignPaths) -> Job:
    settings, saved, plan = asked.settings, asked.saved, proposal.plan
    durations = proposal.experience.durations_of(NEWEST)
    settings = replace(settings, known_durations=durations, consent=verdict.consent)
    if not asked.options.accept_price:
        prices = proposal.estimate.known_prices if saved is None else saved.prices
        settings = replace(settings, shown_prices=prices)
    pays = verdict.unpaid is None
    return Job(
        asked.campaign,
        plan,
        paths,
        asked.endpoint,
        settings,
        has_work(plan, proposal.snapshot) if pays else collects(plan, proposal.snapshot),
        str(asked.where.manifest),
        folder_options(asked.where),
        mark_carried_out(saved) if saved is not None and pays else "",
        # rule plan_retries
        asked.retried,
        resume=again(asked.where, replace(asked.options, yes=False), paid=pays, replacing=True),
    )


def _deadline(options: ApplyOptions, at: float) -> "Deadline | None":
    if options.max_duration is None:
        return None
    from hailuo_batch.runtime.driver import Deadline

    return Deadline(at, stop_reasons.out_of_time(options.max_duration_s))


def _read_again(asked: Asked, console: Console) -> Asked:
    """All that is asked, after a wait in which it may have changed. Raises UsageError where it is another campaign."""
    now = _read(asked.where, asked.options, console)
    if now.campaign.name != asked.campaign.name:
        raise UsageError(
            f"{asked.where.manifest}: the manifest's campaign was renamed from {asked.campaign.name} to "
            f"{now.campaign.name} while this apply waited for the first one's lock. Nothing was sent. Run the same "
            "command again."
        )
    return now


def _leave_unbegun(asked: Asked, unpaid: Halt, clock: Clock, console: Console) -> ExitCode:
    """A campaign that has no ledger gets none without consent, and no outputs: without a ledger they would be in the
    way of the next apply."""
    if console.as_json:
        snapshot = untouched_snapshot(asked.campaign, asked.endpoint)
        resume = again(asked.where, asked.options, paid=False, replacing=True)
        console.document(document(report_of(snapshot, asked.where, clock.wall(), resume)))
    return unpaid.exit_code


def _finish(
    asked: Asked, verdict: Verdict, job: Job, outcome: Outcome, ledger: Ledger, clock: Clock, console: Console
) -> ExitCode:
    """Write the report and the sidecars, and say how it ended.

    A `--replace` is over only after all that, and only where nothing cut the apply short: then it ends last of all.
    """
    where, options, snapshot = asked.where, asked.options, outcome.snapshot
    wishes_left = {
        "paid": verdict.unpaid is None,
        "replacing": any(not is_made(snapshot, own) for own in in_these_words(snapshot, asked.wishes.replace)),
    }
    if options.only and not wishes_left["replacing"] and _is_done(snapshot, job.plan.scope):
        options = replace(options, only=(), yes=False)  # what is left is the rest, to which nobody has said yes
    resume = again(where, replace(options, yes=False), **wishes_left)
    if job.sends:
        ledger.remember(RESUME_FACT, resume)
    attempts = asked.campaign.limits.max_attempts
    report = report_of(snapshot, where, clock.wall(), resume, max_attempts=attempts)
    missing = not_done(report, job.plan.scope)
    page, unwritten = leave_report(report, snapshot, ledger, job.paths, options.no_sidecar, console)
    codes = [*outcome.codes, *([ExitCode.UNFINISHED] if missing else []), *unwritten]
    codes += [] if verdict.unpaid is None else [verdict.unpaid.exit_code]
    columns = columns_of(sys.stderr if console.as_json else sys.stdout)
    doubts = render_doubts(in_doubt_if_submitting(snapshot), command_line("resolve", where), columns)
    summary = render_summary(
        report,
        missing,
        doubts,
        page=page,
        resume=again(where, options, **wishes_left),
        status=command_line("status", where),
        columns=columns,
    )
    if console.as_json:
        codes += _unwritten(report, console)
        console.lay_out(summary)
    else:
        console.conclude(summary)
    if doubts and console.verbosity is Verbosity.QUIET:
        console.complain(console.typeable("\n".join(doubts)))  # money that nobody can account for must be heard of
    wish = console.stop.settle()
    code = worst([*codes, *([] if wish is None else [wish])])
    if code in _ENDED_WELL and not unwritten:
        end_replacements(ledger, outcome.snapshot, asked.wishes.replace, job.plan.scope)
    return code


def _is_done(snapshot: Snapshot, scope: frozenset[str]) -> bool:
    return all(record.state is TakeState.DONE for record in snapshot.takes if record.take.id in scope)


def _unwritten(report: Report, console: Console) -> tuple[ExitCode, ...]:
    """Write the document. Gives the code of what stands in the way: the work is done, and its end has a code too."""
    try:
        console.document(document(report))
    except StreamError as error:
        console.warn(str(error))
        return (error.exit_code,)
    return ()
