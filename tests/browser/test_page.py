"""The page as a whole: every width, many takes, print, and while an apply is at work."""

import base64
import time

import pytest
from selenium.webdriver.common.keys import Keys

from hailuo_batch.core.model.runs import TakeRecord
from hailuo_batch.core.model.states import RunState
from tests.browser.conftest import OpenSheet, write_page
from tests.helpers.snapshots import record, run, take
from tests.report.builders import HOSTILE, LONG, every_state

pytestmark = pytest.mark.deep


def campaign(count: int, state: RunState = RunState.SUCCEEDED) -> list[TakeRecord]:
    wanted = [take(f"shot-{n // 3:04d}", n % 3 + 1, prompt=f"prompt {n}", tags=("spring",)) for n in range(count)]
    return [record(each, run(state, each)) for each in wanted]


@pytest.mark.parametrize("width", [320, 768, 1440, 3840])
def test_nothing_is_wider_than_the_window(open_sheet: OpenSheet, width: int) -> None:
    long_name = take("a" * 100, prompt="x" * 5000, tags=("y" * 300,), image_urls=[f"https://cdn.test/{'z' * 500}.png"])
    hostile = record(take("h", prompt=HOSTILE), run(of=take("h")))
    sheet = open_sheet(*every_state(), record(long_name, run(of=long_name, reason=LONG)), hostile, applying=True)
    sheet.resize(width, 900)
    sheet.shown()
    assert sheet.run("return document.documentElement.scrollWidth") <= width
    cut = "[...document.querySelectorAll('button, select, input')].filter(n => n.checkVisibility())"
    assert sheet.run(f"return {cut}.filter(n => n.getBoundingClientRect().right > innerWidth + 1).length") == 0


@pytest.mark.parametrize(("takes", "shots"), [(3, 2), (4, 2), (8, 1)])
def test_a_row_of_a_wide_window_is_filled_with_whole_shots(open_sheet: OpenSheet, takes: int, shots: int) -> None:
    wanted = [take(f"shot-{shot}", n) for shot in range(6) for n in range(1, takes + 1)]
    sheet = open_sheet(*(record(each, run(of=each)) for each in wanted), videos=False)
    sheet.size("L")
    sheet.resize(3840, 2000)
    rects = "return [...document.querySelectorAll('.shot')].map(node => node.getBoundingClientRect().toJSON())"
    sheet.wait(lambda: len({place["top"] for place in sheet.run(rects)}) == 6 // shots)
    assert len({round(place["width"]) for place in sheet.run(rects)}) == 1
    assert sheet.run("return document.documentElement.scrollWidth") <= 3840


@pytest.mark.parametrize("width", [340, 360, 440, 600])
def test_a_command_breaks_between_its_words(open_sheet: OpenSheet, width: int) -> None:
    sheet = open_sheet(*campaign(1, RunState.IN_DOUBT))
    sheet.resize(width, 900)
    sheet.one(".issue summary").click()
    sheet.run("arguments[0].click()", sheet.soon(".case summary"))
    sheet.wait(lambda: sheet.all(".ways code"))
    lines = """return [...document.querySelectorAll('.ways code')].map(code => {
      const tops = [];
      const walker = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) for (const {index, 0: word} of walker.currentNode.data.matchAll(/\\S+/g)) {
        const range = new Range();
        range.setStart(walker.currentNode, index);
        range.setEnd(walker.currentNode, index + word.length);
        tops.push(range.getClientRects().length);
      }
      return tops;
    })"""
    found = sheet.run(lines)
    assert len(found) == 3
    assert {rects for command in found for rects in command} == {1}
    assert sheet.texts(".ways code")[1].endswith("'manifests/spring lamps.yaml' shot-0000 --resubmit")


def test_one_take_is_found_among_five_thousand(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(5000), videos=False)
    assert sheet.texts(".shown") == ["5,000 takes"]
    sheet.one("input[type=search]").send_keys("prompt 4999")
    sheet.until("document.querySelector('.shown').textContent === '1 of 5,000 takes'")  # a moment after the last key
    sheet.until("document.querySelector('.take .name')?.textContent.trim() === 'shot-1666.take2'")
    assert len(sheet.all(".take")) == 1


def test_the_sheet_is_laid_again_for_another_width_and_keeps_its_place(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(240), videos=False)
    sheet.size("L")
    place = "document.querySelector('[data-shot=shot-0040]')"
    sheet.run("dispatchEvent(new Event('wheel'))")  # from here on it is the reader who scrolls
    sheet.run("addEventListener('scrollend', () => { window.rests = true; })")
    sheet.until(f"{place}.scrollIntoView() || {place}.querySelector('.take')")
    sheet.until("window.rests")  # only then does the page know of it
    for width in (700, 3000, 1440):
        sheet.resize(width, 1000)
        sheet.until(f"Math.abs({place}.getBoundingClientRect().top - 64) < 50 && {place}.querySelector('.take')")
    assert len(sheet.texts(".shot h2")) == 80


def test_a_printout_holds_every_take_and_no_buttons_and_cuts_no_name(open_sheet: OpenSheet) -> None:
    long = take("long", prompt="long")
    sheet = open_sheet(record(long, run(of=long, run_id=f"run_{'x' * 100}")), *campaign(89), videos=False)
    assert len(sheet.all(".take")) < 90
    printed = base64.b64decode(sheet.chrome.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert printed.startswith(b"%PDF")
    assert len(sheet.all(".take")) == 90
    sheet.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not sheet.one("#tools").is_displayed()
        assert not any(button.is_displayed() for button in sheet.all(".item button"))
        cut = "[...document.querySelectorAll('.item .mono')].filter(node => node.scrollWidth > node.clientWidth)"
        assert sheet.run(f"return {cut}.length") == 0
    finally:
        sheet.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_printout_has_notes_below_their_pictures_and_no_focus(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(3))
    sheet.until("document.querySelectorAll('.film .poster.pictured').length === 3")
    sheet.press("1", Keys.ARROW_LEFT, "n", "a note\non two lines", Keys.ESCAPE)
    sheet.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        film, note = sheet.film("shot-0000"), sheet.one("[data-take=shot-0000] .noted .text")
        sheet.wait(note.is_displayed)
        assert note.rect["y"] >= film.rect["y"] + film.rect["height"]
        assert film.value_of_css_property("outline-style") == "none"
    finally:
        sheet.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_printout_shows_the_pictures_that_are_there_and_no_empty_frames(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(60), record(take("bad"), run(RunState.FAILED, take("bad"))))
    sheet.until("document.querySelectorAll('.film .poster.pictured').length >= 3")
    sheet.run("dispatchEvent(new Event('beforeprint'))")
    sheet.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        shown = "[...document.querySelectorAll('.film')].filter(film => film.checkVisibility())"
        assert len(sheet.all(".film")) == 60
        assert 3 <= sheet.run(f"return {shown}.length") < 60
        assert sheet.run(f"return {shown}.every(film => film.querySelector('.poster.pictured'))")
        wordy = sheet.one("[data-take=bad] .screen")
        assert wordy.text == "The run failed and was refunded"
        assert wordy.rect["height"] < 60
    finally:
        sheet.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_printout_names_every_take_that_needs_a_person(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(7, RunState.FAILED))
    assert sheet.all(".case") == []
    sheet.chrome.execute_cdp_cmd("Page.printToPDF", {})
    assert len(sheet.all(".case")) == 7


def test_a_page_of_a_finished_apply_offers_no_reload(open_sheet: OpenSheet) -> None:
    assert open_sheet(*campaign(3)).all(".live") == []


def test_while_an_apply_works_the_page_offers_to_reload_and_keeps_what_was_on_it(open_sheet: OpenSheet) -> None:
    running = campaign(60, RunState.PENDING)
    sheet = open_sheet(*running, applying=True, generated_at=time.time())
    sheet.size("L")
    assert "An apply is running" in sheet.one(".live").text
    sheet.choose("tag", "spring")
    sheet.run("dispatchEvent(new Event('wheel'))")  # from here on it is the reader who scrolls
    place = "document.querySelector('[data-shot=shot-0015]')"
    sheet.until(f"{place}.scrollIntoView() || {place}.querySelector('.take')")
    write_page(sheet.folder, *campaign(60), applying=True, generated_at=time.time(), videos=False)
    sheet.run(f"{place}.scrollIntoView(); document.getElementById('reload').click()")
    sheet.until("document.querySelector('.total b')?.textContent === '60 of 60 takes'")
    assert sheet.one('select[data-ask="tag"]').get_attribute("value") == "spring"
    sheet.until(f"Math.abs({place}.getBoundingClientRect().top - 64) < 50")


def test_the_page_reloads_by_itself_where_that_is_wanted(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(3, RunState.PENDING), applying=True, generated_at=time.time())
    sheet.one(".live input").click()
    write_page(sheet.folder, *campaign(3), generated_at=time.time())
    sheet.run("const now = performance.now.bind(performance); performance.now = () => now() + 20_000")
    sheet.until("document.querySelector('.total b')?.textContent === '3 of 3 takes'")
    assert sheet.all(".live") == []


def test_an_apply_that_went_silent_is_not_called_running(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(3, RunState.PENDING), applying=True, generated_at=time.time() - 3600)
    assert "No update for 1h" in sheet.one(".live").text


def test_an_empty_campaign_is_a_page_too(open_sheet: OpenSheet) -> None:
    sheet = open_sheet()
    assert "No takes yet" in sheet.one("#shots").text
    assert sheet.complaints() == []
