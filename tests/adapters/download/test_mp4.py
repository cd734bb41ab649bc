"""Which files can be whole MP4s, by their outermost boxes, and what their headers tell."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hailuo_batch.adapters.download.mp4 import begins_like_mp4, find_fault, read_clip_facts
from hailuo_batch.core.model.clip_facts import ClipFacts
from hailuo_batch.sandbox.media import load_clips
from tests.helpers.mp4 import FTYP, MOOV, box, clip, large_box, last_box

MDAT = box(b"mdat", b"light")


def fault(data: bytes) -> str:
    return find_fault(lambda offset, count: data[offset : offset + count], len(data))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(FTYP + MOOV + MDAT, id="index first"),
        pytest.param(FTYP + MDAT + MOOV, id="index last"),
        pytest.param(FTYP + box(b"free") + MOOV, id="an empty box"),
        pytest.param(FTYP + MOOV + large_box(b"mdat", b"light"), id="a size of 64 bits"),
        pytest.param(FTYP + MOOV + large_box(b"mdat"), id="a size of 64 bits, empty"),
        pytest.param(FTYP + MOOV + last_box(b"mdat", b"light"), id="up to the end"),
        pytest.param(FTYP + last_box(b"moov"), id="up to the end at once"),
        pytest.param(FTYP + MOOV + box(b"uuid", bytes(16)) + box(b"\xa9too"), id="other boxes"),
    ],
)
def test_boxes_that_add_up_are_a_whole_file(data: bytes) -> None:
    assert fault(data) == ""
    assert begins_like_mp4(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", "no ftyp and no moov", id="nothing"),
        pytest.param(MOOV + MDAT, "no ftyp", id="no ftyp"),
        pytest.param(FTYP + MDAT, "no moov", id="no moov"),
        pytest.param(FTYP + MOOV + MDAT[:-1], "mdat box is 1 bytes longer than the file", id="cut in the last box"),
        pytest.param(FTYP + MOOV + MDAT[:7], "last 7 bytes are not a box", id="cut in a header"),
        pytest.param(FTYP + MOOV + large_box(b"mdat", b"light")[:12], "not a box", id="cut in a large header"),
        pytest.param(FTYP + MOOV + MDAT + b"\0", "last 1 bytes are not a box", id="a byte too many"),
        pytest.param(
            FTYP + MOOV + struct.pack(">I4s", 7, b"mdat"), "no box 8 bytes before", id="smaller than its head"
        ),
        pytest.param(
            FTYP + MOOV + struct.pack(">I4sQ", 1, b"mdat", 15), "no box 16", id="large, smaller than its head"
        ),
        pytest.param(FTYP + MOOV + struct.pack(">I4sQ", 1, b"mdat", 2**63), "longer than the file", id="endless"),
        pytest.param(FTYP + MOOV + bytes(64), "no box 64 bytes", id="zeros at the end"),
        pytest.param(b"<!doctype html><html>not found</html>", "longer than the file", id="a web page"),
        pytest.param(FTYP + MOOV + box(b"free") * 100_001, "over 100,000 boxes", id="boxes without end"),
    ],
)
def test_what_does_not_add_up_is_named(data: bytes, expected: str) -> None:
    assert expected in fault(data)


@given(some.integers(min_value=1, max_value=263))
def test_clip_that_is_cut_anywhere_in_its_last_box_is_not_whole(cut: int) -> None:
    assert fault(clip(bytes(range(256)))[:-cut]) != ""


@given(some.binary(max_size=200))
def test_nothing_that_comes_breaks_the_check(data: bytes) -> None:
    assert fault(FTYP + MOOV + data).isprintable()


def test_the_sandbox_clips_are_whole() -> None:
    assert [fault(data) for data in load_clips()] == [""] * 6


def movie_header(units: int, count: int, version: int = 0) -> bytes:
    times = struct.pack(">QQIQ" if version else ">IIII", 7, 7, units, count)
    return box(b"mvhd", bytes([version, 0, 0, 0]) + times + bytes(80))


def facts(data: bytes) -> ClipFacts:
    return read_clip_facts(lambda offset, count: data[offset : offset + count], len(data))


def length_s(data: bytes) -> float | None:
    return facts(data).length_s


UPRIGHT = (65536, 0, 0, 0, 65536, 0, 0, 0, 2**30)
TURNED = (0, 65536, 0, -65536, 0, 0, 0, 0, 2**30)


def track(
    width: float, height: float, handler: bytes = b"vide", version: int = 0, matrix: tuple[int, ...] = UPRIGHT
) -> bytes:
    sides = struct.pack(">9i2I", *matrix, round(width * 65536), round(height * 65536))
    header = box(b"tkhd", bytes([version, 0, 0, 7]) + bytes(48 if version else 36) + sides)
    return box(b"trak", header + box(b"mdia", box(b"mdhd", bytes(24)) + box(b"hdlr", bytes(8) + handler + bytes(13))))


def sides(*tracks: bytes) -> tuple[int | None, int | None]:
    seen = facts(FTYP + MDAT + box(b"moov", movie_header(1000, 6000) + b"".join(tracks)))
    assert seen.length_s == 6.0
    return seen.width, seen.height


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("around", [lambda moov: FTYP + moov + MDAT, lambda moov: FTYP + MDAT + box(b"free") + moov])
def test_the_movie_header_tells_how_long_it_plays(version: int, around: Callable[[bytes], bytes]) -> None:
    moov = box(b"moov", box(b"udta") + movie_header(90_000, 528_750, version))
    assert length_s(around(moov)) == 5.875


def test_real_clips_have_a_length() -> None:
    assert all(0.5 < (length_s(data) or 0.0) < 30.0 for data in load_clips())


@pytest.mark.parametrize(
    "moov",
    [
        pytest.param(b"", id="no index"),
        pytest.param(MOOV, id="an index of zeros"),
        pytest.param(box(b"moov"), id="an empty index"),
        pytest.param(box(b"moov", box(b"mvhd")), id="an empty header"),
        pytest.param(box(b"moov", movie_header(1000, 6000)[:-85]), id="a header that is cut off"),
        pytest.param(box(b"moov", movie_header(0, 6000)), id="no units"),
        pytest.param(box(b"moov", movie_header(1000, 0)), id="no length, as with fragments"),
        pytest.param(box(b"moov", movie_header(90_000, 2**32 - 1)), id="unknown"),
        pytest.param(box(b"moov", movie_header(2**32 - 1, 2**64 - 1, 1)), id="unknown in 64 bits"),
        pytest.param(box(b"moov", movie_header(1, 86_401)), id="over a day"),
    ],
)
def test_a_length_that_is_not_there_or_cannot_be_is_not_known(moov: bytes) -> None:
    assert length_s(FTYP + moov + MDAT) is None


@given(some.binary(max_size=200))
def test_no_bytes_make_a_length_fail(data: bytes) -> None:
    boxed = (data, box(b"mvhd", data), box(b"trak", data), track(6, 4).replace(b"\0\0\0\7" + bytes(36), data))
    for around in (data, *(FTYP + box(b"moov", inner) for inner in boxed)):
        found = facts(around)
        assert found.length_s is None or 0 < found.length_s <= 86_400
        assert found.width is None or 0 < found.width <= 16_384


@pytest.mark.parametrize("version", [0, 1])
def test_the_first_track_of_pictures_tells_how_large_they_are(version: int) -> None:
    assert sides(track(0, 0, b"soun"), track(400, 50, b"text"), track(1920, 1080, version=version)) == (1920, 1080)
    assert sides(track(1366, 768), track(640, 480)) == (1366, 768)


def test_a_picture_that_is_shown_turned_is_as_large_as_it_is_shown() -> None:
    assert sides(track(1920, 1080, matrix=TURNED)) == (1080, 1920)


def test_real_clips_have_a_size() -> None:
    assert {(facts(data).width, facts(data).height) for data in load_clips()} == {(320, 180)}


@pytest.mark.parametrize(
    "tracks",
    [
        pytest.param([], id="none"),
        pytest.param([track(640, 360, b"soun")], id="sound alone"),
        pytest.param([track(0, 360)], id="no width"),
        pytest.param([track(640, 16_385)], id="larger than any"),
        pytest.param([track(640, 360)[:60]], id="cut off"),
        pytest.param(
            [box(b"trak", box(b"tkhd") + box(b"mdia", box(b"hdlr", bytes(8) + b"vide")))], id="an empty header"
        ),
        pytest.param([box(b"trak")] * 16 + [track(640, 360)], id="behind more tracks than anybody has"),
        pytest.param([box(b"trak", box(b"free") * 201 + track(640, 360)[8:])], id="behind boxes without end"),
    ],
)
def test_a_size_that_is_not_there_or_cannot_be_is_not_known(tracks: list[bytes]) -> None:
    assert sides(*tracks) == (None, None)
