"""A block that is drawn again in its own place: what a terminal has on its screen afterwards."""

from hailuo_batch.ui.screen.live_block import LiveBlock


def test_it_goes_back_to_where_it_began_and_clears_what_was_longer() -> None:
    block = LiveBlock()
    assert block.frame(["one", "two", "three"], 80, 24) == "\rone\x1b[K\r\ntwo\x1b[K\r\nthree\x1b[K\r\n\x1b[J"
    assert block.frame(["four"], 80, 24) == "\x1b[3A\rfour\x1b[K\r\n\x1b[J"
    assert block.frame(["five"], 80, 24).startswith("\x1b[1A\r")


def test_a_block_that_is_higher_than_the_screen_is_cut_and_says_so() -> None:
    frame = LiveBlock().frame([f"line {n}" for n in range(30)], 80, 24)
    assert frame.count("\n") == 23
    assert "line 21" in frame
    assert "line 22" not in frame
    assert "... and 8 more lines" in frame
    assert LiveBlock().frame(["a", "b"], 80, 1).count("\n") == 1


def test_another_size_of_the_terminal_starts_afresh() -> None:
    block = LiveBlock()
    block.frame(["one"], 80, 24)
    assert block.frame(["one"], 60, 24).startswith("\x1b[H\x1b[2J")
    assert block.frame(["one"], 60, 24).startswith("\x1b[1A")
