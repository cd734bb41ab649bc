"""Which `--replace` is under way, and when it is over.

The same command, repeated, finishes a wish that is under way; once the wish is over it is a new one, and pays for every
take again. So a wish ends only with an apply that ends well and has finished all of it, and that was asked for it in
its own words or for no other replacement. Several may be under way: a new one forgets none before it.
"""

from collections.abc import Iterable, Iterator

from hailuo_batch.core.model.runs import Replacement, Snapshot
from hailuo_batch.core.model.states import TakeState

UNFINISHED = frozenset({TakeState.WAITING, TakeState.IN_DOUBT, TakeState.RUNNING, TakeState.DOWNLOADING})
"""States of a take of which something is still to come."""


def with_patterns(snapshot: Snapshot, patterns: Iterable[str]) -> Iterator[Replacement]:
    """The replacements under way that were asked for by these patterns, in whatever order."""
    words = frozenset(patterns)
    return (each for each in snapshot.replacements if frozenset(each.patterns) == words)


def is_repeated(snapshot: Snapshot, patterns: Iterable[str], only: Iterable[str]) -> bool:
    """Whether these words are those of a replacement under way, `--only` included: they finish it, and begin none."""
    takes = frozenset(only)
    return any(frozenset(each.only) == takes for each in with_patterns(snapshot, patterns))


def is_complete(snapshot: Snapshot, replacement: Replacement) -> bool:
    """Whether nothing of it is left to be made. What is in doubt may still be."""
    return not any(record.take.id in replacement.take_ids and record.state in UNFINISHED for record in snapshot.takes)


def finished_replacements(
    snapshot: Snapshot, patterns: tuple[str, ...], scope: frozenset[str]
) -> tuple[Replacement, ...]:
    """The replacements that are over once an apply has ended well that was asked to replace these (none perhaps), among
    the takes of `scope`."""
    chosen = with_patterns(snapshot, patterns) if patterns else iter(snapshot.replacements)
    elsewhere = {record.take.id for record in snapshot.takes if record.in_manifest} - scope
    return tuple(each for each in chosen if is_complete(snapshot, each) and not each.take_ids & elsewhere)
