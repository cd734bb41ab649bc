"""The API keys in the environment, and texts that cannot be one, whatever a key may look like.

Pure; no text of a key is ever repeated.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

VARIABLE = "RUNBASE_API_KEY"
LIST_VARIABLE = "RUNBASE_API_KEYS"
_BETWEEN = re.compile(r"[,\s]+")
_TWO_KEYS = re.compile(r"sk-[^,]+,\s*sk-")
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_PLACEHOLDER = re.compile(r"\.\.\.|…|^<.*>$|[$]\{|^[$]|your[-_ ]?(api[-_ ]?)?key|x{6,}", re.IGNORECASE)
SET_KEY = "Set it, with your own key in place of this one:", f"export {VARIABLE}=sk-..."
SET_KEYS = "Set it, with your own keys in place of these:", f"export {LIST_VARIABLE}=sk-...,sk-..."
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


def given_keys(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The texts that are to be the keys, each once, the single one first, with what it is called in a message."""
    single = environment.get(VARIABLE, "").strip()
    listed = filter(None, _BETWEEN.split(environment.get(LIST_VARIABLE, "")))
    named = {key: f"Key {number} in {LIST_VARIABLE}" for number, key in enumerate(listed, 1)}
    return ({single: VARIABLE} if single else {}) | {key: name for key, name in named.items() if key != single}


def find_wrong_shape(key: str, name: str = VARIABLE) -> WrongShape | None:
    """What is wrong with a text without white space around it, which is called `name`; None for one that may be a key.

    Only what is certain: a request with a key that is none would be refused, and one with a good key must be sent.
    """
    wrong = _find_wrong_shape(key)
    if wrong is None or name == VARIABLE:
        return wrong
    return WrongShape(wrong.text.replace(VARIABLE, name, 1), *SET_KEYS)


def _find_wrong_shape(key: str) -> WrongShape | None:
    if _TWO_KEYS.match(key):
        rename = f'export {LIST_VARIABLE}="${VARIABLE}"; unset {VARIABLE}'
        return WrongShape(f"{VARIABLE} has several keys in it. It takes one.", "To use them all:", rename)
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
