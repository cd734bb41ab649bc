"""Compare: videos side by side that play in step, and marks in each."""

import dataclasses
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from hailuo_batch.core.model.runs import Supersession, TakeRecord
from hailuo_batch.sandbox.media import load_clips
from tests.browser.conftest import OpenSheet, write_page
from tests.browser.sheet import Sheet
from tests.browser.test_accessibility import axe, violations
from tests.helpers.snapshots import output, record, run, take

pytestmark = pytest.mark.deep

__all__ = ["axe"]

IN_STEP_S = 0.1
HELD_UP_MS = 25
FFMPEG = shutil.which("ffmpeg")
ENCODES = (
    ("testsrc2=s=640x360:r=24", "-g", "12"),
    ("mandelbrot=s=640x360:r=24", "-g", "250"),
    ("testsrc=s=480x270:r=30", "-bf", "3"),
    ("gradients=s=360x640:r=25:seed=5", "-g", "50"),
    ("rgbtestsrc=s=320x180:r=24", "-profile:v", "baseline"),
    ("smptebars=s=640x360:r=60", "-g", "1"),
)

# How far the videos are from each other, at as many moments as are asked for at which the machine holds up no timer.
SPREADS = """
const [wanted, done] = arguments;
const spreads = [];
let before = performance.now();
const turn = setInterval(() => {
  const now = performance.now();
  const isHeldUp = now - before > HELD_UP_MS;
  before = now;
  if (isHeldUp) return;
  const times = [...document.querySelectorAll('.tile video')].map((video) => video.currentTime);
  spreads.push(Math.max(...times) - Math.min(...times));
  if (spreads.length === wanted) { clearInterval(turn); done(spreads); }
}, 8);
""".replace("HELD_UP_MS", str(HELD_UP_MS))
TIMES = "return [...document.querySelectorAll('.tile video')].map((video) => video.currentTime)"
AT_REST = "[...document.querySelectorAll('.tile video')].every((v) => v.paused && !v.seeking && v.readyState >= 2)"
RUNNING = "[...document.querySelectorAll('.tile video')].every((v) => !v.paused)"


def takes_of(shot: str, count: int) -> list[TakeRecord]:
    wanted = [take(shot, number) for number in range(1, count + 1)]
    return [record(each, run(of=each, run_id=f"run_{each.id}")) for each in wanted]


def remade(take_id: str, attempts: int = 2) -> TakeRecord:
    """A take whose earlier attempts are kept in superseded/."""
    wanted = take(take_id)
    earlier = [
        run(
            of=wanted,
            attempt=number,
            run_id=f"run_{take_id}_{number}",
            superseded_by=Supersession.REPLACE,
            outputs=(output(f"superseded/{take_id}.{number}.mp4"),),
        )
        for number in range(1, attempts)
    ]
    live = dataclasses.replace(run(of=wanted, run_id=f"run_{take_id}_{attempts}"), attempt=attempts)
    return record(wanted, *earlier, live)


def make_clips(folder: Path) -> list[Path]:
    """Six clips of six seconds, no two encoded alike; without ffmpeg the sandbox's of two seconds."""
    if FFMPEG is None:
        files = [folder / f"clip-{number}.mp4" for number in range(6)]
        for file, clip in zip(files, load_clips(), strict=True):
            file.write_bytes(clip)
        return files
    made = []
    for number, (source, *options) in enumerate(ENCODES):
        made.append(folder / f"clip-{number}.mp4")
        command = [FFMPEG, "-nostdin", "-v", "error", "-f", "lavfi", "-i", source, "-t", "6", "-pix_fmt", "yuv420p"]
        subprocess.run([*command, "-preset", "ultrafast", *options, str(made[-1])], check=True)
    return made


def open_with(chrome: Chrome, folder: Path, clips: list[Path], *records: TakeRecord) -> Sheet:
    write_page(folder, *records, videos=False)
    for number, each in enumerate(records):
        shutil.copy(clips[number % len(clips)], folder / f"{each.take.id}.mp4")
    sheet = Sheet(chrome, folder)
    sheet.open()
    return sheet


def compare(sheet: Sheet, take_id: str) -> None:
    """Opens compare with its key."""
    sheet.film(take_id).send_keys("c")
    sheet.until("document.querySelector('dialog.compare').open")


def names(sheet: Sheet) -> list[str]:
    return sheet.texts(".tile .name")


def marks(sheet: Sheet) -> dict[str, str]:
    pair = "node => [node.closest('.take').dataset.take, node.textContent]"
    return dict(sheet.run(f"return [...document.querySelectorAll('.take > .badges .badge')].map({pair})"))


def most_apart(sheet: Sheet, samples: int = 40) -> float:
    spreads: list[float] = sheet.chrome.execute_async_script(SPREADS, samples)
    return max(spreads)


def test_six_videos_stay_in_step_while_they_play_and_after_every_control(chrome: Chrome, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    sheet = open_with(chrome, tmp_path, make_clips(tmp_path / "clips"), *takes_of("hero", 6))
    compare(sheet, "hero")
    sheet.until(RUNNING)
    assert most_apart(sheet) < IN_STEP_S
    for keys in ("+", "+", "-", "-", "-"):
        sheet.press(keys)
        sheet.until(RUNNING)
        assert most_apart(sheet) < IN_STEP_S
    sheet.run(
        "const bar = document.querySelector('.transport input'); bar.value = 1.2; bar.dispatchEvent(new Event('input'))"
    )
    assert most_apart(sheet) < IN_STEP_S
    sheet.press(" ")
    sheet.until(AT_REST)
    before: list[float] = sheet.run(TIMES)
    assert max(before) - min(before) < 0.005
    for key, direction in ((".", 1), (".", 1), (",", -1)):
        sheet.press(key)
        sheet.until(AT_REST)
        after: list[float] = sheet.run(TIMES)
        assert max(after) - min(after) < 0.005
        assert 0 < (after[0] - before[0]) * direction < 0.09
        before = after
    sheet.press(" ")
    sheet.until(RUNNING)
    assert most_apart(sheet) < IN_STEP_S
    assert sheet.complaints() == []


def test_shorter_videos_hold_their_end_and_what_cannot_be_played_is_left_out(chrome: Chrome, tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    clips = make_clips(tmp_path / "clips")
    clips[0].write_bytes(load_clips()[0])  # two seconds
    clips[2].write_bytes(b"no video")
    sheet = open_with(chrome, tmp_path, clips, *takes_of("hero", 3))
    compare(sheet, "hero")
    sheet.until("document.querySelector('.tile .broken') !== null")
    assert sheet.one(".tile:nth-child(3) .broken").text == "This file cannot be played from here."
    longest = sheet.until("[...document.querySelectorAll('.tile video')].at(-1).duration")
    sheet.press("l")
    sheet.until(
        "[...document.querySelectorAll('.tile video')].every((v) => v.currentTime >= v.duration - 0.05 && v.paused)"
    )
    assert sheet.texts(".transport .time") == [f"{longest:.2f} / {longest:.2f} s"]
    sheet.press(" ")
    sheet.until("[...document.querySelectorAll('.tile video')].every((v) => v.currentTime < 1.5 && !v.paused)")


def test_marks_and_notes_are_for_the_video_that_has_the_focus(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes_of("hero", 3), *takes_of("other", 2))
    compare(sheet, "hero.take2")
    assert names(sheet) == ["hero", "hero.take2", "hero.take3"]
    assert sheet.focused() == "hero.take2"
    sheet.press("p", Keys.RIGHT, "x", Keys.RIGHT, "3", "n", "too dark, 3 p", Keys.ESCAPE)
    assert sheet.focused() == "hero"
    sheet.press("c")
    assert not sheet.one("dialog.compare").is_displayed()
    assert marks(sheet) == {"hero": "Re-roll", "hero.take2": "Chosen", "hero.take3": "Rejected"}
    assert sheet.texts(".take .noted .text") == ["too dark, 3 p"]
    assert sheet.focused() == "Play hero in full view"


def test_a_shot_of_more_than_six_takes_is_compared_six_at_a_time(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes_of("hero", 8), *takes_of("alone", 1), *takes_of("other", 2))
    compare(sheet, "hero.take7")
    assert names(sheet) == ["hero.take7", "hero.take8"]
    sheet.press(Keys.PAGE_UP)
    assert names(sheet) == ["hero", *(f"hero.take{number}" for number in range(2, 7))]
    sheet.press(Keys.PAGE_DOWN, Keys.PAGE_DOWN)
    assert names(sheet) == ["other", "other.take2"]


def test_the_next_shot_begins_with_its_first_video_and_the_one_before_with_its_last_six(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes_of("a", 2), *takes_of("b", 7), *takes_of("c", 2))
    sheet.press("c", Keys.PAGE_DOWN)
    assert sheet.texts(".compare h2 + .facts") == ["1 to 6 of 7 takes"]
    assert sheet.texts(".tile.current .name") == ["b"]
    sheet.press(Keys.PAGE_DOWN, Keys.PAGE_DOWN)
    assert sheet.texts(".tile.current .name") == ["c"]
    sheet.press(Keys.PAGE_UP)
    assert sheet.texts(".compare h2 + .facts") == ["7 of 7 takes"]


def test_a_take_is_compared_with_its_earlier_attempts_and_these_are_marked_for_themselves(
    open_sheet: OpenSheet,
) -> None:
    sheet = open_sheet(remade("hero", attempts=3), *takes_of("other", 2))
    compare(sheet, "hero")
    assert names(sheet) == ["Attempt 3, now", "Attempt 2", "Attempt 1"]
    sheet.press(Keys.RIGHT, "1", Keys.RIGHT, "3")
    assert [button.text for button in sheet.all(".tile:nth-child(3) .pick")] == ["Choose", "Reject"]
    sheet.press(Keys.ESCAPE)
    assert marks(sheet) == {}
    sheet.until("document.querySelector('.counts').textContent.includes('1 of 2 shots has a choice')")


def test_takes_and_attempts_can_be_switched_between(open_sheet: OpenSheet) -> None:
    again = remade("hero")
    second = take("hero", 2)
    sheet = open_sheet(again, record(second, run(of=second, run_id="run_second")))
    compare(sheet, "hero")
    assert names(sheet) == ["hero", "hero.take2"]
    sheet.button("Attempts of hero").click()
    assert names(sheet) == ["Attempt 2, now", "Attempt 1"]
    sheet.button("Takes of the shot").click()
    assert names(sheet) == ["hero", "hero.take2"]


def test_what_has_nothing_beside_it_is_not_compared(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes_of("alone", 1))
    sheet.film("alone").send_keys("c")
    assert not sheet.one("dialog.compare").is_displayed()
    assert "nothing to compare" in sheet.texts("#announcements")[0]


def test_from_the_full_view_and_back_and_large(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes_of("hero", 2))
    sheet.film("hero.take2").send_keys(Keys.ENTER)
    sheet.press("c", Keys.ENTER)
    big, small = (tile.rect["width"] for tile in (sheet.one(".tile.current"), sheet.one(".tile:not(.current)")))
    assert big > 2 * small
    sheet.press(Keys.ENTER)
    assert sheet.one(".tile.current").rect["width"] == sheet.one(".tile:not(.current)").rect["width"]
    sheet.press("c")
    assert sheet.one("dialog.viewer").is_displayed()
    assert not sheet.one("dialog.compare").is_displayed()
    assert sheet.texts(".panel h2") == ["hero.take2"]


def test_nothing_plays_unasked_where_motion_is_reduced(open_sheet: OpenSheet) -> None:
    sheet = open_sheet(*takes_of("hero", 2))
    sheet.emulate("light", motion="reduce")
    compare(sheet, "hero")
    sheet.until(AT_REST)
    assert sheet.one("[aria-label=Play]").is_displayed()
    sheet.press(" ")
    sheet.until(RUNNING)


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1440])
def test_axe_finds_nothing_in_compare(open_sheet: OpenSheet, axe: Any, colours: str, width: int) -> None:
    sheet = open_sheet(remade("hero"), *takes_of("hero2", 1), *takes_of("many", 6))
    sheet.resize(width, 900)
    sheet.emulate(colours)
    compare(sheet, "many")
    sheet.press("1", Keys.RIGHT, "2", Keys.RIGHT, "3", "n", "a note", Keys.ESCAPE)
    assert violations(sheet, axe) == []
    sheet.press(Keys.ENTER)
    assert violations(sheet, axe) == []
