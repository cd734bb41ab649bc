"""What an editor meets in a whole evening: attempts chosen, re-rolls failed, notes read as a list, and the keys."""

import dataclasses

import pytest
from selenium.webdriver.common.keys import Keys

from hailuo_batch.core.model.runs import Supersession, TakeRecord
from hailuo_batch.core.model.states import RunState
from tests.browser.conftest import OpenSheet
from tests.browser.test_culling import IN_SIGHT, campaign, has_focus
from tests.helpers.snapshots import output, record, run, take

pytestmark = pytest.mark.deep

OPACITY = "return getComputedStyle(arguments[0].querySelector('.poster')).opacity"


def remade(name: str, state: RunState = RunState.SUCCEEDED) -> TakeRecord:
    """A take whose first video was made again, which came to `state`."""
    wanted = take(name)
    kept = (output(f"superseded/{name}.mp4"),)
    old = run(of=wanted, run_id=f"run_{name}1", superseded_by=Supersession.REPLACE, outputs=kept)
    return record(wanted, old, dataclasses.replace(run(state, wanted, run_id=f"run_{name}2"), attempt=2))


@pytest.mark.parametrize("size", ["S", "M", "L"])
def test_an_earlier_attempt_that_is_chosen_looks_so_and_the_card_tells_it(open_sheet: OpenSheet, size: str) -> None:
    sheet = open_sheet(remade("a"), *campaign(3))
    sheet.size(size)
    sheet.press("2")
    sheet.size("M")
    sheet.card("a").find_element("css selector", "summary").click()
    earlier = sheet.soon('[data-take="a"] .attempts > li')
    sheet.click(earlier.find_element("css selector", "[data-mark=chosen]"))
    frame, badge = (earlier.find_element("css selector", part) for part in (".film", ".badge.m-chosen"))
    assert frame.rect["y"] <= badge.rect["y"] < frame.rect["y"] + frame.rect["height"] / 2
    assert frame.value_of_css_property("box-shadow") != "none"
    sheet.until("document.querySelector('.attempts .poster.pictured')")
    assert sheet.run(OPACITY, earlier) == "1"
    sheet.size(size)
    assert sheet.one('[data-take="a"] > .aside').text.startswith("Attempt 1")
    sheet.choose("mark", "Chosen")
    assert sheet.shown() == ["a"]


def test_the_full_view_and_compare_tell_that_another_attempt_is_chosen(open_sheet: OpenSheet) -> None:
    second = take("a", 2)
    sheet = open_sheet(remade("a"), record(second, run(of=second, run_id="run_second")))
    words = "document.querySelector('.panel .elsewhere')?.textContent ?? ''"
    sheet.film("a").send_keys(Keys.ENTER)
    assert sheet.run(f"return {words}") == ""
    sheet.press("a", Keys.ARROW_RIGHT, "1")
    assert [text for text in sheet.texts(".tile .elsewhere") if text] == []  # it is seen beside
    sheet.press("a")
    assert sheet.texts(".tile .elsewhere") == ["Attempt 1\u00a0is chosen", ""]
    sheet.press(Keys.ESCAPE)
    assert sheet.run(f"return {words}") == "Attempt 1\u00a0is chosen"
    sheet.press(Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert sheet.run(f"return {words}") == "Attempt 1\u00a0is chosen"
    sheet.press("z")
    assert sheet.run(f"return {words}") == ""


@pytest.mark.parametrize("size", ["S", "M", "L"])
def test_a_re_roll_that_failed_shows_the_video_before_to_be_marked_as_its_own_run(
    open_sheet: OpenSheet, size: str
) -> None:
    sheet = open_sheet(remade("a", RunState.FAILED), *campaign(1, 2))
    sheet.size(size)
    assert sheet.one('[data-take="a"] > .aside').text == "Re-roll failed"
    if size != "S":
        assert "Re-roll failed; the video before is shown" in sheet.card("a").text
    sheet.press("3")
    assert "Only the latest video" in sheet.texts("#announcements")[0]
    sheet.press("1")
    assert sheet.texts('[data-take="a"] > .badges .badge') == ["Chosen"]
    kept = "return Object.keys(localStorage).filter(key => key.includes(`/${arguments[0]}/picks/`))"
    assert [key.split("/")[-1] for key in sheet.run(kept, sheet.folder.name)] == ["run_a1"]
    sheet.film("a").send_keys(Keys.ENTER)
    assert "superseded/a.mp4" in sheet.one("dialog.viewer").text
    assert "Re-roll failed; the video before is shown" in sheet.one("dialog.viewer").text
    sheet.press(Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert sheet.texts("dialog.viewer h2") == ["a"]
    sheet.press("2")
    assert sheet.texts("dialog.viewer h2") == ["s0000"]


def test_a_choice_ends_a_shot_among_those_without_one_and_two_are_told(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(4, 3), videos=False)
    sheet.press("w", "2", "1")
    assert sheet.current() == "s0001"
    sheet.press("1", "1", "1")
    assert "Every shot on the sheet has a choice" in sheet.texts("#announcements")[0]
    sheet.press("w")
    sheet.film("s0002.take2").send_keys("1")
    assert [text for text in sheet.texts(".shot .several") if text] == ["2 chosen"]
    sheet.size("S")
    assert sheet.texts(".aside .several") == ["2 chosen", "2 chosen"]
    sheet.choose("mark", "Shots with several choices")
    assert sheet.shown() == ["s0002", "s0002.take2", "s0002.take3"]


def test_among_the_shots_without_a_choice_the_keys_are_for_a_take_without_a_mark(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(4, 3), videos=False)
    sheet.press("1")
    sheet.film("s0001").send_keys("2", Keys.ARROW_RIGHT, "2")
    assert sheet.current() == "s0002"
    sheet.press("w")
    assert sheet.current() == has_focus(sheet) == "s0002"  # it has none: the reader stays there
    for before in ("s0000", "s0001", "s0001.take3"):  # one that is hidden, and two that are rejected
        sheet.press("w")
        sheet.run("arguments[0].focus()", sheet.film(before))
        sheet.press("w")
        assert sheet.current() == has_focus(sheet) == "s0001.take2"
    sheet.press("1", "1")
    assert sheet.current() == "s0003"


@pytest.mark.parametrize("size", ["M", "L"])
def test_notes_are_read_on_the_cards_and_listed(open_sheet: OpenSheet, size: str) -> None:
    sheet = open_sheet(*campaign(4), videos=False)
    sheet.size(size)
    sheet.film("s0002").send_keys("n")
    sheet.press("slower, and warmer", Keys.ESCAPE)
    assert sheet.one('[data-take="s0002"] > .jot').text == "slower, and warmer"
    sheet.choose("mark", "With a note")
    assert sheet.shown() == ["s0002"]
    sheet.press("n", *([Keys.BACKSPACE] * 30), Keys.ESCAPE)
    assert sheet.all(".jot") == []


def test_after_a_choice_in_a_list_the_keys_are_about_the_pictures(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(4), videos=False)
    sheet.press("2")
    sheet.run("document.querySelector('select[data-ask=mark]').focus()")
    sheet.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert sheet.shown() == ["s0000"]
    assert has_focus(sheet) == ""
    sheet.press(Keys.ENTER)
    assert has_focus(sheet) == "s0000"
    sheet.run("document.querySelector('select[data-ask=mark]').focus()")
    sheet.press(Keys.ARROW_UP, Keys.ARROW_UP, Keys.ESCAPE, Keys.ARROW_RIGHT)
    assert has_focus(sheet) == "s0001"


def test_escape_clears_the_search_and_then_leaves_it(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(4), videos=False)
    sheet.press("/", "s0002", Keys.ESCAPE)
    assert (len(sheet.shown()), sheet.focused()) == (4, "Search")
    sheet.press(Keys.ESCAPE)
    assert has_focus(sheet) == sheet.current() == "s0002"
    sheet.press("e")
    assert sheet.texts("dialog[open] h2") == ["Your picks"]


@pytest.mark.parametrize("size", ["S", "M", "L"])
def test_filters_and_orders_keep_the_current_take_whole_in_sight(open_sheet: OpenSheet, size: str) -> None:
    sheet = open_sheet(*campaign(60), videos=False)
    sheet.resize(1280, 800)
    sheet.size(size)
    sheet.press("1", *([Keys.ARROW_RIGHT] * 30))
    assert sheet.current() == "s0031"
    for name, option in (("order", "Newest first"), ("mark", "Not marked"), ("mark", "Chosen"), ("mark", "Any mark")):
        sheet.choose(name, option)
        sheet.until(IN_SIGHT)
        assert sheet.shown()
    sheet.press("w")
    sheet.until(IN_SIGHT)


def test_the_bar_shows_no_stump_of_a_name_and_the_keys_fit_the_window(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(4, 3), videos=False)
    for width in (1000, 1280, 1440, 1920):
        sheet.resize(width, 800)
        shown = [item for item in sheet.all("#bar .item") if item.is_displayed()]
        assert all(item.rect["width"] >= 140 for item in shown)
    sheet.resize(1280, 800)
    sheet.press("?")
    assert sheet.run("return (d => d.scrollHeight <= d.clientHeight)(document.querySelector('dialog[open]'))")


def test_headings_of_rows_break_between_words_in_a_narrow_window(open_sheet: OpenSheet) -> None:
    names = ("ceramic lamp", "linen cushion", "bamboo board")
    wanted = [
        take(f"p{row}-{mood}", n, variables={"name": name, "mood": mood})
        for row, name in enumerate(names)
        for mood in ("warm", "cool")
        for n in (1, 2, 3)
    ]
    sheet = open_sheet(*(record(each, run(of=each)) for each in wanted), videos=False)
    sheet.resize(390, 844)
    sheet.press("g")
    broken = r"""
      const isBroken = (text, start, word) => {
        const range = document.createRange();
        range.setStart(text, start);
        range.setEnd(text, start + word.length);
        return range.getClientRects().length > 1;
      };
      return [...document.querySelectorAll('[role=rowheader]')].flatMap((node) =>
        [...node.textContent.matchAll(/\S+/g)].filter(found => isBroken(node.firstChild, found.index, found[0])));
    """
    assert sheet.texts("[role=rowheader]") == list(names)
    assert sheet.run(broken) == []
    assert sheet.one(".matrix .screen").rect["width"] > 110
    assert sheet.run("return document.documentElement.scrollWidth") <= 390
