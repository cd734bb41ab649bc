"""`apply`: does what the plan says. Creates what is missing, resumes what is running, downloads, reports.

The order is what keeps money safe: lock, books in order, plan, consent, then the driver. Nothing is written before
the user has agreed, and nothing is sent before it is written.
"""

import sys
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from hailuo_batch.commands.books import put_in_order
from hailuo_batch.commands.campaign_run import Job, Outcome, run_campaign
from hailuo_batch.commands.console import Console, columns_of
from hailuo_batch.commands.estimate import Basis, Estimate, estimate_cost
from hailuo_batch.commands.loading import load_campaign
from hailuo_batch.commands.plan_view import describe_cost, render_plan
from hailuo_batch.commands.reading import empty_snapshot
from hailuo_batch.commands.settings import Bounds, read_endpoint, read_key, read_settings, read_wishes
from hailuo_batch.commands.summary import not_done, render_summary, worst
from hailuo_batch.commands.text import count
from hailuo_batch.commands.workspace import (
    SANDBOX,
    Whereabouts,
    command_line,
    has_ledger,
    ledger_exists,
    locate,
    set_aside,
    shown,
)
from hailuo_batch.core.lifecycle import RunState
from hailuo_batch.core.plan import Plan, make_plan
from hailuo_batch.core.records import Run, Snapshot
from hailuo_batch.errors import ExitCode, OutputError
from hailuo_batch.report.files import Format, write_reports
from hailuo_batch.report.model import build_report
from hailuo_batch.report.render_json import document
from hailuo_batch.report.sidecars import keep_sidecars
from hailuo_batch.shell.clock import Clock
from hailuo_batch.shell.files import Files
from hailuo_batch.shell.ledger import Ledger
from hailuo_batch.shell.lock import Holder, Lock

_OPEN = frozenset({RunState.SUBMITTING, RunState.PENDING, RunState.PROCESSING, RunState.LOST})


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """What `apply` is asked beyond the manifest.

    `yes` answers the question before paying beforehand; `accept_price` pays whatever a run turns out to cost.
    """

    bounds: Bounds = field(default_factory=Bounds)
    only: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    in_doubt: str = "hold"
    yes: bool = False
    accept_price: bool = False
    new_ledger: bool = False
    no_sidecar: bool = False


def run(where: Whereabouts, options: ApplyOptions, console: Console) -> ExitCode:
    """Apply the manifest. Raises what reading a manifest, taking the lock or opening the ledger raises."""
    campaign = load_campaign(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    wishes = read_wishes(campaign, options.only, options.replace, options.in_doubt)
    settings = read_settings(options.bounds, campaign)
    paths, clock = locate(where, campaign.name), Clock()
    with Lock(paths.lock, Holder.this_process("apply", clock.wall())), ExitStack() as stack:
        present = ledger_exists(paths) if options.new_ledger else has_ledger(paths)
        snapshot = empty_snapshot(campaign, endpoint)
        if present:
            ledger = stack.enter_context(Ledger.open(paths.ledger, campaign.name, endpoint, clock.wall()))
            snapshot = put_in_order(ledger, paths.receipts, Files(paths.outputs), clock.wall())
        plan = make_plan(campaign, snapshot, wishes)
        estimate = estimate_cost(plan, snapshot, campaign.limits)
        if not _agreed(plan, snapshot, estimate, settings.cap_micro_usd, options.yes, console):
            console.warn("Declined. Nothing was sent, nothing was paid.")
            return ExitCode.UNFINISHED
        if not present:
            for path, aside in set_aside(paths):
                console.warn(f"Set aside: {path} is now {aside.name}.")
            Ledger.create(paths.ledger, campaign.name, endpoint, clock.wall())
            ledger = stack.enter_context(Ledger.open(paths.ledger, campaign.name, endpoint, clock.wall()))
        if not options.accept_price:
            settings = replace(settings, shown_prices=_shown_prices(estimate))
        job = Job(campaign, plan, paths, endpoint, settings, _has_work(plan, snapshot), str(where.manifest))
        outcome = run_campaign(job, ledger, clock, console)
        return _finish(where, options, job, outcome, clock, console)


def _agreed(
    plan: Plan, snapshot: Snapshot, estimate: Estimate, cap_micro_usd: int | None, yes: bool, console: Console
) -> bool:
    """Show the plan, and ask where there is something to pay and somebody to ask."""
    if not _has_work(plan, snapshot):
        console.say("Nothing to do: nothing is to be sent, downloaded or paid.")
        return True
    rehearsal = snapshot.endpoint == SANDBOX
    if not rehearsal:
        read_key()
    console.lay_out(
        render_plan(
            plan,
            snapshot,
            estimate,
            cap_micro_usd=cap_micro_usd,
            columns=columns_of(sys.stderr),
            show_all=console.is_verbose,
        )
    )
    if rehearsal:
        console.say("This is a rehearsal on the sandbox: no key, no real money.")
    if rehearsal or yes or not plan.paying or not console.is_interactive:
        return True
    return console.ask(f"Pay for {count(len(plan.paying), 'run')}, {describe_cost(estimate)}?")


def _has_work(plan: Plan, snapshot: Snapshot) -> bool:
    """Whether anything may have to be sent or downloaded."""
    collected = (record for record in snapshot.takes if record.take.id in plan.collected)
    return bool(plan.paying) or any(_is_open(run) for record in collected for run in record.runs)


def _is_open(run: Run) -> bool:
    return run.state in _OPEN or (run.state is RunState.SUCCEEDED and not run.outputs_saved)


def _shown_prices(estimate: Estimate) -> dict[str, int]:
    """The prices that the plan showed as known."""
    return {
        price.model: price.cost_micro_usd
        for price in estimate.prices
        if price.basis is Basis.LEDGER and price.cost_micro_usd is not None
    }


def _finish(
    where: Whereabouts, options: ApplyOptions, job: Job, outcome: Outcome, clock: Clock, console: Console
) -> ExitCode:
    """Write the report and the sidecars, and say how it ended."""
    report = build_report(outcome.snapshot, generated_at=clock.wall(), manifest=str(where.manifest))
    missing = not_done(report, job.plan.scope)
    codes = [*outcome.codes, *([ExitCode.UNFINISHED] if missing else [])]
    page = "not written"
    try:
        page = shown(write_reports(report, job.paths.outputs)[Format.HTML])
        if not options.no_sidecar:
            keep_sidecars(outcome.snapshot, job.paths.outputs)
    except OutputError as error:
        console.warn(str(error))
        codes.append(error.exit_code)
    summary = render_summary(
        report,
        missing,
        page=page,
        resume=command_line("apply", where),
        status=command_line("status", where),
        columns=columns_of(sys.stderr if console.as_json else sys.stdout),
    )
    if console.as_json:
        console.document(document(report))
        console.lay_out(summary)
    else:
        console.say_result(summary)
    return worst(codes)
