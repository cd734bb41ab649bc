"""Picks out and in: the file that the page saves, and what it does with one that somebody sent."""

import csv
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from selenium.webdriver.common.keys import Keys

from hailuo_batch.core.model.runs import Supersession, TakeRecord
from tests.browser import chromium
from tests.browser.conftest import OpenSheet
from tests.browser.sheet import Sheet
from tests.browser.test_accessibility import axe, violations
from tests.helpers.snapshots import output, record, run, take
from tests.helpers.timeouts import TEST_TIMEOUT_S

pytestmark = pytest.mark.deep

__all__ = ["axe"]

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "picks.schema.json").read_text("utf-8"))
HOSTILE = "<img src=x onerror=alert(1)></script> \u202eabc \x00\x1b[31m"


def takes_of(*names: str) -> list[TakeRecord]:
    return [record(take(name), run(of=take(name), run_id=f"run_{name}")) for name in names]


@pytest.fixture
def sheet(open_sheet: OpenSheet) -> Sheet:
    return open_sheet(*takes_of("a", "b", "c", "d"))


def marks(sheet: Sheet) -> dict[str, str]:
    pair = "node => [node.closest('.take').dataset.take, node.textContent]"
    return dict(sheet.run(f"return [...document.querySelectorAll('.take > .badges .badge')].map({pair})"))


def notes(sheet: Sheet) -> dict[str, str]:
    pair = "node => [node.closest('.take').dataset.take, node.textContent]"
    return dict(sheet.run(f"return [...document.querySelectorAll('.take > .badges .noted .text')].map({pair})"))


def press_on(sheet: Sheet, take_id: str, *keys: str) -> None:
    sheet.film(take_id).send_keys("")
    sheet.press(*keys)


def save(sheet: Sheet, button: str, name: str) -> str:
    """The text of the file that a button of the export saves."""
    kind, ending = name.split(".")
    before = set(sheet.folder.iterdir())
    where = {"behavior": "allow", "downloadPath": str(sheet.folder)}
    sheet.chrome.execute_cdp_cmd("Browser.setDownloadBehavior", where)
    sheet.button("Export").click()
    sheet.button(button).click()
    pattern = f"{sheet.folder.name}.{kind}.????-??-??-??????*.{ending}"
    [file] = sheet.wait(
        lambda: [path for path in sheet.folder.glob(pattern) if path not in before and path.stat().st_size]
    )
    sheet.press(Keys.ESCAPE)
    return str(file.read_bytes().decode("utf-8"))


def picks_file(sheet: Sheet, *picks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    campaign = sheet.folder.name
    endpoint = "https://runbase.net/api/v1"
    head = {"schema": "hailuo-batch/picks", "version": 1, "campaign": campaign, "endpoint": endpoint}
    return head | {"picks": list(picks)} | fields


def pick(name: str, **fields: str) -> dict[str, Any]:
    return {"take": name, "run_id": f"run_{name}"} | fields


def bring(sheet: Sheet, content: Any) -> str:
    """Import a file; what the page says to it."""
    file = sheet.folder / "sent.json"
    if isinstance(content, dict):
        content = json.dumps(content)
    file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    sheet.run("for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close()")
    sheet.one("input[type=file]").send_keys(str(file))
    dialog = sheet.until("document.querySelector('dialog[open]')")
    text: str = dialog.get_attribute("textContent")
    return text


def test_the_saved_file_is_as_its_schema_says(sheet: Sheet) -> None:
    press_on(sheet, "a", "1")
    press_on(sheet, "b", "2")
    press_on(sheet, "b", "n", "blurred", Keys.ESCAPE)
    press_on(sheet, "d", "n", "nice & <b>warm</b>", Keys.ESCAPE)
    picks = json.loads(save(sheet, "Save picks", "picks.json"))
    jsonschema.validate(picks, SCHEMA)
    assert picks["campaign"] == sheet.folder.name
    assert picks["endpoint"] == "https://runbase.net/api/v1"
    assert picks["picks"] == [
        pick("a", mark="chosen"),
        pick("b", mark="rejected", note="blurred"),
        pick("d", note="nice & <b>warm</b>"),
    ]
    assert sheet.complaints() == []


def test_what_one_browser_saves_another_imports_and_a_second_time_changes_nothing(
    sheet: Sheet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name, keys in (("a", "1"), ("b", "2"), ("c", "3")):
        press_on(sheet, name, keys)
    press_on(sheet, "a", "n", "the one", Keys.ESCAPE)
    saved = save(sheet, "Save picks", "picks.json")
    browser = chromium.start(tmp_path_factory.mktemp("client"))
    try:
        browser.set_script_timeout(TEST_TIMEOUT_S)
        client = Sheet(browser, sheet.folder)
        client.open()
        assert marks(client) == {}
        said = bring(client, saved)
        assert "3 new marks" in said
        assert marks(client) == {}
        client.button("Import").click()
        assert marks(client) == {"a": "Chosen", "b": "Rejected", "c": "Re-roll"}
        assert notes(client) == {"a": "the one"}
        assert "There is nothing in it that is not here already" in bring(client, saved)
        client.reload()
        assert marks(client) == {"a": "Chosen", "b": "Rejected", "c": "Re-roll"}
        assert client.complaints() == []
    finally:
        browser.quit()


def test_conflicts_are_shown_and_answered_before_anything_changes(sheet: Sheet) -> None:
    for name in ("a", "b", "c"):
        press_on(sheet, name, "1")
    press_on(sheet, "a", "n", "mine", Keys.ESCAPE)
    sent = picks_file(
        sheet, pick("a", mark="rejected", note="theirs"), pick("b", mark="rejected"), pick("c", mark="chosen")
    )
    said = bring(sheet, sent)
    assert "Marked otherwise here (2)" in said
    assert sheet.texts(".conflicts .name") == ["a", "b"]
    sheet.button("Cancel").click()
    assert marks(sheet) == {"a": "Chosen", "b": "Chosen", "c": "Chosen"}
    assert notes(sheet) == {"a": "mine"}
    bring(sheet, sent)
    sheet.one(".conflicts li:nth-child(2) input[value=theirs]").click()
    sheet.button("Import").click()
    assert marks(sheet) == {"a": "Chosen", "b": "Rejected", "c": "Chosen"}
    assert notes(sheet) == {"a": "mine\n\ntheirs"}
    bring(sheet, sent)
    sheet.button("Take all theirs").click()
    sheet.button("Import").click()
    assert marks(sheet) == {"a": "Rejected", "b": "Rejected", "c": "Chosen"}
    assert notes(sheet) == {"a": "mine\n\ntheirs"}


def test_a_conflict_shows_the_picture_and_both_notes(sheet: Sheet) -> None:
    press_on(sheet, "a", "1")
    press_on(sheet, "a", "n", "the one", Keys.ESCAPE)
    bring(sheet, picks_file(sheet, pick("a", mark="rejected", note="No: the lamp flickers.\nSee 0:02.")))
    assert sheet.texts(".conflicts .words") == ["the one", "No: the lamp flickers.\nSee 0:02."]
    assert sheet.soon(".conflicts .poster").is_displayed()
    assert sheet.focused().startswith("mine: Chosen")


def test_a_mark_that_the_file_does_not_have_stays_unless_it_is_removed(sheet: Sheet) -> None:
    for name in ("a", "b", "c"):
        press_on(sheet, name, "1")
    sent = picks_file(sheet, pick("a", mark="chosen"), pick("b", note="unmarked"), pick("d", mark="rejected"))
    assert "2 of your marks are not in this file" in bring(sheet, sent)
    assert sheet.focused() == "Import"
    sheet.press(Keys.ENTER)
    assert marks(sheet) == {"a": "Chosen", "b": "Chosen", "c": "Chosen", "d": "Rejected"}
    bring(sheet, sent)
    sheet.one("dialog[open] summary").click()
    sheet.soon(".conflicts li:nth-child(1) input[value=theirs]").click()
    sheet.button("Import").click()
    assert "Removed 1 mark." in sheet.texts("dialog[open] [role=status]")[0]
    assert marks(sheet) == {"a": "Chosen", "c": "Chosen", "d": "Rejected"}
    sheet.press(Keys.ENTER, "z")
    assert marks(sheet) == {"a": "Chosen", "b": "Chosen", "c": "Chosen", "d": "Rejected"}


@pytest.mark.parametrize(
    ("mine", "theirs", "joined"),
    [
        ("too dark", "too dark, and slow", "too dark, and slow"),
        ("too dark, and slow", "too dark", "too dark, and slow"),
        ("too dark\nslow", "slow\nshaky", "too dark\nslow\n\nshaky"),
        ("b", "a\nb", "a\nb"),
    ],
)
def test_notes_that_are_joined_say_nothing_twice(sheet: Sheet, mine: str, theirs: str, joined: str) -> None:
    for note in (mine, theirs):
        bring(sheet, picks_file(sheet, pick("a", note=note)))
        for button in sheet.all("dialog[open] .actions .main"):
            button.click()
    assert notes(sheet) == {"a": joined}


def test_a_pick_speaks_for_no_other_run_than_the_one_that_was_seen(open_sheet: OpenSheet) -> None:
    wanted = take("hero")
    earlier = run(
        of=wanted, run_id="run_old", superseded_by=Supersession.REPLACE, outputs=(output("superseded/hero.mp4"),)
    )
    live = dataclasses.replace(run(of=wanted, run_id="run_new"), attempt=2)
    sheet = open_sheet(record(wanted, earlier, live), *takes_of("a"))
    said = bring(
        sheet,
        picks_file(
            sheet,
            {"take": "hero", "run_id": "run_old", "mark": "reroll", "note": "too dark"},
            {"take": "hero", "run_id": "run_gone", "mark": "chosen"},
            {"take": "hero", "run_id": "run_a", "mark": "chosen"},
            {"take": "nobody", "run_id": "run_other", "mark": "chosen"},
        ),
    )
    assert "3 picks are about videos that are no longer on this sheet" in said
    assert "1 re-roll is done already" in said
    sheet.button("Import").click()
    assert marks(sheet) == {}
    assert notes(sheet) == {}
    sheet.button("Done").click()
    assert json.loads(save(sheet, "Save picks", "picks.json"))["picks"] == [
        {"take": "hero", "run_id": "run_old", "note": "too dark"}
    ]


REFUSED: dict[str, tuple[str, Callable[[Sheet], Any]]] = {
    "no JSON": ("holds no JSON", lambda _: "{not json"),
    "no text": ("holds no text", lambda _: b"\xff\xfe\x00\xd8"),
    "another file": ("no picks file", lambda _: {"version": 1, "takes": []}),
    "a list": ("no picks file", lambda _: "[]"),
    "a prototype": ("no picks file", lambda _: '{"__proto__": {"schema": "hailuo-batch/picks", "version": 1}}'),
    "another version": ("another version", lambda sheet: picks_file(sheet, version=2)),
    "another campaign": ("are for the campaign", lambda sheet: picks_file(sheet, campaign="other <b>")),
    "a rehearsal": ("practice run", lambda sheet: picks_file(sheet, endpoint="sandbox")),
    "no list": ("no list of picks", lambda sheet: picks_file(sheet) | {"picks": {"length": 1}}),
    "no object": ("Pick 1 of the file is no object", lambda sheet: picks_file(sheet) | {"picks": [[]]}),
    "no take": ("names no take", lambda sheet: picks_file(sheet, {"take": 1, "run_id": "run_a"})),
    "no run": ("names no run", lambda sheet: picks_file(sheet, {"take": "a", "run_id": ["run_a"]})),
    "a strange mark": ("mark that this sheet", lambda sheet: picks_file(sheet, pick("a", mark="__proto__"))),
    "a note too long": ("no text of 1 to", lambda sheet: picks_file(sheet, pick("a", note="x" * 10_001))),
    "a run twice": ("names the run", lambda sheet: picks_file(sheet, pick("a", mark="chosen"), pick("a", note="b"))),
    "deep": ("", lambda _: '{"schema": ' + "[" * 200_000 + "]" * 200_000 + "}"),
    "large": ("far too large", lambda sheet: json.dumps(picks_file(sheet)) + " " * 20_000_001),
}


def test_a_file_that_is_not_right_changes_nothing_and_is_refused_in_words(sheet: Sheet) -> None:
    press_on(sheet, "b", "1")
    for words, content in REFUSED.values():
        said = bring(sheet, content(sheet))
        assert "cannot be imported" in said
        assert words in said
        assert marks(sheet) == {"b": "Chosen"}
    assert sheet.complaints() == []


def test_hostile_notes_are_text_and_nothing_else(sheet: Sheet) -> None:
    before = sheet.run("return document.querySelectorAll('img, script').length")
    bring(sheet, picks_file(sheet, pick("a", note=HOSTILE) | {"__proto__": {"mark": "chosen"}, "further": {"x": 1}}))
    sheet.button("Import").click()
    assert notes(sheet) == {"a": HOSTILE}
    assert marks(sheet) == {}
    assert sheet.run("return [document.querySelectorAll('img, script').length, ({}).mark]") == [before, None]
    assert sheet.complaints() == []


def test_a_file_is_imported_by_dropping_it_on_the_page(sheet: Sheet) -> None:
    sheet.run(
        "const data = new DataTransfer(); data.items.add(new File([arguments[0]], 'sent.json'));"
        "const dropped = new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});"
        "document.body.dispatchEvent(dropped); return dropped.defaultPrevented",
        json.dumps(picks_file(sheet, pick("c", mark="chosen"))),
    )
    sheet.button("Import").click()
    assert marks(sheet) == {"c": "Chosen"}


def test_the_chosen_files_as_a_list_and_all_picks_as_a_table(open_sheet: OpenSheet) -> None:
    names = {"mood": "=SUM(A1)", "sku": "-3", "text": 'a "b", c'}
    wanted = take("a", variables=names)
    sheet = open_sheet(record(wanted, run(of=wanted, run_id="run_a")), *takes_of("b"))
    press_on(sheet, "b", "n", "@cmd; +1", Keys.ESCAPE)
    press_on(sheet, "a", "1")
    assert save(sheet, "List of the chosen files", "chosen.txt") == "a.mp4\n"
    text = save(sheet, "Table (CSV)", "picks.csv")
    assert text.count("\r\n") == 3
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["take", "shot", "run_id", "mark", "note", "file", "var:mood", "var:sku", "var:text"],
        ["a", "a", "run_a", "chosen", "", "a.mp4", "'=SUM(A1)", "-3", 'a "b", c'],
        ["b", "b", "run_b", "", "'@cmd;' +1", "b.mp4", "", "", ""],
    ]


def test_the_commands_name_the_very_file_that_was_saved(sheet: Sheet) -> None:
    press_on(sheet, "a", "1")
    press_on(sheet, "b", "3")
    where = {"behavior": "allow", "downloadPath": str(sheet.folder)}
    sheet.chrome.execute_cdp_cmd("Browser.setDownloadBehavior", where)
    sheet.button("Export").click()
    assert sheet.focused() == "Save picks"
    said = sheet.texts("dialog[open] .command code")
    sheet.press(Keys.ENTER)
    [saved] = sheet.wait(lambda: list(sheet.folder.glob("*.picks.*.json")))
    collect = f"hailuo-batch collect 'manifests/spring lamps.yaml' {saved.name} --to {sheet.folder.name}-chosen"
    reroll = f"hailuo-batch apply 'manifests/spring lamps.yaml' --replace-from {saved.name}"
    assert said == sheet.texts("dialog[open] .command code") == [collect, reroll]
    sheet.until("Date.now() > arguments[0] + 1000", sheet.run("return Date.now()"))
    sheet.press(Keys.ENTER)
    [other] = sheet.wait(lambda: [path for path in sheet.folder.glob("*.picks.*.json") if path != saved])
    assert sheet.texts("dialog[open] .command code") == [
        text.replace(saved.name, other.name) for text in (collect, reroll)
    ]


def test_the_commands_tell_where_they_look_for_the_file(sheet: Sheet) -> None:
    press_on(sheet, "a", "2")
    sheet.button("Export").click()
    where = "Move it to the folder in which you run the command"
    assert where not in sheet.one("dialog[open]").text  # there is no command
    sheet.press(Keys.ESCAPE)
    press_on(sheet, "b", "3")
    sheet.button("Export").click()
    assert where in sheet.one("dialog[open]").text


@pytest.mark.parametrize("keys", [(Keys.ENTER,), ("c",), (Keys.ENTER, "c")])
def test_the_export_opens_over_the_full_view_and_compare_and_leads_back(
    open_sheet: OpenSheet, keys: tuple[str, ...]
) -> None:
    wanted = [take("a", number) for number in (1, 2)]
    sheet = open_sheet(*(record(each, run(of=each, run_id=f"run_{each.id}")) for each in wanted))
    press_on(sheet, "a", "1")
    press_on(sheet, "a", *keys)
    beneath = len(sheet.all("dialog[open]"))
    sheet.press("e")
    assert sheet.focused() == "Save picks"
    sheet.press("e", "c", "1", Keys.ESCAPE)
    assert len(sheet.all("dialog[open]")) == beneath
    sheet.press("2")
    sheet.until("document.querySelector('.counts').textContent.startsWith('1 of 2')")
    sheet.press("e")
    sheet.button("Remove all marks").click()
    sheet.button("Remove them all?").click()
    sheet.press("z")
    assert len(sheet.all("dialog[open]")) == beneath
    sheet.until("document.querySelector('.counts').textContent.startsWith('1 of 2')")


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing_in_a_note_or_an_import(sheet: Sheet, axe: str, colours: str) -> None:
    sheet.resize(320, 800)
    sheet.emulate(colours)
    press_on(sheet, "a", "1")
    press_on(sheet, "a", "n", "mine")
    assert violations(sheet, axe) == []
    bring(sheet, picks_file(sheet, pick("a", mark="rejected", note="theirs"), pick("b", mark="reroll"), pick("z")))
    assert violations(sheet, axe) == []
    bring(sheet, "no picks")
    assert violations(sheet, axe) == []
