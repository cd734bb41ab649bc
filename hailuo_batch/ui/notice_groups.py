"""Groups of notices that say the same about many takes.

The first of a group is shown at once. The next ones are held for a while and then shown together, with all their takes;
each time they are held longer. At the end none is left unshown. Pure: `now`, a monotonic clock in seconds, is passed
in.
"""

from dataclasses import dataclass, field

from hailuo_batch.core.engine.notices import Notice, render_group

_FIRST_HOLD_S = 10.0
_LONGEST_HOLD_S = 300.0


@dataclass(slots=True)
class _NoticeGroup:
    """Notices with the same words: those that are held, until when, and for how long the next ones will be."""

    due_at: float
    held_s: float = _FIRST_HOLD_S
    held: list[Notice] = field(default_factory=list)


class NoticeGroups:
    """The notices of one apply, grouped for whoever shows them."""

    def __init__(self) -> None:
        self._groups: dict[str, _NoticeGroup] = {}

    def add(self, notice: Notice, now: float) -> list[str]:
        """Add a notice. Returns the texts to show at once."""
        group = self._groups.get(notice.group_text)
        if group is not None:
            group.held.append(notice)
            return []
        if notice.group_text:
            self._groups[notice.group_text] = _NoticeGroup(due_at=now + _FIRST_HOLD_S)
        return [notice.text]

    def due(self, now: float) -> list[str]:
        """The texts of groups that were held long enough."""
        texts = []
        for group in self._groups.values():
            if group.held and now >= group.due_at:
                texts.append(_combine(group))
                group.held_s = min(2 * group.held_s, _LONGEST_HOLD_S)
                group.due_at = now + group.held_s
        return texts

    def flush(self) -> list[str]:
        """The texts of everything still held, except what the summary shows anyway. Holds nothing from then on."""
        groups, self._groups = self._groups.values(), {}
        return [_combine(kind) for kind in groups if kind.held and not kind.held[0].is_in_summary]


def _combine(group: _NoticeGroup) -> str:
    text = render_group(group.held)
    group.held = []
    return text
