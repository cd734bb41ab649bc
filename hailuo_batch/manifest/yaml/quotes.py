"""Text in YAML's quotes: as it must be written, and as it was meant where quotes went wrong.

Pure. Every hint that proposes quotes takes them from here, so that what it proposes can be pasted and reads as meant.
"""

import re

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
_CURLY = frozenset(
    {"\u201c\u201d", "\u201d\u201d", "\u201e\u201c", "\u2018\u2019", "\u201a\u2018", "\u00ab\u00bb", "\u300c\u300d"}
)

_DOUBLED = "''"


def yaml_quoted(text: str) -> str:
    """The text as a YAML scalar in quotes, valid wherever one may stand, on one line.

    Double quotes, unless the text holds some or a backslash: single ones then, where nothing needs an escape.
    """
    if text.isprintable() and ('"' in text or "\\" in text):
        # rule single_quotes
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\x{number:02X}" if number < 0x100 else f"\\u{number:04X}" if number < 0x10000 else f"\\U{number:08X}"


def meant_text(written: str) -> str:
    """The text that was meant by something that is no correct scalar: without the quotes that go around all of it.

    `"Hero" lamp` and `"Hero" and "Villain"` mean their quotes; `"The "Hero" lamp"`, `'The lamp's light'` and curly
    quotes around everything mean what is between them.
    """
    inner = written[1:-1]
    if len(written) < 2:
        return written
    if written[0] + written[-1] in _CURLY:
        return inner
    if written[0] not in "\"'" or written[-1] != written[0] or "\\" in inner or not _is_around(written):
        return written
    return inner.replace("''", "'") if written[0] == "'" else inner


def _is_around(written: str) -> bool:
    """Whether the first quote is closed by the last character, and by none before it."""
    depth = 0
    if written[0] == "'":
        written = f"'{written[1:-1].replace(_DOUBLED, 'xx')}'"  # each stands for one quote in the text
    for found in re.finditer(re.escape(written[0]), written):
        at = found.start()
        before, after = written[:at][-1:], written[at + 1 :][:1]
        if before.isalnum() and after.isalnum():
            continue  # an apostrophe
        depth += 1 if not after.isspace() and after and not before.isalnum() else -1
        if depth == 0:
            return at == len(written) - 1
    return False
