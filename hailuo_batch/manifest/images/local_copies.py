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
_MAX_NAMES = 1000  # how many names of a folder are compared with one that is missing


class LocalCopies:
    """The images in a folder. `shown` is the folder as the manifest writes it."""

    def __init__(self, folder: Path, shown: str) -> None:
        self.folder = folder
        self._shown = shown
        self._cache: dict[tuple[str, ...], str | ProblemAndHint] = {}

    def find_problem(self) -> str | None:
        """What is wrong with the folder itself, as a sentence that follows its name; None if nothing is."""
        try:
            if self.folder.is_dir():
                return None
            return "is not a folder" if self.folder.exists() else "does not exist"
        except (OSError, ValueError) as error:
            return to_read_error(error).reason

    def sha256(self, parts: tuple[str, ...]) -> str | ProblemAndHint:
        """The SHA-256, in hex, of the image at this path in the folder, or what is wrong with it."""
        if parts not in self._cache:
            self._cache[parts] = self._read(self.folder.joinpath(*parts))
        return self._cache[parts]

    def _read(self, path: Path) -> str | ProblemAndHint:
        try:
            check_file(path, MAX_BYTES)
            with path.open("rb") as file:
                head = file.read(12)
                # rule is_image
                if not _IMAGE.match(head):
                    return "is not a PNG, JPEG, WebP or GIF image", "open the file to check it, or export it again"
                digest = hashlib.sha256(head)
                while chunk := file.read(MEBIBYTE):
                    digest.update(chunk)
                return digest.hexdigest()
        # rule unreadable_image
        except FileReadError as error:
            return f"cannot be used: {error.reason}", ""
        except FileNotFoundError:
            return f"is not in {quoted(self._shown)}", self._similar_name_hint(path)
        except (OSError, ValueError) as error:
            return f"cannot be used: {to_read_error(error).reason}", ""

    @staticmethod
    def _similar_name_hint(path: Path) -> str:
        try:
            names = sorted(neighbour.name for neighbour in islice(path.parent.iterdir(), _MAX_NAMES))
        except OSError:
            return ""
        close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
        return f"did you mean {quoted(close[0])}?" if close else ""


def combine_digests(digests: Iterable[str]) -> str:
    """One SHA-256, in hex, over those of several images, in their order."""
    return hashlib.sha256("\n".join(digests).encode("ascii")).hexdigest()
