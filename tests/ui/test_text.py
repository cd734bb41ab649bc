"""Text on a terminal: harmless, measured, cut to fit."""

import pytest

from hailuo_batch.ui.text import count, display_width, elide, elide_middle, layout_lines, layout_rows


@pytest.mark.parametrize("columns", range(2, 12))
@pytest.mark.parametrize("text", ["abcdefghij", "日本語日本語", "ab日cd本ef"])
def test_what_is_cut_fits(text: str, columns: int) -> None:
    assert display_width(elide(text, columns)) <= columns
    assert display_width(elide_middle(text, columns)) <= columns


def test_the_end_of_an_id_stays() -> None:
    assert elide_middle("lamp-white-loft.take12", 15) == "lamp-wh….take12"


def test_rows_fit_the_terminal() -> None:
    rows = [("create", "a" * 60 + ".take2", "because of this and of more"), ("keep", "b", "done")]
    lines = layout_rows(rows, 80)
    assert max(map(display_width, lines)) <= 80
    assert ".take2" in lines[0]
    assert lines[0].index("because") == lines[1].index("done")


def test_a_reason_that_is_too_long_for_the_terminal_stands_whole_below_its_row() -> None:
    why = "the generation was stopped by a content check (content_policy) of which nobody knows more"
    row, other = layout_rows([("failed", "hero.take5", why), ("keep", "b", "done")], 60)
    first, *below = row.splitlines()
    assert first == "  failed  hero.take5"
    assert " ".join(line.strip() for line in below) == why
    assert all(line.startswith("    ") for line in below)
    assert max(map(display_width, row.splitlines())) <= 60
    assert other == "  keep    b           done"


def test_an_id_is_not_cut_where_the_reason_stands_below_it() -> None:
    take_id = "lamp-teal-a-workshop-with-tools-on-the-wall.take2"
    [row] = layout_rows([("failed", take_id, "the generation was stopped by a content check")], 80)
    assert row.splitlines()[0] == f"  failed  {take_id}"


def test_an_id_is_cut_to_the_whole_width_where_the_reason_stands_below_it() -> None:
    [row] = layout_rows([("failed", f"lamp-{'x' * 100}.take2", "the generation was stopped by a content check")], 80)
    first = row.splitlines()[0]
    assert display_width(first) == 80
    assert first.endswith("x.take2")


def test_nothing_is_cut_where_there_is_no_terminal() -> None:
    assert layout_rows([("create", "a" * 200, "b" * 200)], None) == [f"  create  {'a' * 200}  {'b' * 200}"]


def test_no_rows_are_no_lines() -> None:
    assert layout_rows([], 80) == []


def test_sentences_are_wrapped_between_words() -> None:
    assert layout_lines(["one two three", "four"], 8) == ["one two", "three", "four"]
    assert layout_lines(["one two three"], None) == ["one two three"]


def test_numbers_and_nouns() -> None:
    assert (count(1, "take"), count(2000, "take")) == ("1 take", "2,000 takes")
