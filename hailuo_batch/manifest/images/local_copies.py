"""Local copies of images: whether each is there and is an image, and its hash; each file is read once.

Knows nothing of URLs or of takes. What is said of an image is decided in `image_files`.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from hailuo_batch.image_files.content import EndSearch, ImageContent, read_content
from hailuo_batch.image_files.findings import ImageLimits, judge_content
from hailuo_batch.image_files.headers import ENOUGH_BYTES
from hailuo_batch.manifest.file_names import AmbiguousNameError, find_file, similar_name_hint
from hailuo_batch.manifest.files.text_files import MEBIBYTE, FileReadError, check_file, to_read_error
from hailuo_batch.manifest.images.urls import ProblemAndHint
from hailuo_batch.manifest.quoting import quoted

MAX_BYTES = 256 * MEBIBYTE
_MAX_NAMES = 1000  # how many names of a folder are compared with one that is missing


@dataclass(frozen=True, slots=True)
class LocalCopy:
    """An image on this machine: its file, its SHA-256 in hex, and what its bytes say."""

    file: Path
    sha256: str
    content: ImageContent


class LocalCopies:
    """The images in a folder. `shown` is the folder as the manifest writes it."""

    def __init__(self, folder: Path, shown: str) -> None:
        self.folder = folder
        self._shown = shown
        self._cache: dict[tuple[str, ...], LocalCopy | ProblemAndHint] = {}

    def find_problem(self) -> str | None:
        """What is wrong with the folder itself, as a sentence that follows its name; None if nothing is."""
        try:
            if self.folder.is_dir():
                return None
            return "is not a folder" if self.folder.exists() else "does not exist"
        except (OSError, ValueError) as error:
            return to_read_error(error).reason

    def find(self, parts: tuple[str, ...]) -> LocalCopy | ProblemAndHint:
        """The image at this path in the folder, or what is wrong with it."""
        if parts not in self._cache:
            self._cache[parts] = self._read(parts)
        return self._cache[parts]

    def _read(self, parts: tuple[str, ...]) -> LocalCopy | ProblemAndHint:
        path = self.folder.joinpath(*parts)
        try:
            path = find_file(self.folder, parts)
            copy = _read_copy(path, check_file(path, MAX_BYTES))
        # rule unreadable_image
        except FileReadError as error:
            return f"cannot be used: {error.reason}", ""
        except FileNotFoundError:
            return f"is not in {quoted(self._shown)}", similar_name_hint(path)
        except AmbiguousNameError:
            what = f"is in {quoted(self._shown)} more than once, under names that look the same"
            return what, "their accents are stored in different ways; remove or rename all but one"
        except (OSError, ValueError) as error:
            return f"cannot be used: {to_read_error(error).reason}", ""
        # rule is_image
        if copy.content.header is None:
            [finding] = judge_content(copy.content, ImageLimits.GENERAL)
            return finding.what, finding.hint
        return copy


def _read_copy(path: Path, size: int) -> LocalCopy:
    """Read a file. The whole of it is hashed, and only its start is looked into. Raises OSError."""
    with path.open("rb") as file:
        # rule header_only
        start = file.read(ENOUGH_BYTES)
        # rule local_size
        content = read_content(start, size)
        digest, end = hashlib.sha256(start), EndSearch(content.header)
        end.feed(start)
        while chunk := file.read(MEBIBYTE):
            # rule whole_hashed
            digest.update(chunk)
            end.feed(chunk)
    is_cut_short = content.is_cut_short or not end.is_found
    return LocalCopy(path, digest.hexdigest(), replace(content, is_cut_short=is_cut_short))


def combine_digests(digests: Iterable[str]) -> str:
    """One SHA-256, in hex, over those of several images, in their order."""
    return hashlib.sha256("\n".join(digests).encode("ascii")).hexdigest()
