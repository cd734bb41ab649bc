"""What to say of the texts that are to be API keys, judged by their shape alone. Pure; repeats no text of them."""

from collections.abc import Iterator, Mapping

from hailuo_batch.adapters.runbase.key_shape import (
    LIST_VARIABLE,
    SET_KEY,
    SET_KEYS,
    VARIABLE,
    find_wrong_shape,
    given_keys,
)
from hailuo_batch.app.doctor.finding import Finding, Level
from hailuo_batch.errors import ExitCode

_SUBJECT = "key"
_SHORTEST = 8
_LONGEST = 512


def judge_keys(environment: Mapping[str, str]) -> Iterator[tuple[str, Finding]]:
    """Each key that the environment holds, with what to say of its shape; an empty text where there is none."""
    given = given_keys(environment)
    if not given:
        empty = next((name for name in (VARIABLE, LIST_VARIABLE) if name in environment), None)
        text = f"{VARIABLE} is not set. A practice run needs none: add --sandbox."
        yield "", _problem(text if empty is None else f"{empty} is set, but empty.", *SET_KEY)
    for key, name in given.items():
        yield key, _judge(key, name)


def _judge(key: str, name: str) -> Finding:
    wrong = find_wrong_shape(key, name)
    if wrong is not None:
        return _problem(wrong.text, wrong.remedy, wrong.command)
    if not _SHORTEST <= len(key) <= _LONGEST:  # unlikely, and not certain: an apply would try it
        mend = SET_KEY if name == VARIABLE else SET_KEYS
        return _problem(f"{name} is too {'short' if len(key) < _SHORTEST else 'long'} for a key.", *mend)
    length = "short" if len(key) < 20 else "of usual length" if len(key) <= 200 else "long"
    return Finding(Level.OK, _SUBJECT, f"{name} is set and has the shape of a key; it is {length}.")


def _problem(text: str, remedy: str, command: str) -> Finding:
    return Finding(Level.PROBLEM, _SUBJECT, text, remedy, (command,), ExitCode.ACCOUNT)
