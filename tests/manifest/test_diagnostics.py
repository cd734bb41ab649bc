"""How a finding reads, and how findings are collected."""

import pytest

from hailuo_batch.manifest.diagnostics import Diagnostic, Refused, Report, Severity, Spot
from hailuo_batch.manifest.expansion.row_faults import Faults
from hailuo_batch.manifest.expansion.substitution import Pattern
from hailuo_batch.manifest.expansion.templates import Text
from hailuo_batch.manifest.expansion.variables import Expansion
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.nodes import Scalar


def test_a_finding_reads_like_a_compilers() -> None:
    assert (
        str(Diagnostic("a/m.yaml", 3, 7, "it is wrong", "write it right"))
        == "a/m.yaml:3:7: error: it is wrong; write it right"
    )
    assert str(Diagnostic("m.yaml", 1, 1, "it is odd", severity=Severity.WARNING)) == "m.yaml:1:1: warning: it is odd"


def test_findings_come_in_the_order_of_the_file_and_once_each() -> None:
    report = Report("m.yaml")
    for line, column in [(2, 1), (1, 9), (1, 2), (2, 1)]:
        report.error(Spot(line, column), "wrong")
    assert [(found.line, found.column) for found in report.diagnostics()] == [(1, 2), (1, 9), (2, 1)]


def test_a_warning_is_no_error() -> None:
    report = Report("m.yaml")
    report.warn(Spot(1, 1), "odd")
    assert not report.has_errors
    report.error(Spot(1, 1), "wrong")
    assert report.has_errors


def test_after_a_thousand_findings_it_stops() -> None:
    report = Report("m.yaml")
    for line in range(1, 1000):
        report.error(Spot(line, 1), "wrong")
    with pytest.raises(Refused, match="1,000 findings"):
        report.error(Spot(1000, 1), "wrong")
    assert len(report.diagnostics()) == 1000


def test_a_thousand_wrong_texts_of_one_shot_end_its_expansion() -> None:
    faults = Faults(Expansion({}), Report("m.yaml"))
    texts = [Text(Scalar("x", 1, column), Pattern(("x",))) for column in range(1, 1001)]
    for text in texts[:-1]:
        faults.add(text, "wrong", f"wrong at {text.node.column}", "", 0)
    with pytest.raises(Refused, match="1,000 findings"):
        faults.add(texts[-1], "wrong", "wrong at the last", "", 0)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a", "`a`"), ("a\nb\x1b[31m\u202e", "`a b [31m `"), ("x" * 60, f"`{'x' * 60}`"), ("x" * 61, f"`{'x' * 57}…`")],
)
def test_a_users_text_cannot_break_a_message(text: str, shown: str) -> None:
    assert quoted(text) == shown
