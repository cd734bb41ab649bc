"""What is said of manifests, as data: the document of `validate --json`, and of any command whose manifest is wrong."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hailuo_batch.manifest import Diagnostic, Loaded


def findings_document(loaded: Iterable[tuple[Path, Loaded]]) -> dict[str, Any]:
    """All findings of these manifests as plain JSON data. Lines and columns count from 1, carets from 0."""
    manifests = [_manifest(path, one) for path, one in loaded]
    return {"version": 1, "valid": all(manifest["valid"] for manifest in manifests), "manifests": manifests}


def _manifest(path: Path, loaded: Loaded) -> dict[str, Any]:
    campaign = loaded.campaign
    return {
        "path": str(path),
        "valid": campaign is not None,
        "campaign": None if campaign is None else campaign.name,
        "shots": None if campaign is None else len(campaign.shots),
        "takes": None if campaign is None else sum(1 for _ in campaign.takes),
        "diagnostics": [_diagnostic(found) for found in loaded.diagnostics],
    }


def _diagnostic(found: Diagnostic) -> dict[str, Any]:
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
