"""How a finding looks to a person: its place and message, the line it is in, a caret below, and what to write instead.

Pure: gives text and prints nothing. The first line is one that other programs can read; no text of the user's moves
the cursor, and the caret stands right below wide characters too.
"""

from hailuo_batch.manifest.diagnostics import Diagnostic, Severity
from hailuo_batch.text import PLAIN, Palette, display_width, one_line

_MIN_SOURCE_WIDTH = 20


def render_diagnostic(diagnostic: Diagnostic, palette: Palette = PLAIN, columns: int | None = None) -> str:
    """The finding in as many lines as it needs.

    The line that it is in fits a terminal of `columns`, as does the hint beside the caret; None: nothing is cut.
    """
    kind = palette.error if diagnostic.severity is Severity.ERROR else palette.warning
    place = f"{one_line(diagnostic.path)}:{diagnostic.line}:{diagnostic.column}:"
    message, hint = one_line(diagnostic.message), one_line(diagnostic.hint)
    heading = (
        f"{palette.strong}{place}{palette.end} {kind}{diagnostic.severity}:{palette.end} "
        f"{palette.strong}{message}{palette.end}"
    )
    if not diagnostic.source:
        return heading + (f"\n  {palette.quiet}={palette.end} {hint}" if hint else "")
    number = f"{diagnostic.line:>5}"
    blank = " " * (len(number) + 1)
    room = None if columns is None else max(_MIN_SOURCE_WIDTH, columns - len(f"{number} | "))
    source, caret = (
        (diagnostic.source, diagnostic.caret) if room is None else _fit(diagnostic.source, diagnostic.caret, room)
    )
    below = " " * display_width(source[:caret])
    lines = [
        heading,
        f"{palette.quiet}{number} |{palette.end} {source}",
        f"{palette.quiet}{blank}|{palette.end} {below}{kind}^{palette.end}",
    ]
    if hint and (room is None or len(below) + display_width(f"^ {hint}") <= room):
        lines[-1] = f"{palette.quiet}{blank}|{palette.end} {below}{kind}^ {hint}{palette.end}"
    elif hint:
        lines.append(f"{palette.quiet}{blank}={palette.end} {hint}")
    return "\n".join(lines)


def _fit(text: str, caret: int, room: int) -> tuple[str, int]:
    """The text cut to so many columns around the caret, and where the caret is then."""
    if display_width(text) <= room:
        return text, caret
    first = 0
    if display_width(text[: caret + 1]) > room - 1:
        first = caret
        while first > 0 and display_width(text[first - 1 : caret]) <= room // 2:
            first -= 1
    cut = "…" if first else ""
    last = len(text)
    while display_width(text[first:last]) > room - len(cut) - (last < len(text)):
        last -= 1
    return cut + text[first:last] + ("…" if last < len(text) else ""), caret - first + len(cut)
