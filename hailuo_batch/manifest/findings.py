"""The findings of manifests as data for JSON. Pure; fields are added, never changed."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hailuo_batch.manifest.diagnostics import Diagnostic
from hailuo_batch.manifest.load import LoadedManifest


def findings_document(loaded: Iterable[tuple[Path, LoadedManifest]]) -> dict[str, Any]:
    """The findings of these manifests as JSON data. Lines and columns count from 1, carets from 0."""
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
        "diagnostics": [diagnostic_fields(found) for found in loaded.diagnostics],
    }


def diagnostic_fields(found: Diagnostic) -> dict[str, Any]:
    """One finding as JSON data."""
    return {
        "path": found.path,
        "line": found.line,
        "column": found.column,
        # rule severity_json
        "severity": str(found.severity),
        # rule code_json
        "code": None if found.code is None else str(found.code),
        "message": found.message,
        "more": found.more,
        "hint": found.hint or None,
        "origin": found.origin or None,
        "source": found.source or None,
        "caret": found.caret if found.source else None,
    }
