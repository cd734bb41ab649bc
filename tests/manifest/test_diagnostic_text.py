"""How a diagnostic looks: the line it is in, and a caret under its place."""

import pytest

from hailuo_batch.manifest import Diagnostic, Severity, render_diagnostic
from hailuo_batch.manifest.diagnostics import Position
from hailuo_batch.manifest.files.lines import LineBreaks, SourceLine, find_source_lines, position_at
from hailuo_batch.text import COLOURED
from hailuo_batch.ui.text import display_width
from tests.manifest.conftest import Load, WriteFile


def test_a_diagnostic_shows_its_line() -> None:
    found = Diagnostic("m.yaml", 7, 5, "it is wrong", "write it right", source="    abc", caret=4)
    assert render_diagnostic(found) == "m.yaml:7:5: error: it is wrong\n    7 |     abc\n      |     ^ write it right"


def test_without_a_line_only_the_hint_follows() -> None:
    assert render_diagnostic(Diagnostic("m.yaml", 1, 1, "it is wrong", "write it right")).endswith(
        "wrong\n  = write it right"
    )
    assert render_diagnostic(Diagnostic("m.yaml", 1, 1, "it is wrong")) == "m.yaml:1:1: error: it is wrong"


@pytest.mark.parametrize("columns", [20, 40, 79, 80, 81, 200])
@pytest.mark.parametrize("letters", ["x", "灯", "e\u0301"])
@pytest.mark.parametrize(("before", "after"), [(0, 0), (0, 119), (60, 59), (100, 19), (119, 0), (30, 5)])
def test_a_line_and_its_caret_fit_the_terminal(columns: int, letters: str, before: int, after: int) -> None:
    source = (letters * before)[:before] + "!" + letters * after
    found = Diagnostic("m.yaml", 7, 5, "it is wrong", "write it right", source=source, caret=before)
    _, line, caret, *more = render_diagnostic(found, columns=columns).splitlines()
    assert all(display_width(text) <= max(columns, 28) for text in (line, caret))
    at = display_width(caret.partition("^")[0])
    assert display_width(line.partition("!")[0]) == at
    assert ("…" in line) == (display_width(source) > max(columns - 8, 20))
    assert more == ([] if "write it right" in caret else ["      = write it right"])


def test_colours_are_put_around_and_never_into_words() -> None:
    found = Diagnostic("m.yaml", 7, 5, "odd", severity=Severity.WARNING, source="    abc", caret=4)
    text = render_diagnostic(found, COLOURED)
    assert "\x1b[1;33mwarning:\x1b[0m" in text
    for colour in (COLOURED.error, COLOURED.warning, COLOURED.strong, COLOURED.quiet, COLOURED.end):
        text = text.replace(colour, "")
    assert text == render_diagnostic(found)


def test_the_caret_stands_below_wide_characters() -> None:
    found = Diagnostic("m.yaml", 1, 4, "odd", source="灯e\u0301x", caret=3)
    assert render_diagnostic(found).splitlines()[2] == "      |    ^"


def test_a_long_line_is_shown_around_the_place() -> None:
    data, place = b"x" * 500 + b"here" + b"y" * 500, Position(1, 501)
    text, caret = find_source_lines(data, [place], LineBreaks.YAML)[place].excerpt()
    assert text[caret:].startswith("here")
    assert len(text) < 130
    assert (text[0], text[-1]) == ("…", "…")


@pytest.mark.parametrize("letter", ["x", "é", "灯", "🎬"])
@pytest.mark.parametrize("before", [0, 1, 119, 120, 121, 1_100_000])
@pytest.mark.parametrize("after", [0, 1, 120, 500])
def test_a_place_is_found_in_a_line_of_any_length(letter: str, before: int, after: int) -> None:
    data = ("\ufeff" + letter * before + "!" + letter * after + "\n" + letter * before + "?").encode()
    first, second = Position(1, before + 1), Position(2, before + 1)
    for place, line in find_source_lines(data, [second, first], LineBreaks.YAML).items():
        text, caret = line.excerpt()
        is_cut = text.startswith("…")
        assert text[caret] == ("!" if place == first else "?")
        assert is_cut == (caret - is_cut < before)
    assert position_at(data, data.index(b"!"), LineBreaks.YAML) == first


def test_many_places_of_one_line_are_each_found() -> None:
    data = b"".join(b"%-9d," % n for n in range(100_000))
    places = [Position(1, 10 * n + 1) for n in (99_999, 0, 7, 60_000, 60_001)]
    found = find_source_lines(data, places, LineBreaks.CSV)
    assert [found[place].text[found[place].at :].split()[0] for place in places] == [
        str(place.column // 10) for place in places
    ]


def test_a_line_cannot_move_the_cursor() -> None:
    assert SourceLine("a\x1b[31m\tb\u202e", 2).excerpt()[0] == "a [31m b"


@pytest.mark.parametrize("text", ["a\nb\r\nc\rd\u2028e\u2029f\x85g", "\ufeffa\n\n\r\n灯x\n", "", "\n"])
@pytest.mark.parametrize("breaks", list(LineBreaks))
def test_lines_and_places_agree_with_each_other(text: str, breaks: LineBreaks) -> None:
    data = text.encode()
    characters = "\n\r" if breaks is LineBreaks.CSV else "\n\r\x85\u2028\u2029"
    lines, spots, line = [""], [], 1
    plain = text.removeprefix("\ufeff")
    for at, character in enumerate(plain):
        spots.append((line, len(lines[-1]) + 1))
        if character not in characters:
            lines[-1] += character
        elif not (character == "\r" and plain[at + 1 : at + 2] == "\n"):
            lines.append("")
            line += 1
    found = find_source_lines(data, [Position(number, 1) for number in range(1, 20)], breaks)
    assert {place.line: here.text for place, here in found.items()} == dict(enumerate(lines, 1))
    offset = len(text) - len(plain)
    for at, (number, column) in enumerate(spots):
        if plain[at] == "\n" and plain[at - 1 : at] == "\r":
            continue  # the second half of one break
        spot = position_at(data, len(text[: at + offset].encode()), breaks)
        assert (spot.line, spot.column) == (number, column)


def test_diagnostics_carry_the_line_of_their_file(load: Load, write_file: WriteFile) -> None:
    write_file("t.csv", "n\n1,2\n")
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
