import csv
import dataclasses
import io
import re
from decimal import Decimal

import pytest

from hailuo_batch.core.model.clip_facts import ClipFacts
from hailuo_batch.core.model.runs import Supersession
from hailuo_batch.core.model.states import RunState
from hailuo_batch.report.model import build_report
from hailuo_batch.report.render_csv import COLUMNS, render_csv
from tests.helpers.snapshots import STARTED_AT, output, record, run, snapshot, take
from tests.report.builders import HOSTILE, every_state, report_of


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_run_is_a_row_with_its_money_and_times() -> None:
    wanted = take(tags=("spring", "catalogue"))
    text = render_csv(report_of(record(wanted, run(RunState.FAILED, run_id="run_1", cost=1_280_001))))
    assert text.splitlines()[0] == (
        "campaign,tags,take,run_id,model,created,finished,charged_usd,refunded_usd,attempt,state,superseded,damaged,"
        "prompt,file,clip_seconds"
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
            "prompt": "a lamp on a table",
            "file": "",
            "clip_seconds": "",
        }
    ]


def test_each_variable_is_a_column_that_has_the_name_of_no_other() -> None:
    lamp, desk = take("lamp", variables={"take": "x", "colour": "teal"}), take("desk", variables={"size": "-1"})
    text = render_csv(report_of(record(lamp, run(of=lamp)), record(desk, run(of=desk))))
    assert text.splitlines()[0].endswith(",clip_seconds,var:colour,var:size,var:take")
    assert [[row[f"var:{name}"] for name in ("colour", "size", "take")] for row in rows(text)] == [
        ["teal", "", "x"],
        ["", "-1", ""],
    ]
    assert [row["take"] for row in rows(text)] == ["lamp", "desk"]


def test_a_run_of_another_input_is_not_said_to_be_of_the_row_that_the_take_has_now() -> None:
    before, now = take(prompt="a red lamp"), take(prompt="a teal lamp", variables={"colour": "teal"})
    old = run(of=before, superseded_by=Supersession.EDIT)
    old_row, new_row = rows(render_csv(report_of(record(now, old, run(of=now, attempt=2)))))
    assert (old_row["prompt"], old_row["var:colour"]) == ("a red lamp", "")
    assert (new_row["prompt"], new_row["var:colour"]) == ("a teal lamp", "teal")


def test_a_row_names_its_files_and_how_long_they_play_where_that_is_known() -> None:
    two = run(outputs=(output("hero.mp4"), output("hero.out2.mp4", 1), output(None, 2)))
    other = run(of=take("desk"))
    report = report_of(record(take(), two), record(take("desk"), other))
    unknown, _ = rows(render_csv(report))
    assert (unknown["file"], unknown["clip_seconds"]) == ("hero.mp4; hero.out2.mp4", "")
    known = dataclasses.replace(report, clips={"hero.out2.mp4": ClipFacts(5.875), "desk.mp4": ClipFacts(6.0)})
    assert [row["clip_seconds"] for row in rows(render_csv(known))] == ["; 5.875", "6"]


@pytest.mark.parametrize("number", ["-1", "-0.5", "-1,25", "-007"])
def test_a_negative_number_stays_a_number(number: str) -> None:
    wanted = take(variables={"shift": number})
    [row] = rows(render_csv(report_of(record(wanted, run(of=wanted)))))
    assert row["var:shift"] == number


@pytest.mark.parametrize("value", ["-1+1", "-1;=1", "- 1", "-", "-x", "--1", "-1e9", "-1\n", "=-1"])
def test_what_only_begins_like_a_number_is_no_formula(value: str) -> None:
    wanted = take(prompt=value, variables={"shift": value})
    [row] = rows(render_csv(report_of(record(wanted, run(of=wanted)))))
    for cell in (row["var:shift"], row["prompt"]):
        assert not any(re.match(r'["\s]*[=+@-]', part) for part in cell.split(";"))


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
    ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=cmd|' /C calc'!A0", "\uff1d1", "\uff0b1", "\uff20x"],
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
