"""Which `--replace` requests are under way, and when each of them is finished.

The same command, repeated, finishes a replacement that is under way; once it is finished, the command begins a new one
and pays for every take again. So a replacement ends only with an apply that ended well and completed all of it, and
that asked for it with the same patterns or for no other replacement. Several may be under way at once.
"""

from collections.abc import Iterable, Iterator

from hailuo_batch.core.model.runs import Replacement, Snapshot
from hailuo_batch.core.model.states import TakeState

UNFINISHED = frozenset({TakeState.WAITING, TakeState.IN_DOUBT, TakeState.RUNNING, TakeState.DOWNLOADING})
"""States of a take that may still become done."""


def with_patterns(snapshot: Snapshot, patterns: Iterable[str]) -> Iterator[Replacement]:
    """The replacements under way that were asked for with these patterns, in any order."""
    wanted = frozenset(patterns)
    return (each for each in snapshot.replacements if frozenset(each.patterns) == wanted)


def is_repeated(snapshot: Snapshot, patterns: Iterable[str], only: Iterable[str]) -> bool:
    """Whether a replacement with these patterns and this `--only` is under way: the command then only finishes it."""
    wanted = frozenset(only)
    return any(frozenset(each.only) == wanted for each in with_patterns(snapshot, patterns))


def is_complete(snapshot: Snapshot, replacement: Replacement) -> bool:
    """Whether none of its takes is unfinished. One in doubt is: its replacement may have to be sent yet."""
    return not any(record.take.id in replacement.take_ids and record.state in UNFINISHED for record in snapshot.takes)


def finished_replacements(
    snapshot: Snapshot, patterns: tuple[str, ...], scope: frozenset[str]
) -> tuple[Replacement, ...]:
    """The replacements that end with an apply that ended well. `patterns` are those of its `--replace`, `scope` its
    takes: a replacement with takes outside of the scope continues."""
    chosen = with_patterns(snapshot, patterns) if patterns else iter(snapshot.replacements)
    elsewhere = {record.take.id for record in snapshot.takes if record.in_manifest} - scope
    return tuple(each for each in chosen if is_complete(snapshot, each) and not each.take_ids & elsewhere)
