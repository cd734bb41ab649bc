"""Text on a terminal: harmless, measured, wrapped, and ready to be pasted."""

import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hailuo_batch.text import clean, display_width, one_line, quote, sanitize, shell_line, wrap

HOSTILE = "a\x1b[2J\x07b\x7f\x9b31m\u202ec\u2066\u2028d\r"
JAPANESE = (
    "出力フォルダーに書き込めません。空き容量を確認してから、"
    "同じコマンドをもう一度実行してください。何も支払われていません。"
)


def test_what_a_terminal_would_take_for_an_order_is_written_out() -> None:
    assert sanitize(HOSTILE) == "a\\u001b[2J\\u0007b\\u007f\\u009b31m\\u202ec\\u2066\\u2028d\\r"
    assert sanitize("a\nb") == "a\nb"
    assert sanitize("\udcff") == "\\udcff"


def test_one_line_is_one() -> None:
    assert one_line("a\nb\tc") == "a\\nb\\tc"
    assert clean("a\x1b[2Jb\u202ec\n d") == "a\\u001b[2Jb\\u202ec d"


def test_nothing_else_is_touched() -> None:
    for text in ("plain", "日本語", "👩\u200d👩\u200d👧", "naïve, ﷽", "a\u3000b"):
        assert one_line(text) == text


def test_only_our_own_colours_pass() -> None:
    ours = ("\x1b[1m", "\x1b[0m")
    assert sanitize("\x1b[1mhere\x1b[0m \x1b[8mhidden", ours) == "\x1b[1mhere\x1b[0m \\u001b[8mhidden"


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("abc", 3),
        ("日本", 4),
        ("e\u0301", 1),
        ("", 0),
        ("😀", 2),
        ("👩\u200d👧", 4),
        ("❤\ufe0f", 2),
        ("한", 2),
        ("ｱ", 1),
    ],
)
def test_width_is_that_of_the_terminal(text: str, columns: int) -> None:
    assert display_width(text) == columns


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_wide_text_is_wrapped_by_columns(columns: int) -> None:
    lines = wrap(f"hero: {JAPANESE} (code 1026)", columns).splitlines()
    assert max(map(display_width, lines)) <= columns
    assert max(map(display_width, lines)) > columns - 8
    assert "".join(lines).replace(" ", "") == f"hero:{JAPANESE}(code1026)"
    assert not [line for line in lines if line[0] in "。、"]


def test_wrapping_keeps_paths_whole() -> None:
    path = "/a/very/long/path/that/is/longer/than/a-line"
    assert wrap(f"look at {path} now", 20).splitlines() == ["look at", path, "now"]


def test_wrapping_keeps_commands_whole() -> None:
    command = "`hailuo-batch retry lamps.yaml hero`"
    assert wrap(f"one more attempt: {command}, then", 20).splitlines() == ["one more attempt:", f"{command},", "then"]


def test_wrapping_keeps_indentation_and_empty_lines() -> None:
    assert wrap("  one two\n\nthree", 7) == "  one\ntwo\n\nthree"


@example(" 、日日", 6)
@given(st.text(alphabet=st.sampled_from("ab c日本、「」e\u0301😀"), max_size=80), st.integers(4, 30))
def test_no_line_is_wider_than_the_screen_and_no_word_is_lost(text: str, columns: int) -> None:
    lines = wrap(text, columns).splitlines()
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        assert display_width(line) <= columns or not _may_end_within(line)


def _may_end_within(line: str) -> bool:
    """Whether there is a place in it at which no mark forbids it to end."""
    wide = [at for at, character in enumerate(line) if character in "日本😀"]
    return any(
        line[at : at + 2] in {"日日", "日本", "本日", "本本", "日😀", "本😀", "😀日", "😀本", "😀😀"} for at in wide
    )


@pytest.mark.parametrize(
    "word", ["plain", "two words", "it's", "", "a\x1b[31m'b\\\n.yaml", "日本 語", "\u202egpj.exe", "\udcff"]
)
def test_what_is_pasted_into_a_shell_is_the_word_that_was_meant(word: str) -> None:
    line = shell_line(["printf", "%s", word])
    assert one_line(line) == line
    ended = subprocess.run(["bash", "-c", line], capture_output=True, check=True)
    assert ended.stdout.decode("utf-8", "surrogateescape") == word


def test_a_common_word_is_quoted_as_any_shell_has_it() -> None:
    assert quote("it's here") == "'it'\"'\"'s here'"


def test_a_command_at_the_end_of_a_sentence_is_kept_whole() -> None:
    command = "hailuo-batch retry 'für 北京の 広告.yaml' hero"
    assert wrap(f"one more attempt: {command}", 20).splitlines() == ["one more attempt:", command]
    assert wrap(f"one more: `{command}`.", 20).splitlines() == ["one more:", f"`{command}`."]
