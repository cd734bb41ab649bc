"""Local copies of images: whether each is there and is an image, and its hash; each file is read once.

Owns what counts as an image: the first bytes of a PNG, JPEG, WebP or GIF file. Knows nothing of URLs or of takes.
"""

import difflib
import hashlib
import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from hailuo_batch.manifest.files.text_files import MEBIBYTE, FileReadError, check_file, to_read_error
from hailuo_batch.manifest.images.urls import ProblemAndHint
from hailuo_batch.manifest.quoting import quoted

MAX_BYTES = 256 * MEBIBYTE
# rule image_kinds
_IMAGE = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP", re.DOTALL)
_MAX_NAMES = 1000


class LocalCopies:
    """The images in a folder. `shown` is the folder as the manifest writes it."""

    def __init__(self, folder: Path, shown: str) -> None:
        self.folder = folder
        self._shown = shown
        self._cache: dict[tuple[str, ...], str | ProblemAndHint] = {}

    def find_problem(self) -> str | None:
        """What is wrong with the folder itself, in words that follow its name; None where nothing is."""
        try:
            if self.folder.is_dir():
                return None
            return "is not a folder" if self.folder.exists() else "is not there"
        except (OSError, ValueError) as error:
            return to_read_error(error).reason

    def sha256(self, groups: tuple[str, ...]) -> str | ProblemAndHint:
        """The SHA-256, in hex, of the image at this path in the folder, or what is wrong with it, and a hint."""
        if groups not in self._cache:
            self._cache[groups] = self._read(groups)
        return self._cache[groups]

    def _read(self, groups: tuple[str, ...]) -> str | ProblemAndHint:
        path = self.folder.joinpath(*groups)
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
        except FileReadError as unreadable:
            return f"cannot be used: {unreadable.reason}", ""
        except (OSError, ValueError) as error:
            why = to_read_error(error)
            missing = f"is not in {quoted(self._shown)}", self._similar_name_hint(path)
            return missing if why.is_missing else (f"cannot be used: {why.reason}", "")

    def _similar_name_hint(self, path: Path) -> str:
        try:
            names = sorted(beside.name for beside in islice(path.parent.iterdir(), _MAX_NAMES))
        except OSError:
            return ""
        close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
        return f"did you mean {quoted(close[0])}?" if close else ""


def combine_digests(digests: Iterable[str]) -> str:
    """One digest over those of several images, in their order."""
    return hashlib.sha256("\n".join(digests).encode("ascii")).hexdigest()
