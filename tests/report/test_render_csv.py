import csv
import dataclasses
import io
import re
from decimal import Decimal

import pytest

from hailuo_batch.core.model.runs import Supersession
from hailuo_batch.core.model.states import RunState
from hailuo_batch.report.model import build_report
from hailuo_batch.report.render_csv import COLUMNS, render_csv
from tests.helpers.snapshots import STARTED_AT, record, run, snapshot, take
from tests.report.builders import HOSTILE, every_state, report_of


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_run_is_a_row_with_its_money_and_times() -> None:
    wanted = take(tags=("spring", "catalogue"))
    text = render_csv(report_of(record(wanted, run(RunState.FAILED, run_id="run_1", cost=1_280_001))))
    assert text.splitlines()[0] == (
        "campaign,tags,take,run_id,model,created,finished,charged_usd,refunded_usd,attempt,state,superseded,damaged"
    )
    assert rows(text) == [
        {
            "campaign": "spring-lamps",
            "tags": "spring; catalogue",
            "take": "hero",
            "run_id": "run_1",
            "model": "hailuo/pro",
            "created": "2025-10-09T08:53:20.000Z",
            "finished": "2025-10-09T08:55:30.000Z",
            "charged_usd": "1.280001",
            "refunded_usd": "1.280001",
            "attempt": "1",
            "state": "failed",
            "superseded": "no",
            "damaged": "no",
        }
    ]


def test_every_attempt_that_was_sent_has_its_row_in_the_reports_order() -> None:
    report = report_of(*every_state())
    listed = [(row["take"], row["attempt"], row["state"]) for row in rows(render_csv(report))]
    assert listed == [
        (each.id, str(sent.run.attempt), sent.run.state) for each in report.takes for sent in each.attempts
    ]


def test_the_sums_are_the_campaigns_spend_forgotten_and_unpriced_runs_included() -> None:
    old = take("old")
    ledger = snapshot(
        record(take(), run(cost=250_000, superseded_by=Supersession.REPLACE), run(cost=300_000, attempt=2)),
        record(take("f"), run(RunState.FAILED, take("f"), cost=10)),
        record(take("u"), run(RunState.PENDING, take("u"), cost=None)),
        record(take("d"), run(RunState.IN_DOUBT, take("d"))),
    )
    ledger = dataclasses.replace(ledger, forgotten=(run(of=old, cost=7_000_000),))
    report = build_report(ledger, generated_at=STARTED_AT)
    listed = rows(render_csv(report))
    for column, total in (("charged_usd", report.spend.charged_micro_usd), ("refunded_usd", 10)):
        assert sum(Decimal(row[column] or 0) for row in listed) == Decimal(total) / 1_000_000
    assert [row["take"] for row in listed][-1] == "old"


def test_what_is_in_doubt_has_no_amount() -> None:
    [row] = rows(render_csv(report_of(record(take(), run(RunState.IN_DOUBT)))))
    assert (row["run_id"], row["charged_usd"], row["refunded_usd"], row["finished"]) == ("", "", "", "")


@pytest.mark.parametrize(
    "tag",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=cmd|' /C calc'!A0", "\uff1d1", "\uff0b1", "\uff20x"],
)
def test_no_cell_is_a_formula(tag: str) -> None:
    [row] = rows(render_csv(report_of(record(take(tags=(tag,)), run()))))
    assert row["tags"].startswith("'")
    assert not set("\t\r\n") & set(row["tags"])


@pytest.mark.parametrize(
    "tags", [("a", "=1+1"), ("a;=1+1",), ("a; @x", "b"), ("a;;-1",), ('a;"=1',), ('a";\uff1d1"',), ("a;\t+1",)]
)
def test_no_part_of_a_cell_is_a_formula_where_semicolons_part_cells(tags: tuple[str, ...]) -> None:
    [row] = rows(render_csv(report_of(record(take(tags=tags), run()))))
    assert not any(re.match(r'["\s]*[=+@\uff1d-]', part) for part in row["tags"].split(";"))


def test_lines_end_as_the_format_has_it_and_amounts_are_plain_decimals() -> None:
    text = render_csv(report_of(record(take(), run(cost=300_000, superseded_by=Supersession.EDIT), run(attempt=2))))
    assert text.count("\r\n") == text.count("\n") == 3
    assert [(row["charged_usd"], row["superseded"]) for row in rows(text)] == [("0.30", "yes"), ("0.28", "no")]


def test_text_from_outside_is_one_cell() -> None:
    text = render_csv(report_of(record(take(tags=(HOSTILE, 'a "quoted", one')), run(run_id="=run\ud83d"))))
    assert len(list(csv.reader(io.StringIO(text, newline="")))) == 2
    [row] = rows(text)
    assert set(row) == set(COLUMNS)
    assert row["tags"].endswith('; a "quoted", one')
    assert row["run_id"] == "'=run\ufffd"
    assert text.encode()
