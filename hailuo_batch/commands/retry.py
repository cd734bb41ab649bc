"""`retry`: allows one more attempt for failed or rejected takes. The next apply requests them. Sends nothing."""

from hailuo_batch.app.workspace import CampaignLocation
from hailuo_batch.commands.terminal import Terminal
from hailuo_batch.errors import ExitCode, UsageError
from hailuo_batch.interface.work import CampaignWork
from hailuo_batch.ui.console import Console
from hailuo_batch.ui.text import count, name_some

_MOST_NAMED = 10


def run(where: CampaignLocation, take_ids: tuple[str, ...], all_takes: bool, console: Console) -> ExitCode:
    """Allow the attempts. Raises UsageError for a take that is neither failed nor rejected, and for a pattern that
    chooses none."""
    if take_ids and all_takes:
        raise UsageError("Give either TAKE or --all. Nothing was changed.")
    result = CampaignWork(where, Terminal(console)).retry(take_ids)
    granted, unchanged = result.granted, result.refused_content
    if not granted:
        console.print_info("Nothing to retry: no take is failed or rejected.")
        return ExitCode.DONE
    console.print_info(
        f"The next apply requests {count(len(granted), 'take')} again: {name_some(granted, _MOST_NAMED)}. To start it: "
        "`hailuo-batch apply MANIFEST`."
    )
    if unchanged:
        console.print_warning(
            f"{name_some(unchanged, _MOST_NAMED)}: the prompt or an image was found sensitive. Unchanged, it will fail "
            "again and be refunded again. Change it in the manifest first, unless you think that it was a mistake."
        )
    return ExitCode.DONE
