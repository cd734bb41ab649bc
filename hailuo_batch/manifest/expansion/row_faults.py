"""What is wrong with the shots that one written shot is expanded to, told by causes instead of shots.

A text that is wrong for every row is wrong itself, and told once; one that is wrong for a few rows is told for each
of them, and one that is wrong for many, for the first few with the number of the others.
"""

from dataclasses import dataclass, field

from hailuo_batch.manifest.diagnostics import MAX_DIAGNOSTICS, Diagnostics, Positioned
from hailuo_batch.manifest.expansion.templates import Template
from hailuo_batch.manifest.expansion.variables import Expansion

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _RowFault:
    message: str
    hint: str
    index: int


@dataclass(slots=True)
class _FaultGroup:
    """The faults of one kind at one place: the first few, and how many shots have one."""

    place: Positioned
    names: tuple[str, ...]
    count: int = 0
    first: list[_RowFault] = field(default_factory=list)


class RowFaults:
    """Collects the faults of one written shot while it is expanded."""

    def __init__(self, expansion: Expansion, diagnostics: Diagnostics) -> None:
        self._expansion = expansion
        self._diagnostics = diagnostics
        self._groups: dict[tuple[int, str], _FaultGroup] = {}

    def __bool__(self) -> bool:
        return bool(self._groups)

    def has_enough(self, text: Template, kind: str) -> bool:
        """Whether one more fault of this kind would only be counted: what it says need not be found out."""
        group = self._groups.get((id(text), kind))
        return group is not None and len(group.first) == _SHOWN

    def add(
        self, text: Template, kind: str, message: str, hint: str, index: int, place: Positioned | None = None
    ) -> None:
        """A text that is wrong in the shot at `index`; `kind` is what the messages of one cause have in common.

        Raises Refused where so many are wrong that going on helps nobody.
        """
        group = self._groups.get((id(text), kind))
        is_new = group is None
        if group is None:
            names = tuple(name.name for name in text.parsed.variables)
            group = self._groups[id(text), kind] = _FaultGroup(place or text.node, names)
        group.count += 1
        if len(group.first) < _SHOWN:
            group.first.append(_RowFault(message, hint, index))
        # rule enough_faults
        if is_new and len(self._groups) == MAX_DIAGNOSTICS:
            self.report()

    def report(self) -> None:
        """Reports them all."""
        for group in self._groups.values():
            if self._expansion.is_single:
                for fault in group.first:
                    # rule row_hint
                    self._diagnostics.error(group.place, fault.message, fault.hint)
            elif group.count == self._expansion.size > 1:
                self._report_for_all(group)
            else:
                self._report_for_some(group)

    def _report_for_all(self, group: _FaultGroup) -> None:
        first = group.first[0]
        origin = f"each of the {self._expansion.size:,} {self._expansion.noun}"
        self._diagnostics.error(group.place, f"{first.message}, and so for {origin}", first.hint, origin=origin)

    def _report_for_some(self, group: _FaultGroup) -> None:
        others = group.count - len(group.first)
        for number, fault in enumerate(group.first, 1):
            origin = self._expansion.describe_origin(fault.index, group.names)
            more = f", and for {others:,} more" if others and number == len(group.first) else ""
            self._diagnostics.error(group.place, f"{fault.message}, for {origin}{more}", fault.hint, origin=origin)
