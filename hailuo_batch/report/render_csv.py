"""report.csv: the campaign for a spreadsheet, one row for each run that was ever requested.

No cell can be taken for a formula. The columns of money add up to the campaign's spend, runs of forgotten takes
included. Amounts are US dollars as plain decimals. Each variable that any take has is a column of its own, whose name
begins with `var:`, so that it never has the name of another column.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hailuo_batch.report.fields import format_time
from hailuo_batch.report.model import Attempt, Report
from hailuo_batch.values import MICRO_USD_PER_USD

COLUMNS = (
    *("campaign", "tags", "take", "run_id", "model", "created", "finished", "charged_usd", "refunded_usd"),
    *("attempt", "state", "superseded", "damaged", "prompt", "file", "clip_seconds"),
)
VARIABLE = "var:"
"""What the column of a variable is called before the variable's name."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_FORMULA = re.compile(r'(^|;)(?=[\s"]*[=+\-@\uff1d\uff0b\uff0d\uff20])')  # the last four are read alike, in full width
_NEGATIVE_NUMBER = re.compile(r"-[0-9]+([.,][0-9]+)?")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class _Row:
    """A run, with the tags and the variables of its take."""

    attempt: Attempt
    tags: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


def render_csv(report: Report) -> str:
    """The text of report.csv: RFC 4180, a header line, then the runs take by take."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    names = sorted({name for take in report.takes for name in take.take.variables})
    writer.writerow((*COLUMNS, *(cell(f"{VARIABLE}{name}") for name in names)))
    for row in _rows(report):
        writer.writerow((*_fixed_cells(report, row), *(cell(row.variables.get(name, "")) for name in names)))
    return text.getvalue()


def _rows(report: Report) -> Iterator[_Row]:
    for take in report.takes:
        asked = take.take
        for attempt in take.attempts:
            # a run that was made for something else may be of another row than the take has now
            is_asked = attempt.run.fingerprint == asked.fingerprint
            yield _Row(attempt, asked.tags, asked.variables) if is_asked else _Row(attempt, asked.tags)
    for attempt in report.forgotten:
        yield _Row(attempt)


def _fixed_cells(report: Report, row: _Row) -> tuple[str, ...]:
    attempt, run = row.attempt, row.attempt.run
    unnamed = run.run_id is None
    files = [output.path for output in run.outputs if output.path is not None]
    return (
        *map(cell, (report.campaign, "; ".join(row.tags), run.take_id, run.run_id or "", run.model)),
        format_time(run.submitted_at) or "",
        format_time(run.completed_at) or "",
        "" if unnamed else _usd(attempt.charged_micro_usd),
        "" if unnamed else _usd(attempt.refunded_micro_usd),
        str(run.attempt),
        str(run.state),
        "yes" if run.is_superseded else "no",
        "yes" if run.flaws else "no",
        cell(run.prompt),
        cell("; ".join(files)),
        _lengths(files, report.clip_lengths),
    )


def _lengths(files: Sequence[str], known: Mapping[str, float]) -> str:
    """The lengths of the files in seconds, in their order; empty if none is known."""
    lengths = [f"{known[file]:.3f}".rstrip("0").rstrip(".") if file in known else "" for file in files]
    return "; ".join(lengths) if any(lengths) else ""


def cell(text: str) -> str:
    """Text on one line that is no formula to a spreadsheet, even to one that splits cells at semicolons.

    An apostrophe before the sign that would begin a formula makes a spreadsheet show the cell as it is. A negative
    number gets none: it computes nothing, and with an apostrophe it could neither be read at a glance nor added up.
    """
    line = _SURROGATE.sub("\ufffd", _CONTROL.sub(" ", text))
    return line if _NEGATIVE_NUMBER.fullmatch(line) else _FORMULA.sub(r"\1'", line)


def _usd(micro_usd: int) -> str:
    whole, fraction = divmod(micro_usd, MICRO_USD_PER_USD)
    return f"{whole}.{f'{fraction:06d}'.rstrip('0').ljust(2, '0')}"
