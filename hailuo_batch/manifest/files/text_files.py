"""Files as bytes: read within a limit, and checked to be text.

Owns what may be read at all (a regular file, no larger than the limit) and what counts as text (UTF-8 without control
characters). Knows neither YAML nor CSV. Nothing here makes a second copy of a whole file.
"""

import re
import stat
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.manifest.diagnostics import Position
from hailuo_batch.manifest.files.lines import LineBreaks, position_at

MEBIBYTE = 1024 * 1024
UNPRINTABLE = re.compile("[^\\x09\\x0a\\x0d\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")

NO_FILE = "this is not a file"
_MISSING = "there is no such file"
_TOO_LARGE = "the file is larger than"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class FileReadError(Exception):
    """Why a file cannot be read, in words that follow its name."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.reason = what

    @property
    def is_missing(self) -> bool:
        """Whether there is none."""
        return self.reason == _MISSING

    @property
    def is_too_large(self) -> bool:
        """Whether it is larger than it may be."""
        return self.reason.startswith(_TOO_LARGE)


@dataclass(frozen=True, slots=True)
class TextError:
    """What keeps bytes from being text, and where."""

    position: Position
    message: str
    hint: str


def read_file(path: Path, max_bytes: int) -> bytes:
    """The file's bytes. Raises Unreadable where it cannot be read, is no regular file or has more than `most` bytes.

    Not a byte more than the file is said to have: those of a system that look empty, such as `/proc/self/environ`, hold
    what belongs into no message.
    """
    try:
        # rule size_first
        size = check_file(path, max_bytes)
        with path.open("rb") as file:
            return file.read(size)
    except (OSError, ValueError) as error:
        raise to_read_error(error) from None


def check_file(path: Path, max_bytes: int) -> int:
    """Its size in bytes. Raises Unreadable where it is no regular file of at most so many, and what looking raises."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise FileReadError(NO_FILE)
    if status.st_size > max_bytes:
        raise FileReadError(f"{_TOO_LARGE} {max_bytes // MEBIBYTE} MiB")
    return status.st_size


def to_read_error(error: OSError | ValueError) -> FileReadError:
    """What an operating system's error says of a file."""
    if isinstance(error, FileNotFoundError):
        return FileReadError(_MISSING)
    said = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return FileReadError(f"the file cannot be read: {said}")


def find_text_error(data: bytes, breaks: LineBreaks) -> TextError | None:
    """The first thing in `data` that is no text; None where all of it is. A byte order mark may begin it."""
    # rule utf_16
    if data.startswith(_UTF_16) or data[:2].count(0) == 1:
        return TextError(Position(1, 1), "the file is UTF-16", "save it as UTF-8")
    begin = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    while begin < len(data):
        end = _character_boundary(data, begin + MEBIBYTE)
        try:
            # rule utf_8
            text = data[begin:end].decode("utf-8")
        except UnicodeDecodeError as error:
            return TextError(
                position_at(data, begin + error.start, breaks), "this is not UTF-8", "save the file as UTF-8"
            )
        odd = UNPRINTABLE.search(text)
        if odd is not None:
            at = begin + len(text[: odd.start()].encode("utf-8"))
            return TextError(
                position_at(data, at, breaks), f"the character U+{ord(odd[0]):04X} is not allowed here", "remove it"
            )
        begin = end
    return None


def _character_boundary(data: bytes, end: int) -> int:
    """The end, or up to three bytes before it, so that no character is cut there."""
    for earlier in range(end, end - 4, -1):
        if earlier >= len(data) or data[earlier] & 0xC0 != 0x80:
            return min(earlier, len(data))
    return end
