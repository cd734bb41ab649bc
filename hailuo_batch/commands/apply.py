"""`apply`: does what the plan says. Creates what is missing, resumes what is running, downloads, reports.

The order is what keeps money safe: lock, books in order, plan, consent, then the driver. Nothing is written before
the user has agreed, and nothing is sent before it is written.
"""

import sys
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from hailuo_batch.commands.beside import check_not_older, names_beside
from hailuo_batch.commands.books import put_in_order
from hailuo_batch.commands.campaign_run import Job, Outcome, end_replacement, run_campaign
from hailuo_batch.commands.console import Console, columns_of
from hailuo_batch.commands.doubt_view import render_doubts
from hailuo_batch.commands.estimate import Basis, Estimate, estimate_cost
from hailuo_batch.commands.loading import Manifest, read_manifest
from hailuo_batch.commands.plan_file import SavedPlan, read_plan, sources_of
from hailuo_batch.commands.plan_mark import (
    PLAN_FACT,
    Admitted,
    admit,
    check_plan,
    check_sources,
    mark_carried_out,
)
from hailuo_batch.commands.plan_view import describe_cost, render_plan
from hailuo_batch.commands.preflight import Reach, check_images
from hailuo_batch.commands.reading import empty_snapshot
from hailuo_batch.commands.report_files import leave_report, remember_settled, report_of, settled_receipts
from hailuo_batch.commands.settings import Bounds, read_endpoint, read_key, read_settings, read_wishes
from hailuo_batch.commands.signals import heeding
from hailuo_batch.commands.summary import not_done, render_summary, worst
from hailuo_batch.commands.text import count
from hailuo_batch.commands.time_needed import TimeNeeded, estimate_time
from hailuo_batch.commands.work_left import has_work
from hailuo_batch.commands.workspace import (
    SANDBOX,
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
from hailuo_batch.commands.workspace_runs import learn
from hailuo_batch.core.engine import Settings
from hailuo_batch.core.experience import Experience
from hailuo_batch.core.plan import Plan, Wishes, make_plan
from hailuo_batch.core.records import Snapshot, in_doubt_if_submitting
from hailuo_batch.core.traces import Names
from hailuo_batch.errors import ExitCode, ReaderGoneError, StreamError, UsageError
from hailuo_batch.report.model import Report
from hailuo_batch.report.render_json import document
from hailuo_batch.shell.clock import Clock
from hailuo_batch.shell.files import Files
from hailuo_batch.shell.ledger import Ledger
from hailuo_batch.shell.lock import Holder, Lock
from hailuo_batch.values import Campaign

_ENDED_WELL = frozenset({ExitCode.DONE, ExitCode.UNFINISHED})
_DURATIONS = 300  # earlier runs of a model that teach an apply how long the next ones take, at most


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """What `apply` is asked beyond the manifest.

    `yes` answers the question before paying beforehand; `accept_price` pays whatever a run turns out to cost.
    `check_images` is None where it is left to whether this is a rehearsal; `plan_file` holds the plan to follow.
    """

    bounds: Bounds = field(default_factory=Bounds)
    only: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    in_doubt: str = "hold"
    yes: bool = False
    accept_price: bool = False
    new_ledger: bool = False
    no_sidecar: bool = False
    check_images: bool | None = None
    plan_file: Path | None = None

    @property
    def reach(self) -> Reach | None:
        """How far images are looked after, None where the user does not say."""
        return None if self.check_images is None else Reach.WEB if self.check_images else Reach.NOTHING


@dataclass(frozen=True, slots=True)
class _Asked:
    """All that one apply is asked. `saved` is the plan from a file that it follows, None where it makes its own."""

    where: Whereabouts
    options: ApplyOptions
    manifest: Manifest
    endpoint: str
    wishes: Wishes
    settings: Settings
    saved: SavedPlan | None

    @property
    def campaign(self) -> Campaign:
        return self.manifest.campaign

    @property
    def remedy(self) -> str:
        """The command that makes a new plan."""
        return f"{command_line('plan', self.where)} --out FILE"

    @property
    def reach(self) -> Reach:
        """A rehearsal needs no network, unless the user wants it."""
        return self.options.reach or (Reach.LOCAL if self.where.sandbox else Reach.WEB)


@dataclass(frozen=True, slots=True)
class _Proposal:
    """What an apply is about to do, before anybody has agreed to it."""

    plan: Plan
    snapshot: Snapshot
    estimate: Estimate
    time: TimeNeeded
    experience: Experience


def run(where: Whereabouts, options: ApplyOptions, console: Console) -> ExitCode:
    """Apply the manifest. Raises what reading a manifest, taking the lock or opening the ledger raises."""
    try:
        with ExitStack() as heeded:
            return _apply(where, options, console, heeded)
    except ReaderGoneError:
        return ExitCode.SIGTERM  # as on SIGHUP, and before anything was sent


def _apply(where: Whereabouts, options: ApplyOptions, console: Console, heeded: ExitStack) -> ExitCode:
    """`heeded` is left once all is closed: until then, from consent on, a signal stops the apply in good order."""
    asked = _read(where, options, console)
    paths, clock = locate(where, asked.campaign.name), Clock()
    with Lock(paths.lock, Holder.this_process("apply", clock.wall())) as lock, ExitStack() as stack:
        present = ledger_exists(paths) if options.new_ledger else has_ledger(paths)
        ledger = stack.enter_context(_open(asked, paths, clock)) if present else None
        if ledger is not None:
            check_not_older(paths, asked.campaign.name, asked.endpoint, where)
        proposal = _propose(asked, paths, ledger, clock)
        if not _agreed(asked, proposal, console):
            console.warn("Declined. Nothing was sent, nothing was paid.")
            return ExitCode.UNFINISHED
        heeded.enter_context(heeding(console.stop))
        if proposal.plan.paying:
            make_outputs(paths)
        if ledger is None:
            ledger = stack.enter_context(_begin(asked, paths, clock, console))
            ledger.remember(PLAN_FACT, "" if asked.saved is None else asked.saved.id)
        job = replace(_job(asked, proposal, paths), lock=lock)
        if asked.saved is None and (job.sends or job.plan.steps):
            ledger.remember(PLAN_FACT, "")
        outcome = run_campaign(job, ledger, clock, console)
        if outcome.snapshot is proposal.snapshot:
            remember_settled(paths)
        return _finish(where, options, job, outcome, ledger, clock, console)


def _read(where: Whereabouts, options: ApplyOptions, console: Console) -> _Asked:
    """All that is asked, checked before anything is opened. Raises UsageError and ManifestError."""
    saved = None if options.plan_file is None else _read_saved(options.plan_file, options)
    manifest = read_manifest(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    settings = read_settings(options.bounds, manifest.campaign)
    if saved is None:
        wishes = read_wishes(manifest.campaign, options.only, options.replace, options.in_doubt)
        return _Asked(where, options, manifest, endpoint, wishes, settings, None)
    settings = replace(settings, cap_micro_usd=saved.cap_micro_usd)
    asked = _Asked(where, options, manifest, endpoint, saved.wishes, settings, saved)
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
            "sent. Give them to `hailuo-batch plan` instead, and make a new plan."
        )
    return read_plan(path)


def _open(asked: _Asked, paths: CampaignPaths, clock: Clock) -> Ledger:
    return Ledger.open(paths.ledger, asked.campaign.name, asked.endpoint, clock.wall())


def _begin(asked: _Asked, paths: CampaignPaths, clock: Clock, console: Console) -> Ledger:
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


def _propose(asked: _Asked, paths: CampaignPaths, ledger: Ledger | None, clock: Clock) -> _Proposal:
    """The plan as it is now. Raises UsageError where a plan from a file does not hold any more."""
    snapshot = empty_snapshot(asked.campaign, asked.endpoint)
    admitted = Admitted(asked.wishes)
    if asked.saved is not None:
        admitted = admit(asked.saved, ledger, asked.remedy)
    if ledger is not None:
        settled = settled_receipts(paths)
        snapshot = put_in_order(ledger, paths.receipts, Files(paths.outputs), clock.wall(), settled)
    plan = make_plan(asked.campaign, snapshot, admitted.wishes)
    if asked.saved is not None:
        check_plan(asked.saved, plan, asked.campaign, admitted, asked.remedy)
    experience = learn(paths, snapshot)
    estimate = estimate_cost(plan, experience, asked.campaign.limits)
    return _Proposal(plan, snapshot, estimate, estimate_time(plan, estimate, experience, asked.settings), experience)


def _job(asked: _Asked, proposal: _Proposal, paths: CampaignPaths) -> Job:
    settings, saved = asked.settings, asked.saved
    settings = replace(settings, known_durations=proposal.experience.durations_of(_DURATIONS))
    if not asked.options.accept_price:
        prices = _shown_prices(proposal.estimate) if saved is None else saved.prices
        settings = replace(settings, shown_prices=prices)
    return Job(
        asked.campaign,
        proposal.plan,
        paths,
        asked.endpoint,
        settings,
        has_work(proposal.plan, proposal.snapshot),
        str(asked.where.manifest),
        folder_options(asked.where),
        "" if saved is None else mark_carried_out(saved),
        None if saved is None else frozenset(saved.made),
    )


def _agreed(asked: _Asked, proposal: _Proposal, console: Console) -> bool:
    """Show the plan, and ask where there is something to pay and somebody to ask. Raises UsageError for an image that
    cannot be used."""
    plan, snapshot, estimate = proposal.plan, proposal.snapshot, proposal.estimate
    if not has_work(plan, snapshot):
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
            proposal.time,
            cap_micro_usd=asked.settings.cap_micro_usd,
            resolve=command_line("resolve", asked.where),
            columns=columns_of(sys.stderr),
            show_all=console.is_verbose,
        )
    )
    check_images(asked.manifest, plan, asked.reach, console)
    if rehearsal:
        console.say("This is a rehearsal on the sandbox: no key, no real money.")
    if rehearsal or asked.options.yes or not plan.paying or not console.is_interactive:
        return True
    return console.ask(f"Pay for {count(len(plan.paying), 'run')}, {describe_cost(estimate)}?")


def _shown_prices(estimate: Estimate) -> dict[str, int]:
    """The prices that the plan showed as known."""
    return {
        price.model: price.cost_micro_usd
        for price in estimate.prices
        if price.basis is Basis.LEDGER and price.cost_micro_usd is not None
    }


def _finish(
    where: Whereabouts,
    options: ApplyOptions,
    job: Job,
    outcome: Outcome,
    ledger: Ledger,
    clock: Clock,
    console: Console,
) -> ExitCode:
    """Write the report and the sidecars, and say how it ended.

    A `--replace` is over only after all that, and only where nothing cut the apply short: then it ends last of all.
    """
    report = report_of(outcome.snapshot, where, clock.wall())
    missing = not_done(report, job.plan.scope)
    page, unwritten = leave_report(report, outcome.snapshot, job.paths, options.no_sidecar, console)
    codes = [*outcome.codes, *([ExitCode.UNFINISHED] if missing else []), *unwritten]
    columns = columns_of(sys.stderr if console.as_json else sys.stdout)
    summary = render_summary(
        report,
        missing,
        render_doubts(in_doubt_if_submitting(outcome.snapshot), command_line("resolve", where), columns),
        page=page,
        resume=command_line("apply", where),
        status=command_line("status", where),
        columns=columns,
    )
    if console.as_json:
        codes += _unwritten(report, console)
        console.lay_out(summary)
    else:
        console.conclude(summary)
    code = worst([*codes, *([] if console.stop.code is None else [console.stop.code])])
    if code in _ENDED_WELL and not unwritten:
        end_replacement(ledger, outcome.snapshot)
    return code


def _unwritten(report: Report, console: Console) -> tuple[ExitCode, ...]:
    """Write the document. Gives the code of what stands in the way: the work is done, and its end has a code too."""
    try:
        console.document(document(report))
    except StreamError as error:
        console.warn(str(error))
        return (error.exit_code,)
    return ()
