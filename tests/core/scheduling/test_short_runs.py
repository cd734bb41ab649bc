"""A handful of runs of which nothing is known beforehand: seconds and minutes are noticed in time alike."""

import pytest

from tests.benchmarks.rows import Row, measure, short_rows

SEEDS = range(5)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.campaign) for row in short_rows()])
@pytest.mark.few(2)
def test_their_end_is_noticed_soon_with_few_questions(row: Row) -> None:
    figures = measure(row, SEEDS)
    assert row.goal is not None
    assert figures.delay_s <= row.goal.delay_s
    assert figures.requests_per_run <= row.goal.requests_per_run
    assert figures.refused == 0
