"""What is wrong with the shots that one raw shot makes, reported by cause instead of by shot.

A text that is wrong for many rows is reported for the first of them, with the number of the others: rows where only
rows make a difference, combinations where only those do. The first few wrong values are causes of their own.
"""

from dataclasses import dataclass

from hailuo_batch.manifest.diagnostics import MAX_DIAGNOSTICS, Diagnostics, Positioned
from hailuo_batch.manifest.expansion.templates import Template
from hailuo_batch.manifest.expansion.variables import Expansion

_MOST_VALUES = 5


@dataclass(slots=True)
class _FaultGroup:
    """The faults of one cause: the message, hint and index of the first, and the rows and combinations of all."""

    place: Positioned
    names: tuple[str, ...]
    message: str
    hint: str
    index: int
    where: set[tuple[int, int]]


class RowFaults:
    """Collects what is wrong with the shots of one raw shot while it is expanded."""

    def __init__(self, expansion: Expansion, diagnostics: Diagnostics) -> None:
        self._expansion = expansion
        self._diagnostics = diagnostics
        self._groups: dict[tuple[int, str, str], _FaultGroup] = {}
        self._values: dict[tuple[int, str], dict[str, None]] = {}

    def has_enough(self, template: Template, kind: str) -> bool:
        """Whether one more fault of this kind would only be counted, so that its message is not needed."""
        return (id(template), kind, "") in self._groups

    def add(
        self,
        template: Template,
        kind: str,
        message: str,
        hint: str,
        index: int,
        place: Positioned | None = None,
        value: str = "",
    ) -> None:
        """Add a fault of a text in the shot at `index`; `kind` is what the messages of one cause have in common.

        `value` is the wrong value, if each is a cause of its own. Raises FatalDiagnostic if so many texts are wrong
        that continuing helps nobody.
        """
        values = self._values.setdefault((id(template), kind), {})
        if len(values) < _MOST_VALUES:
            values[value] = None
        key = (id(template), kind, value if value in values else next(reversed(values)))
        is_new = key not in self._groups
        if is_new:
            self._groups[key] = _FaultGroup(place or template.node, template.names, message, hint, index, set())
        self._groups[key].where.add(self._expansion.origin_of(index, template.names))
        # rule enough_faults
        if is_new and len(self._groups) == MAX_DIAGNOSTICS:
            self.report()

    def report(self) -> None:
        """Report all faults, each cause once."""
        for group in self._groups.values():
            single = self._expansion.is_single
            origin = "" if single else self._expansion.describe_origin(group.index, group.names)
            message = f"{group.message}, for {origin}" if origin else group.message
            # rule row_hint
            self._diagnostics.error(group.place, message, group.hint, origin=origin, more=len(group.where) - 1)
