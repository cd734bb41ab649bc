"""`validate`: checks manifests without network or ledger, and says everything that is wrong at once."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hailuo_batch.commands.console import Console
from hailuo_batch.commands.loading import drawn
from hailuo_batch.commands.text import count
from hailuo_batch.errors import ExitCode
from hailuo_batch.manifest import Diagnostic, Loaded, Severity, load_manifest


def run(paths: Sequence[Path], console: Console) -> ExitCode:
    """Check each manifest; USAGE if any has an error."""
    loaded = [(path, load_manifest(path)) for path in paths]
    if console.as_json:
        console.document(_document(loaded))
    else:
        for path, one in loaded:
            _tell(path, one, console)
    return ExitCode.DONE if all(one.campaign is not None for _, one in loaded) else ExitCode.USAGE


def _tell(path: Path, loaded: Loaded, console: Console) -> None:
    for found in loaded.diagnostics:
        console.complain(drawn(found))
    if loaded.campaign is not None:
        shots = count(len(loaded.campaign.shots), "shot")
        takes = count(sum(1 for _ in loaded.campaign.takes), "take")
        console.say_result(f"{path}: ok, campaign {loaded.campaign.name}, {shots}, {takes}")
    elif len(loaded.diagnostics) > 1:
        severities = Counter(found.severity for found in loaded.diagnostics)
        numbers = [count(severities[severity], str(severity)) for severity in Severity if severities[severity]]
        console.say(f"{path}: {', '.join(numbers)}")


def _document(loaded: Sequence[tuple[Path, Loaded]]) -> dict[str, Any]:
    return {
        "version": 1,
        "valid": all(one.campaign is not None for _, one in loaded),
        "manifests": [_manifest(path, one) for path, one in loaded],
    }


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
