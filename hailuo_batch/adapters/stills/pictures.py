"""What a still is made from, and how: a video's picture at a third of its length, an image made small.

Only a file with the SHA-256 that names the still is used, and only of a kind that we have recognised. What comes is
checked to be a small JPEG.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.adapters.download.file_types import HEAD_BYTES, detect_extension
from hailuo_batch.adapters.download.mp4 import begins_like_mp4, find_fault, read_clip_facts
from hailuo_batch.adapters.local.fs import open_regular
from hailuo_batch.adapters.stills.ffmpeg import Ffmpeg, IsCancelled
from hailuo_batch.core.model.file_layout import poster_name, thumbnail_name
from hailuo_batch.image_files.content import read_content
from hailuo_batch.image_files.headers import ENOUGH_BYTES

POSTER_SIDE = 480
THUMBNAIL_SIDE = 160
_LARGEST_IMAGE = 64 * 1024 * 1024
_MOST_PIXELS = 70_000_000
_AT_SHARE = 1 / 3
_MP4_KINDS = frozenset({".mp4", ".m4v", ".mov"})
_WEBM = ".webm"
VIDEO_SUFFIXES = (*sorted(_MP4_KINDS), _WEBM)
"""The endings of the files that a still can be made of."""

_IMAGE_READERS = {"PNG": "png_pipe", "JPEG": "jpeg_pipe", "WebP": "webp_pipe", "GIF": "gif"}
_QUALITY = ("-pix_fmt", "yuvj420p", "-q:v", "5", "-fflags", "+bitexact", "-flags:v", "+bitexact")
_JPEG_COLOURS = "out_color_matrix=bt601:out_range=full"
# Of a picture that is made this small nobody sees what the last steps of decoding would have smoothed.
_QUICKLY = ("-skip_loop_filter", "all", "-flags2", "+fast", "-skip_frame", "noref")
# as EXIF numbers the ways in which an image may be stored
_UPRIGHT = {
    2: "hflip,",
    3: "hflip,vflip,",
    4: "vflip,",
    5: "transpose=cclock_flip,",
    6: "transpose=clock,",
    7: "transpose=clock_flip,",
    8: "transpose=cclock,",
}


@dataclass(frozen=True, slots=True)
class Video:
    """A saved video: its file, size in bytes and SHA-256 in hex."""

    path: Path
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The name of its still."""
        return poster_name(self.sha256)


@dataclass(frozen=True, slots=True)
class Image:
    """An image on this machine: its file and its SHA-256 in hex."""

    path: Path
    sha256: str

    @property
    def name(self) -> str:
        """The name of its small picture."""
        return thumbnail_name(self.sha256)


Source = Video | Image


class NoPictureError(Exception):
    """ffmpeg made no picture of a file that should have one, or was cancelled."""


def make_still(ffmpeg: Ffmpeg, source: Source, is_cancelled: IsCancelled) -> bytes | None:
    """Return the JPEG of the still; None of a file that is not the one meant, or of no kind we know.

    Raises NoPictureError.
    """
    try:
        # where a user's image lies is the user's choice, links included; a video lies where we have saved it
        path = source.path if isinstance(source, Video) else Path(os.path.realpath(source.path))
        file = open_regular(path, os.O_RDONLY)
    except (OSError, ValueError):  # the latter for a name that no file can have
        return None
    try:
        size = os.fstat(file).st_size
        is_usable = size == source.size if isinstance(source, Video) else size <= _LARGEST_IMAGE
        options = (_video_options if isinstance(source, Video) else _image_options)(file, size) if is_usable else None
        if options is None or _digest(file) != source.sha256:
            return None
        still = ffmpeg.run(file, *options, is_cancelled)
    except OSError:
        return None
    finally:
        os.close(file)
    if still is None or not _is_small_jpeg(still):
        raise NoPictureError
    return still


def _digest(file: int) -> str:
    with open(file, "rb", closefd=False) as content:
        content.seek(0)
        return hashlib.file_digest(content, "sha256").hexdigest()


def _video_options(file: int, size: int) -> tuple[Sequence[str], Sequence[str]] | None:
    """Return how to read and write the picture of a video; None of a file that is no video we know."""
    head = os.pread(file, HEAD_BYTES, 0)
    kind, length_s = detect_extension(head, ""), None
    if kind in _MP4_KINDS and begins_like_mp4(head):
        if find_fault(lambda offset, count: os.pread(file, count, offset), size):
            return None
        reader = "mov"
        length_s = read_clip_facts(lambda offset, count: os.pread(file, count, offset), size).length_s
    elif kind == _WEBM:
        reader = "matroska"
    else:
        return None
    side = f"'min({POSTER_SIDE},iw)':'min({POSTER_SIDE},ih)'"
    scale = f"scale={side}:force_original_aspect_ratio=decrease:force_divisible_by=2:{_JPEG_COLOURS}"
    # of an unknown length, the most telling of the first pictures
    at, chosen = ([], "thumbnail=25,") if length_s is None else (["-ss", f"{length_s * _AT_SHARE:.3f}"], "")
    return (
        ["-f", reader, *_QUICKLY, *at, "-an", "-sn", "-dn"],
        ["-map", "0:v:0", "-vf", f"{chosen}{scale}", *_QUALITY],
    )


def _image_options(file: int, size: int) -> tuple[Sequence[str], Sequence[str]] | None:
    """Return how to read and write an image; None of a file that is no image we know."""
    header = read_content(os.pread(file, ENOUGH_BYTES, 0), size).header
    if header is None or header.fault or (header.width or 0) * (header.height or 0) > _MOST_PIXELS:
        return None
    upright = _UPRIGHT.get(header.orientation, "")
    side = f"'min({THUMBNAIL_SIDE},iw)':'min({THUMBNAIL_SIDE},ih)'"
    drawn = (
        f"[0:v:0]{upright}scale={side}:force_original_aspect_ratio=decrease,format=rgba,split[a][b];"
        # what is transparent is shown on white, as catalogues show it
        f"[a]lutrgb=r=255:g=255:b=255:a=255[white];[white][b]overlay=format=auto,scale={_JPEG_COLOURS}[still]"
    )
    return (
        ["-noautorotate", "-f", _IMAGE_READERS[header.kind]],
        ["-filter_complex", drawn, "-map", "[still]", *_QUALITY],
    )


def _is_small_jpeg(content: bytes) -> bool:
    header = read_content(content, len(content)).header
    if header is None or header.kind != "JPEG" or header.fault or not content.endswith(b"\xff\xd9"):
        return False
    return all(side is not None and 0 < side <= POSTER_SIDE for side in (header.width, header.height))
