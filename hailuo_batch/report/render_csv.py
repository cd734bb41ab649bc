"""report.csv: the campaign's money for a spreadsheet, one row for each run that was ever requested.

No cell can be taken for a formula. The columns of money add up to the campaign's spend, runs of forgotten takes
included. Amounts are US dollars as plain decimals.
"""

import csv
import io
import re
from collections.abc import Iterator

from hailuo_batch.report.fields import format_time
from hailuo_batch.report.model import Attempt, Report
from hailuo_batch.values import MICRO_USD_PER_USD

COLUMNS = (
    *("campaign", "tags", "take", "run_id", "model", "created", "finished", "charged_usd", "refunded_usd"),
    *("attempt", "state", "superseded", "damaged"),
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_FORMULA = re.compile(r'(^|;)(?=[\s"]*[=+\-@\uff1d\uff0b\uff0d\uff20])')  # the last four are read alike, in full width
_SURROGATE = re.compile("[\ud800-\udfff]")


def render_csv(report: Report) -> str:
    """The text of report.csv: RFC 4180, a header line, then the runs take by take."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for tags, attempt in _attempts(report):
        writer.writerow(_row(report.campaign, tags, attempt))
    return text.getvalue()


def _attempts(report: Report) -> Iterator[tuple[tuple[str, ...], Attempt]]:
    for take in report.takes:
        for attempt in take.attempts:
            yield take.take.tags, attempt
    for attempt in report.forgotten:
        yield (), attempt


def _row(campaign: str, tags: tuple[str, ...], attempt: Attempt) -> tuple[str, ...]:
    run = attempt.run
    unnamed = run.run_id is None
    return (
        *map(_cell, (campaign, "; ".join(tags), run.take_id, run.run_id or "", run.model)),
        format_time(run.submitted_at) or "",
        format_time(run.completed_at) or "",
        "" if unnamed else _usd(attempt.charged_micro_usd),
        "" if unnamed else _usd(attempt.refunded_micro_usd),
        str(run.attempt),
        str(run.state),
        "yes" if run.is_superseded else "no",
        "yes" if run.flaws else "no",
    )


def _cell(text: str) -> str:
    """Text on one line that is no formula to a spreadsheet, even to one that splits cells at semicolons."""
    line = _SURROGATE.sub("\ufffd", _CONTROL.sub(" ", text))
    return _FORMULA.sub(r"\1'", line)


def _usd(micro_usd: int) -> str:
    whole, fraction = divmod(micro_usd, MICRO_USD_PER_USD)
    return f"{whole}.{f'{fraction:06d}'.rstrip('0').ljust(2, '0')}"
