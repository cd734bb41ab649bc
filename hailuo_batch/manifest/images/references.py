"""The images that shots refer to: each reference as the URL that is sent, and its local copy's hash.

Owns what `images` in a manifest means. What is wrong with `images` itself is reported here, once; references that
suffer from it alone are told together.
"""

from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.manifest.diagnostics import Place, Report
from hailuo_batch.manifest.document import Document
from hailuo_batch.manifest.files.file_cache import check_path, from_folder
from hailuo_batch.manifest.images import urls
from hailuo_batch.manifest.images.local_copies import Copies
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.nodes import Scalar


@dataclass(frozen=True, slots=True)
class Picture:
    """One image: its URL, and of its local copy the SHA-256 and the file; None where there is no copy."""

    url: str
    sha256: str | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class PictureFault:
    """What is wrong with a reference: `what` follows its name in `message`."""

    what: str
    message: str
    hint: str


class Pictures:
    """Finds what references mean; each distinct one is looked at once."""

    def __init__(self, document: Document, folder: Path, report: Report) -> None:
        self._report = report
        self._base = self._read_base(document, report)
        self._copies = self._read_folder(document, folder, report)
        self._has_base = "base_url" in document.image_settings
        self._has_folder = "dir" in document.image_settings
        self._found: dict[str, Picture | PictureFault | None] = {}
        self._homeless: list[tuple[Place, str]] = []
        self._homeless_count = 0

    def find(self, reference: str, place: Place) -> Picture | PictureFault | None:
        """The image, or what is wrong with the reference; None where that is reported otherwise."""
        if reference not in self._found:
            self._found[reference] = self._look(reference)
        found = self._found[reference]
        if found is None and not self._has_base:
            self._homeless_count += 1
            if not self._homeless:
                self._homeless.append((place, reference))
        return found

    def files(self) -> dict[str, Picture]:
        """The images that have a local copy, by their URLs."""
        pictures = (found for found in self._found.values() if isinstance(found, Picture))
        return {picture.url: picture for picture in pictures if picture.file is not None}

    def tell_homeless(self) -> None:
        """Reports, once for all, that there is nothing to resolve relative references against."""
        for place, reference in self._homeless:
            others = self._homeless_count - 1
            so = f", nor {others:,} more reference{'' if others == 1 else 's'}" if others else ""
            message = f"the image {quoted(reference)} is relative, and there is no `images.base_url` to resolve it{so}"
            hint = "add `images: {base_url: https://…}`, or write a whole URL, such as https://example.com/lamp.jpg"
            self._report.error(place, message, hint)

    def _look(self, reference: str) -> Picture | PictureFault | None:
        if reference and urls.is_relative(reference):
            return self._look_below_base(reference)
        problem = urls.problem_with(reference)
        if problem is None:
            return Picture(reference)
        return _fault(f"the image URL {quoted(urls.without_password(reference))}", problem)

    def _look_below_base(self, reference: str) -> Picture | PictureFault | None:
        parsed = urls.parse_relative(reference)
        if isinstance(parsed, tuple):
            return _fault(f"the image {quoted(reference)}", parsed)
        # rule images_dir_optional
        if self._base is None or (self._copies is None and self._has_folder):
            return None
        # rule below_base_url
        url = self._base + parsed.rest
        # rule local_file
        if self._copies is None:
            return Picture(url)
        digest = self._copies.sha256(parsed.parts)
        if isinstance(digest, tuple):
            return _fault(f"the image {quoted(reference)}", digest)
        return Picture(url, digest, self._copies.folder.joinpath(*parsed.parts))

    @staticmethod
    def _read_base(document: Document, report: Report) -> str | None:
        node = _text(document, "base_url")
        if node is None:
            return None
        problem = urls.problem_with_base(node.text)
        if problem is not None:
            report.error(node, f"`base_url` {quoted(urls.without_password(node.text))} {problem[0]}", problem[1])
            return None
        return node.text.rstrip("/") + "/"

    @staticmethod
    def _read_folder(document: Document, folder: Path, report: Report) -> Copies | None:
        node = _text(document, "dir")
        if node is None or not check_path(node, "../images", report):
            return None
        copies = Copies(folder / node.text, node.text)
        # rule images_dir
        problem = copies.problem()
        if problem is not None:
            report.error(node, f"the folder of images {quoted(node.text)} {problem}", from_folder(folder))
            return None
        return copies


def _text(document: Document, key: str) -> Scalar | None:
    node = document.image_settings.get(key)
    return node if isinstance(node, Scalar) else None


def _fault(name: str, problem: urls.Problem) -> PictureFault:
    what, hint = problem
    return PictureFault(what, f"{name} {what}", hint)
