"""The bar for work that is counted: there on a terminal, gone afterwards, and nowhere else."""

import io

from hailuo_batch.shell.tally import tally


class Terminal(io.StringIO):
    """Text that a terminal would show."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_it_counts_and_leaves_nothing() -> None:
    shown = Terminal()
    with tally(shown, 2, "images") as step:
        step()
        step()
    assert "images 0/2 |" in shown.getvalue()
    assert shown.getvalue().endswith("\r")


def test_elsewhere_and_with_nothing_to_count_it_is_silent() -> None:
    for stream, total in ((io.StringIO(), 2), (Terminal(), 0)):
        with tally(stream, total, "images") as step:
            step()
        assert stream.getvalue() == ""
