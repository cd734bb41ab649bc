"""How a diagnostic reads, and how diagnostics are collected."""

import pytest

from hailuo_batch.manifest.diagnostics import Diagnostic, Diagnostics, FatalDiagnostic, Position, Severity
from hailuo_batch.manifest.expansion.row_faults import RowFaults
from hailuo_batch.manifest.expansion.templates import Template
from hailuo_batch.manifest.expansion.variables import Expansion
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.nodes import ScalarNode


def test_a_diagnostic_reads_like_a_compilers() -> None:
    assert (
        str(Diagnostic("a/m.yaml", 3, 7, "it is wrong", "write it right"))
        == "a/m.yaml:3:7: error: it is wrong; write it right"
    )
    assert str(Diagnostic("m.yaml", 1, 1, "it is odd", severity=Severity.WARNING)) == "m.yaml:1:1: warning: it is odd"


def test_diagnostics_come_in_the_order_of_the_file_and_once_each() -> None:
    diagnostics = Diagnostics("m.yaml")
    for line, column in [(2, 1), (1, 9), (1, 2), (2, 1)]:
        diagnostics.error(Position(line, column), "wrong")
    assert [(found.line, found.column) for found in diagnostics.in_order()] == [(1, 2), (1, 9), (2, 1)]


def test_a_warning_is_no_error() -> None:
    diagnostics = Diagnostics("m.yaml")
    diagnostics.warn(Position(1, 1), "odd")
    assert not diagnostics.has_errors
    diagnostics.error(Position(1, 1), "wrong")
    assert diagnostics.has_errors


def test_after_a_thousand_diagnostics_it_stops() -> None:
    diagnostics = Diagnostics("m.yaml")
    for line in range(1, 1000):
        diagnostics.error(Position(line, 1), "wrong")
    with pytest.raises(FatalDiagnostic, match="after 1,000 errors and warnings"):
        diagnostics.error(Position(1000, 1), "wrong")
    assert len(diagnostics.in_order()) == 1000


def test_a_thousand_wrong_texts_of_one_shot_end_its_expansion() -> None:
    row_faults = RowFaults(Expansion({}), Diagnostics("m.yaml"))
    texts = [Template(ScalarNode("x", 1, column), ("x",)) for column in range(1, 1001)]
    for text in texts[:-1]:
        row_faults.add(text, "wrong", f"wrong at {text.node.column}", "", 0)
    with pytest.raises(FatalDiagnostic, match="after 1,000 errors and warnings"):
        row_faults.add(texts[-1], "wrong", "wrong at the last", "", 0)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a", "`a`"), ("a\nb\x1b[31m\u202e", "`a b [31m `"), ("x" * 60, f"`{'x' * 60}`"), ("x" * 61, f"`{'x' * 57}…`")],
)
def test_a_users_text_cannot_break_a_message(text: str, shown: str) -> None:
    assert quoted(text) == shown
