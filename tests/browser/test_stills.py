"""Stills on the sheet: no video is touched until somebody points at it; and reference images beside the videos."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from hailuo_batch.core.model.file_layout import STILLS_FOLDER
from hailuo_batch.core.model.runs import Supersession, TakeRecord
from hailuo_batch.report.files import Format, write_reports
from hailuo_batch.report.model import Report, Stills
from tests.browser.conftest import OpenSheet
from tests.browser.sheet import Sheet
from tests.browser.test_page import campaign
from tests.browser.test_sheet import PLAYING
from tests.helpers.snapshots import output, record, run, snapshot, take
from tests.report.builders import report_of

pytestmark = pytest.mark.deep

STILL = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4z"
    "NDL/wAALCAAJABABAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAB//EABgQAAIDAAAAAAAAAAAAAAAAAAAGA3Wz/9oACAEBAAA/ADd7qJdI0L//2Q=="
)
"""A grey JPEG of 16 x 9."""


def with_stills(folder: Path, *records: TakeRecord, missing: frozenset[str] = frozenset()) -> Report:
    """The page of these takes with a still for each video, beside those that are there already."""
    (folder / STILLS_FOLDER).mkdir(exist_ok=True)
    names = {
        output.path: f"{output.sha256[:24]}.jpg"
        for each in snapshot(*records).runs
        for output in each.outputs
        if output.path is not None and output.sha256 is not None
    }
    for path, name in names.items():
        if path not in missing:
            (folder / STILLS_FOLDER / name).write_bytes(STILL)
    report = replace(report_of(*records), stills=Stills(frozenset(names.values())))
    write_reports(report, folder, (Format.HTML,))
    return report


def videos_asked_for(sheet: Sheet) -> list[str]:
    return [address for address in sheet.requests() if ".mp4" in address]


def open_with_stills(open_sheet: OpenSheet, *records: TakeRecord, missing: frozenset[str] = frozenset()) -> Sheet:
    sheet = open_sheet(*records)
    with_stills(sheet.folder, *records, missing=missing)
    sheet.chrome.get("about:blank")  # the page without stills asks for no further video
    sheet.open()
    sheet.until("document.querySelector('.take')")
    return sheet


def test_opening_and_scrolling_touches_no_video_until_one_is_pointed_at(open_sheet: OpenSheet) -> None:
    sheet = open_with_stills(open_sheet, *campaign(90))
    for share in (0.0, 0.5, 1.0):
        sheet.run("scrollTo(0, arguments[0] * document.documentElement.scrollHeight)", share)
        sheet.until(
            "[...document.querySelectorAll('.film')].some(node => node.getBoundingClientRect().top > 0"
            " && node.getBoundingClientRect().top < innerHeight && node.querySelector('.poster.pictured'))"
        )
    assert sheet.all("video") == []
    asked = sheet.requests()
    assert [address for address in asked if ".mp4" in address] == []
    assert any(f"/{STILLS_FOLDER}/" in address for address in asked)
    assert all(address.startswith(("file:", "data:")) for address in asked)
    film = sheet.film("shot-0029")
    sheet.point_at(film)
    sheet.until(PLAYING, film)
    assert {address.rpartition("/")[2].partition("#")[0] for address in videos_asked_for(sheet)} == {"shot-0029.mp4"}
    sheet.point_at(sheet.one("#foot"))
    sheet.until("document.querySelectorAll('video').length === 0")
    assert sheet.complaints() == []


def test_the_focus_plays_a_video_over_its_still_and_leaves_the_still(open_sheet: OpenSheet) -> None:
    sheet = open_with_stills(open_sheet, *campaign(3))
    film = sheet.film("shot-0000")
    sheet.press("\ue004")  # Tab: the focus is to be seen
    sheet.run("arguments[0].focus({ focusVisible: true })", film)
    sheet.until(PLAYING, film)
    pictures = "[...arguments[0].querySelectorAll('.poster, video')]"
    boxes = sheet.run(f"return {pictures}.map(node => [node.tagName, node.getBoundingClientRect().width])", film)
    assert [name for name, _ in boxes] == ["IMG", "VIDEO"]  # the later one is on top
    assert abs(boxes[0][1] - boxes[1][1]) < 2
    sheet.run("arguments[0].blur()", film)
    sheet.until("!arguments[0].querySelector('video') && arguments[0].querySelector('.poster')", film)


def test_nothing_plays_for_who_wants_no_motion(open_sheet: OpenSheet) -> None:
    sheet = open_with_stills(open_sheet, *campaign(3))
    sheet.emulate("light", motion="reduce")
    sheet.point_at(sheet.film("shot-0000"))
    sheet.until("document.querySelectorAll('.poster.pictured').length === 3")
    assert sheet.all("video") == []


def test_a_still_that_is_gone_gives_way_to_its_video(open_sheet: OpenSheet) -> None:
    sheet = open_with_stills(open_sheet, *campaign(3), missing=frozenset({"shot-0000.take2.mp4"}))
    sheet.until("arguments[0].querySelector('canvas.pictured')", sheet.film("shot-0000.take2"))
    assert len(sheet.all("img.poster")) == 2


def test_stills_are_printed(open_sheet: OpenSheet) -> None:
    sheet = open_with_stills(open_sheet, *campaign(3))
    sheet.until("document.querySelectorAll('.poster.pictured').length === 3")
    sheet.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        shown = "[...document.querySelectorAll('.poster')].filter(node => node.checkVisibility()).length"
        assert sheet.run(f"return {shown}") == 3
    finally:
        sheet.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_reference_images_are_pictures_that_lead_to_the_image_and_ask_no_network(open_sheet: OpenSheet) -> None:
    lamp, web = "https://cdn.test/lamp.png?v=1", "https://cdn.test/remote.png"
    wanted = take(image_urls=[lamp, web])
    records = (record(wanted, run(of=wanted)),)
    sheet = open_sheet(*records)
    embedded = f"data:image/jpeg;base64,{base64.b64encode(STILL).decode()}"
    stills = Stills(references={"hero": ("a.thumb.jpg", "")}, pictures={"a.thumb.jpg": embedded})
    write_reports(replace(report_of(*records), stills=stills), sheet.folder, (Format.HTML,))
    sheet.open()
    picture = sheet.soon(".images img")
    sheet.until("arguments[0].naturalWidth === 16", picture)
    links = sheet.run(
        "return [...document.querySelectorAll('.images a')].map(a => [a.href, a.getAttribute('aria-label')])"
    )
    assert links == [[lamp, "Reference image 1: lamp.png"], [web, "Reference image 2: remote.png"]]
    sheet.film("hero").click()
    assert len(sheet.all("dialog[open] .images img")) == 1
    assert [address for address in sheet.requests() if not address.startswith(("file:", "data:"))] == []
    assert sheet.complaints() == []


def test_a_mark_shows_on_the_still_of_its_own_attempt_alone(open_sheet: OpenSheet) -> None:
    old = run(superseded_by=Supersession.REPLACE, run_id="old", outputs=(output("superseded/hero.old.mp4"),))
    sheet = open_with_stills(open_sheet, record(take(), old, run(attempt=2, run_id="new")))
    sheet.one(".take details summary").click()
    sheet.soon(".attempts .film")
    opacities = "[...document.querySelectorAll('.take .film .poster')].map(still => getComputedStyle(still).opacity)"
    outlined = "[...document.querySelectorAll('.take .film')].map(one => getComputedStyle(one).outlineStyle !== 'none')"
    sheet.run("document.activeElement.blur()")
    assert sheet.run(f"return {outlined}") == [True, False]
    sheet.run("document.querySelector('.attempts [data-mark=rejected]').click()")
    sheet.until(f"{opacities}.join() === '1,0.35'")
    sheet.run("document.querySelector('.take > .picks [data-mark=rejected]').click()")
    sheet.run("document.querySelector('.attempts [data-mark=chosen]').click()")
    sheet.until(f"{opacities}.join() === '0.35,1'")
