"""What to say of the text that is to be the API key, judged by its shape alone. Pure; repeats no text of it."""

from hailuo_batch.adapters.runbase.key_shape import SET_KEY, VARIABLE, find_wrong_shape
from hailuo_batch.app.doctor.finding import Finding, Level
from hailuo_batch.errors import ExitCode

_SUBJECT = "key"
_SHORTEST = 8
_LONGEST = 512


def judge_key(value: str | None) -> Finding:
    """What the environment's text says, None for a variable that is not set. White space around a key is no harm."""
    if value is None:
        return _problem(f"{VARIABLE} is not set. A practice run needs none: add --sandbox.", *SET_KEY)
    key = value.strip()
    if not key:
        return _problem(f"{VARIABLE} is set, but empty.", *SET_KEY)
    wrong = find_wrong_shape(key)
    if wrong is not None:
        return _problem(wrong.text, wrong.remedy, wrong.command)
    if not _SHORTEST <= len(key) <= _LONGEST:  # unlikely, and not certain: an apply would try it
        return _problem(f"{VARIABLE} is too {'short' if len(key) < _SHORTEST else 'long'} for a key.", *SET_KEY)
    length = "short" if len(key) < 20 else "of usual length" if len(key) <= 200 else "long"
    return Finding(Level.OK, _SUBJECT, f"{VARIABLE} is set and has the shape of a key; it is {length}.")


def _problem(text: str, remedy: str, command: str) -> Finding:
    return Finding(Level.PROBLEM, _SUBJECT, text, remedy, (command,), ExitCode.ACCOUNT)
