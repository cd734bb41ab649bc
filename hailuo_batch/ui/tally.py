"""A bar on a terminal for work that is counted and soon over. Knows nothing of what is counted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from hailuo_batch.ui.progress import MARGIN, ROWS


@contextmanager
def tally(stream: TextIO, columns: int | None, total: int, noun: str) -> Iterator[Callable[[], None]]:
    """Gives a function to call for each piece that is done.

    `columns` is the width of the terminal behind the stream; None where it is none: then nothing is shown.
    """
    if total == 0 or columns is None:
        yield _silently
        return
    from tqdm import tqdm

    layout = f"{noun} {{n_fmt}}/{{total_fmt}} |{{bar}}| {{elapsed}}"
    width = columns - MARGIN
    with tqdm(total=total, file=stream, leave=False, bar_format=layout, ncols=width, nrows=ROWS) as bar:

        def step() -> None:
            # rule bar-step
            bar.update()

        yield step


def _silently() -> None:
    """Say nothing."""
