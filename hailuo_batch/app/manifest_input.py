"""Reading a manifest for a command: its findings to the user, its campaign to the caller.

What is found is also data: the document of `validate --json`, and of any command whose manifest is wrong.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from hailuo_batch.errors import ManifestError
from hailuo_batch.manifest import Diagnostic, LoadedManifest, ResolvedImage, Severity, load_manifest, render_diagnostic
from hailuo_batch.text import COLOURED, PLAIN, Palette
from hailuo_batch.ui.console import Console, columns_of
from hailuo_batch.values import CampaignSpec


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest without errors: its campaign, and the files that it was made from.

    `tables` has the SHA-256, in hex, of each table by its path; `copies` the images that have a local copy, by their
    URLs; `image_base_url` is the URL that relative references begin with, empty where there is none. `warnings` counts
    those that were shown.
    """

    path: Path
    campaign: CampaignSpec
    tables: Mapping[str, str]
    copies: Mapping[str, ResolvedImage]
    image_base: str
    warnings: int = 0


def load_campaign(path: Path, console: Console) -> CampaignSpec:
    """The campaign in the manifest, after its warnings were shown. Raises ManifestError with every error."""
    return read_manifest(path, console).campaign


def read_manifest(path: Path, console: Console) -> Manifest:
    """The manifest, after its warnings were shown.

    Raises ManifestError with every error; where the user wants a document, the findings are that document.
    """
    loaded = load_manifest(path)
    warnings = [render_finding(found) for found in loaded.diagnostics if found.severity is Severity.WARNING]
    errors = [render_finding(found) for found in loaded.diagnostics if found.severity is Severity.ERROR]
    if loaded.campaign is None:
        if console.as_json:
            # rule findings_json
            console.print_json(findings_document([(path, loaded)]))
        raise ManifestError("\n".join(warnings + errors))
    # rule warnings_shown
    if warnings:
        console.print_verbatim("\n".join(warnings))
    return Manifest(path, loaded.campaign, loaded.tables, loaded.local_images, loaded.image_base_url, len(warnings))


def render_finding(found: Diagnostic) -> str:
    """The finding as it looks on stderr."""
    return render_diagnostic(found, palette_of(sys.stderr), columns_of(sys.stderr))


def palette_of(stream: TextIO) -> Palette:
    """Colours on a terminal, unless the user's environment has NO_COLOR (no-color.org) or a terminal without them."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty()
    return PLAIN if plain else COLOURED


def findings_document(loaded: Iterable[tuple[Path, LoadedManifest]]) -> dict[str, Any]:
    """All findings of these manifests as plain JSON data. Lines and columns count from 1, carets from 0."""
    manifests = [_manifest_fields(path, one) for path, one in loaded]
    return {"version": 1, "valid": all(manifest["valid"] for manifest in manifests), "manifests": manifests}


def _manifest_fields(path: Path, loaded: LoadedManifest) -> dict[str, Any]:
    campaign = loaded.campaign
    return {
        "path": str(path),
        "valid": campaign is not None,
        "campaign": None if campaign is None else campaign.name,
        "shots": None if campaign is None else len(campaign.shots),
        "takes": None if campaign is None else sum(1 for _ in campaign.takes),
        "diagnostics": [_diagnostic_fields(found) for found in loaded.diagnostics],
    }


def _diagnostic_fields(found: Diagnostic) -> dict[str, Any]:
    return {
        "path": found.path,
        "line": found.line,
        "column": found.column,
        "severity": str(found.severity),
        "message": found.message,
        "hint": found.hint or None,
        "origin": found.origin or None,
        "source": found.source or None,
        "caret": found.caret if found.source else None,
    }
