"""Texts that are not what they look like: variables nobody filled in, other programs' notation, what machines leave.

Pure: looks at one text at a time. Which names are known, and where a text is written, is told by the caller.
"""

import re
from collections.abc import Collection, Iterator

from hailuo_batch.manifest.expansion.templates import KnownNames
from hailuo_batch.manifest.expansion.variables import ROW_NUMBER
from hailuo_batch.manifest.slugs import to_variable_name
from hailuo_batch.manifest.validation.suggestions import closest_match, similarity

# rule meant_as_text
_OWN = re.compile(r"(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
# rule other_notations
_OTHER = re.compile(
    r"(?<!\$)\{\{\s*([^{}\n]{1,60}?)\s*\}\}"  # Jinja, Handlebars
    r"|(?<![${])\{\s*([^{}\n]{1,60}?)\s*\}(?!\})"  # Python, .NET
    r"|__([A-Za-z0-9][A-Za-z0-9_ ]{0,60}?)__"
    r"|<\s*([^<>\n]{1,60}?)\s*>"
    r"|%([A-Za-z0-9][\w .-]{0,60}?)%"
)
_SURELY_MEANT = 0.75
_OTHER_SIGNS = ("{", "<", "%", "__")
# rule machine_words
_MACHINE = re.compile(
    r"#(?:N/A|NV|N/D|[^\W\d_][^\s#]{0,15}[!?]|(?:REF|VALUE|NAME|DIV/0|NUM|NULL|GETTING_DATA))"  # a spreadsheet's
    r"|Err:\d{3}"
    r"|None|nan|NaN|NULL|<NA>|NaT|undefined|\\N|\[object Object\]"  # what programs print for nothing
    r"|=.+",  # a formula that was not calculated
    re.DOTALL,
)
_MACHINE_SIGNS = ("#", "=", "Err:", "None", "nan", "NaN", "NULL", "<NA>", "NaT", "undefined", "\\N", "[object")


def may_have_own(text: str) -> bool:
    """Whether `own_variables` may find anything in a text, or in any of many that were joined."""
    return "${" in text


def own_variables(text: str, known: KnownNames) -> Iterator[tuple[str, int]]:
    """Each `${name}` of a known name that is in the text, and its offset; not those that are written `$${name}`."""
    return ((match[0], match.start()) for match in _OWN.finditer(text) if match[1] in known.names)


def near_variables(text: str, known: KnownNames) -> Iterator[tuple[str, str]]:
    """Each `${name}` that was probably meant as a known name: as written, and the name that was meant."""
    for match in _OWN.finditer(text):
        near = None if match[1] in known.names else closest_match(match[1], known.proposed)
        if near is not None and similarity(match[1], near) >= _SURELY_MEANT:
            yield match[0], near


def without(text: str, names: Collection[str]) -> str:
    """The text without the variables of these names, except those that are written `$${name}`."""
    return _OWN.sub(lambda match: "" if match[1] in names else match[0], text)


def may_have_other(text: str) -> bool:
    """Whether `other_variables` may find anything."""
    return any(sign in text for sign in _OTHER_SIGNS)


def other_variables(text: str, known: KnownNames) -> Iterator[tuple[str, int, str]]:
    """Each known name in the notation of another program: as written, its offset, and the name."""
    for match in _OTHER.finditer(text):
        name = _meant_name(match[match.lastindex or 0], known)
        if name is not None:
            yield match[0], match.start(), name


def _meant_name(written: str, known: KnownNames) -> str | None:
    """The known name that was meant, as `${...}` writes it; None if it is none."""
    name = known.columns.get(written) or (written if written in known.names else to_variable_name(written))
    # rule known_name_meant
    return name if name in known.writable and name != ROW_NUMBER else None


def may_have_machine_values(text: str) -> bool:
    """Whether any of many texts that were joined may be a machine's."""
    return any(sign in text for sign in _MACHINE_SIGNS)


def is_machine_value(text: str) -> bool:
    """Whether a whole cell is what a program left there, such as `#REF!` or a formula."""
    # rule whole_cell
    return _MACHINE.fullmatch(text.strip()) is not None
