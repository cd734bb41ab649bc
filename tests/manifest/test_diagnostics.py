"""How a diagnostic reads, and how diagnostics are collected."""

import pytest

from hailuo_batch.manifest.diagnostics import Diagnostic, Diagnostics, FatalDiagnostic, Position, Severity
from hailuo_batch.manifest.expansion.row_faults import RowFaults
from hailuo_batch.manifest.expansion.templates import Template
from hailuo_batch.manifest.expansion.variables import Expansion
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.nodes import ScalarNode
from hailuo_batch.warning_codes import WarningCode


def test_a_diagnostic_reads_like_a_compilers() -> None:
    assert (
        str(Diagnostic("a/m.yaml", 3, 7, "it is wrong", "write it right"))
        == "a/m.yaml:3:7: error: it is wrong; write it right"
    )
    assert str(Diagnostic("m.yaml", 1, 1, "it is odd", severity=Severity.WARNING)) == "m.yaml:1:1: warning: it is odd"


def test_diagnostics_come_in_the_order_of_the_file_and_once_each() -> None:
    diagnostics = Diagnostics("m.yaml")
    for line, column in [(2, 1), (1, 9), (1, 2), (2, 1)]:
        diagnostics.error(Position(line, column), f"wrong at {line}:{column}")
    assert [(found.line, found.column) for found in diagnostics.in_order()] == [(1, 2), (1, 9), (2, 1)]


def test_what_has_one_cause_is_one_finding_at_its_first_place() -> None:
    diagnostics = Diagnostics("m.yaml")
    for line in (3, 1, 2, 1):
        diagnostics.error(Position(line, 1), f"wrong in line {line}", cause="one")
    diagnostics.error(Position(9, 1), "wrong in another file", path="p.csv", cause="one")
    diagnostics.error(Position(4, 1), "wrong in another way", cause="other", more=7)
    found = [(str(each), each.more) for each in diagnostics.in_order()]
    assert found == [
        ("m.yaml:1:1: error: wrong in line 1, and for 2 more", 2),
        ("m.yaml:4:1: error: wrong in another way, and for 7 more", 7),
        ("p.csv:9:1: error: wrong in another file", 0),
    ]


@pytest.mark.parametrize("accepted", [("whole",), ("here",), ()])
def test_a_warning_is_accepted_for_all_or_in_its_place(accepted: tuple[str, ...]) -> None:
    diagnostics = Diagnostics("m.yaml")
    codes = frozenset({WarningCode.EMPTY_VALUE})
    with diagnostics.accepting(codes if "whole" in accepted else frozenset()):
        with diagnostics.accepting(codes if "here" in accepted else frozenset()):
            diagnostics.warn(Position(1, 1), WarningCode.EMPTY_VALUE, "odd")
        diagnostics.warn(Position(2, 1), WarningCode.LONG_PROMPT, "long")
    shown = [] if accepted else ["empty-value"]
    assert [str(found.code) for found in diagnostics.in_order()] == [*shown, "long-prompt"]


def test_warnings_can_count_as_errors_and_keep_their_code() -> None:
    diagnostics = Diagnostics("m.yaml", Severity.ERROR)
    diagnostics.warn(Position(1, 1), WarningCode.EMPTY_VALUE, "odd")
    assert diagnostics.has_errors
    assert [str(found) for found in diagnostics.in_order()] == ["m.yaml:1:1: error: odd [empty-value]"]


def test_a_warning_is_no_error() -> None:
    diagnostics = Diagnostics("m.yaml")
    diagnostics.warn(Position(1, 1), WarningCode.EMPTY_VALUE, "odd")
    assert not diagnostics.has_errors
    diagnostics.error(Position(1, 1), "wrong")
    assert diagnostics.has_errors


def test_after_a_thousand_diagnostics_it_stops() -> None:
    diagnostics = Diagnostics("m.yaml")
    for line in range(1, 1000):
        diagnostics.error(Position(line, 1), f"wrong {line % 2}")
    with pytest.raises(FatalDiagnostic, match="after 1,000 errors and warnings"):
        diagnostics.error(Position(1000, 1), "wrong 0")
    assert [found.more for found in diagnostics.in_order()] == [499, 499]


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
