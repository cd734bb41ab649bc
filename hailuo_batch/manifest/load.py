"""From a manifest's file to a Campaign, or to every diagnostic at once.

The one place where the steps meet: read, parse, check, expand. Never raises for what a user or a disk can cause.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.manifest.check import check
from hailuo_batch.manifest.diagnostics import Diagnostic, Refused, Report
from hailuo_batch.manifest.document import read_limits
from hailuo_batch.manifest.expand import expand
from hailuo_batch.manifest.source import parse_source, read_source
from hailuo_batch.values import Campaign


@dataclass(frozen=True, slots=True)
class Loaded:
    """A manifest that was read. `campaign` is None exactly where a diagnostic is an error."""

    campaign: Campaign | None
    diagnostics: tuple[Diagnostic, ...]


def load_manifest(path: Path) -> Loaded:
    """The campaign in the file, with all that there is to say about it in the order of the file.

    A file that cannot be read is a diagnostic at 1:1. Diagnostics name the file by `path` as it was given.
    """
    report = Report(str(path))
    campaign: Campaign | None = None
    try:
        campaign = _load(path, report)
    except Refused as refused:
        report.refuse(refused)
    return Loaded(None if report.has_errors else campaign, report.diagnostics())


def _load(path: Path, report: Report) -> Campaign | None:
    data = read_source(path)
    document = check(parse_source(data, report), report)
    if document is None:
        return None
    limits = read_limits(document, report)
    shots = expand(document, report)
    digest = hashlib.sha256(data).hexdigest()
    return Campaign(document.campaign, shots, digest, document.description, limits)
