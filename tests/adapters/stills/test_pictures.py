"""Which files a still is made of, and what it shows: with the real ffmpeg where it is installed."""

import hashlib
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from hailuo_batch.adapters.stills.ffmpeg import Ffmpeg
from hailuo_batch.adapters.stills.pictures import Image, NoPictureError, Source, Video, make_still
from hailuo_batch.image_files.content import read_content
from hailuo_batch.sandbox.media import load_clips
from tests.helpers.images import exif
from tests.helpers.mp4 import FTYP, MOOV, box, clip
from tests.helpers.programs import FFMPEG, needs_ffmpeg, write_program

CLIP = load_clips()[5]
JPEG = b"\xff\xd8\xff\xe0\0\x04JF\xff\xc0\0\x11\x08\0\x10\0\x10\x03" + bytes(9) + b"\xff\xd9"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def video(folder: Path, content: bytes, name: str = "clip.mp4") -> Video:
    (folder / name).write_bytes(content)
    return Video(folder / name, len(content), sha256(content))


def image(folder: Path, content: bytes, name: str = "lamp.png") -> Image:
    (folder / name).write_bytes(content)
    return Image(folder / name, sha256(content))


def real(source: Source) -> bytes | None:
    assert FFMPEG is not None
    return asked(FFMPEG, source)


def asked(program: str | Path, source: Source) -> bytes | None:
    """The still that this program makes, None if it makes none."""
    try:
        return make_still(Ffmpeg(str(program)), source, lambda: False)
    except NoPictureError:
        return None


def drawn(*arguments: str) -> bytes:
    """What the real ffmpeg writes to stdout."""
    command = [FFMPEG or "", "-nostdin", "-v", "error", *arguments, "pipe:1"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def size_of(still: bytes | None) -> tuple[int | None, int | None]:
    assert still is not None
    header = read_content(still, len(still)).header
    assert header is not None
    return header.width, header.height


def pixels(still: bytes | None, folder: Path) -> list[tuple[int, ...]]:
    """The colours of a still, row by row."""
    assert still is not None
    (folder / "still.jpg").write_bytes(still)
    raw = drawn("-i", str(folder / "still.jpg"), "-f", "rawvideo", "-pix_fmt", "rgb24")
    return [tuple(raw[at : at + 3]) for at in range(0, len(raw), 3)]


def png(width: int, height: int, pixel: bytes) -> bytes:
    """A picture of one colour, red, green, blue and opacity."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">II5B", width, height, 8, 6, 0, 0, 0)
    rows = zlib.compress((b"\0" + pixel * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@needs_ffmpeg
@pytest.mark.parametrize("name", ["clip.mp4", "-y %03d:é '\"$(x).mp4", "concat:a|b.mp4"])
def test_a_video_whatever_its_name_has_a_small_still(tmp_path: Path, name: str) -> None:
    still = real(video(tmp_path, CLIP, name))
    assert size_of(still) == (320, 180)
    assert 500 < len(still or b"") < 30_000
    assert [path.name for path in tmp_path.iterdir()] == [name]


@needs_ffmpeg
def test_a_large_video_has_a_small_still_from_a_third_of_its_length(tmp_path: Path) -> None:
    # red for the first second, then green for one, then blue
    colours = [f"color={colour}:s=1280x720:r=10:d=1" for colour in ("red", "lime", "blue")]
    inputs = [part for colour in colours for part in ("-f", "lavfi", "-i", colour)]
    made = tmp_path / "made.mp4"
    drawn(*inputs, "-filter_complex", "concat=n=3", "-c:v", "mpeg4", "-q:v", "2", "-y", str(made), "-f", "null")
    still = real(video(tmp_path, made.read_bytes()))
    assert size_of(still) == (480, 270)
    red, green, blue = pixels(still, tmp_path)[240 * 135]
    assert green > 200
    assert max(red, blue) < 80


@needs_ffmpeg
def test_a_webm_has_a_still(tmp_path: Path) -> None:
    made = tmp_path / "made.webm"
    try:
        drawn("-f", "lavfi", "-i", "testsrc2=s=160x90:d=1", "-c:v", "libvpx", "-y", str(made), "-f", "null")
    except subprocess.CalledProcessError:
        pytest.skip("this ffmpeg writes no WebM")
    assert size_of(real(video(tmp_path, made.read_bytes(), "clip.webm"))) == (160, 90)


@needs_ffmpeg
def test_what_is_transparent_in_an_image_is_white_in_its_still(tmp_path: Path) -> None:
    still = real(image(tmp_path, png(800, 400, b"\0\0\0\0")))
    assert size_of(still) == (160, 80)
    assert set(pixels(still, tmp_path)) == {(255, 255, 255)}
    half = pixels(real(image(tmp_path, png(16, 16, b"\xff\0\0\xff"))), tmp_path)
    assert all(red > 240 and max(green, blue) < 20 for red, green, blue in half)


@needs_ffmpeg
@pytest.mark.parametrize(("orientation", "expected"), [(1, (160, 80)), (3, (160, 80)), (6, (80, 160)), (8, (80, 160))])
def test_an_image_that_is_stored_turned_is_upright_in_its_still(
    tmp_path: Path, orientation: int, expected: tuple[int, int]
) -> None:
    # left half black, right half white
    jpeg = drawn("-f", "lavfi", "-i", "color=black:s=400x200,drawbox=x=200:color=white:t=fill", "-frames:v", "1",
                 "-c:v", "mjpeg", "-f", "image2pipe")  # fmt: skip
    still = real(image(tmp_path, jpeg[:2] + exif(orientation) + jpeg[2:]))
    assert size_of(still) == expected
    first, last = (sum(pixels(still, tmp_path)[place]) > 380 for place in (3, -3))
    assert (first, last) == {1: (False, True), 3: (True, False), 6: (False, True), 8: (True, False)}[orientation]


@needs_ffmpeg
@pytest.mark.parametrize("content", [FTYP + MOOV + box(b"mdat", b"x" * 500), clip(CLIP), CLIP[:60] + CLIP[60:].upper()])
def test_a_video_that_cannot_be_decoded_has_none(tmp_path: Path, content: bytes) -> None:
    assert real(video(tmp_path, content)) is None


PLAYLIST = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(CLIP[:-1], id="cut short"),
        pytest.param(b"ffconcat version 1.0\nfile decoy.mp4\n", id="a list of files"),
        pytest.param(PLAYLIST, id="a playlist"),
        pytest.param(b"GIF89a" + bytes(99), id="an image"),
        pytest.param(FTYP + box(b"free", PLAYLIST), id="a playlist in a box"),
        pytest.param(box(b"ftyp", b"avif\0\0\0\0avif") + MOOV, id="a still image in boxes"),
        pytest.param(b"\x1a\x45\xdf\xa3\x42\x82\x88matroska", id="another container"),
    ],
)
def test_what_is_no_video_never_reaches_ffmpeg(tmp_path: Path, content: bytes) -> None:
    assert tried(video(tmp_path, content), tmp_path) is False


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        PLAYLIST,
        CLIP,
        b"push graphic-context\nimage file\n",
        b"II*\0",
    ],
)
def test_what_is_no_image_never_reaches_ffmpeg(tmp_path: Path, content: bytes) -> None:
    assert tried(image(tmp_path, content), tmp_path) is False


def test_a_file_that_is_not_the_one_that_was_saved_never_reaches_ffmpeg(tmp_path: Path) -> None:
    saved = video(tmp_path, CLIP)
    assert tried(saved, tmp_path)
    saved.path.write_bytes(CLIP[:-1] + b"x")
    assert tried(saved, tmp_path) is False
    link = Video(tmp_path / "link.mp4", len(CLIP), saved.sha256)
    link.path.symlink_to(video(tmp_path, CLIP, "other.mp4").path)
    assert tried(link, tmp_path) is False
    link.path.unlink()
    assert tried(link, tmp_path) is False


def test_an_image_may_be_a_link_of_its_owner(tmp_path: Path) -> None:
    there = image(tmp_path, png(16, 16, b"\xff\0\0\xff"))
    (tmp_path / "link.png").symlink_to(there.path)
    assert tried(Image(tmp_path / "link.png", there.sha256), tmp_path)


def tried(source: Source, folder: Path) -> bool:
    """Whether ffmpeg was asked: a folder is the mark that it was."""
    mark = folder / "asked"
    program = write_program(folder / "bin" / "ffmpeg", f"mkdir {mark}; exit 1")
    assert asked(program, source) is None
    if not mark.exists():
        return False
    mark.rmdir()
    return True


@pytest.mark.parametrize(
    ("written", "is_taken"),
    [
        pytest.param(JPEG, True, id="a JPEG"),
        pytest.param(JPEG[:-1], False, id="cut short"),
        pytest.param(b"<script>alert(1)</script>", False, id="a page"),
        pytest.param(png(16, 16, b"\0\0\0\xff"), False, id="a PNG"),
        pytest.param(JPEG.replace(b"\0\x10\0\x10", b"\x10\0\0\x10"), False, id="a large one"),
        pytest.param(b"", False, id="nothing"),
    ],
)
def test_only_a_small_jpeg_is_a_still(tmp_path: Path, written: bytes, is_taken: bool) -> None:
    (tmp_path / "written").write_bytes(written)
    program = write_program(tmp_path / "ffmpeg", f"cat {tmp_path}/written")
    assert asked(program, video(tmp_path, CLIP)) == (written if is_taken else None)
