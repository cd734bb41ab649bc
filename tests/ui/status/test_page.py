"""The page of `status`: what counts first, no more than a screen of the rest, and each advice once."""

import pytest

from hailuo_batch.core.model.runs import TakeRecord
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.core.planning.estimate import TimeNeeded
from hailuo_batch.text import COLOURED, PLAIN, display_width
from hailuo_batch.ui.screen.paint import paint
from hailuo_batch.ui.status.page import Detail, StatusPage, render_page, share_rows
from tests.helpers.snapshots import record, run, take
from tests.report.builders import every_state, report_of


def many(state: RunState | None, number: int, prefix: str = "a-long-name-of-a-product-") -> list[TakeRecord]:
    takes = [take(f"{prefix}{n}") for n in range(number)]
    return [record(of, *([] if state is None else [run(state, of, reason="no luck")])) for of in takes]


def shown(
    *records: TakeRecord, detail: Detail = Detail.SHORT, columns: int | None = 80, time: TimeNeeded | None = None
) -> list[str]:
    page = StatusPage(report_of(*records), (), 0, "", time, is_part=False)
    return paint(render_page(page, detail, columns), PLAIN)


def test_totals_progress_time_and_money_come_first() -> None:
    lines = shown(*many(RunState.SUCCEEDED, 3), *many(None, 1, "vase-"), time=TimeNeeded(10.0, 65.0))
    assert lines == [
        "3 of 4 takes done, 1 waiting.",
        "██████████████████████████████░░░░░░░░░░ 75 %",
        "Time for the next apply: about 1m 5s.",
        "Charged $0.84, refunded $0.00, net $0.84.",
        "",
        "  ◦ waiting  vase-0  nothing sent yet",
        "",
        "To continue: hailuo-batch apply manifests/spring.yaml",
    ]


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (TimeNeeded(0.0, None), "Time for the next apply: not known yet."),
        (TimeNeeded(60.0, None), "Time for the next apply: not known yet; at least 1m."),
        (TimeNeeded(0.0, 0.0), "Time for the next apply: about 1s."),
    ],
)
def test_a_time_that_is_not_known_is_said_to_be(time: TimeNeeded, words: str) -> None:
    assert shown(*many(None, 1), time=time)[2] == words


def test_while_an_apply_runs_its_time_is_shown_and_no_other_is_asked_for() -> None:
    report = report_of(*many(RunState.PROCESSING, 2), submitting_means=TakeState.WAITING)
    page = StatusPage(
        report,
        (),
        0,
        "hailuo-batch apply (process 7) is running on this campaign.",
        TimeNeeded(0.0, 30.0),
        is_part=False,
    )
    lines = render_page(page, Detail.SHORT, 80)
    assert lines[2:4] == ["Time left: about 30s.", "hailuo-batch apply (process 7) is running on this campaign."]
    assert not any("To continue" in line for line in lines)


@pytest.mark.parametrize("columns", [None, 60, 80, 200])
def test_a_thousand_takes_are_less_than_forty_lines(columns: int | None) -> None:
    kinds = [state for state in RunState if state is not RunState.IN_DOUBT]
    records = [each for state in kinds for each in many(state, 1_005 // len(kinds), f"a-long-name-{state}-")]
    lines = shown(*records, *many(None, 5), columns=columns, time=TimeNeeded(0.0, None))
    assert len(lines) < 40
    assert columns is None or max(display_width(line) for line in lines if "hailuo-batch" not in line) <= columns
    assert any(line.startswith("  ... and ") and line.endswith(" more waiting; -v shows them") for line in lines)


def test_an_advice_is_given_once_however_many_takes_it_is_for() -> None:
    lines = shown(*many(RunState.FAILED, 12), *many(None, 1, "vase-"))
    assert " ".join(lines).count("one more attempt") == 1
    assert "a-long-name-of-a-product-2 and 9 more: The run failed" in " ".join(lines)
    assert [line for line in lines if line.startswith("  hailuo-batch")] == [
        "  hailuo-batch retry manifests/spring.yaml",
        "  hailuo-batch apply manifests/spring.yaml --only TAKE",
    ]


def test_some_of_those_that_can_be_retried_are_named() -> None:
    other = take("refused")
    lines = shown(*many(RunState.FAILED, 12), record(other, run(RunState.REJECTED, other, reason="no")))
    assert "  hailuo-batch retry manifests/spring.yaml TAKE" in lines


def test_what_is_done_is_shown_on_demand() -> None:
    records = [*many(RunState.SUCCEEDED, 30), *many(RunState.FAILED, 30, "vase-")]
    assert sum("✓ done" in line for line in shown(*records)) == 0
    assert sum("✗ failed" in line for line in shown(*records)) == 20
    assert sum("✗ failed" in line for line in shown(*records, detail=Detail.UNFINISHED)) == 30
    assert sum("✓ done" in line for line in shown(*records, detail=Detail.ALL)) == 30
    assert len(shown(*records, detail=Detail.TOTALS)) == 3


def test_takes_that_left_the_manifest_are_named_with_what_becomes_of_them() -> None:
    gone = take("old")
    lines = " ".join(shown(record(gone, run(of=gone), in_manifest=False)))
    assert "1 take left the manifest: old. Files stay where they are" in lines
    assert "nothing more is paid" in lines


def test_new_takes_are_those_of_the_next_plan() -> None:
    page = StatusPage(
        report_of(*many(RunState.SUCCEEDED, 1)), (), 3, "", None, False, True, with_full_commands=str.upper
    )
    assert any("THE MANIFEST ASKS FOR 3 MORE" in line for line in render_page(page, Detail.SHORT, 80))


@pytest.mark.parametrize("detail", Detail)
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_every_state_fits_in_colour_and_without(detail: Detail, columns: int) -> None:
    page = StatusPage(report_of(*every_state()), ("  doubts",), 2, "", TimeNeeded(0.0, None), is_part=False)
    lines = render_page(page, detail, columns)
    commands = ("hailuo-batch",)  # a command is one line: wrapped, it could not be pasted
    assert all(display_width(line) <= columns for line in lines if not any(word in line for word in commands))
    for palette in (PLAIN, COLOURED):
        text = "\n".join(paint(lines, palette))
        for code in palette.codes:
            text = text.replace(code, "") if code else text
        assert text == "\n".join(paint(lines, PLAIN))
    if detail is Detail.ALL:
        words = {state.replace("_", " ") for state in TakeState}
        assert all(any(word in line for line in lines) for word in words)


@pytest.mark.parametrize(
    ("sizes", "shares"),
    [
        ([], []),
        ([5], [5]),
        ([100], [20]),
        ([100, 100], [17, 3]),
        ([2, 100, 100], [2, 15, 3]),
        ([1] * 8, [1] * 8),
        ([9] * 8, [6, 2, 2, 2, 2, 2, 2, 2]),
    ],
)
def test_each_group_gets_a_few_rows_and_the_first_the_rest(sizes: list[int], shares: list[int]) -> None:
    assert share_rows(sizes, 20) == shares
    assert sum(shares) <= 20


@pytest.mark.parametrize(("rows", "shown"), [(24, 11), (12, 4), (200, 20), (None, 20)])
def test_what_comes_first_does_not_scroll_out_of_a_terminal(rows: int | None, shown: int) -> None:
    records = many(RunState.PENDING, 40)
    page = StatusPage(report_of(*records), (), 0, "", None, is_part=False, rows=rows)
    lines = render_page(page, Detail.SHORT, 80)
    assert sum("run_" in line for line in lines) == shown
    assert rows is None or rows < 20 or len(lines) < rows
