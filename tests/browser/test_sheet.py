"""What a reader sees on the contact sheet: takes, videos, the full view, whatever the text says."""

import dataclasses
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from hailuo_batch.core.model.runs import Supersession, TakeRecord
from hailuo_batch.core.model.states import RunState
from tests.browser.conftest import OpenSheet
from tests.browser.sheet import Sheet
from tests.helpers.snapshots import output, record, run, take
from tests.report.builders import HOSTILE, LONG, every_state

pytestmark = pytest.mark.deep

PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
PLAYING = "(video => Boolean(video) && !video.paused && video.currentTime > 0)(arguments[0].querySelector('video'))"
RESTING = "arguments[0].querySelector('.poster.pictured') && !arguments[0].querySelector('video')"


def takes(shot: str, count: int, state: RunState = RunState.SUCCEEDED) -> list[TakeRecord]:
    wanted = [take(shot, n, prompt=f"prompt of {shot}") for n in range(1, count + 1)]
    return [record(each, run(state, each)) for each in wanted]


def in_full_view(sheet: Sheet) -> str:
    [title] = sheet.texts("dialog[open] h2")
    return title


def test_the_head_states_how_far_it_is_and_what_it_cost(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes("hero", 2), *takes("f", 1, RunState.FAILED), *takes("d", 1, RunState.IN_DOUBT))
    head = sheet.one("#head").text
    assert sheet.texts("h1") == [sheet.folder.name]
    assert "Spring catalogue" in head
    assert "2 of 4 takes done" in head
    assert dict(zip(sheet.texts(".money dt"), sheet.texts(".money dd"), strict=True)) == {
        "Charged": "$0.84",
        "Refunded": "$0.28",
        "Net": "$0.56",
        "At risk": "$0.28at most; 1 request in doubt",
    }
    assert sheet.complaints() == []


def test_a_damaged_video_is_called_so_wherever_it_is_shown(open_sheet: OpenSheet) -> None:
    broken = dataclasses.replace(output(), flaw="it has no moov box")
    sheet = open_sheet(record(take(), run(outputs=(broken,))), *takes("desk", 1))
    assert "2 of 2 takes done (1 damaged)" in sheet.one("#head").text
    assert "damaged" in sheet.card("hero").text
    assert "hero.mp4: it has no moov box" in sheet.card("hero").text
    assert "damaged" not in sheet.card("desk").text
    assert "verify" in sheet.one("#attention").text
    sheet.film("hero").click()
    assert "Damaged: it has no moov box" in sheet.one("dialog[open]").text
    assert sheet.complaints() == []


def test_takes_of_one_shot_stand_side_by_side_under_its_name(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes("hero", 3), *takes("desk", 1))
    assert sheet.texts(".shot h2") == ["hero", "desk"]
    places = [sheet.card(take_id).rect for take_id in ("hero", "hero.take2", "hero.take3")]
    assert len({place["y"] for place in places}) == 1
    assert places[0]["x"] < places[1]["x"] < places[2]["x"]
    assert sheet.texts(".shot .prompt") == ["prompt of hero", "prompt of desk"]


def test_what_is_left_of_a_row_goes_to_the_words_of_its_last_shot(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes("one", 1), *takes("two", 1), *takes("pair", 2), *takes("last", 1))
    places = {name: sheet.one(f"[data-shot={name}]").rect for name in ("one", "two", "pair", "last")}
    right = {name: place["x"] + place["width"] for name, place in places.items()}
    assert abs(right["two"] - right["last"]) < 2
    assert places["one"]["y"] == places["two"]["y"] < places["pair"]["y"] == places["last"]["y"]
    video, words = sheet.film("two").rect, sheet.one("[data-shot=two] .input").rect
    assert abs(video["width"] - sheet.film("one").rect["width"]) < 0.1 * video["width"]
    assert words["x"] > video["x"] + video["width"]


def test_a_card_states_state_cost_file_and_run_and_the_details_how_long_it_took(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(record(take(), run(run_id="run_1")))
    card = sheet.card("hero").text
    for fact in ("Done", "$0.28", "hero.mp4", "run_1"):
        assert fact in card
    assert "made in" not in card
    assert "made in 2 min 10 s" in sheet.one("#bar").text
    sheet.film("hero").click()
    assert "made in 2 min 10 s" in sheet.one("dialog[open]").text


def test_every_state_is_shown_without_a_complaint(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*every_state())
    assert sheet.shown() == [kept.take.id for kept in every_state()]
    assert sheet.complaints() == []


def test_a_video_plays_under_the_pointer_muted_and_in_a_loop(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes("hero", 2))
    film = sheet.film("hero")
    sheet.until(RESTING, film)
    sheet.point_at(film)
    sheet.until(PLAYING, film)
    assert sheet.run("const v = arguments[0].querySelector('video'); return [v.muted, v.loop]", film) == [True, True]
    sheet.point_at(sheet.film("hero.take2"))
    sheet.until(RESTING, film)


def test_a_video_plays_while_it_has_the_focus(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes("hero", 2))
    sheet.press(Keys.TAB)
    for _ in range(12):
        if sheet.focused() == "Play hero in full view":
            break
        sheet.press(Keys.TAB)
    sheet.until(PLAYING, sheet.film("hero"))


def test_nothing_plays_by_itself_for_who_prefers_less_motion(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes("hero", 1))
    sheet.emulate("light", motion="reduce")
    sheet.until(RESTING, sheet.film("hero"))
    sheet.point_at(sheet.film("hero"))
    sheet.film("hero").click()
    sheet.until("document.querySelector('dialog video')?.readyState > 1")
    assert sheet.run("return [...document.querySelectorAll('video')].every(video => video.paused)")


def test_videos_are_loaded_near_the_window_only(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*(kept for n in range(60) for kept in takes(f"shot-{n:02d}", 1)))
    sheet.size("L")
    sheet.until(RESTING, sheet.film("shot-00"))
    assert 0 < len(sheet.all(".poster, .film video")) < 30
    last = "document.querySelector('[data-shot=shot-59]')"
    sheet.wait(lambda: sheet.run(f"{last}.scrollIntoView(); return {last}.querySelector('.poster.pictured')"))
    sheet.until("!document.querySelector('[data-take=shot-00] :is(.poster, video)')")
    assert 0 < len(sheet.all(".poster, .film video")) < 30


def test_a_video_lends_its_picture_and_is_let_go_again(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*(kept for n in range(60) for kept in takes(f"shot-{n:02d}", 1)))
    sheet.size("S")
    most = sheet.chrome.execute_async_script(
        """
        const done = arguments[0];
        let most = 0;
        const look = () => {
          most = Math.max(most, document.querySelectorAll(".film video").length);
          const films = [...document.querySelectorAll(".film")];
          const inSight = films.filter((film) => film.getBoundingClientRect().top < innerHeight);
          if (inSight.every((film) => film.querySelector(".poster.pictured"))) done(most);
          else requestAnimationFrame(look);
        };
        look();
        """
    )
    assert most <= 7  # six at a time, and the one under the focus
    sheet.run("document.activeElement.blur()")
    sheet.until("document.querySelectorAll('.film video').length === 0")
    sizes = "return [...document.querySelectorAll('canvas.poster')].map((still) => [still.width, still.height])"
    assert [320, 180] in sheet.run(sizes)  # as large as the clip


def test_the_full_view_goes_from_take_to_take_and_from_shot_to_shot(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes("a", 2), *takes("b", 2), *takes("waits", 1, RunState.PENDING), *takes("c", 1))
    sheet.film("a").send_keys(Keys.ENTER)
    seen = [in_full_view(sheet)]
    sheet.until("document.querySelector('dialog video').currentTime > 0")
    for key in (Keys.RIGHT, Keys.RIGHT, Keys.DOWN, Keys.RIGHT, Keys.LEFT, Keys.UP, Keys.UP):
        sheet.press(key)
        seen.append(in_full_view(sheet))
    assert seen == ["a", "a.take2", "b", "c", "a", "c", "b", "a"]
    sheet.press(Keys.RIGHT, Keys.ESCAPE)
    sheet.until("!document.querySelector('dialog[open]')")
    sheet.wait(lambda: sheet.focused() == "Play a.take2 in full view")


def test_space_stops_and_starts_the_full_view(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes("hero", 1))
    sheet.film("hero").click()
    sheet.until("document.querySelector('dialog video').currentTime > 0")
    sheet.run("document.activeElement.blur()")
    sheet.press(Keys.SPACE)
    sheet.until("document.querySelector('dialog video').paused")
    sheet.press(Keys.SPACE)
    sheet.until("!document.querySelector('dialog video').paused")


def test_an_earlier_attempt_can_be_looked_at(open_sheet: OpenSheet) -> None:
    old = run(superseded_by=Supersession.REPLACE, outputs=(output("superseded/hero.run_1.mp4"),))
    sheet = open_sheet(record(take(), old, dataclasses.replace(run(), attempt=2)))
    sheet.one("summary").click()
    sheet.wait(lambda: sheet.all("details .film"))
    sheet.one("details .film").click()
    sheet.until("document.querySelector('dialog video').readyState > 1")
    assert in_full_view(sheet) == "hero, attempt 1"


def test_a_file_that_is_not_there_is_reported_to_be_missing(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes("hero", 1), videos=False)
    sheet.until("document.querySelector('.broken')?.textContent.includes('cannot be played')")


@pytest.mark.parametrize("name", ["50% off#1?.mp4", "grün 'ä' \"b\".mp4", "a&b=c+d.mp4"])
def test_a_file_is_found_whatever_it_is_called(open_sheet: OpenSheet, name: str) -> None:
    sheet = open_sheet(record(take(), run(outputs=(output(name),))))
    sheet.until("document.querySelector('.film .poster.pictured')")
    assert name in sheet.texts(".item .mono")


@pytest.mark.parametrize("text", [HOSTILE, LONG, "\u202eright to left\u2066 \u200f marks", "line\nline\n\n  line"])
def test_a_prompt_appears_as_it_was_written_and_does_nothing(open_sheet: OpenSheet, text: str) -> None:
    wanted = take(prompt=text, tags=(text,))
    failed = record(dataclasses.replace(wanted, id="f", shot="f"), run(RunState.FAILED, take("f"), reason=text))
    sheet = open_sheet(record(wanted, run(of=wanted)), failed, description=text)
    assert sheet.shown() == ["hero", "f"]
    assert sheet.texts(".shot .prompt") == [text, text]
    assert sheet.texts(".tags li") == [text, text]
    assert sheet.texts(".reason")[0] == sheet.texts(".description")[0] == text
    sheet.film("hero").click()
    assert sheet.texts("dialog[open] .prompt") == [text]
    assert len(sheet.all("script")) == 2
    assert sheet.all(".prompt *, .tags li *, .reason *, .description *, img, iframe") == []
    assert sheet.complaints() == []


def test_a_long_prompt_is_folded_and_unfolds(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(record(take(prompt=LONG), run()))
    folded = sheet.one(".shot .prompt").rect["height"]
    sheet.button("Show all").click()
    assert sheet.one(".shot .prompt").rect["height"] > 3 * folded


def test_no_request_leaves_the_page(open_sheet: OpenSheet) -> None:
    images = ["https://cdn.test/lamp.jpg", PIXEL, "http://127.0.0.1:9/x.png"]
    sheet = open_sheet(record(take(image_urls=images, prompt=HOSTILE), run()), *takes("desk", 3))
    sheet.until("document.querySelector('.images img').naturalWidth === 1")
    sheet.film("hero").click()
    sheet.until("document.querySelector('dialog video').currentTime > 0")
    sheet.press(Keys.RIGHT, Keys.ESCAPE)
    asked = sheet.requests()
    here = sheet.folder.as_uri()
    assert any(address.endswith(".mp4") for address in asked)
    assert [address for address in asked if not address.startswith((here, "data:"))] == []
    assert sheet.complaints() == []


def test_a_reference_image_is_a_link_that_reveals_nothing_of_the_page(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(record(take(image_urls=["https://cdn.test/a/lamp.jpg?sig=1", "javascript:alert(1)"]), run()))
    [link] = sheet.all(".images a")
    assert link.get_attribute("href") == "https://cdn.test/a/lamp.jpg?sig=1"
    assert link.get_attribute("rel") == "noopener noreferrer"
    assert sheet.texts(".images li") == ["lamp.jpg", "javascript:alert(1)"]


def test_the_policy_of_the_page_lets_no_script_in_and_nothing_out(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes("hero", 1))
    sheet.run(
        "const s = document.createElement('script'); s.textContent = 'window.intruder = 1'; document.body.append(s)"
    )
    assert sheet.run("return window.intruder ?? null") is None
    reached = sheet.chrome.execute_async_script(
        "const done = arguments[0]; fetch('https://cdn.test/').then(() => done('out'), () => done('held'))"
    )
    assert reached == "held"
    assert all("cdn.test" not in address for address in sheet.requests())


def test_a_name_can_be_copied(open_sheet: OpenSheet, tmp_path: Path) -> None:
    sheet = open_sheet(*takes("hero", 1))
    permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    sheet.chrome.execute_cdp_cmd("Browser.grantPermissions", {"permissions": permissions})
    sheet.one('[aria-label="Copy the file name hero.mp4"]').click()
    sheet.until("document.getElementById('announcements').textContent")
    copied = "navigator.clipboard.readText().then(arguments[0])"
    assert sheet.chrome.execute_async_script(copied) == "hero.mp4"
    assert tmp_path == sheet.folder
