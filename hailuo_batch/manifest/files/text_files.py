"""Files as bytes: read within a limit, and checked to be text.

Owns what may be read at all (a regular file, no larger than the limit) and what counts as text (UTF-8 without control
characters). Knows neither YAML nor CSV. Nothing here makes a second copy of a whole file.
"""

import re
import stat
from pathlib import Path

from hailuo_batch.manifest.diagnostics import FILE_START, FatalDiagnostic
from hailuo_batch.manifest.files.lines import BOM, LineBreaks, position_at

MEBIBYTE = 1024 * 1024
UNPRINTABLE = re.compile("[^\\x09\\x0a\\x0d\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")

NO_FILE = "this is not a file"
_MISSING = "there is no such file"
_TOO_LARGE = "the file is larger than"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class FileReadError(Exception):
    """A file cannot be read. `reason` says why, as a sentence that follows the file's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def is_missing(self) -> bool:
        """Whether there is no such file."""
        return self.reason == _MISSING

    @property
    def is_too_large(self) -> bool:
        """Whether the file is larger than the limit."""
        return self.reason.startswith(_TOO_LARGE)


class TextError(FatalDiagnostic):
    """What keeps a file's bytes from being text, and where."""


def read_file(path: Path, max_bytes: int) -> bytes:
    """The file's bytes. Raises FileReadError if it cannot be read, is not a regular file or has more than `max_bytes`.

    No byte beyond the size that the file reports: files of a system that report none, such as `/proc/self/environ`,
    hold what belongs in no message.
    """
    try:
        # rule size_first
        size = check_file(path, max_bytes)
        with path.open("rb") as file:
            return file.read(size)
    except (OSError, ValueError) as error:
        raise to_read_error(error) from None


def check_file(path: Path, max_bytes: int) -> int:
    """The file's size in bytes. Raises FileReadError unless it is a regular file within the limit, and OSError."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise FileReadError(NO_FILE)
    if status.st_size > max_bytes:
        raise FileReadError(f"{_TOO_LARGE} {max_bytes // MEBIBYTE} MiB")
    return status.st_size


def to_read_error(error: OSError | ValueError) -> FileReadError:
    """The operating system's error in plain words."""
    if isinstance(error, FileNotFoundError):
        return FileReadError(_MISSING)
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return FileReadError(f"the file cannot be read: {why}")


def check_text(data: bytes, breaks: LineBreaks) -> None:
    """Raise TextError at the first byte that is not text. A byte order mark may come first."""
    # rule utf_16
    if data.startswith(_UTF_16) or data[:2].count(0) == 1:
        raise TextError(FILE_START, "the file is UTF-16", "save it as UTF-8")
    begin = len(BOM) if data.startswith(BOM) else 0
    while begin < len(data):
        end = _character_boundary(data, begin + MEBIBYTE)
        try:
            # rule utf_8
            text = data[begin:end].decode("utf-8")
        except UnicodeDecodeError as error:
            position = position_at(data, begin + error.start, breaks)
            raise TextError(position, "this is not UTF-8", "save the file as UTF-8") from None
        odd = UNPRINTABLE.search(text)
        if odd is not None:
            position = position_at(data, begin + len(text[: odd.start()].encode("utf-8")), breaks)
            raise TextError(position, f"the character U+{ord(odd[0]):04X} is not allowed here", "remove it")
        begin = end


def _character_boundary(data: bytes, end: int) -> int:
    """The offset `end`, or up to three bytes before it, so that no character is cut there."""
    for earlier in range(end, end - 4, -1):
        if earlier >= len(data) or data[earlier] & 0xC0 != 0x80:
            return min(earlier, len(data))
    return end
