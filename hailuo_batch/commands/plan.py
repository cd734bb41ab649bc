"""`plan`: what an apply would do, against the ledger, and about what it would cost. Creates and sends nothing.

Only `--check-images` speaks to anybody, and then to the images' servers. With `--out` the plan is kept in a file, which
`apply --plan` follows: such a plan is made only while no apply is at work, and of no backup that was put back by hand,
for it would not hold.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.adapters.local.output_files import OutputFiles
from hailuo_batch.app.config import LimitOptions, read_endpoint, read_settings, read_wishes
from hailuo_batch.app.image_preflight import ImageCheckLevel, check_images
from hailuo_batch.app.ledger_access import LedgerView, empty_snapshot, load_history, read_ledger
from hailuo_batch.app.manifest_input import read_manifest
from hailuo_batch.app.older_ledger import check_not_older
from hailuo_batch.app.plan_file import LedgerState, complete_plan_document, sources_of, write_plan
from hailuo_batch.app.workspace import CampaignLocation, CampaignPaths, command_line, locate, short_path
from hailuo_batch.core.model.runs import Snapshot, with_events
from hailuo_batch.core.planning.estimate import changes_anything, estimate_cost, estimate_time
from hailuo_batch.core.planning.plan import make_plan
from hailuo_batch.errors import BusyError, ExitCode, LedgerError
from hailuo_batch.text import quote
from hailuo_batch.ui.console import Console, columns_of
from hailuo_batch.ui.plan import plan_document, render_plan
from hailuo_batch.values import CampaignSpec

# rule changes_code
EXIT_CHANGES = 2
"""The exit code that says that there is something to do, where a detailed one is asked for."""


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What `plan` is asked beyond the manifest."""

    only: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    in_doubt: str = "hold"
    max_spend: str | None = None
    check_images: bool = False
    out: Path | None = None
    detailed_exitcode: bool = False


def run(where: CampaignLocation, options: PlanOptions, console: Console) -> int:
    """Show the plan. Returns an exit code, CHANGES among them where it is asked for.

    Raises what reading a manifest or a ledger raises, and UsageError for an image that cannot be used.
    """
    manifest = read_manifest(where.manifest, console)
    campaign, endpoint = manifest.campaign, read_endpoint(where.sandbox)
    wishes = read_wishes(campaign, options.only, options.replace, options.in_doubt)
    settings = read_settings(LimitOptions(max_spend=options.max_spend), campaign)
    paths = locate(where, campaign.name)
    reading = _read_ledger(paths, campaign, endpoint, options, console)
    if reading is not None:
        check_not_older(paths, campaign.name, endpoint, where)
    snapshot = empty_snapshot(campaign, endpoint) if reading is None else _as_apply_would_find(reading, paths)
    plan = make_plan(campaign, snapshot, wishes)
    history = load_history(paths, snapshot)
    estimate = estimate_cost(plan, history, campaign.limits)
    time = estimate_time(plan, estimate, history, settings)
    cap = settings.cap_micro_usd
    if console.as_json or options.out is not None:
        document = plan_document(campaign, plan, snapshot, estimate, time, cap)
        state = LedgerState() if reading is None else reading.state
        document = complete_plan_document(document, wishes, sources_of(manifest), state, plan)
    if console.as_json:
        # rule plan_json
        console.print_json(document)
    console.print_result(
        render_plan(
            plan,
            snapshot,
            estimate,
            time,
            cap_micro_usd=cap,
            resolve=command_line("resolve", where),
            columns=columns_of(sys.stdout),
            show_all=console.is_verbose,
        )
    )
    # rule plan_checks_images
    check_images(manifest, plan, ImageCheckLevel.ONLINE if options.check_images else ImageCheckLevel.NONE, console)
    if options.out is not None:
        write_plan(options.out, document)
        apply = f"{command_line('apply', where)} --plan {quote(str(options.out))}"
        console.print_info(f"Wrote {short_path(options.out)}. To do just this: {apply}")
    # rule detailed_code
    return EXIT_CHANGES if options.detailed_exitcode and changes_anything(plan, snapshot) else ExitCode.DONE


def _as_apply_would_find(reading: LedgerView, paths: CampaignPaths) -> Snapshot:
    """The ledger as an apply would find it: a video that was deleted is to be downloaded again."""
    snapshot = reading.snapshot_with_doubts
    return (
        snapshot if reading.holder is not None else with_events(snapshot, OutputFiles(paths.outputs).missing(snapshot))
    )


def _read_ledger(
    paths: CampaignPaths, campaign: CampaignSpec, endpoint: str, options: PlanOptions, console: Console
) -> LedgerView | None:
    """The ledger, None where there is none yet. Raises LedgerError where a plan that is kept would not hold."""
    reading = read_ledger(paths, campaign, endpoint)
    if reading is None:
        return None
    reading.print_receipts_ahead(console)
    if reading.holder is not None:
        if options.out is not None:
            raise BusyError(
                f"{reading.holder} is at work on this campaign, so that a plan kept now would not hold. Nothing was "
                "written. Make it when that has ended."
            )
        console.print_info(f"{reading.holder} is at work on this campaign; this is the plan as of now.")
    if options.out is not None and reading.state.restored:
        raise LedgerError(
            f"{paths.ledger}: this is a backup that was put back, and the receipts have not been replayed into it, so "
            "that a plan kept now would not hold. Nothing was written. `hailuo-batch state restore MANIFEST` replays "
            "them."
        )
    return reading
