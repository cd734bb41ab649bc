"""How shot IDs are spelled, and how a value or a wrong ID becomes a well-spelled one.

Pure; knows nothing of places or of YAML. A valid ID is a safe file name on every system.
"""

import re
import unicodedata

# rule id_length
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}", re.ASCII)
# rule id_literal
_ID_TEXT = re.compile(r"[a-z0-9_-]*", re.ASCII)
# rule one_dash
_NOT_IN_SLUG = re.compile(r"[^a-z0-9_]+", re.ASCII)
_NOT_IN_ID = re.compile(r"[^a-z0-9_-]+", re.ASCII)
_NOT_IN_NAME = re.compile(r"[^a-z0-9]+", re.ASCII)
# rule own_names
_RESERVED = frozenset({"report", "superseded"})
_WINDOWS = frozenset({"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)})

ID_CHARACTERS = "lower-case letters, digits, `_` and `-`"


def slug(value: str) -> str:
    """Convert a value for use in an ID: `A loft` becomes `a-loft`, `Crème` becomes `creme`."""
    # rule trimmed_dashes
    return _NOT_IN_SLUG.sub("-", _plain_letters(value)).strip("-")


def is_id_text(text: str) -> bool:
    """Whether the text consists of characters that an ID may have."""
    return _ID_TEXT.fullmatch(text) is not None


def to_id_text(text: str) -> str:
    """Convert written text to characters that an ID may have; `-` stays as it is."""
    return _NOT_IN_ID.sub("-", _plain_letters(text))


MAX_ID_LENGTH = 100


def find_id_problem(shot_id: str) -> str | None:
    """What keeps a text from being a shot ID, as the rest of a sentence that begins with it; None if nothing does."""
    if shot_id in _RESERVED:
        return f"is reserved for {'the report file' if shot_id == 'report' else 'a folder'}"
    # rule windows_names
    if shot_id in _WINDOWS:
        return "is a name that Windows reserves"
    # rule whole_id
    if _ID.fullmatch(shot_id):
        return None
    if len(shot_id) > MAX_ID_LENGTH:
        return f"has {len(shot_id):,} characters; an ID has at most {MAX_ID_LENGTH}"
    if not shot_id:
        return "is empty"
    if not is_id_text(shot_id):
        return f"contains something other than {ID_CHARACTERS}"
    return "does not begin with a letter or a digit"


def _plain_letters(text: str) -> str:
    """The text in NFKD and lower case, without the accents that NFKD splits off."""
    if text.isascii():
        # rule lower_case
        return text.lower()
    # rule slug_nfkd
    return "".join(c for c in unicodedata.normalize("NFKD", text).lower() if not unicodedata.combining(c))


def to_variable_name(header: str) -> str:
    """The name that `${...}` can write for a table's header: `Shot Description` becomes `shot_description`."""
    # rule header_slug
    return _NOT_IN_NAME.sub("_", _plain_letters(header.replace("ß", "ss"))).strip("_")
