"""The report's files: their names, and how they are written, each completely or not at all.

All are rendered before the first is written, so that a failure to render keeps the old report.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from pathlib import Path

from hailuo_batch.adapters.local.fs import remove_stale_temporaries, write_durably
from hailuo_batch.errors import OutputError
from hailuo_batch.report.folder_scan import stamps_of
from hailuo_batch.report.model import Report, is_time_independent
from hailuo_batch.report.verified_files import Mark, VerifiedFiles


class Format(StrEnum):
    """The formats of a report, by the names that `report --format` takes."""

    HTML = "html"
    JSON = "json"
    MARKDOWN = "md"
    CSV = "csv"
    JUNIT = "junit"


_NAMES: Mapping[Format, str] = {
    Format.HTML: "report.html",
    Format.JSON: "report.json",
    Format.MARKDOWN: "report.md",
    Format.CSV: "report.csv",
    Format.JUNIT: "report.junit.xml",
}


def _renderers() -> Mapping[Format, Callable[[Report], str]]:
    """The function that renders each format. Imported only when a file has to be written, which is seldom."""
    from hailuo_batch.report.render_csv import render_csv
    from hailuo_batch.report.render_html import render_html
    from hailuo_batch.report.render_json import render_json
    from hailuo_batch.report.render_junit import render_junit
    from hailuo_batch.report.render_markdown import render_markdown

    return {
        Format.HTML: render_html,
        Format.JSON: render_json,
        Format.MARKDOWN: render_markdown,
        Format.CSV: render_csv,
        Format.JUNIT: render_junit,
    }


def are_current(
    verified: VerifiedFiles | None, report: Report, mark: Mark, folder: Path, formats: Iterable[Format]
) -> bool:
    """Whether these files hold this report already, apart from its time, and are unchanged since.

    `mark` is where the ledger's journal ended before the report was made from it.
    """
    names = [_NAMES[form] for form in formats]
    if verified is None or (verified.mark, verified.content_hash) != (mark, _content_hash(report)):
        return False
    now = stamps_of(folder, names)
    return all(name in now and now[name] == verified.files.get(name) for name in names)


def verify_reports(
    old: VerifiedFiles | None, report: Report, mark: Mark, folder: Path, formats: Iterable[Format]
) -> VerifiedFiles | None:
    """The cache entry for these files, which are up to date now; None for a report that changes as time goes by."""
    if not is_time_independent(report):
        return None
    made_of = _content_hash(report)
    others = old.files if old is not None and (old.mark, old.content_hash) == (mark, made_of) else {}
    return VerifiedFiles(mark, made_of, {**others, **stamps_of(folder, [_NAMES[form] for form in formats])})


def _content_hash(report: Report) -> str:
    """A hash of what the report shows and the journal does not."""
    stills = (sorted(report.stills.posters), sorted(report.stills.references.items()))
    shown = (report.resume_command, report.manifest_sha256, report.description, report.applying, *stills)
    return hashlib.sha256(json.dumps(shown).encode("ascii")).hexdigest()


def report_paths(folder: Path, formats: Iterable[Format]) -> dict[Format, Path]:
    """The path of each of these files."""
    wanted = set(formats)
    return {form: folder / name for form, name in _NAMES.items() if form in wanted}


def write_reports(report: Report, folder: Path, formats: Iterable[Format] = tuple(Format)) -> dict[Format, Path]:
    """Write the report in these formats into the folder, and create that if it is missing. Returns each file's path.

    Raises OutputError if a file cannot be written.
    """
    wanted = set(formats)
    texts = {form: render(report) for form, render in _renderers().items() if form in wanted}
    paths = report_paths(folder, texts)
    path = next(iter(paths.values()), folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for form, path in paths.items():
            write_durably(path, texts[form].encode("utf-8"))
        remove_stale_temporaries(folder, [path.name for path in folder.iterdir()])
    except OSError as error:
        raise OutputError(
            f"The report could not be written to {path}: {error.strerror or error}. The ledger and the videos are "
            "intact. Free some space or make the folder writable, then run `hailuo-batch report MANIFEST`."
        ) from error
    return paths
