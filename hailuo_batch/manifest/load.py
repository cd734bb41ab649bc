"""From a manifest's file to a Campaign, or to every diagnostic at once.

The one place where the steps meet: read, parse, check, expand. Never raises for what a user or a disk can cause.
"""

import gc
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hailuo_batch.manifest.diagnostics import Diagnostic, Place, Refused, Report, Spot
from hailuo_batch.manifest.document import Document, read_limits
from hailuo_batch.manifest.expansion.expand import expand
from hailuo_batch.manifest.files.file_cache import Library
from hailuo_batch.manifest.files.lines import Around, Breaks, around, excerpt
from hailuo_batch.manifest.images.references import Picture
from hailuo_batch.manifest.validation.check import ShotCheck, check
from hailuo_batch.manifest.yaml.parse import parse_source, read_source
from hailuo_batch.values import Campaign


@dataclass(frozen=True, slots=True)
class Loaded:
    """A manifest that was read. `campaign` is None exactly where a diagnostic is an error.

    `tables` has the SHA-256, in hex, of each table that was read, by its path; `copies` the images that have a local
    copy, by their URLs; `image_base` is the URL that relative references begin with, empty where there is none.
    """

    campaign: Campaign | None
    diagnostics: tuple[Diagnostic, ...]
    tables: Mapping[str, str] = field(default_factory=dict)
    copies: Mapping[str, Picture] = field(default_factory=dict)
    image_base: str = ""


def load_manifest(path: Path) -> Loaded:
    """The campaign in the file, with all that there is to say about it in the order of the file.

    A file that cannot be read is a diagnostic at 1:1. Diagnostics name the file by `path` as it was given, and others
    by their paths from there.
    """
    reading = _Reading(path)
    with _collector_at_rest():
        try:
            reading.read()
        except Refused as refused:
            reading.report.refuse(refused)
        return reading.loaded()


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Nothing that reading makes is garbage in a circle: looking for it takes a third of the time and finds nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Reading:
    """A manifest while it is read."""

    def __init__(self, path: Path) -> None:
        self.report = Report(str(path))
        self._path = path
        self._data = b""
        self._library = Library(path, self.report)
        self._campaign: Campaign | None = None
        self._copies: Mapping[str, Picture] = {}
        self._image_base = ""

    def read(self) -> None:
        """Reads as far as there is sense in it. Raises Refused where nothing more can be understood."""
        self._data = read_source(self._path)
        shot_check = ShotCheck(self.report)
        root = parse_source(self._data, self.report, "shots", shot_check.look)
        document = check(root, shot_check, self.report)
        # rule checked_together
        if document is not None:
            self._campaign = self._expanded(document)

    def loaded(self) -> Loaded:
        """What came of it."""
        # name wrong_is_nothing
        campaign = None if self.report.has_errors else self._campaign
        return Loaded(campaign, self._diagnostics(), self._library.digests(), self._copies, self._image_base)

    def _expanded(self, document: Document) -> Campaign:
        limits = read_limits(document, self.report)
        shots, self._copies = expand(document, self._library, self.report)
        base = document.image_settings.get("base_url")
        self._image_base = "" if base is None else base.text
        digest = hashlib.sha256(self._data).hexdigest()
        return Campaign(document.campaign, shots, digest, document.description, limits)

    def _diagnostics(self) -> tuple[Diagnostic, ...]:
        """The findings, each with the line that it is in."""
        found = self.report.diagnostics()
        contents = {**self._library.contents, self.report.path: self._data}
        lines: dict[tuple[str, Place], Around] = {}
        for path in {each.path for each in found}:
            breaks = Breaks.YAML if path == self.report.path else Breaks.CSV
            wanted = {Spot(each.line, each.column) for each in found if each.path == path}
            here = around(contents.get(path, b""), wanted, breaks)
            lines.update({(path, place): line for place, line in here.items()})
        return tuple(
            _with_source(each, lines.get((each.path, Spot(each.line, each.column)), Around())) for each in found
        )


def _with_source(found: Diagnostic, line: Around) -> Diagnostic:
    shown = excerpt(line)
    return found.with_source(shown.text, shown.caret)
