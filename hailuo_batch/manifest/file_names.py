"""Files found by a name that may be written in two ways: `ä` as one sign, or as `a` with a combining sign.

Both look the same. A file made on one system and named on another often differs in nothing else. Knows nothing of what
is in a file.
"""

import difflib
import unicodedata
from itertools import islice
from pathlib import Path

from hailuo_batch.manifest.quoting import quoted

MAX_NAMES = 100_000  # of a folder are looked through
_MOST_COMPARED = 1000  # are compared with one that is missing


class AmbiguousNameError(Exception):
    """Several files have a name that looks like the one that is asked for, and none has exactly that."""


def find_file(folder: Path, parts: tuple[str, ...]) -> Path:
    """The path of these parts in the folder: as written, else with the names that differ in their composition only.

    Where there is no such file either, the path as written. Raises AmbiguousNameError and OSError.
    """
    written = folder.joinpath(*parts)
    if all(part.isascii() for part in parts) or written.exists():
        return written
    path = folder
    for part in parts:
        path /= _composed_alike(path, part)
    return path if path.exists() else written


def _composed_alike(folder: Path, name: str) -> str:
    """The name in the folder that differs from this one in its composition only; this one if there is none."""
    if name.isascii() or (folder / name).exists() or not folder.is_dir():
        return name
    composed = unicodedata.normalize("NFC", name)
    names = (entry.name for entry in islice(folder.iterdir(), MAX_NAMES))
    alike = [other for other in names if unicodedata.normalize("NFC", other) == composed]
    if len(alike) > 1:
        raise AmbiguousNameError
    return alike[0] if alike else name


def similar_name_hint(path: Path, suffixes: tuple[str, ...] = ("",), cutoff: float = 0.6) -> str:
    """Which file beside a missing one was probably meant, as a hint; empty if none with such an ending is near.

    `cutoff` is how much the names must have in common, from 0 to 1.
    """
    try:
        neighbours = (neighbour.name for neighbour in islice(path.parent.iterdir(), _MOST_COMPARED))
        names = sorted(name for name in neighbours if name.endswith(suffixes))
    except (OSError, ValueError):
        return ""
    composed = {unicodedata.normalize("NFC", name): name for name in names}
    wanted = unicodedata.normalize("NFC", path.name)
    for plain, name in composed.items():
        if plain.casefold() == wanted.casefold():
            return f"did you mean {quoted(name)}? capitals count"
    close = difflib.get_close_matches(wanted, composed, n=1, cutoff=cutoff)
    return f"did you mean {quoted(composed[close[0]])}?" if close else ""
