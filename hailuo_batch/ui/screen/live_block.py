"""A block of lines on a terminal that is drawn again in its own place.

Pure: returns what to write. A frame is one write, and a line is cleared only behind its end, so that nothing flickers.
"""

from collections.abc import Sequence

_END_OF_LINE = "\x1b[K\r\n"
_CLEAR_BELOW = "\x1b[J"
_CLEAR_SCREEN = "\x1b[H\x1b[2J"


class LiveBlock:
    """The block: where it stands on the screen, and how large that was."""

    def __init__(self) -> None:
        self._height = 0
        self._size: tuple[int, int] | None = None

    def frame(self, lines: Sequence[str], columns: int, rows: int) -> str:
        """What draws these lines, none of which may be wider than the terminal, in place of those before.

        A block higher than the screen is cut: lines that have scrolled away cannot be drawn again.
        """
        resized = self._size not in {None, (columns, rows)}  # a narrower terminal has wrapped the lines: start afresh
        back = _CLEAR_SCREEN if resized else f"\x1b[{self._height}A" if self._height else ""
        most = max(1, rows - 1)
        shown = lines if len(lines) <= most else [*lines[: most - 1], f"... and {len(lines) - most + 1:,} more lines"]
        self._height, self._size = len(shown), (columns, rows)
        drawn = "".join(f"{line}{_END_OF_LINE}" for line in shown)
        return f"{back}\r{drawn}{_CLEAR_BELOW}"
