"""`retry`: grants failed or rejected takes one more attempt at the next apply. Sends nothing."""

from hailuo_batch.app.ledger_access import open_for_changes
from hailuo_batch.app.workspace import CampaignLocation
from hailuo_batch.core.model.ledger_changes import AddAttempt
from hailuo_batch.core.planning.resolution import retry_takes
from hailuo_batch.errors import ExitCode
from hailuo_batch.ui.console import Console
from hailuo_batch.ui.text import count


def run(where: CampaignLocation, take_ids: tuple[str, ...], console: Console) -> ExitCode:
    """Grant the attempts. Raises UsageError for a take that has neither failed nor been rejected."""
    with open_for_changes(where, "retry", console) as writing:
        steps = retry_takes(writing.snapshot, take_ids)
        writing.ledger.carry_out(steps, writing.clock.wall())
    granted = [step.take_id for step in steps if isinstance(step, AddAttempt)]
    if not granted:
        console.print_info("No take has failed or been rejected: there is nothing to retry.")
        return ExitCode.DONE
    console.print_info(
        f"{count(len(granted), 'take')} will be made again by the next apply: {', '.join(granted)}. To start it: "
        "`hailuo-batch apply MANIFEST`."
    )
    return ExitCode.DONE
