"""`status --watch`: the same page again and again, until everything is done, or the user has seen enough
or is gone.

On a terminal it is drawn in its own place. Elsewhere it is printed once more whenever something has changed, with the
time above it.
"""

import shutil
import sys
from collections.abc import Callable

from hailuo_batch.adapters.local.streams import wait_while_read
from hailuo_batch.app.status.reading import StatusReading
from hailuo_batch.errors import ReaderGoneError
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.text import COLOURED, sanitize
from hailuo_batch.ui.console import Console, columns_of
from hailuo_batch.ui.screen.colour import fit_to, has_cursor
from hailuo_batch.ui.screen.live_block import LiveBlock
from hailuo_batch.ui.screen.paint import paint
from hailuo_batch.ui.text import elide
from hailuo_batch.values import format_local_second

INTERVAL_S = 2.0
_PAUSE_PER_WORK = 10.0  # reading a campaign of 100,000 takes must not keep a processor busy


def watch(
    read: Callable[[], StatusReading],
    render: Callable[[StatusReading, int | None], list[str]],
    console: Console,
) -> None:
    """Show the campaign until everything is done. Ctrl-C ends it, too: there is nothing that it could interrupt.

    Raises what `read` raises, and ReaderGoneError.
    """
    clock = Clock()
    show = _drawn(console) if has_cursor(sys.stdout) else _printed(console)
    try:
        while True:
            began_at = clock.now()
            reading = read()
            show(reading, render(reading, _page_columns()))
            if reading.is_done:
                return
            if not wait_while_read(sys.stdout, max(INTERVAL_S, _PAUSE_PER_WORK * (clock.now() - began_at))):
                raise ReaderGoneError("Nobody reads the page any more.")
    except KeyboardInterrupt:
        return


def _page_columns() -> int | None:
    """The width that the page is laid out for. Drawn, it leaves the last column free: a terminal whose cursor stands
    behind that may clear it with the rest of the line."""
    columns = columns_of(sys.stdout)
    return columns if columns is None or not has_cursor(sys.stdout) else columns - 1


def _drawn(console: Console) -> Callable[[StatusReading, list[str]], None]:
    """A function that draws the page in place of the one before."""
    block, palette = LiveBlock(), console.palette(sys.stdout)

    def draw(_reading: StatusReading, lines: list[str]) -> None:
        size = shutil.get_terminal_size()
        columns = columns_of(sys.stdout) or size.columns
        painted = paint((elide(line, columns - 1) for line in lines), palette)
        safe = [fit_to(sys.stdout, sanitize(line, COLOURED.codes)) for line in painted]
        console.write_frame(block.frame(safe, columns, size.lines))

    return draw


def _printed(console: Console) -> Callable[[StatusReading, list[str]], None]:
    """A function that prints the page if it tells anything new."""
    shown: list[object] = []

    def print_if_new(reading: StatusReading, lines: list[str]) -> None:
        if shown != [reading.mark]:
            shown[:] = [reading.mark]
            heading = format_local_second(Clock().wall())
            console.print_result_in_colour("\n".join(paint([heading, *lines, ""], console.palette(sys.stdout))))

    return print_if_new
