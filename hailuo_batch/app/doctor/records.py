"""The manifest, the ledger and its lock, as an apply would find them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.app.config import DEFAULT_BASE_URL, read_endpoint
from hailuo_batch.app.doctor.finding import Finding, Level
from hailuo_batch.app.doctor.settings import URL_VARIABLE
from hailuo_batch.app.ledger_access import LedgerView, find_writer, read_ledger
from hailuo_batch.app.older_ledger import check_not_older
from hailuo_batch.app.workspace import CampaignContext, CampaignLocation, has_ledger, locate, short_path
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.disk_space import DiskNeed, VideoSizes
from hailuo_batch.errors import EndpointError, ExitCode, HailuoBatchError, UsageError
from hailuo_batch.manifest import Severity, load_manifest
from hailuo_batch.text import quote, shell_line
from hailuo_batch.ui.text import count


@dataclass(frozen=True, slots=True)
class Records:
    """What was found out about a campaign: its context, and its ledger if there is one that can be read.

    `is_elsewhere` is whether its ledger is of another endpoint than requests would go to.
    """

    context: CampaignContext
    view: LedgerView | None = None
    is_elsewhere: bool = False

    @property
    def need(self) -> DiskNeed:
        """The space for the videos that are left to make."""
        sizes = VideoSizes(() if self.view is None else self.view.snapshot.runs)
        known = () if self.view is None else self.view.snapshot.takes
        done = {record.take.id for record in known if record.state is TakeState.DONE}
        return sizes.need(sum(take.id not in done for take in self.context.campaign.takes))


def read_campaign(where: CampaignLocation) -> tuple[CampaignContext | None, Finding]:
    """The campaign of the manifest, None if the manifest has errors, and what to say about it."""
    if not where.manifest.is_file():
        text = f"There is no manifest {where.manifest}."
        write = (shell_line(["hailuo-batch", "init", str(where.manifest)]),)
        remedy = () if os.path.lexists(where.manifest) else ("To write one:", write)
        return None, _wrong_manifest(text, *remedy)
    loaded = load_manifest(where.manifest)
    found = [each for each in loaded.diagnostics if each.severity is Severity.ERROR]
    if loaded.campaign is None:
        text = f"{where.manifest} has {count(len(found), 'error')}."
        show = (shell_line(["hailuo-batch", "validate", str(where.manifest)]),)
        return None, _wrong_manifest(text, "To see each, with its line and what to write instead:", show)
    campaign = loaded.campaign
    takes = count(sum(1 for _ in campaign.takes), "take")
    try:
        endpoint = read_endpoint(where.sandbox)
    except UsageError:
        endpoint = DEFAULT_BASE_URL  # a finding of its own says that the variable is wrong
    context = CampaignContext(where, campaign, endpoint, locate(where, campaign.name))
    return context, Finding(Level.OK, "manifest", f"{where.manifest}: campaign {campaign.name}, {takes}.")


def check_records(context: CampaignContext) -> tuple[Records, Finding]:
    """Read the ledger page by page, and compare it with the files beside it, as an apply does."""
    paths = context.paths
    try:
        if not has_ledger(paths):
            text = f"No ledger yet at {short_path(paths.ledger)}: nothing was ever sent for this campaign."
            return Records(context), Finding(Level.OK, "ledger", text)
        with Ledger.read(paths.ledger, context.campaign.name, context.endpoint) as ledger:
            ledger.check()
        view = read_ledger(context)
        check_not_older(context)
    except EndpointError as error:
        return Records(context, is_elsewhere=True), _other_endpoint(error, context.where)
    except HailuoBatchError as error:
        return Records(context), Finding(Level.PROBLEM, "ledger", str(error), code=error.exit_code)
    runs = 0 if view is None else sum(run.run_id is not None for run in view.snapshot.paid_runs)
    text = f"{short_path(paths.ledger)} is intact; it has {count(runs, 'run')}."
    return Records(context, view), Finding(Level.OK, "ledger", text)


def check_lock(context: CampaignContext) -> Iterator[Finding]:
    """Whether another command is at work. A lock file that nobody holds is no hindrance: it is always left."""
    holder = find_writer(context.paths)
    if holder is not None:
        text = f"{holder} is running on this campaign."
        wait = (f"{context.where.command_line('apply')} --wait 30m",)
        yield Finding(Level.PROBLEM, "lock", text, "To start when it has finished:", wait, ExitCode.BUSY)


def _other_endpoint(error: EndpointError, where: CampaignLocation) -> Finding:
    """The ledger is of another endpoint. An apply says so, too, where the variable holds an address at all."""
    if where.sandbox:  # no variable decides where a practice run goes
        return Finding(Level.PROBLEM, "ledger", str(error), code=error.exit_code)
    is_default = error.recorded == DEFAULT_BASE_URL
    back = f"unset {URL_VARIABLE}" if is_default else f"export {URL_VARIABLE}={quote(error.recorded)}"
    try:
        read_endpoint(where.sandbox)
    except UsageError as wrong:
        text, code = f"{URL_VARIABLE}: {wrong} This campaign was made at {error.recorded}.", wrong.exit_code
    else:
        text, code = str(error), error.exit_code
    return Finding(Level.PROBLEM, "ledger", text, "To go on there:", (back,), code)


def _wrong_manifest(text: str, remedy: str = "", commands: tuple[str, ...] = ()) -> Finding:
    return Finding(Level.PROBLEM, "manifest", text, remedy, commands, ExitCode.USAGE)
