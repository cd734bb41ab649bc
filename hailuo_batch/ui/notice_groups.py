"""Notices that say the same of many takes, gathered, so that a screen shows what happened and not how often.

The first is told at once. Those like it are held for a while and then told together, each by its name; the more often
that was so, the longer the next ones are held, and at the end none is left untold. Pure: `now` is passed in, in
seconds of a clock that never goes back.
"""

from dataclasses import dataclass, field

from hailuo_batch.core.engine.notices import Notice, together

_HELD_S = 10.0
_LONGEST_S = 300.0


@dataclass(slots=True)
class _Kind:
    """Notices with the same words: those that are held, until when, and for how long the next ones are."""

    tell_at: float
    held_s: float = _HELD_S
    held: list[Notice] = field(default_factory=list)


class NoticeGroups:
    """What one apply has to say, on its way to whoever shows it."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}

    def add(self, notice: Notice, now: float) -> list[str]:
        """Take a notice. Returns what is to be told at once."""
        kind = self._kinds.get(notice.of_many)
        if kind is not None:
            kind.held.append(notice)
            return []
        if notice.of_many:
            self._kinds[notice.of_many] = _Kind(tell_at=now + _HELD_S)
        return [notice.text]

    def due(self, now: float) -> list[str]:
        """What has been held for long enough."""
        told = []
        for kind in self._kinds.values():
            if kind.held and now >= kind.tell_at:
                told.append(_told(kind))
                kind.held_s = min(2 * kind.held_s, _LONGEST_S)
                kind.tell_at = now + kind.held_s
        return told

    def rest(self) -> list[str]:
        """All that is still held, but for what is told at the end anyway. Nothing is held from then on."""
        kinds, self._kinds = self._kinds.values(), {}
        return [_told(kind) for kind in kinds if kind.held and not kind.held[0].is_summed_up]


def _told(kind: _Kind) -> str:
    text = together(kind.held)
    kind.held = []
    return text
