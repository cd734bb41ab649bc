"""What a take was made from of its row and its matrix: shown with it, found, and chosen by."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from hailuo_batch.core.model.runs import TakeRecord
from tests.browser.conftest import OpenSheet
from tests.browser.sheet import Sheet
from tests.helpers.snapshots import record, run, take
from tests.report.builders import HOSTILE, LONG

pytestmark = pytest.mark.deep


def made(shot: str, number: int = 1, /, prompt: str = "a lamp", **variables: str) -> TakeRecord:
    wanted = take(shot, number, prompt=prompt, variables=variables)
    return record(wanted, run(of=wanted))


@pytest.fixture
def sheet(open_sheet: OpenSheet) -> Sheet:
    return open_sheet(
        made("a", colour="teal", scene="a loft", sku="1"),
        made("b", colour="teal", scene="a library", sku="2"),
        made("c", colour="red", scene="a loft", sku="3"),
        made("c", 2, colour="red", scene="a loft", sku="3"),
        made("d", colour="", only="here"),
        record(take("later")),
    )


ALL = ["a", "b", "c", "c.take2", "d", "later"]


def choose(sheet: Sheet, name: str, option: str) -> None:
    Select(sheet.one(f'[data-variable="{name}"]')).select_by_visible_text(option)


def pairs(sheet: Sheet, within: str) -> list[tuple[str, str]]:
    names, values = (sheet.texts(f"{within} .variables {tag}") for tag in ("dt", "dd"))
    return list(zip(names, values, strict=True))


def test_by_one_variable_and_by_several(sheet: Sheet) -> None:
    assert sheet.texts(".variable span") == ["colour", "scene", "sku"]
    choose(sheet, "colour", "teal")
    assert sheet.shown() == ["a", "b"]
    choose(sheet, "scene", "a loft")
    assert sheet.shown() == ["a"]
    assert sheet.texts(".shown") == ["1 of 6 takes"]
    assert sheet.button("Variables (2)").get_attribute("aria-expanded") == "true"
    choose(sheet, "colour", "red")
    assert sheet.shown() == ["c", "c.take2"]
    choose(sheet, "scene", "any")
    choose(sheet, "colour", "(empty)")
    assert sheet.shown() == ["d"]
    sheet.button("Clear filters").click()
    assert sheet.shown() == ALL
    assert sheet.button("Variables").is_displayed()


def test_options_are_in_the_manifests_order(sheet: Sheet) -> None:
    assert sheet.texts('[data-variable="colour"] option') == ["any", "teal", "red", "(empty)"]


def test_the_keyboard_is_enough(sheet: Sheet) -> None:
    sheet.run("arguments[0].focus()", sheet.button("Variables"))
    sheet.press(Keys.ENTER)
    assert not sheet.one("#variables").is_displayed()
    sheet.press(Keys.SPACE)
    assert sheet.one("#variables").is_displayed()
    sheet.press(Keys.TAB)
    assert sheet.focused() == "colour"
    sheet.press("t")
    assert sheet.shown() == ["a", "b"]


def test_what_was_chosen_stays_over_a_reload_as_long_as_it_is_offered(sheet: Sheet) -> None:
    choose(sheet, "scene", "a library")
    sheet.button("Variables (1)").click()
    sheet.reload()
    assert sheet.shown() == ["b"]
    assert not sheet.one("#variables").is_displayed()
    sheet.run("document.querySelector('.result button').click()")
    for kept in ('{"scene":"gone","x":"y"}', '"abc"', "[1]", "7", "null"):
        key = "Object.keys(sessionStorage).find(key => key.endsWith('/view'))"
        sheet.run(
            "addEventListener('pagehide', () => sessionStorage.setItem(arguments[0], arguments[1]));".replace(
                "arguments[0]", key
            ).replace("arguments[1]", f"""'{{"find":{{"variables":{kept}}}}}'""")
        )
        sheet.reload()
        assert sheet.shown() == ALL


def test_what_has_one_value_or_too_many_or_long_ones_is_found_by_search_alone(open_sheet: OpenSheet) -> None:
    takes = [made(f"n{n}", few=str(n % 30), many=str(n), long="x" * 80 + str(n % 2), one="1") for n in range(31)]
    sheet = open_sheet(*takes, videos=False)
    assert sheet.texts(".variable span") == ["few"]
    assert len(sheet.texts('[data-variable="few"] option')) == 31


def test_without_any_there_is_no_filter(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(record(take("a"), run(of=take("a"))), made("b", sku="1"))
    assert sheet.all(".fold, #variables") == []


def test_values_are_found_by_text(sheet: Sheet) -> None:
    sheet.one("input[type=search]").send_keys("LIBRARY teal")
    assert sheet.shown() == ["b"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("scene:loft", ["a", "c", "c.take2"]),
        ("Colour:TEAL scene:library", ["b"]),
        ('scene:"a lib"', ["b"]),
        ("colour:loft", []),
        ("nothing:teal", []),
        ("sku:1 loft", ["a"]),
    ],
)
def test_one_variable_is_searched_by_its_name(sheet: Sheet, words: str, found: list[str]) -> None:
    sheet.one("input[type=search]").send_keys(words)
    assert sheet.shown() == found


def test_accents_make_no_difference(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(made("a", prompt="a CAFÉ at night", größe="Zürich"), made("b", prompt="a cafe", größe="Bern"))
    for words, found in (("cafe", ["a", "b"]), ("café", ["a", "b"]), ("große:zuri", ["a"])):
        sheet.one("input[type=search]").clear()
        sheet.one("input[type=search]").send_keys(words)
        assert sheet.shown() == found


def test_a_card_and_the_full_view_show_them(sheet: Sheet) -> None:
    expected = [("colour", "teal"), ("scene", "a loft"), ("sku", "1")]
    assert pairs(sheet, "[data-shot=a]") == expected
    assert pairs(sheet, "[data-shot=d]") == [("colour", "empty"), ("only", "here")]
    assert pairs(sheet, "[data-shot=later]") == []
    sheet.film("a").click()
    assert pairs(sheet, ".viewer") == expected
    sheet.press(Keys.ARROW_RIGHT)
    assert ("sku", "2") in pairs(sheet, ".viewer")


def test_a_card_with_many_shows_the_rest_on_demand_and_no_prompt_twice(open_sheet: OpenSheet) -> None:
    many = {f"v{n}": str(n) for n in range(9)}
    sheet = open_sheet(made("a", prompt="a desk", text=" a desk ", **many))
    card = sheet.soon("[data-shot=a]")
    shown = "return [...document.querySelectorAll('.variables dd')].filter(node => node.checkVisibility()).length"
    assert sheet.run(shown) == 6
    toggle = card.find_element(By.CSS_SELECTOR, ".input button")
    assert (toggle.text, toggle.get_attribute("aria-expanded")) == ("Show all", "false")
    toggle.click()
    assert sheet.run(shown) == 9
    assert (toggle.text, toggle.get_attribute("aria-expanded")) == ("Show less", "true")


def test_names_and_values_are_text(open_sheet: OpenSheet) -> None:
    hostile = {HOSTILE: HOSTILE, "__proto__": "x", "constructor": "y", "<b>": "<img src=x onerror=alert(1)>"}
    sheet = open_sheet(
        record(take("a", variables=hostile), run(of=take("a"))), made("b", __proto__="z", constructor="w")
    )
    assert set(sheet.texts("[data-shot=a] .variables dt")) == set(hostile)
    assert HOSTILE in sheet.texts("[data-shot=a] .variables dd")
    choose(sheet, "__proto__", "z")
    assert sheet.shown() == ["b"]
    assert sheet.complaints() == []


@pytest.mark.parametrize("width", [320, 768, 1440])
def test_however_long_they_are_nothing_is_wider_than_the_window(open_sheet: OpenSheet, width: int) -> None:
    long = {"n" * 200: f"{'v' * 79}1", "text": LONG, "url": f"https://cdn.test/{'z' * 500}.png"}
    other = {**long, "n" * 200: "v" * 80, **{f"name{n}": str(n) for n in range(5)}}
    wanted = [take(name, prompt=name, variables=each) for name, each in (("a", long), ("b", other))]
    sheet = open_sheet(*(record(each, run(of=each)) for each in wanted))
    sheet.resize(width, 900)
    if width < 700:
        sheet.button("Filters").click()
    if sheet.button("Variables").get_attribute("aria-expanded") == "false":
        sheet.button("Variables").click()
    assert sheet.one("#variables").is_displayed()
    sheet.shown()
    assert sheet.run("return document.documentElement.scrollWidth") <= width
    out = "[...document.querySelectorAll('button, select, input, dt, dd')].filter(n => n.checkVisibility())"
    assert sheet.run(f"return {out}.filter(n => n.getBoundingClientRect().right > innerWidth + 1).length") == 0
    sheet.run("arguments[0].click()", sheet.film("a"))
    panel = "document.querySelector('.panel')"
    assert sheet.run(f"return {panel}.scrollWidth <= {panel}.clientWidth")


def test_in_a_narrow_window_the_filters_begin_folded(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(made("a", colour="teal"), made("b", colour="red"))
    assert sheet.one("#variables").is_displayed()
    sheet.resize(390, 900)
    sheet.reload()
    assert not any(control.is_displayed() for control in sheet.all("#tools select, .chip"))
    assert sheet.film("a").rect["y"] < 500
    sheet.button("Filters").click()
    assert not sheet.one("#variables").is_displayed()
    sheet.button("Variables").click()
    assert sheet.one("#variables").is_displayed()


def test_what_is_searched_far_below_is_brought_into_sight_under_both_rows_of_tools(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*(made(f"shot{n}", colour=("teal", "red")[n % 2]) for n in range(60)), videos=False)
    sheet.run("scrollTo(0, document.body.scrollHeight)")
    sheet.one("input[type=search]").send_keys("colour:red")
    sheet.until("document.querySelector('.shown').textContent === '30 of 60 takes'")
    heading, tools = "document.querySelector('.shot h2')", "document.querySelector('#tools')"
    place = "getBoundingClientRect()"
    sheet.until(f"{heading}.{place}.top >= {tools}.{place}.bottom - 1 && {heading}.{place}.top < innerHeight / 2")


def test_a_printout_holds_all_of_them(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(made("a", **{f"v{n}": str(n) for n in range(9)}), videos=False)
    sheet.soon("[data-shot=a] .variables")
    sheet.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert all(node.is_displayed() for node in sheet.all(".variables dd"))
    finally:
        sheet.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
