"""Five thousand takes cost the reader's machine what 1,000 do, but for reading them once as the page opens."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hailuo_batch.core.model.runs import TakeRecord
from hailuo_batch.values import canonical_json
from tests.browser import chromium
from tests.browser.conftest import OpenSheet, write_page
from tests.browser.effort import Effort, opening, scrolling
from tests.browser.test_page import campaign

pytestmark = pytest.mark.deep

FEW, MANY, STEPS = 1000, 5000, 8
TRIES = 3  # of what other work on the same core may disturb: what always costs more fails each of them


def with_variables(records: Iterable[TakeRecord]) -> Iterator[TakeRecord]:
    """The same takes, as of a table with a column of few values, one of many, and a matrix."""
    for n, each in enumerate(records):
        variables = {"colour": f"colour {n % 30}", "scene": ("a loft", "a library")[n % 2], "sku": f"L-{n}"}
        yield replace(each, take=replace(each.take, variables_json=canonical_json(variables)))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    if not chromium.is_here():
        pytest.skip(chromium.MISSING)
    folders = {count: tmp_path_factory.mktemp(f"takes-{count}") for count in (FEW, MANY)}
    for count, folder in folders.items():
        write_page(folder, *with_variables(campaign(count)))
    return {count: folder / "report.html" for count, folder in folders.items()}


@pytest.fixture(scope="module")
def few(pages: dict[int, Path]) -> Effort:
    return scrolling(pages[FEW], 0.0, STEPS)


def processor_times(
    pages: dict[int, Path], share: float, measured: tuple[Effort, Effort]
) -> Iterator[tuple[float, float]]:
    """What the same steps took among few takes and among many: as measured, and then measured anew side by side."""
    yield measured[0].processor_s, measured[1].processor_s
    for _ in range(TRIES - 1):
        few, many = scrolling(pages[FEW], 0.0, STEPS), scrolling(pages[MANY], share, STEPS)
        yield few.processor_s, many.processor_s


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_step_of_scrolling_costs_no_more_among_five_thousand_takes(
    pages: dict[int, Path], few: Effort, share: float
) -> None:
    many = scrolling(pages[MANY], share, STEPS)
    assert few.laid_out > 500
    assert many.laid_out < 1.5 * few.laid_out
    assert many.styled < 1.5 * few.styled
    assert any(second < 1.7 * first for first, second in processor_times(pages, share, (few, many)))
    assert many.videos <= 6


def test_opening_lays_out_what_is_near_the_window_alone(pages: dict[int, Path]) -> None:
    few, many = opening(pages[FEW]), opening(pages[MANY])
    assert few.laid_out > 300
    assert many.laid_out < 2.5 * few.laid_out
    assert many.styled < 2.5 * few.styled
    assert many.videos <= 6


def test_the_page_holds_what_is_near_the_window_alone_wherever_it_is_scrolled_to(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(MANY))
    takes: list[int] = []
    videos: list[int] = []
    for place in range(31):
        sheet.run("scrollTo(0, document.body.scrollHeight * arguments[0] / 30)", place)
        sheet.until(
            "[...document.querySelectorAll('.film')].filter(node => node.getBoundingClientRect().top < innerHeight"
            " && node.getBoundingClientRect().bottom > 0).every(node => node.querySelector('.poster.pictured'))"
            " && document.querySelectorAll('.poster').length > 0"
        )
        for counted, selector in ((takes, ".take"), (videos, "video")):
            counted.append(sheet.run("return document.querySelectorAll(arguments[0]).length", selector))
    assert max(takes) < 450
    assert max(videos) <= 6
