"""Which failed runs are worth another attempt.

A failed run is refunded, so another attempt costs time and no money. A run that failed because its input was found
sensitive fails again with the same input, however often it is tried.
"""

import re
from collections.abc import Iterable

from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.states import RunState

# Hailuo's own code for "input is sensitive", as MiniMax documents it for its API. Runbase documents no codes of failed
# runs, so it may come as a number, inside a text or not at all. It counts only where it can be nothing but a code:
# alone, in brackets, before a colon, or after a word for one. `took 1026 s` and `run 910264` are something else.
_HAILUO_CODE = re.compile(
    r"(?:^\s*1026\s*(?:$|[:-])|\[1026\]|\(1026\)|(?:code|error|status)[\"']?\s?[:=#_-]?\s?[\"']?1026(?![\w.]|,\d))",
    re.IGNORECASE | re.ASCII,
)
# Nobody's documented words, but those that providers use for it. What is missed here is tried again, which costs
# nothing; what is taken for it wrongly can be tried again with `retry`. So these say it outright, or do not count.
_CODE = re.compile(r"(?:^|\()([A-Za-z][A-Za-z0-9_.-]{2,59})\)?$", re.ASCII)
_CONTENT_CODE = re.compile(
    r"(?<!case)(?:^|[_.-])(?:sensitive|nsfw|moderated|moderation)(?:$|[_.-])"
    r"|content[_.-]?(?:policy|filter|filtered|moderation|safety|violation|blocked|rejected)"
    r"|safety[_.-]?(?:policy|filter|violation|block|blocked)",
    re.IGNORECASE | re.ASCII,
)
_TROUBLE = re.compile(r"unavailable|time[_.-]?d?[_.-]?out|overload|internal|busy|exceeded|limit", re.IGNORECASE)
_CONTENT_WORDS = re.compile(
    r"\bnew_sensitive\b"
    r"|\bsensitive (?:content|input|prompt|image|text|words?|information)\b"
    r"|\b(?:input|prompt|image|text|content|output)s? (?:is|are|was|were) (?:found |considered )?sensitive\b"
    r"|\b(?:violat\w{1,5}|against|flagged by|blocked by|rejected by|stopped by) [\w ]{0,30}?"
    r"\b(?:content|safety|usage|community) (?:policy|policies|guidelines|moderation|filters?|checks?)\b",
    re.IGNORECASE | re.ASCII,
)

FAILS_AGAIN = "the same prompt and images would fail again, so change them first"
"""What is said of a take whose run failed because of its content."""


def is_refused_content(run: Run) -> bool:
    """Whether this run failed because its prompt or an image was found sensitive."""
    reason = run.reason or ""
    if run.state is not RunState.FAILED or not reason:
        return False
    code = _CODE.search(reason)
    # rule content_code
    if code is not None and _CONTENT_CODE.search(code[1]) and not _TROUBLE.search(code[1]):
        return True
    # rule hailuo_code
    return _HAILUO_CODE.search(reason) is not None or _CONTENT_WORDS.search(reason) is not None


def count_failures(runs: Iterable[Run], fingerprint: str) -> int:
    """How many attempts at exactly this request have failed."""
    return sum(run.state is RunState.FAILED and run.fingerprint == fingerprint for run in runs)


def attempts_left(runs: Iterable[Run], fingerprint: str, max_attempts: int) -> int:
    """How many attempts at exactly this request are made without being asked for, after these runs."""
    tried = [run for run in runs if run.fingerprint == fingerprint]
    # rule content_not_repeated
    if any(is_refused_content(run) for run in tried):
        return 0
    return max(0, max_attempts - count_failures(tried, fingerprint))
