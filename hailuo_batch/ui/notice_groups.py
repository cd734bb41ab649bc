"""Notices that say the same of many takes, gathered, so that a screen shows what happened and not how often.

The first is told at once. Those like it are held for a while and then told together, each by its name; the more often
that was so, the longer the next ones are held, and at the end none is left untold. Pure: `now` is passed in, in
seconds of a clock that never goes back.
"""

from dataclasses import dataclass, field

from hailuo_batch.core.engine.notices import Notice, render_group

_FIRST_HOLD_S = 10.0
_LONGEST_HOLD_S = 300.0


@dataclass(slots=True)
class _NoticeGroup:
    """Notices with the same words: those that are held, until when, and for how long the next ones are."""

    due_at: float
    held_s: float = _FIRST_HOLD_S
    held: list[Notice] = field(default_factory=list)


class NoticeGroups:
    """What one apply has to say, on its way to whoever shows it."""

    def __init__(self) -> None:
        self._groups: dict[str, _NoticeGroup] = {}

    def add(self, notice: Notice, now: float) -> list[str]:
        """Take a notice. Returns what is to be told at once."""
        group = self._groups.get(notice.group_text)
        if group is not None:
            group.held.append(notice)
            return []
        if notice.group_text:
            self._groups[notice.group_text] = _NoticeGroup(due_at=now + _FIRST_HOLD_S)
        return [notice.text]

    def due(self, now: float) -> list[str]:
        """What has been held for long enough."""
        texts = []
        for group in self._groups.values():
            if group.held and now >= group.due_at:
                texts.append(_combine(group))
                group.held_s = min(2 * group.held_s, _LONGEST_HOLD_S)
                group.due_at = now + group.held_s
        return texts

    def flush(self) -> list[str]:
        """All that is still held, but for what is told at the end anyway. Nothing is held from then on."""
        groups, self._groups = self._groups.values(), {}
        return [_combine(kind) for kind in groups if kind.held and not kind.held[0].is_in_summary]


def _combine(group: _NoticeGroup) -> str:
    text = render_group(group.held)
    group.held = []
    return text
