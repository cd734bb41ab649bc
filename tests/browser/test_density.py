"""How large the pictures are: a thousand takes in twenty screens, and nothing that moves when more is shown."""

import pytest

from hailuo_batch.core.model.runs import TakeRecord
from hailuo_batch.core.model.states import RunState
from tests.browser.conftest import OpenSheet
from tests.helpers.snapshots import record, run, take

pytestmark = pytest.mark.deep

PROMPT = "A ceramic lamp on a windowsill, morning light, slow dolly in, shallow depth of field, 35 mm"


def campaign(shots: int, takes: int = 1) -> list[TakeRecord]:
    wanted = [take(f"p{shot:04d}-lamp-warm", n, prompt=PROMPT) for shot in range(shots) for n in range(1, takes + 1)]
    return [record(each, run(of=each)) for each in wanted]


@pytest.mark.parametrize(("shots", "takes"), [(334, 3), (1000, 1)])
def test_a_thousand_takes_are_twenty_screens(open_sheet: OpenSheet, shots: int, takes: int) -> None:
    bad = record(take("bad"), run(RunState.FAILED, take("bad")))
    sheet = open_sheet(*campaign(shots, takes)[:999], bad, videos=False)
    sheet.resize(1280, 800)
    seen: set[str] = set()
    top, height = 0, 1
    while top < height:
        sheet.run("scrollTo(0, arguments[0])", top)
        on_screen = "[...document.querySelectorAll('.take')].filter(n => n.getBoundingClientRect().top < innerHeight)"
        sheet.until(f"{on_screen}.length > 0 && {on_screen}.every(n => n.querySelector('.screen').offsetHeight > 0)")
        seen |= set(sheet.run("return [...document.querySelectorAll('.take')].map(n => n.dataset.take)"))
        top, height = top + 600, sheet.run("return document.documentElement.scrollHeight")
    assert len(seen) == 1000
    assert height <= 20 * 800
    assert sheet.run("return document.documentElement.scrollWidth") <= 1280


def test_in_small_the_takes_of_a_shot_stand_side_by_side_over_one_line_of_its_prompt(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(200, 3), videos=False)
    names = [f"p0001-lamp-warm{tail}" for tail in ("", ".take2", ".take3")]
    places = [sheet.film(name).rect for name in names]
    assert len({place["y"] for place in places}) == 1
    assert places[0]["x"] < places[1]["x"] < places[2]["x"]
    prompt = sheet.one('[data-shot="p0001-lamp-warm"] .prompt').rect
    assert prompt["y"] >= places[0]["y"] + places[0]["height"]
    assert prompt["height"] < 20
    assert sheet.texts('[data-shot="p0001-lamp-warm"] .name') == names


@pytest.mark.parametrize(("count", "size"), [(6, "L"), (60, "M"), (1000, "S")])
def test_the_size_fits_the_number_of_takes(open_sheet: OpenSheet, count: int, size: str) -> None:
    sheet = open_sheet(*campaign(count), videos=False)
    assert sheet.run("return document.documentElement.dataset.density") == size
    assert [button.text for button in sheet.all(".segments [aria-pressed=true]")] == [size]


def test_the_readers_choice_beats_it_and_is_remembered(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(6), videos=False)
    sheet.button("S").click()
    sheet.reload()
    assert sheet.run("return document.documentElement.dataset.density") == "S"
    sheet.press("+", "+")
    assert sheet.run("return document.documentElement.dataset.density") == "L"


def test_buttons_appear_under_the_pointer_and_details_in_the_bar_and_nothing_moves(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(200), videos=False)
    assert sheet.all(".take button:not(.film)") == []
    other, card = "p0003-lamp-warm", sheet.card("p0002-lamp-warm")
    before = (sheet.film(other).rect, sheet.one("#foot").rect)
    sheet.point_at(sheet.film("p0002-lamp-warm"))
    sheet.wait(lambda: len(card.find_elements("css selector", "button:not(.film)")) == 5)
    assert (sheet.film(other).rect, sheet.one("#foot").rect) == before
    for fact in ("p0002-lamp-warm", "Done", "$0.28", "made in 2 min 10 s", "p0002-lamp-warm.mp4"):
        assert fact in sheet.one(".about").text
    card.find_element("css selector", "[data-mark=chosen]").click()
    assert sheet.texts(".badge") == ["Chosen"]
    sheet.point_at(sheet.film(other))
    sheet.wait(lambda: card.find_elements("css selector", "button:not(.film)") == [])


def test_another_size_keeps_the_current_take_and_its_marks(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*campaign(60), videos=False)
    sheet.press("1", "2")
    for size in ("S", "L", "M"):
        sheet.size(size)
        assert sheet.current() == "p0002-lamp-warm"
        assert sheet.texts(".badge") == ["Chosen", "Rejected"]
