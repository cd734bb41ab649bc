"""From a manifest's file to a campaign, or to every diagnostic at once.

The one place where the steps meet: read, parse, check, expand, look over. Never raises for what a user or a disk can
cause.
"""

import gc
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from hailuo_batch.manifest.diagnostics import Diagnostic, Diagnostics, FatalDiagnostic, Position, Positioned, Severity
from hailuo_batch.manifest.document import Document, read_limits
from hailuo_batch.manifest.expansion.expand import expand_shots
from hailuo_batch.manifest.files.file_cache import FileCache
from hailuo_batch.manifest.files.lines import LineBreaks, SourceLine, find_source_lines
from hailuo_batch.manifest.images.image_findings import refuse_images, warn_about_images
from hailuo_batch.manifest.images.references import ResolvedImage
from hailuo_batch.manifest.lint.check import check_campaign
from hailuo_batch.manifest.validation.check import ShotValidator, check_document
from hailuo_batch.manifest.validation.sent_scalars import sent_scalars
from hailuo_batch.manifest.yaml.dropped_text import DroppedTexts, warn_of_dropped_text
from hailuo_batch.manifest.yaml.parse import parse_yaml, read_manifest_file
from hailuo_batch.values import CampaignSpec, Shot
from hailuo_batch.warning_codes import WarningCode


@dataclass(frozen=True, slots=True)
class LoadedManifest:
    """A manifest that was read. `campaign` is None exactly if a diagnostic is an error.

    `tables` has the SHA-256, in hex, of each table that was read, by its path; `local_images` the images whose content
    is known without a network, by their URLs; `image_base_url` is the URL that relative references begin with, empty
    if there is none. `accepted` are the warnings that the whole manifest accepts, `accepted_by_shot` those that a shot
    accepts besides, by its ID. `missing_tables` are the paths of tables that are not there.
    """

    campaign: CampaignSpec | None
    diagnostics: tuple[Diagnostic, ...]
    tables: Mapping[str, str] = field(default_factory=dict)
    local_images: Mapping[str, ResolvedImage] = field(default_factory=dict)
    image_base_url: str = ""
    accepted: frozenset[WarningCode] = frozenset()
    accepted_by_shot: Mapping[str, frozenset[WarningCode]] = field(default_factory=dict)
    missing_tables: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ManifestText:
    """A manifest that is in no file: its bytes, and what diagnostics call it."""

    name: str
    data: bytes


def load_manifest(
    path: Path, warning_severity: Severity = Severity.WARNING, text: ManifestText | None = None
) -> LoadedManifest:
    """The campaign in the file, with all diagnostics in the order of the file.

    A file that cannot be read is a diagnostic at 1:1. Diagnostics name the file by `path` as it was given, and others
    by their paths from there. Warnings count as `warning_severity`. `text`, if given, stands for the file: only what it
    names is looked for beside `path` then.
    """
    return _run(_Loader(path, warning_severity, text), _Loader.load)


def load_with_image_warnings(
    path: Path, warning_severity: Severity = Severity.WARNING, text: ManifestText | None = None
) -> LoadedManifest:
    """The same, with warnings about the images whose content is known without a network."""
    # rule local_images_judged
    return _run(_Loader(path, warning_severity, text), _Loader.load, _Loader.warn_about_images)


def load_with_image_findings(
    path: Path, warning_severity: Severity = Severity.WARNING, text: ManifestText | None = None
) -> LoadedManifest:
    """The same, where such an image that cannot be used is an error too.

    An apply must not be kept from collecting what is paid for by an image of another take: it refuses to pay instead.
    """
    loader = _Loader(path, warning_severity, text)
    # rule local_images_refused
    return _run(loader, _Loader.load, _Loader.warn_about_images, _Loader.refuse_images)


def _run(loader: "_Loader", *steps: "Callable[[_Loader], None]") -> LoadedManifest:
    with _gc_paused():
        try:
            for step in steps:
                step(loader)
        except FatalDiagnostic as fatal:
            loader.diagnostics.add_fatal(fatal)
        return loader.result()


@contextmanager
def _gc_paused() -> Iterator[None]:
    """Loading makes no cyclic garbage: to look for it would take a third of the time and find nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Loader:
    """A manifest while it is loaded."""

    def __init__(self, path: Path, warning_severity: Severity, text: ManifestText | None) -> None:
        self.diagnostics = Diagnostics(str(path) if text is None else text.name, warning_severity)
        self._path = path
        self._text = text
        self._data = b""
        self._file_cache = FileCache(path, self.diagnostics)
        self._campaign: CampaignSpec | None = None
        self._shots: Sequence[Shot] = ()
        self._local_images: Mapping[str, ResolvedImage] = {}
        self._image_base_url = ""
        self._accepted: frozenset[WarningCode] = frozenset()
        self._accepted_by_shot: Mapping[str, frozenset[WarningCode]] = {}

    def load(self) -> None:
        """Read, parse, check and expand. Raises FatalDiagnostic if nothing more can be understood."""
        self._data = read_manifest_file(self._path) if self._text is None else self._text.data
        dropped = DroppedTexts(self._data)
        shot_validator = ShotValidator(self.diagnostics, dropped)
        root = parse_yaml(self._data, self.diagnostics, "shots", shot_validator.validate, dropped)
        document = check_document(root, shot_validator, self.diagnostics)
        if document is not None and dropped:
            with self.diagnostics.accepting(document.accepted):
                warn_of_dropped_text(sent_scalars(document.node), dropped, self.diagnostics)
        # rule checked_together
        if document is not None:
            self._campaign = self._expand(document, dropped)

    def warn_about_images(self) -> None:
        """Warn of what speaks against the images whose content is known."""
        with self.diagnostics.accepting(self._accepted):
            warn_about_images(self._local_images, self._shots, self.diagnostics)

    def refuse_images(self) -> None:
        """Report the images that cannot be used. Raises FatalDiagnostic for too many of them."""
        refuse_images(self._local_images, self._shots, self.diagnostics)

    def _expand(self, document: Document, dropped: DroppedTexts) -> CampaignSpec:
        limits = read_limits(document, self.diagnostics)
        # rule accepted_at_top
        with self.diagnostics.accepting(document.accepted):
            expanded = expand_shots(document, self._file_cache, self.diagnostics)
            check_campaign(document, expanded, dropped, self.diagnostics)
        self._accepted, self._shots = document.accepted, expanded.shots
        self._local_images, self._accepted_by_shot = expanded.local_images, expanded.accepted
        base_url = document.image_settings.get("base_url")
        self._image_base_url = "" if base_url is None else base_url.text
        digest = hashlib.sha256(self._data).hexdigest()
        return CampaignSpec(document.campaign, expanded.shots, digest, document.description, limits)

    def result(self) -> LoadedManifest:
        """What was loaded. There is no campaign after any error, so that nothing half understood is ever paid for."""
        # name wrong_is_nothing
        campaign = None if self.diagnostics.has_errors else self._campaign
        return LoadedManifest(
            campaign,
            self._with_source_lines(),
            self._file_cache.table_digests(),
            self._local_images,
            self._image_base_url,
            self._accepted,
            self._accepted_by_shot,
            frozenset(self._file_cache.missing),
        )

    def _with_source_lines(self) -> tuple[Diagnostic, ...]:
        """The diagnostics, each with the line that it is in."""
        found = self.diagnostics.in_order()
        contents = {**self._file_cache.contents, self.diagnostics.path: self._data}
        lines: dict[tuple[str, Positioned], SourceLine] = {}
        for path in {each.path for each in found} - self._file_cache.not_text:
            breaks = LineBreaks.YAML if path == self.diagnostics.path else LineBreaks.CSV
            places = {Position(each.line, each.column) for each in found if each.path == path}
            source_lines = find_source_lines(contents.get(path, b""), places, breaks)
            lines.update({(path, place): line for place, line in source_lines.items()})
        return tuple(
            _with_source(each, lines.get((each.path, Position(each.line, each.column)), SourceLine())) for each in found
        )


def _with_source(diagnostic: Diagnostic, line: SourceLine) -> Diagnostic:
    source, caret = line.excerpt()
    return replace(diagnostic, source=source, caret=caret)
