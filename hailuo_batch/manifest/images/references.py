"""The images that shots refer to: each reference as the URL that is sent, and its local copy's hash.

Owns what `images` in a manifest means. What is wrong with `images` itself is reported here, once; references that
are unusable only for that reason are not reported one by one.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from hailuo_batch.image_files.content import ImageContent
from hailuo_batch.manifest.diagnostics import Diagnostics, Positioned
from hailuo_batch.manifest.document import Document
from hailuo_batch.manifest.files.file_cache import check_path, paths_hint
from hailuo_batch.manifest.images import urls
from hailuo_batch.manifest.images.data_urls import decode_data_url
from hailuo_batch.manifest.images.local_copies import LocalCopies
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.nodes import ScalarNode
from hailuo_batch.warning_codes import WarningCode


@dataclass(frozen=True, slots=True)
class ImageUse:
    """A place where an image is referred to, and the warnings that are accepted there."""

    place: Positioned
    accepted: frozenset[WarningCode]


@dataclass(frozen=True, slots=True)
class ResolvedImage:
    """One image: its URL, and its local copy's SHA-256 and file; both None if there is no copy.

    `content` is what is known of it without a network: from its copy or its `data:` URL, None for any other. `name` is
    what a message calls it, and `uses` where it is referred to; both are there if its content is known.
    """

    url: str
    sha256: str | None = None
    file: Path | None = None
    content: ImageContent | None = None
    name: str = ""
    uses: tuple[ImageUse, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageProblem:
    """What is wrong with a reference. `message` is the reference's name, then `problem`.

    `file` is the reference again if its file is what is wrong: each such file is a cause of its own.
    """

    problem: str
    message: str
    hint: str
    file: str = ""


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
        self._uses: dict[str, dict[tuple[int, int, frozenset[WarningCode]], ImageUse]] = {}
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
        if isinstance(image, ResolvedImage) and image.content is not None:
            accepted = self._diagnostics.accepted
            uses = self._uses.setdefault(image.url, {})
            uses.setdefault((place.line, place.column, accepted), ImageUse(place, accepted))
        return image

    def local_images(self) -> dict[str, ResolvedImage]:
        """The images whose content is known without a network, by their URLs."""
        images = (image for image in self._cache.values() if isinstance(image, ResolvedImage))
        known = {image.url: image for image in images if image.content is not None}
        return {url: replace(image, uses=tuple(self._uses[url].values())) for url, image in known.items()}

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
            what = "images" if urls.is_relative(reference) else "URLs"
            message = f"two {what} are in one item, {quoted(urls.redact_password(reference))}"
            hint = 'write two items, from a table of two columns: `["${image}", "${image_2}"]`'
            return ImageProblem("two images", message, hint)
        if urls.holds_other_text(reference):
            message = f"the image {quoted(urls.redact_password(reference))} is a URL among other text"
            return ImageProblem("other text", message, "write the URL alone")
        if reference and urls.is_relative(reference):
            return self._resolve_relative(reference)
        name = f"the image URL {quoted(urls.redact_password(reference))}"
        problem = urls.find_url_problem(reference)
        if problem is not None:
            return _image_problem(name, problem)
        content = decode_data_url(reference) if urls.is_data_url(reference) else None
        return ResolvedImage(reference, content=content, name=name)

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
        copy, name = self._copies.find(parsed.parts), f"the image {quoted(reference)}"
        if isinstance(copy, tuple):
            return replace(_image_problem(name, copy), file=reference)
        return ResolvedImage(url, copy.sha256, copy.file, copy.content, name)

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
