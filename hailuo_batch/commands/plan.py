"""`plan`: shows what an apply would do and roughly cost, compared with the ledger. Requests nothing.

Only `--check-images` connects to anything, and then to the images' servers. `--out` keeps the plan in a file for
`apply --plan`. Such a plan is refused while an apply runs, and for a restored backup: it would be out of date at once.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.adapters.local.output_files import OutputFiles
from hailuo_batch.app.config import ApplyOptions, read_plan_request, read_settings
from hailuo_batch.app.consent import make_proposal, tell_not_replaced
from hailuo_batch.app.ledger_access import LedgerView, empty_snapshot, read_ledger
from hailuo_batch.app.manifest_input import (
    PLAN_IMAGE_REMEDY,
    ImageCheckLevel,
    context_of,
    judge_images,
    look_at_images,
    read_manifest,
    warning_fields,
)
from hailuo_batch.app.older_ledger import check_not_older
from hailuo_batch.app.picks.rerolls import read_rerolls, tell_rerolls
from hailuo_batch.app.plan_file import LedgerState, complete_plan_document, sources_of, write_plan
from hailuo_batch.app.workspace import CampaignContext, CampaignLocation, CampaignPaths, check_outputs, short_path
from hailuo_batch.commands.terminal import Terminal, render_proposal
from hailuo_batch.core.model.runs import Snapshot, with_events
from hailuo_batch.core.planning.estimate import changes_anything
from hailuo_batch.core.planning.plan import make_plan
from hailuo_batch.errors import BusyError, ExitCode, LedgerError
from hailuo_batch.manifest.diagnostics import warning_severity
from hailuo_batch.text import quote
from hailuo_batch.ui.console import Console
from hailuo_batch.ui.plan_document import plan_document

# rule changes_code
EXIT_CHANGES = 2
"""The exit code with `--detailed-exitcode` if there is something to do."""


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """The options of `plan`."""

    only: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    replace_from: Path | None = None
    limit: int | None = None
    in_doubt: str = "hold"
    max_spend: str | None = None
    rate_limit: str | None = None
    check_images: bool = False
    out: Path | None = None
    detailed_exitcode: bool = False
    strict: bool = False


def run(where: CampaignLocation, options: PlanOptions, console: Console) -> int:
    """Show the plan. Returns an exit code, possibly EXIT_CHANGES.

    Raises what reading a manifest or a ledger raises, and UsageError for an unusable image.
    """
    terminal = Terminal(console)
    manifest = read_manifest(where, terminal, warning_severity(strict=options.strict))
    context = context_of(where, manifest)
    campaign, paths = context.campaign, context.paths
    rerolls = read_rerolls(options.replace_from, context)
    request = read_plan_request(campaign, options.only, options.replace, options.in_doubt, options.limit, rerolls)
    given = ApplyOptions(max_spend=options.max_spend, limit=options.limit, rate_limit=options.rate_limit)
    settings = read_settings(given, campaign)
    check_outputs(paths)
    view = _read_ledger(context, options, terminal)
    if view is not None:
        check_not_older(context)
    snapshot = empty_snapshot(context) if view is None else _as_apply_would_find(view, paths)
    plan = make_plan(campaign, snapshot, request)
    tell_rerolls(options.replace_from, request, plan, snapshot, terminal)
    tell_not_replaced(request, plan, terminal)
    proposal = make_proposal(context, snapshot, plan, settings)
    # rule plan_checks_images
    level = ImageCheckLevel.ONLINE if options.check_images else ImageCheckLevel.LOCAL
    images = look_at_images(manifest, plan, level, terminal)
    if console.as_json or options.out is not None:
        cap = settings.cap_micro_usd
        document = plan_document(plan, snapshot, proposal.estimate, proposal.time, cap)
        document |= {"findings": warning_fields(manifest, images)}
        state = LedgerState() if view is None else view.state
        document = complete_plan_document(document, request, sources_of(manifest), state, plan)
    if console.as_json:
        # rule plan_json
        console.print_json(document)
    console.print_result_in_colour(
        render_proposal(proposal, settings, console, sys.stdout, resolve=where.command_line("resolve"))
    )
    if context.is_sandbox:
        console.print_info("This is the plan of a practice run on the sandbox: no key, no real money.")
    judge_images(images, manifest.warning_severity, terminal, PLAN_IMAGE_REMEDY)
    if options.out is not None:
        write_plan(options.out, document)
        apply = f"{where.command_line('apply')} --plan {quote(str(options.out))}"
        console.print_info(f"Wrote {short_path(options.out)}. To apply exactly this plan: {apply}")
    # rule detailed_code
    return EXIT_CHANGES if options.detailed_exitcode and changes_anything(plan, snapshot) else ExitCode.DONE


def _as_apply_would_find(view: LedgerView, paths: CampaignPaths) -> Snapshot:
    """The ledger as an apply would find it: a deleted video is missing from it."""
    snapshot = view.snapshot_with_doubts
    if view.holder is not None:
        return snapshot
    return with_events(snapshot, OutputFiles(paths.outputs).missing(snapshot))


def _read_ledger(context: CampaignContext, options: PlanOptions, terminal: Terminal) -> LedgerView | None:
    """The ledger, None if there is none yet. Raises BusyError or LedgerError if a kept plan would be out of date."""
    view = read_ledger(context)
    if view is None:
        return None
    view.tell_receipts_ahead(terminal)
    if view.holder is not None:
        if options.out is not None:
            raise BusyError(
                f"{view.holder} is running on this campaign, so a plan file would be out of date at once. Nothing was "
                "written. Run this command again when that has finished."
            )
        terminal.remark(f"{view.holder} is running on this campaign. This is the plan as of now.")
    if options.out is not None and view.state.restored:
        raise LedgerError(
            f"{context.paths.ledger}: this is a restored backup without the newest receipts, so a plan file would be "
            "out of date at once. Nothing was written. First run `hailuo-batch state restore MANIFEST`."
        )
    return view
