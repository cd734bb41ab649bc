"""The bar for work that is counted: there on a terminal, gone afterwards, and nowhere else."""

import io
import re
import time

from hailuo_batch.ui.progress import counting_bar


def test_on_a_terminal_it_counts_and_leaves_nothing() -> None:
    shown = io.StringIO()
    with counting_bar(shown, 80, 2, "images") as step:
        step()
        step()
    assert "images 0/2 |" in shown.getvalue()
    assert shown.getvalue().endswith("\r")


def test_each_step_is_counted() -> None:
    shown, until = io.StringIO(), time.process_time() + 10
    with counting_bar(shown, 80, 10**9, "images") as step:
        while not re.search(r"images [1-9]", shown.getvalue()) and time.process_time() < until:
            step()
    assert re.search(r"images [1-9][0-9]*/1000000000 \|", shown.getvalue())


def test_elsewhere_and_with_nothing_to_count_it_is_silent() -> None:
    for columns, total in ((None, 2), (80, 0)):
        stream = io.StringIO()
        with counting_bar(stream, columns, total, "images") as step:
            step()
        assert stream.getvalue() == ""
