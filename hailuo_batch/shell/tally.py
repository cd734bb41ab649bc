"""A bar on a terminal for work that is counted and soon over. Knows nothing of what is counted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def tally(stream: TextIO, total: int, noun: str) -> Iterator[Callable[[], None]]:
    """Gives a function to call for each piece that is done; where the stream is no terminal, nothing is shown."""
    if total == 0 or not stream.isatty():
        yield _silently
        return
    from tqdm import tqdm

    layout = f"{noun} {{n_fmt}}/{{total_fmt}} |{{bar}}| {{elapsed}}"
    with tqdm(total=total, file=stream, leave=False, bar_format=layout, dynamic_ncols=True) as bar:

        def step() -> None:
            bar.update()

        yield step


def _silently() -> None:
    """Say nothing."""
