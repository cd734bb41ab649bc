"""What is wrong with the shots that one raw shot makes, reported by cause instead of by shot.

A text that is wrong for every row is wrong itself, and reported once; one that is wrong for a few rows is reported for
each of them, and one that is wrong for many, for the first few with the number of the others.
"""

from dataclasses import dataclass, field

from hailuo_batch.manifest.diagnostics import MAX_DIAGNOSTICS, Diagnostics, Positioned
from hailuo_batch.manifest.expansion.templates import Template
from hailuo_batch.manifest.expansion.variables import Expansion

_SHOWN = 3


@dataclass(slots=True)
class _FaultGroup:
    """The faults of one kind at one place: how many there are, and the message, hint and index of the first few."""

    place: Positioned
    names: list[str]
    count: int = 0
    first: list[tuple[str, str, int]] = field(default_factory=list)


class RowFaults:
    """Collects what is wrong with the shots of one raw shot while it is expanded."""

    def __init__(self, expansion: Expansion, diagnostics: Diagnostics) -> None:
        self._expansion = expansion
        self._diagnostics = diagnostics
        self._groups: dict[tuple[int, str], _FaultGroup] = {}

    def has_enough(self, template: Template, kind: str) -> bool:
        """Whether one more fault of this kind would only be counted, so that its message is not needed."""
        group = self._groups.get((id(template), kind))
        return group is not None and len(group.first) == _SHOWN

    def add(
        self, template: Template, kind: str, message: str, hint: str, index: int, place: Positioned | None = None
    ) -> None:
        """Add a fault of a text in the shot at `index`; `kind` is what the messages of one cause have in common.

        Raises FatalDiagnostic if so many texts are wrong that continuing helps nobody.
        """
        group = self._groups.get((id(template), kind))
        is_new = group is None
        if group is None:
            group = self._groups[id(template), kind] = _FaultGroup(place or template.node, template.names)
        group.count += 1
        if len(group.first) < _SHOWN:
            group.first.append((message, hint, index))
        # rule enough_faults
        if is_new and len(self._groups) == MAX_DIAGNOSTICS:
            self.report()

    def report(self) -> None:
        """Report all faults, each cause once or a few times."""
        for group in self._groups.values():
            is_everywhere = group.count == self._expansion.size > 1
            shown = group.first[:1] if is_everywhere else group.first
            others = 0 if is_everywhere else group.count - len(shown)
            for number, (message, hint, index) in enumerate(shown, 1):
                origin = self._describe_origin(index, group.names, is_everywhere)
                more = f", and for {others:,} more" if others and number == len(shown) else ""
                suffix = f", for {origin}{more}" if origin else ""
                # rule row_hint
                self._diagnostics.error(group.place, f"{message}{suffix}", hint, origin=origin)

    def _describe_origin(self, index: int, names: list[str], is_everywhere: bool) -> str:
        if self._expansion.is_single:
            return ""
        if is_everywhere:
            return f"each of the {self._expansion.size:,} {self._expansion.noun}"
        return self._expansion.describe_origin(index, names)
