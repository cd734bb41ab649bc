"""How a finding looks: the line it is in, and a caret under its place."""

import pytest

from hailuo_batch.manifest import COLOURED, Diagnostic, Severity, render
from hailuo_batch.manifest.lines import Breaks, excerpt, lines_of, spot_at
from tests.manifest.conftest import Beside, Load


def test_a_finding_shows_its_line() -> None:
    found = Diagnostic("m.yaml", 7, 5, "it is wrong", "write it right", source="    abc", caret=4)
    assert render(found) == "m.yaml:7:5: error: it is wrong\n    7 |     abc\n      |     ^ write it right"


def test_without_a_line_only_the_hint_follows() -> None:
    assert render(Diagnostic("m.yaml", 1, 1, "it is wrong", "write it right")).endswith("wrong\n  = write it right")
    assert render(Diagnostic("m.yaml", 1, 1, "it is wrong")) == "m.yaml:1:1: error: it is wrong"


def test_colours_are_put_around_and_never_into_words() -> None:
    found = Diagnostic("m.yaml", 7, 5, "odd", severity=Severity.WARNING, source="    abc", caret=4)
    text = render(found, COLOURED)
    assert "\x1b[1;33mwarning:\x1b[0m" in text
    for colour in (COLOURED.error, COLOURED.warning, COLOURED.strong, COLOURED.quiet, COLOURED.end):
        text = text.replace(colour, "")
    assert text == render(found)


def test_the_caret_stands_below_wide_characters() -> None:
    found = Diagnostic("m.yaml", 1, 4, "odd", source="灯e\u0301x", caret=3)
    assert render(found).splitlines()[2] == "      |    ^"


def test_a_long_line_is_shown_around_the_place() -> None:
    around = excerpt("x" * 500 + "here" + "y" * 500, 501)
    assert around.text[around.caret :].startswith("here")
    assert len(around.text) < 130
    assert (around.text[0], around.text[-1]) == ("…", "…")


def test_a_line_cannot_move_the_cursor() -> None:
    assert excerpt("a\x1b[31m\tb\u202e", 3).text == "a [31m b"


@pytest.mark.parametrize("text", ["a\nb\r\nc\rd\u2028e\u2029f\x85g", "\ufeffa\n\n\r\n灯x\n", "", "\n"])
@pytest.mark.parametrize("breaks", list(Breaks))
def test_lines_and_places_agree_with_each_other(text: str, breaks: Breaks) -> None:
    data = text.encode()
    characters = "\n\r" if breaks is Breaks.CSV else "\n\r\x85\u2028\u2029"
    lines, spots, line = [""], [], 1
    plain = text.removeprefix("\ufeff")
    for at, character in enumerate(plain):
        spots.append((line, len(lines[-1]) + 1))
        if character not in characters:
            lines[-1] += character
        elif not (character == "\r" and plain[at + 1 : at + 2] == "\n"):
            lines.append("")
            line += 1
    assert lines_of(data, range(1, 20), breaks) == dict(enumerate(lines, 1))
    offset = len(text) - len(plain)
    for at, (number, column) in enumerate(spots):
        if plain[at] == "\n" and plain[at - 1 : at] == "\r":
            continue  # the second half of one break
        spot = spot_at(data, len(text[: at + offset].encode()), breaks)
        assert (spot.line, spot.column) == (number, column)


def test_findings_carry_the_line_of_their_file(load: Load, beside: Beside) -> None:
    beside("t.csv", "n\n1,2\n")
    loaded = load("version: 2\ncampaign: lamps\nshots: [{id: '$n', prompt: A, rows: t.csv}]\n")
    assert [(found.source, found.caret) for found in loaded.diagnostics] == [("version: 2", 9), ("1,2", 2)]


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\x85"])
def test_a_line_is_counted_where_the_parser_counts_it(load: Load, odd: str) -> None:
    loaded = load(f"version: 1\ncampaign: lamps\ndescription: 'a{odd}  b'\nshots: [{{id: A, prompt: A}}]\n")
    (found,) = loaded.diagnostics
    assert found.source == "shots: [{id: A, prompt: A}]"
    assert found.source[found.caret] == "A"


def test_an_origin_is_data_too(load: Load) -> None:
    loaded = load("version: 1\ncampaign: lamps\nshots: [{id: '$n', prompt: A, matrix: {n: [a, '灯', b]}}]\n")
    (found,) = loaded.diagnostics
    assert found.origin == "n `灯`"
