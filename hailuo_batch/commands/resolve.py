"""`resolve`: names, requests again or abandons a take that is in doubt, lost or stuck."""

from hailuo_batch.app.resolve import ResolveRequest, resolve_take
from hailuo_batch.app.workspace import CampaignLocation
from hailuo_batch.core.planning.resolution import ResolveOption
from hailuo_batch.errors import ExitCode, UsageError
from hailuo_batch.ui.console import Console


def parse_request(
    take_id: str, run_id: str | None, resubmit: bool, abandon: bool, attempt: int | None, yes: bool
) -> ResolveRequest:
    """The request as the command line gives it. Raises UsageError unless it has exactly one of the three options."""
    chosen = (
        (ResolveOption.NAME, run_id is not None),
        (ResolveOption.RESUBMIT, resubmit),
        (ResolveOption.ABANDON, abandon),
    )
    ways = [way for way, is_given in chosen if is_given]
    if len(ways) != 1:
        raise UsageError("Give exactly one of --run-id ID, --resubmit and --abandon. Nothing was sent.")
    return ResolveRequest(take_id, ways[0], run_id or "", attempt, yes)


def run(where: CampaignLocation, request: ResolveRequest, console: Console) -> ExitCode:
    """Resolve the take. Raises what `resolve_take` raises."""
    message = resolve_take(where, request, console)
    if message is None:
        console.print_warning("Declined. Nothing was sent, nothing was changed.")
        return ExitCode.UNFINISHED
    console.print_info(message)
    return ExitCode.DONE
