"""The report's files: each written whole, or not at all.

Owns how they reach the disk: rendered first, then written under a temporary name in the same folder, made durable
and renamed into place. A reader never sees half a report, and a failure leaves the old one standing.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.errors import OutputError
from hailuo_batch.report.model import Report
from hailuo_batch.report.render_html import render_html
from hailuo_batch.report.render_json import render_json
from hailuo_batch.report.render_markdown import render_markdown


@dataclass(frozen=True, slots=True)
class ReportPaths:
    """Where the report lies."""

    json: Path
    markdown: Path
    html: Path


def write_reports(report: Report, folder: Path) -> ReportPaths:
    """Write report.json, report.md and report.html into the folder, which is made where it is missing.

    Raises OutputError where the disk does not allow it; the ledger is not touched.
    """
    paths = ReportPaths(folder / "report.json", folder / "report.md", folder / "report.html")
    texts = {
        paths.json: render_json(report),
        paths.markdown: render_markdown(report),
        paths.html: render_html(report),
    }
    for path, text in texts.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write_whole(path, text.encode("utf-8"))
        except OSError as error:
            raise OutputError(
                f"The report could not be written to {path}: {error.strerror or error}. Nothing was paid for it, and "
                "the ledger and the videos are untouched. Make room or give the folder back its write permission, "
                "then write it again with `hailuo-batch report`."
            ) from error
    return paths


def _write_whole(path: Path, content: bytes) -> None:
    """Replace the file in one step. The name is this process's own, so that two writers never share one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
