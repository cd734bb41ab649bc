"""Whether a text can be an API key, judged by its shape alone. Pure; no text of it is ever repeated."""

import re

from hailuo_batch.app.doctor.finding import Finding, Level
from hailuo_batch.errors import ExitCode

VARIABLE = "RUNBASE_API_KEY"
_SUBJECT = "key"
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_PLACEHOLDER = re.compile(r"\.\.\.|…|^<.*>$|[$]\{|^[$]|your[-_ ]?(api[-_ ]?)?key|x{6,}", re.IGNORECASE)
_SHORTEST = 8
_LONGEST = 512
_SET = "Set it, with your own key in place of this one:", f"export {VARIABLE}=sk-..."
_MEND = "To mend it:"
_WITHOUT = 'export RUNBASE_API_KEY="$(printf %s "$RUNBASE_API_KEY" | '
_STRIP_SPACE = f"{_WITHOUT}tr -d '[:space:]')\""
_STRIP_QUOTES = f"{_WITHOUT}tr -d '\\042\\047\\140')\""


def judge_key(value: str | None) -> Finding:
    """What the environment's text says, None for a variable that is not set. White space around a key is no harm."""
    if value is None:
        return _problem(f"{VARIABLE} is not set. A practice run needs none: add --sandbox.", *_SET)
    key = value.strip()
    if not key:
        return _problem(f"{VARIABLE} is set, but empty.", *_SET)
    wrong = _what_is_wrong(key)
    if wrong is not None:
        return _problem(*wrong)
    length = "short" if len(key) < 20 else "of usual length" if len(key) <= 200 else "long"
    return Finding(Level.OK, _SUBJECT, f"{VARIABLE} is set and has the shape of a key; it is {length}.")


def _what_is_wrong(key: str) -> tuple[str, str, str] | None:
    """What keeps the text from being a key, what mends it, and the command for that."""
    first, *more = key.split()
    if more and first.lower() == "bearer":
        text = f"{VARIABLE} begins with the word {first}; it takes the key alone."
        return text, _MEND, f'export {VARIABLE}="${{{VARIABLE}##*{first}}}"'
    if key[0] in _QUOTES or key[-1] in _QUOTES:
        text = f"{VARIABLE} has quotation marks in it, which are no part of a key."
        return (text, _MEND, _STRIP_QUOTES) if key.isascii() else (text, *_SET)
    if _PLACEHOLDER.search(key):
        return f"{VARIABLE} holds a placeholder and no key.", *_SET
    if any(mark in key for mark in "\r\n"):
        return f"{VARIABLE} has a line break in it.", "If that broke one key into lines:", _STRIP_SPACE
    if any(mark.isspace() for mark in key):
        text = f"{VARIABLE} has white space in it. It takes one key, and nothing else."
        return text, "If it is one key that was broken:", _STRIP_SPACE
    if not key.isascii() or not key.isprintable():
        return f"{VARIABLE} has a character that no key has, as copied text may: copy the key again.", *_SET
    if not _SHORTEST <= len(key) <= _LONGEST:
        return f"{VARIABLE} is too {'short' if len(key) < _SHORTEST else 'long'} for a key.", *_SET
    return None


def _problem(text: str, remedy: str, command: str) -> Finding:
    return Finding(Level.PROBLEM, _SUBJECT, text, remedy, (command,), ExitCode.ACCOUNT)
