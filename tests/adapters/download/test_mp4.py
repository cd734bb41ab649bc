"""Which files can be whole MP4s, by their outermost boxes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hailuo_batch.adapters.download.mp4 import begins_like_mp4, find_fault
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
