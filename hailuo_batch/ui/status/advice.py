"""What to do about the takes of a campaign: each kind of trouble once, with its takes and its commands. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.report.advice import combine_commands
from hailuo_batch.report.model import Attempt, Report
from hailuo_batch.ui.text import INDENT, clean, layout_lines, name_some

MOST_NAMED = 10
"""The most takes of one kind that are all named, unless all are asked for."""
_NAMED_OF_MANY = 3
_RETRIED_BY_APPLY = frozenset({RunState.FAILED, RunState.REJECTED})
_RETRIED = frozenset({TakeState.FAILED, TakeState.REJECTED})


@dataclass(frozen=True, slots=True)
class AdviceGroup:
    """Attempts with the same advice. `is_all` is whether they are all that any command without names would be about,
    `is_all_retried` whether a `retry` without names would be about them."""

    text: str
    attempts: Sequence[Attempt]
    is_all: bool
    is_all_retried: bool


def advice_groups(report: Report, new: int) -> list[AdviceGroup]:
    """The attempts with advice, by its text. Those in doubt are shown with the money at risk.

    `new` is how many takes the manifest asks for that the ledger does not know.
    """
    left = frozenset(take.id for take in report.takes if take.in_manifest and take.state is not TakeState.DONE)
    groups: dict[str, list[Attempt]] = {}
    for take in report.takes:
        for attempt in take.attempts:
            if attempt.advice is not None and attempt.run.state is not RunState.IN_DOUBT:
                groups.setdefault(attempt.advice.text, []).append(attempt)
    again = frozenset(take.id for take in report.takes if take.in_manifest and take.state in _RETRIED)
    return [
        AdviceGroup(text, alike, not new and _are_all(alike, left), _are_all(alike, again))
        for text, alike in groups.items()
    ]


def render_advice(group: AdviceGroup, most_named: int | None, columns: int | None) -> list[str]:
    """The takes and what to do about them, then the commands. At most so many takes are named, all with None."""
    names = [clean(attempt.run.take_id) for attempt in group.attempts]
    most = len(names) if most_named is None or len(names) <= most_named else _NAMED_OF_MANY
    commands = _commands(group, are_many=len(names) > most)
    text = f"{name_some(names, most)}: {group.text}"
    return [*layout_lines([text], columns), *(f"{INDENT}{command}" for command in commands)]


def _commands(group: AdviceGroup, *, are_many: bool) -> Iterable[str]:
    """The commands for these takes. A hundred names would fill the screen: then TAKE stands for each of them, or none
    is needed."""
    advised = [(attempt.run.take_id, attempt.advice) for attempt in group.attempts if attempt.advice]
    if group.is_all or not are_many:
        return combine_commands(advised, group.is_all)
    take_id, advice = advised[0]
    retried = (command.is_retry and group.is_all_retried for command in advice.ways)
    return [
        str(command.without_words() if bare else command.for_any_take(take_id))
        for bare, command in zip(retried, advice.ways, strict=True)
    ]


def _are_all(alike: Sequence[Attempt], left: frozenset[str]) -> bool:
    names = {attempt.run.take_id for attempt in alike}
    return left == names and all(attempt.run.state in _RETRIED_BY_APPLY for attempt in alike)
