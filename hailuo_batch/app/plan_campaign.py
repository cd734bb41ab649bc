"""The use case `plan`: what an apply would do and roughly cost, compared with the ledger. Requests nothing.

Only `check_images` connects to anything, and then to the images' servers. A plan that is kept in a file is refused
while an apply runs, and for a restored backup: it would be out of date at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hailuo_batch.adapters.local.output_files import OutputFiles
from hailuo_batch.app.config import ApplyOptions, read_plan_request, read_settings
from hailuo_batch.app.consent import Proposal, make_proposal, tell_not_replaced
from hailuo_batch.app.frontend import Frontend
from hailuo_batch.app.keys.missing import missing_keys_note
from hailuo_batch.app.ledger_access import LedgerView, empty_snapshot, read_ledger
from hailuo_batch.app.manifest_input import (
    ImageCheck,
    ImageCheckLevel,
    Manifest,
    context_of,
    look_at_images,
    read_manifest,
    warning_fields,
)
from hailuo_batch.app.older_ledger import check_not_older
from hailuo_batch.app.picks.rerolls import read_rerolls, tell_rerolls
from hailuo_batch.app.plan_file import LedgerState, complete_plan_document, sources_of
from hailuo_batch.app.workspace import CampaignContext, CampaignLocation, CampaignPaths, check_outputs
from hailuo_batch.core.model.runs import Snapshot, with_events
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.planning.plan import PlanRequest, make_plan
from hailuo_batch.errors import BusyError, LedgerError
from hailuo_batch.manifest.diagnostics import warning_severity
from hailuo_batch.ui.plan_document import plan_document


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


@dataclass(frozen=True, slots=True)
class PlannedCampaign:
    """A plan with all that it was made of. `images` is what was found out about the images that it pays for."""

    context: CampaignContext
    manifest: Manifest
    request: PlanRequest
    settings: Settings
    proposal: Proposal
    images: ImageCheck
    state: LedgerState

    def document(self) -> Mapping[str, Any]:
        """The plan as JSON data, with its sources and its ID."""
        proposal, manifest = self.proposal, self.manifest
        document = plan_document(
            proposal.plan, proposal.snapshot, proposal.estimate, proposal.time, self.settings.cap_micro_usd
        )
        document |= {"findings": warning_fields(manifest, self.images)}
        return complete_plan_document(document, self.request, sources_of(manifest), self.state, proposal.plan)


def plan_campaign(where: CampaignLocation, options: PlanOptions, frontend: Frontend) -> PlannedCampaign:
    """Make the plan. Raises what reading a manifest or a ledger raises; images are judged by the caller."""
    manifest = read_manifest(where, frontend, warning_severity(strict=options.strict))
    context = context_of(where, manifest)
    campaign, paths = context.campaign, context.paths
    rerolls = read_rerolls(options.replace_from, context)
    request = read_plan_request(campaign, options.only, options.replace, options.in_doubt, options.limit, rerolls)
    given = ApplyOptions(max_spend=options.max_spend, limit=options.limit, rate_limit=options.rate_limit)
    settings = read_settings(given, campaign, where.access.keys)
    check_outputs(paths)
    view = _read_ledger(context, options, frontend)
    if view is not None:
        check_not_older(context)
        missing = missing_keys_note(context, view)
        if missing:
            frontend.remark(missing)
    snapshot = empty_snapshot(context) if view is None else _as_apply_would_find(view, paths)
    plan = make_plan(campaign, snapshot, request)
    tell_rerolls(options.replace_from, request, plan, snapshot, frontend)
    tell_not_replaced(request, plan, frontend)
    proposal = make_proposal(context, snapshot, plan, settings)
    # rule plan_checks_images
    level = ImageCheckLevel.ONLINE if options.check_images else ImageCheckLevel.LOCAL
    images = look_at_images(manifest, plan, level, frontend)
    state = LedgerState() if view is None else view.state
    return PlannedCampaign(context, manifest, request, settings, proposal, images, state)


def _as_apply_would_find(view: LedgerView, paths: CampaignPaths) -> Snapshot:
    """The ledger as an apply would find it: a deleted video is missing from it."""
    snapshot = view.snapshot_with_doubts
    if view.holder is not None:
        return snapshot
    return with_events(snapshot, OutputFiles(paths.outputs).missing(snapshot))


def _read_ledger(context: CampaignContext, options: PlanOptions, frontend: Frontend) -> LedgerView | None:
    """The ledger, None if there is none yet. Raises BusyError or LedgerError if a kept plan would be out of date."""
    view = read_ledger(context)
    if view is None:
        return None
    view.tell_receipts_ahead(frontend)
    if view.holder is not None:
        if options.out is not None:
            raise BusyError(
                f"{view.holder} is running on this campaign, so a plan file would be out of date at once. Nothing was "
                "written. Run this command again when that has finished."
            )
        frontend.remark(f"{view.holder} is running on this campaign. This is the plan as of now.")
    if options.out is not None and view.state.restored:
        raise LedgerError(
            f"{context.paths.ledger}: this is a restored backup without the newest receipts, so a plan file would be "
            "out of date at once. Nothing was written. First run `hailuo-batch state restore MANIFEST`."
        )
    return view
