"""Texts that cannot be an API key, whatever a key may look like. Pure; no text of it is ever repeated."""

import re
from dataclasses import dataclass

VARIABLE = "RUNBASE_API_KEY"
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_PLACEHOLDER = re.compile(r"\.\.\.|…|^<.*>$|[$]\{|^[$]|your[-_ ]?(api[-_ ]?)?key|x{6,}", re.IGNORECASE)
SET_KEY = "Set it, with your own key in place of this one:", f"export {VARIABLE}=sk-..."
_MEND = "To mend it:"
_WITHOUT = 'export RUNBASE_API_KEY="$(printf %s "$RUNBASE_API_KEY" | '
_STRIP_SPACE = f"{_WITHOUT}tr -d '[:space:]')\""
_STRIP_QUOTES = f"{_WITHOUT}tr -d '\\042\\047\\140')\""


@dataclass(frozen=True, slots=True)
class WrongShape:
    """What keeps a text from being a key, what mends it, and the command for that."""

    text: str
    remedy: str
    command: str


def find_wrong_shape(key: str) -> WrongShape | None:
    """What is wrong with a text without white space around it; None for one that may be a key.

    Only what is certain: a request with a key that is none would be refused, and one with a good key must be sent.
    """
    first, *more = key.split()
    if more and first.lower() == "bearer":
        text = f"{VARIABLE} begins with the word {first}; it takes the key alone."
        return WrongShape(text, _MEND, f'export {VARIABLE}="${{{VARIABLE}##*{first}}}"')
    if key[0] in _QUOTES or key[-1] in _QUOTES:
        text = f"{VARIABLE} has quotation marks in it, which are no part of a key."
        return WrongShape(text, _MEND, _STRIP_QUOTES) if key.isascii() else WrongShape(text, *SET_KEY)
    if _PLACEHOLDER.search(key):
        return WrongShape(f"{VARIABLE} holds a placeholder and no key.", *SET_KEY)
    if any(mark in key for mark in "\r\n"):
        return WrongShape(f"{VARIABLE} has a line break in it.", "If that broke one key into lines:", _STRIP_SPACE)
    if any(mark.isspace() for mark in key):
        text = f"{VARIABLE} has white space in it. It takes one key, and nothing else."
        return WrongShape(text, "If it is one key that was broken:", _STRIP_SPACE)
    if not key.isascii() or not key.isprintable():
        text = f"{VARIABLE} has a character that no key has, as copied text may: copy the key again."
        return WrongShape(text, *SET_KEY)
    return None
