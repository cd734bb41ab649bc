"""Shot IDs: how they are spelled, which are taken, and how a value or a wrong ID is brought into shape.

Pure; knows nothing of places or of YAML. A valid ID is a safe file name on every system.
"""

import re
import unicodedata

from hailuo_batch.manifest.expansion.substitution import ParsedTemplate

# rule id_length
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}", re.ASCII)
# rule id_literal
_LITERAL = re.compile(r"[a-z0-9_-]*", re.ASCII)
# rule one_dash
_OTHER = re.compile(r"[^a-z0-9_]+", re.ASCII)
_OTHER_WRITTEN = re.compile(r"[^a-z0-9_-]+", re.ASCII)
# rule own_names
_RESERVED = frozenset({"report", "superseded"})
_RESERVED_ON_WINDOWS = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)}
)

ID_CHARACTERS = "lower-case letters, digits, `_` and `-`"


def slug(value: str) -> str:
    """A value as it is put into an ID: `A loft` is `a-loft`, `Crème` is `creme`."""
    # rule trimmed_dashes
    return _OTHER.sub("-", _strip_accents(value)).strip("-")


def is_well_spelled(pattern: ParsedTemplate) -> bool:
    """Whether what stands in a written ID, its variables apart, is spelled as an ID."""
    return all(_LITERAL.fullmatch(group) for group in pattern.parts if isinstance(group, str))


def respell(pattern: ParsedTemplate) -> str | None:
    """The ID as it should have been written, its variables kept; None where no spelling would help."""
    text = "".join(
        _OTHER_WRITTEN.sub("-", _strip_accents(group)) if isinstance(group, str) else f"${{{group.name}}}"
        for group in pattern.parts
    ).strip("-_")
    return text if text and (pattern.variables or find_id_problem(text) is None) else None


def find_id_problem(shot_id: str) -> str | None:
    """What keeps a text from being a shot ID, in words that follow it; None where nothing does."""
    if shot_id in _RESERVED:
        return "is reserved for a file of the report" if shot_id == "report" else "is reserved for a folder"
    # rule windows_names
    if shot_id in _RESERVED_ON_WINDOWS:
        return "is a name that Windows reserves"
    # rule whole_id
    if _ID.fullmatch(shot_id):
        return None
    if len(shot_id) > 100:
        return f"has {len(shot_id):,} characters; an ID has at most 100"
    if not shot_id:
        return "is empty"
    if not _LITERAL.fullmatch(shot_id):
        return f"is not written from {ID_CHARACTERS} alone"
    return "does not begin with a letter or a digit"


def _strip_accents(text: str) -> str:
    """NFKD and lower case, with the accents that NFKD splits off left out."""
    if text.isascii():
        # rule lower_case
        return text.lower()
    # rule slug_nfkd
    return "".join(c for c in unicodedata.normalize("NFKD", text).lower() if not unicodedata.combining(c))
