"""Who gets colours and symbols: the command line decides before the environment, and that before the stream."""

import io

import pytest

from hailuo_batch.text import COLOURED, PLAIN, SYMBOLS, display_width, sanitize
from hailuo_batch.ui.screen.colour import Colour, fit_to, has_cursor, palette_of
from hailuo_batch.ui.screen.paint import Style, paint, styled


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "LC_ALL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize(
    ("environment", "on_terminal", "in_pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"FORCE_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_the_environment_decides_about_colours(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], on_terminal: bool, in_pipe: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (palette_of(Terminal()) is COLOURED) is on_terminal
    assert (palette_of(io.StringIO()) is COLOURED) is in_pipe
    assert palette_of(Terminal(), Colour.NEVER) is PLAIN


def test_a_dumb_terminal_has_no_cursor_to_move(monkeypatch: pytest.MonkeyPatch) -> None:
    assert has_cursor(Terminal())
    assert not has_cursor(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not has_cursor(Terminal())


def test_each_symbol_has_an_ascii_sign_of_its_width() -> None:
    for symbol, sign in SYMBOLS.items():
        assert sign.isascii()
        assert display_width(symbol) == display_width(sign) == 1


def test_symbols_are_for_streams_that_can_show_them(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "✓ done  ✗ failed  long…"
    latin = io.TextIOWrapper(io.BytesIO(), "latin-1")
    assert fit_to(io.StringIO(), text) == text
    assert fit_to(latin, text) == "v done  x failed  long~"
    monkeypatch.setenv("LC_ALL", "C")
    assert fit_to(io.StringIO(), text) == "v done  x failed  long~"


def test_marks_have_no_width_and_become_the_colours_of_each_line() -> None:
    text = f"a {styled(Style.ERROR, 'bad')} {styled(Style.DONE, 'good')} b"
    assert display_width(text) == len("a bad good b")
    assert paint([text], PLAIN) == ["a bad good b"]
    assert paint([text], COLOURED) == ["a \x1b[1;31mbad\x1b[0m \x1b[32mgood\x1b[0m b"]
    first, second = styled(Style.QUIET, "first\nsecond").split("\n")
    assert paint([first, second], COLOURED) == ["\x1b[2mfirst\x1b[0m", "\x1b[2msecond\x1b[0m"]


@pytest.mark.parametrize("style", Style)
def test_nobody_else_can_write_a_mark(style: Style) -> None:
    assert sanitize(style.value) == f"\\u{ord(style.value):04x}"
