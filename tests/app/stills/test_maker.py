"""Who makes stills, and when it stops: a fault of a file, of ffmpeg or of the disk costs stills and nothing else."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hailuo_batch.adapters.stills.ffmpeg import Ffmpeg
from hailuo_batch.adapters.stills.folder import StillsFolder
from hailuo_batch.adapters.stills.pictures import Source, Video
from hailuo_batch.app.stills import maker as maker_module
from hailuo_batch.app.stills.maker import StillingFetcher, StillMaker
from hailuo_batch.core.model.events import FetchFailed, FetchOutcome, FileSaved
from hailuo_batch.core.model.file_layout import STILLS_FOLDER
from hailuo_batch.sandbox.media import load_clips
from tests.adapters.stills.test_pictures import JPEG
from tests.helpers.programs import write_program
from tests.helpers.timeouts import TEST_TIMEOUT_S, wait_until

CLIP = load_clips()[0]


class Outputs:
    """An output folder whose ffmpeg answers as told, and counts how often it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "outputs"
        self.folder.mkdir()
        self._asked = folder / "asked"
        self._asked.mkdir()
        (folder / "still.jpg").write_bytes(JPEG)
        self.good = f"mkdir {self._asked}/$$; cat {folder}/still.jpg"
        self.bad = f"mkdir {self._asked}/$$; exit 1"
        self._program = folder / "bin" / "ffmpeg"
        self.maker = StillMaker(self.folder, lambda: Ffmpeg(str(self._program)))
        self.answer(self.good)

    def answer(self, script: str) -> None:
        write_program(self._program, script)

    def video(self, name: str, content: bytes = CLIP) -> Video:
        (self.folder / name).write_bytes(content)
        return Video(self.folder / name, len(content), hashlib.sha256(content).hexdigest())

    def make(self, *sources: Source, is_over: Callable[[], bool] = lambda: False) -> int:
        """How many of these were stepped over."""
        steps: list[None] = []
        self.maker.make_all(self.maker.missing(sources), is_over, lambda: steps.append(None))
        return len(steps)

    @property
    def asked(self) -> int:
        return len(list(self._asked.iterdir()))

    @property
    def stills(self) -> frozenset[str]:
        return StillsFolder(self.folder).names()


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path)


def different(number: int) -> bytes:
    """A video of its own."""
    return CLIP + b"\0\0\0\x0cfree" + number.to_bytes(4, "big")


def test_videos_of_one_content_share_a_still_under_any_name(outputs: Outputs) -> None:
    first, other = outputs.video("a.mp4"), outputs.video("b.mp4")
    assert outputs.make(first, other, outputs.video("c.mp4", different(1))) == 2
    assert outputs.stills == {first.name, outputs.video("d.mp4", different(1)).name}
    assert outputs.maker.missing([first, other]) == []


def test_what_is_there_is_not_made_again(outputs: Outputs) -> None:
    video = outputs.video("a.mp4")
    outputs.make(video)
    assert StillMaker(outputs.folder, lambda: None).missing([video]) == []


def test_what_cannot_be_made_is_not_tried_again(outputs: Outputs) -> None:
    video = outputs.video("a.mp4")
    outputs.answer(outputs.bad)
    outputs.make(video)
    outputs.answer(outputs.good)
    assert outputs.make(video) == 0
    outputs.maker.make(video, lambda: False)
    assert (outputs.asked, outputs.stills) == (1, frozenset())


def test_an_ffmpeg_that_can_do_nothing_is_asked_no_more(outputs: Outputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker_module, "_MOST_AT_ONCE", 1)
    outputs.answer(outputs.bad)
    outputs.make(*(outputs.video(f"{n}.mp4", different(n)) for n in range(30)))
    assert outputs.asked == 20


def test_files_of_other_kinds_say_nothing_of_ffmpeg(outputs: Outputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker_module, "_MOST_AT_ONCE", 1)
    others = [outputs.video(f"{n}.mp4", b"no video %d" % n) for n in range(25)]
    video = outputs.video("a.mp4")
    outputs.make(*others, video)
    assert (outputs.asked, outputs.stills) == (1, frozenset({video.name}))


def test_a_disk_that_takes_nothing_ends_it(outputs: Outputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker_module, "_MOST_AT_ONCE", 1)
    (outputs.folder / STILLS_FOLDER).write_bytes(b"a file of somebody")
    outputs.make(*(outputs.video(f"{n}.mp4", different(n)) for n in range(5)))
    assert outputs.asked == 1
    assert (outputs.folder / STILLS_FOLDER).read_bytes() == b"a file of somebody"


def test_no_still_is_written_through_a_link(outputs: Outputs, tmp_path: Path) -> None:
    (tmp_path / "decoy").mkdir()
    (outputs.folder / STILLS_FOLDER).symlink_to(tmp_path / "decoy")
    outputs.make(outputs.video("a.mp4"))
    assert list((tmp_path / "decoy").iterdir()) == []
    assert outputs.stills == frozenset()


def test_what_is_broken_off_is_tried_again_later(outputs: Outputs) -> None:
    video = outputs.video("a.mp4")
    outputs.answer(f"{outputs.good} >&2; sleep 1000")
    outputs.make(video, is_over=lambda: outputs.asked > 0)
    assert outputs.stills == frozenset()
    outputs.answer(outputs.good)
    assert outputs.make(video) == 1
    assert outputs.stills == {video.name}


def test_ctrl_c_keeps_what_is_made_and_damages_nothing(outputs: Outputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker_module, "_MOST_AT_ONCE", 1)
    videos = [outputs.video(f"{n}.mp4", different(n)) for n in range(4)]

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outputs.maker.make_all(videos, lambda: False, interrupt)
    made = outputs.stills
    assert 1 <= len(made) < 4
    assert {path.name for path in (outputs.folder / STILLS_FOLDER).iterdir()} == made
    assert outputs.make(*videos) == 4 - len(made)


class Fetcher:
    """Has saved a video before it is asked for."""

    def __init__(self, outcome: FetchOutcome) -> None:
        self._outcome = outcome

    def fetch(self, url: str, stem: str, index: int, cancelled: Callable[[], bool]) -> FetchOutcome:
        return self._outcome


def fetch(outputs: Outputs, outcome: FetchOutcome) -> StillingFetcher:
    stilling = StillingFetcher(Fetcher(outcome), outputs.maker, outputs.folder)
    assert stilling.fetch("https://x/a.mp4", "a", 0, lambda: False) is outcome
    return stilling


def test_a_video_that_is_saved_has_its_still_soon(outputs: Outputs) -> None:
    video = outputs.video("a.mp4")
    stilling = fetch(outputs, FileSaved(0, "a.mp4", video.size, video.sha256))
    wait_until(lambda: outputs.stills == {video.name})
    stilling.close()


def test_a_download_that_failed_has_none(outputs: Outputs) -> None:
    fetch(outputs, FetchFailed("the server is gone")).close()
    assert outputs.asked == 0


def test_a_still_never_holds_up_the_end_and_is_left_to_it(outputs: Outputs) -> None:
    video = outputs.video("a.mp4")
    outputs.answer(f"{outputs.good} >&2; sleep 1000")
    stilling = fetch(outputs, FileSaved(0, "a.mp4", video.size, video.sha256))
    wait_until(lambda: outputs.asked == 1)
    ending = threading.Thread(target=stilling.close)
    ending.start()
    ending.join(TEST_TIMEOUT_S)
    assert not ending.is_alive()
    assert outputs.maker.missing([video]) == [video]


def test_a_video_that_was_renamed_meanwhile_is_left_to_the_end(outputs: Outputs) -> None:
    video = outputs.video("a.mp4")
    before = Video(outputs.folder / "a.part.mp4", video.size, video.sha256)
    outputs.maker.make(before, lambda: False)
    assert outputs.maker.missing([before]) == []
    assert outputs.make(before, video) == 1
    assert outputs.stills == {video.name}


def test_stills_of_others_and_their_files_are_told_apart(outputs: Outputs) -> None:
    kept, stale = outputs.video("a.mp4"), outputs.video("b.mp4", different(1))
    outputs.make(kept, stale)
    foreign = outputs.folder / STILLS_FOLDER / "holiday.jpg"
    foreign.write_bytes(b"x")
    StillsFolder(outputs.folder).remove_others({kept.name})
    assert outputs.stills == {kept.name}
    assert foreign.exists()
