"""Local copies of images: whether each is there and is an image, and its hash; each file is read once.

Owns what counts as an image: the first bytes of a PNG, JPEG, WebP or GIF file. Knows nothing of URLs or of takes.
"""

import difflib
import hashlib
import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from hailuo_batch.manifest.files.text_files import MEBIBYTE, Unreadable, check_file, reason
from hailuo_batch.manifest.images.urls import Problem
from hailuo_batch.manifest.quoting import quoted

MAX_BYTES = 256 * MEBIBYTE
# rule image_kinds
_IMAGE = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP", re.DOTALL)
_GUESSES = 1000


class Copies:
    """The images in a folder. `shown` is the folder as the manifest writes it."""

    def __init__(self, folder: Path, shown: str) -> None:
        self.folder = folder
        self._shown = shown
        self._known: dict[tuple[str, ...], str | Problem] = {}

    def problem(self) -> str | None:
        """What is wrong with the folder itself, in words that follow its name; None where nothing is."""
        try:
            if self.folder.is_dir():
                return None
            return "is not a folder" if self.folder.exists() else "is not there"
        except (OSError, ValueError) as error:
            return reason(error).what

    def sha256(self, parts: tuple[str, ...]) -> str | Problem:
        """The SHA-256, in hex, of the image at this path in the folder, or what is wrong with it, and a hint."""
        if parts not in self._known:
            self._known[parts] = self._read(parts)
        return self._known[parts]

    def _read(self, parts: tuple[str, ...]) -> str | Problem:
        path = self.folder.joinpath(*parts)
        try:
            check_file(path, MAX_BYTES)
            with path.open("rb") as file:
                head = file.read(12)
                # rule is_image
                if not _IMAGE.match(head):
                    return "is no PNG, JPEG, WebP or GIF image", "look into the file, or export it again"
                digest = hashlib.sha256(head)
                while piece := file.read(MEBIBYTE):
                    digest.update(piece)
                return digest.hexdigest()
        # rule unreadable_image
        except Unreadable as unreadable:
            return f"cannot be used: {unreadable.what}", ""
        except (OSError, ValueError) as error:
            why = reason(error)
            missing = f"is not in {quoted(self._shown)}", self._nearest(path)
            return missing if why.is_missing else (f"cannot be used: {why.what}", "")

    def _nearest(self, path: Path) -> str:
        try:
            names = sorted(beside.name for beside in islice(path.parent.iterdir(), _GUESSES))
        except OSError:
            return ""
        close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
        return f"did you mean {quoted(close[0])}?" if close else ""


def digest_of(digests: Iterable[str]) -> str:
    """One digest over those of several images, in their order."""
    return hashlib.sha256("\n".join(digests).encode("ascii")).hexdigest()
