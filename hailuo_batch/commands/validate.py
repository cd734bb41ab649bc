"""`validate`: checks manifests without network or ledger, and prints all findings at once."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hailuo_batch.adapters.local.work_tree import list_yaml_files
from hailuo_batch.app.workspace import CampaignLocation
from hailuo_batch.errors import ExitCode
from hailuo_batch.interface.work import look_at_manifest
from hailuo_batch.manifest import LoadedManifest, Severity, find_concerned, render_diagnostic
from hailuo_batch.manifest.findings import findings_document
from hailuo_batch.text import one_line
from hailuo_batch.ui.console import Console, columns_of
from hailuo_batch.ui.text import count


def run(paths: Sequence[Path], severity: Severity, console: Console) -> ExitCode:
    """Check each manifest; warnings count as `severity`. Returns USAGE if any has an error."""
    loaded = [(path, look_at_manifest(CampaignLocation(path), severity)) for path in paths]
    if console.as_json:
        console.print_json(findings_document(loaded))
    else:
        for path, one in loaded:
            _print_findings(path, one, console)
    return ExitCode.DONE if all(one.campaign is not None for _, one in loaded) else ExitCode.USAGE


def run_for_changed(files: Sequence[Path], severity: Severity, console: Console) -> ExitCode:
    """Check the manifests that a change of these files concerns: none at all is no error."""
    manifests = find_concerned(files, list_yaml_files)
    if not manifests:
        console.print_info("No manifest is among these files, and none reads one of them.")
    return run(manifests, severity, console)


def _print_findings(path: Path, loaded: LoadedManifest, console: Console) -> None:
    palette, columns = console.palette(sys.stderr), columns_of(sys.stderr)
    for found in loaded.diagnostics:
        console.print_verbatim(render_diagnostic(found, palette, columns))
    if loaded.campaign is not None:
        shots = count(len(loaded.campaign.shots), "shot")
        takes = count(sum(1 for _ in loaded.campaign.takes), "take")
        console.print_result_unless_quiet(
            f"{one_line(str(path))}: ok, campaign {loaded.campaign.name}, {shots}, {takes}"
        )
    elif len(loaded.diagnostics) > 1:
        severities = Counter(found.severity for found in loaded.diagnostics)
        numbers = [count(severities[severity], str(severity)) for severity in Severity if severities[severity]]
        console.print_info(f"{path}: {', '.join(numbers)}")
