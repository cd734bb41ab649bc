"""Finding takes on the sheet: by state, tag, mark and text, in every order."""

import dataclasses
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from hailuo_batch.core.model.runs import TakeRecord
from hailuo_batch.core.model.states import RunState
from tests.browser.conftest import OpenSheet
from tests.browser.sheet import Sheet
from tests.helpers.snapshots import STARTED_AT, record, run, take

pytestmark = pytest.mark.deep


def made(
    shot: str, number: int = 1, state: RunState = RunState.SUCCEEDED, *, at: float = 0.0, **facts: Any
) -> TakeRecord:
    wanted = take(shot, number, prompt=f"a {shot} in the rain", tags=("all", f"tag-{shot}"))
    attempt = run(state, wanted, run_id=f"run_{shot}{number}", at=STARTED_AT + at)
    return record(wanted, dataclasses.replace(attempt, **facts))


@pytest.fixture
def sheet(open_sheet: OpenSheet) -> Sheet:
    return open_sheet(
        made("lamp", at=300.0, cost_micro_usd=100),
        made("lamp", 2, RunState.FAILED, reason="the safety filter"),
        made("desk", at=100.0, cost_micro_usd=300, completed_at=STARTED_AT + 900.0),
        made("chair", at=200.0, cost_micro_usd=200),
        record(take("later", prompt="an attic")),
    )


ALL = ["lamp", "lamp.take2", "desk", "chair", "later"]


def test_everything_is_there_at_first(sheet: Sheet) -> None:
    assert sheet.shown() == ALL
    assert sheet.texts(".shown") == ["5 takes"]
    assert not sheet.one(".result button").is_displayed()


def test_by_state_one_or_several(sheet: Sheet) -> None:
    failed, waiting = sheet.one('[data-state="failed"]'), sheet.one('[data-state="waiting"]')
    failed.click()
    assert sheet.shown() == ["lamp.take2"]
    assert (failed.get_attribute("aria-pressed"), waiting.get_attribute("aria-pressed")) == ("true", "false")
    waiting.click()
    assert sheet.shown() == ["lamp.take2", "later"]
    assert sheet.texts(".shown") == ["2 of 5 takes"]
    failed.click()
    waiting.click()
    assert sheet.shown() == ALL


def test_at_the_top_of_the_page_a_filter_scrolls_nothing_away(sheet: Sheet) -> None:
    chip = sheet.one('[data-state="failed"]')
    place = chip.rect
    chip.click()
    assert sheet.shown() == ["lamp.take2"]
    look = "const look = () => seen.push(scrollY) < 20 ? requestAnimationFrame(look) : then(seen);"
    scrolled = f"return new Promise(then => {{ const seen = []; {look} look(); }})"
    assert sheet.run(scrolled) == [0] * 20
    assert chip.rect == place


def test_by_tag(sheet: Sheet) -> None:
    sheet.choose("tag", "tag-desk")
    assert sheet.shown() == ["desk"]
    sheet.choose("tag", "all")
    assert sheet.shown() == ALL[:4]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("LAMP", ["lamp", "lamp.take2"]),
        ("rain  desk", ["desk"]),
        ("run_chair1", ["chair"]),
        ("safety filter", ["lamp.take2"]),
        ("desk.mp4", ["desk"]),
        ("attic", ["later"]),
        (".*", []),
        ("<b>", []),
    ],
)
def test_by_text_in_prompts_takes_runs_files_and_errors(sheet: Sheet, words: str, found: list[str]) -> None:
    sheet.one("input[type=search]").send_keys(words)
    assert sheet.shown() == found


def test_nothing_found_reports_it_and_the_filters_can_be_cleared(sheet: Sheet) -> None:
    sheet.one("input[type=search]").send_keys("nowhere")
    assert "No take matches" in sheet.one("#shots").text
    sheet.button("Clear filters").click()
    assert sheet.shown() == ALL
    assert sheet.focused() == "Play lamp in full view"


def test_what_is_found_is_brought_into_sight_from_far_below(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*(made(f"shot{n}") for n in range(60)))
    sheet.run("scrollTo(0, document.body.scrollHeight)")
    sheet.one("input[type=search]").send_keys("shot1")
    assert sheet.texts(".shown") == ["11 of 60 takes"]
    tools = sheet.one("#tools")
    top, below = "getBoundingClientRect().top", "getBoundingClientRect().bottom"
    heading = "document.querySelector('.shot h2')"
    sheet.until(f"{heading}.{top} >= arguments[0].{below} - 1 && {heading}.{top} < innerHeight / 2", tools)


def test_by_mark(sheet: Sheet) -> None:
    sheet.card("desk").find_element("css selector", "[data-mark=chosen]").click()
    sheet.choose("mark", "Chosen")
    assert sheet.shown() == ["desk"]
    sheet.choose("mark", "Not marked")
    assert sheet.shown() == ["lamp", "lamp.take2", "chair", "later"]


@pytest.mark.parametrize(
    ("order", "takes"),
    [
        ("By name", ["chair", "desk", "lamp", "lamp.take2", "later"]),
        ("Needs attention first", ["lamp.take2", "lamp", "later", "desk", "chair"]),
        ("Newest first", ["desk", "lamp", "lamp.take2", "chair", "later"]),
        ("Longest first", ["desk", "lamp", "lamp.take2", "chair", "later"]),
        ("Most expensive first", ["lamp.take2", "lamp", "desk", "chair", "later"]),
        ("Manifest order", ALL),
    ],
)
def test_every_order_keeps_takes_of_a_shot_together(sheet: Sheet, order: str, takes: list[str]) -> None:
    sheet.choose("order", order)
    assert sheet.shown() == takes


def test_what_was_asked_for_stays_over_a_reload(sheet: Sheet) -> None:
    sheet.one("input[type=search]").send_keys("rain")
    sheet.one('[data-state="done"]').click()
    sheet.choose("order", "By name")
    sheet.reload()
    assert sheet.shown() == ["chair", "desk", "lamp"]
    assert sheet.one("input[type=search]").get_attribute("value") == "rain"


def test_a_link_to_a_take_that_is_filtered_out_brings_it_back(sheet: Sheet) -> None:
    sheet.one("input[type=search]").send_keys("attic")
    sheet.one(".issue summary").click()
    sheet.soon(".case a").send_keys(Keys.ENTER)
    assert sheet.current() == "lamp.take2"
    assert sheet.focused() == "lamp.take2: failed"
