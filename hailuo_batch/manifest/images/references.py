"""The images that shots refer to: each reference as the URL that is sent, and its local copy's hash.

Owns what `images` in a manifest means. What is wrong with `images` itself is reported here, once; references that
are unusable only for that reason are not reported one by one.
"""

from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.manifest.diagnostics import Diagnostics, Positioned
from hailuo_batch.manifest.document import Document
from hailuo_batch.manifest.files.file_cache import check_path, paths_hint
from hailuo_batch.manifest.images import urls
from hailuo_batch.manifest.images.local_copies import LocalCopies
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.nodes import ScalarNode


@dataclass(frozen=True, slots=True)
class ResolvedImage:
    """One image: its URL, and its local copy's SHA-256 and file; both None if there is no copy."""

    url: str
    sha256: str | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class ImageProblem:
    """What is wrong with a reference. `message` is the reference's name, then `problem`."""

    problem: str
    message: str
    hint: str


class ImageReferences:
    """Resolves references to images; each distinct one is looked at once."""

    def __init__(self, document: Document, folder: Path, diagnostics: Diagnostics) -> None:
        settings = document.image_settings
        self._diagnostics = diagnostics
        self._has_base = "base_url" in settings
        self._has_folder = "dir" in settings
        self._base = self._read_base(settings.get("base_url"))
        self._copies = self._read_folder(settings.get("dir"), folder)
        self._cache: dict[str, ResolvedImage | ImageProblem | None] = {}
        self._first_without_base: tuple[Positioned, str] | None = None
        self._without_base_count = 0

    def resolve(self, reference: str, place: Positioned) -> ResolvedImage | ImageProblem | None:
        """The image, or what is wrong with the reference; None if that is reported elsewhere."""
        if reference not in self._cache:
            self._cache[reference] = self._resolve_new(reference)
        image = self._cache[reference]
        if image is None and not self._has_base:
            self._without_base_count += 1
            self._first_without_base = self._first_without_base or (place, reference)
        return image

    def local_images(self) -> dict[str, ResolvedImage]:
        """The images that have a local copy, by their URLs."""
        images = (image for image in self._cache.values() if isinstance(image, ResolvedImage))
        return {image.url: image for image in images if image.file is not None}

    def report_missing_base_url(self) -> None:
        """Report, once for all relative references, that `images.base_url` is missing."""
        if self._first_without_base is None:
            return
        place, reference = self._first_without_base
        others = self._without_base_count - 1
        more = f" (and {others:,} more reference{'' if others == 1 else 's'})" if others else ""
        message = f"the image {quoted(reference)} is relative, but there is no `images.base_url`{more}"
        hint = "add `images: {base_url: https://…}`, or write a whole URL, such as https://example.com/lamp.jpg"
        self._diagnostics.error(place, message, hint)

    def _resolve_new(self, reference: str) -> ResolvedImage | ImageProblem | None:
        # rule two_urls
        if urls.holds_two(reference):
            message = f"two URLs are in one item, {quoted(urls.redact_password(reference))}"
            return ImageProblem("two URLs", message, "give each URL an item of its own")
        if urls.holds_other_text(reference):
            message = f"the image {quoted(urls.redact_password(reference))} is a URL among other text"
            return ImageProblem("other text", message, "write the URL alone")
        if reference and urls.is_relative(reference):
            return self._resolve_relative(reference)
        problem = urls.find_url_problem(reference)
        if problem is None:
            return ResolvedImage(reference)
        return _image_problem(f"the image URL {quoted(urls.redact_password(reference))}", problem)

    def _resolve_relative(self, reference: str) -> ResolvedImage | ImageProblem | None:
        parsed = urls.parse_relative(reference)
        if isinstance(parsed, tuple):
            return _image_problem(f"the image {quoted(reference)}", parsed)
        # rule images_dir_optional
        if self._base is None or (self._copies is None and self._has_folder):
            return None
        # rule below_base_url
        url = self._base + parsed.rest
        # rule local_file
        if self._copies is None:
            return ResolvedImage(url)
        digest = self._copies.sha256(parsed.parts)
        if isinstance(digest, tuple):
            return _image_problem(f"the image {quoted(reference)}", digest)
        return ResolvedImage(url, digest, self._copies.folder.joinpath(*parsed.parts))

    def _read_base(self, node: ScalarNode | None) -> str | None:
        if node is None:
            return None
        problem = urls.find_base_url_problem(node.text)
        if problem is None:
            return node.text.rstrip("/") + "/"
        what, hint = problem
        self._diagnostics.error(node, f"`base_url` {quoted(urls.redact_password(node.text))} {what}", hint)
        return None

    def _read_folder(self, node: ScalarNode | None, folder: Path) -> LocalCopies | None:
        if node is None or not check_path(node, "../images", self._diagnostics):
            return None
        copies = LocalCopies(folder / node.text, node.text)
        # rule images_dir
        problem = copies.find_problem()
        if problem is None:
            return copies
        self._diagnostics.error(node, f"the image folder {quoted(node.text)} {problem}", paths_hint(folder))
        return None


def _image_problem(name: str, problem: urls.ProblemAndHint) -> ImageProblem:
    what, hint = problem
    return ImageProblem(what, f"{name} {what}", hint)
