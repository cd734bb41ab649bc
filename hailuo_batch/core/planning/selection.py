"""Which takes a pattern of the command line chooses: by the take's ID, or, written `tag:GLOB`, by one of its tags.

Pure. No take ID holds a colon, so that no pattern can mean both. Patterns are recorded in the ledger and in plan files
as they were typed.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from hailuo_batch.values import Take

TAG_PREFIX = "tag:"
"""What begins a pattern that chooses takes by their tags."""


def matches_any(take_id: str, patterns: Iterable[str]) -> bool:
    """Whether a take ID matches one of the patterns (`*`, `?`, `[...]`)."""
    return any(fnmatchcase(take_id, pattern) for pattern in patterns)


def chooses(patterns: Iterable[str], take: Take) -> bool:
    """Whether one of the patterns chooses this take, by its ID or by a tag."""
    return any(_chooses(pattern, take) for pattern in patterns)


def _chooses(pattern: str, take: Take) -> bool:
    # rule chosen_by_tag
    if pattern.startswith(TAG_PREFIX):
        return any(fnmatchcase(tag, pattern.removeprefix(TAG_PREFIX)) for tag in take.tags)
    return fnmatchcase(take.id, pattern)
