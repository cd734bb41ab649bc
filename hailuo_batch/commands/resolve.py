"""`resolve`: names, requests again or abandons takes that are in doubt, lost or stuck."""

from hailuo_batch.app.mending.resolve import ResolveRequest
from hailuo_batch.app.workspace import CampaignLocation
from hailuo_batch.commands.terminal import Terminal
from hailuo_batch.core.planning.resolution import ResolveOption, is_pattern
from hailuo_batch.errors import ExitCode, UsageError
from hailuo_batch.interface.work import CampaignWork
from hailuo_batch.ui.console import Console


def parse_request(
    take_ids: tuple[str, ...],
    run_id: str | None,
    resubmit: bool,
    abandon: bool,
    attempt: int | None,
    all_takes: bool,
    yes: bool,
) -> ResolveRequest:
    """The request as the command line gives it. Raises UsageError unless it has exactly one of the three options, and
    takes that go with it."""
    chosen = (
        (ResolveOption.NAME, run_id is not None),
        (ResolveOption.RESUBMIT, resubmit),
        (ResolveOption.ABANDON, abandon),
    )
    ways = [way for way, is_given in chosen if is_given]
    if len(ways) != 1:
        raise UsageError("Give exactly one of --run-id ID, --resubmit and --abandon. Nothing was sent.")
    if bool(take_ids) is all_takes:
        raise UsageError("Give either TAKE, which may be a pattern and repeated, or --all. Nothing was sent.")
    for option, is_given in (("--run-id", run_id is not None), ("--attempt", attempt is not None)):
        if is_given and (len(take_ids) != 1 or is_pattern(take_ids[0])):
            raise UsageError(f"{option} goes with one TAKE, and with no pattern. Nothing was sent.")
    return ResolveRequest(take_ids, ways[0], run_id or "", attempt, yes)


def run(where: CampaignLocation, request: ResolveRequest, console: Console) -> ExitCode:
    """Resolve the takes. Raises what `resolve_takes` raises."""
    message = CampaignWork(where, Terminal(console)).resolve(request)
    if message is None:
        console.print_warning("Declined. Nothing was sent, nothing was changed.")
        return ExitCode.UNFINISHED
    console.print_info(message)
    return ExitCode.DONE
