"""How a diagnostic looks to a person: its place and message, its source line, a caret below, and what to write instead.

Pure: returns text and prints nothing. Other programs can read the first line; no text of the user's moves the cursor,
and the caret is right below its place even after wide characters.
"""

from hailuo_batch.manifest.diagnostics import Diagnostic, Severity
from hailuo_batch.text import PLAIN, Palette, display_width, one_line

_MIN_SOURCE_WIDTH = 20


def render_diagnostic(diagnostic: Diagnostic, palette: Palette = PLAIN, columns: int | None = None) -> str:
    """The diagnostic in as many lines as it needs.

    Its source line, and the hint beside the caret, fit a terminal of `columns`; with None nothing is cut.
    """
    kind = palette.error if diagnostic.severity is Severity.ERROR else palette.warning
    place = f"{one_line(diagnostic.path)}:{diagnostic.line}:{diagnostic.column}:"
    heading = (
        f"{palette.quiet}{place}{palette.end} {kind}{diagnostic.severity}:{palette.end} "
        f"{palette.strong}{one_line(diagnostic.text)}{palette.end}"
    )
    hint = one_line(diagnostic.hint)
    if not diagnostic.source:
        return heading + (f"\n  {palette.quiet}={palette.end} {hint}" if hint else "")
    number = f"{diagnostic.line:>5}"
    margin = " " * (len(number) + 1)
    room = None if columns is None else max(_MIN_SOURCE_WIDTH, columns - len(f"{number} | "))
    source, caret = diagnostic.source, diagnostic.caret
    if room is not None:
        source, caret = _fit(source, caret, room)
    indent = " " * display_width(source[:caret])
    caret_line = f"{palette.quiet}{margin}|{palette.end} {indent}{kind}^"
    lines = [heading, f"{palette.quiet}{number} |{palette.end} {source}"]
    if hint and (room is None or len(indent) + display_width(f"^ {hint}") <= room):
        lines.append(f"{caret_line} {hint}{palette.end}")
    else:
        lines.append(f"{caret_line}{palette.end}")
        lines += [f"{palette.quiet}{margin}={palette.end} {hint}"] if hint else []
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
