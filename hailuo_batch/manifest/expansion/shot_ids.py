"""The IDs of the shots: made of what is written and what is put in, well spelled, and each given once.

Owns which IDs are taken, by which shot. Knows nothing of prompts or images.
"""

from bisect import bisect_right
from functools import cached_property

from hailuo_batch.manifest import slugs
from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.expansion.row_faults import RowFaults
from hailuo_batch.manifest.expansion.size_limits import ShotGroup
from hailuo_batch.manifest.expansion.templates import Template
from hailuo_batch.manifest.expansion.variables import Expansion, Variables
from hailuo_batch.manifest.quoting import join_quoted, quoted

_MAX_FILLED_LENGTH = 10_000


class IdRegistry:
    """Gives IDs to the shots of a campaign, one written shot after another."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self.taken: dict[str, int] = {}
        self._namers: list[ShotNamer] = []
        self._first_numbers: list[int] = []
        self._total = 0
        self._diagnostics = diagnostics

    def create_namer(self, group: ShotGroup, text: Template | None) -> "ShotNamer | None":
        """Gives the shots of a part their IDs; None where its ID is absent or wrong as it is written."""
        if text is None or not self._check_spelling(text) or group.expansion is None:
            return None
        namer = ShotNamer(self, group, text, group.expansion, self._total)
        self._namers.append(namer)
        self._first_numbers.append(self._total)
        self._total += group.size
        return namer

    def owner(self, number: int) -> "ShotNamer":
        """Who gave the ID with this number."""
        return self._namers[bisect_right(self._first_numbers, number) - 1]

    def report(self, text: Template, message: str, hint: str) -> None:
        """Reports what is wrong with an ID whatever is put in."""
        # rule id_hint
        self._diagnostics.error(text.node, message, hint)

    def path(self) -> str:
        """The manifest's path, as it is shown."""
        return self._diagnostics.path

    def _check_spelling(self, text: Template) -> bool:
        # rule id_letters
        if slugs.is_well_spelled(text.parsed):
            return True
        better = slugs.respell(text.parsed)
        # rule id_respelled
        hint = "" if better is None else f"write {quoted(better)}"
        self.report(text, f"the ID {quoted(text.node.text)} may hold only {slugs.ID_CHARACTERS}, and `${{name}}`", hint)
        return False


class ShotNamer:
    """Gives the shots of one written shot their IDs."""

    def __init__(
        self, registry: IdRegistry, group: ShotGroup, text: Template, expansion: Expansion, start: int
    ) -> None:
        self._registry = registry
        self._group = group
        self.text = text
        self._expansion = expansion
        self._start = start

    def name_shot(self, variables: Variables, index: int, row_faults: RowFaults) -> str | None:
        """The ID in this scope; None where it is wrong or taken."""
        text = self.text
        if text.parsed.length(variables) > _MAX_FILLED_LENGTH:
            row_faults.add(text, "long", f"the ID {quoted(text.node.text)} becomes far too long", "", index)
            return None
        # rule id_slug
        shot_id = text.parsed.substitute(variables, slugs.slug)
        problem = slugs.find_id_problem(shot_id)
        if problem is not None:
            self._report_invalid(shot_id, problem, index, row_faults)
            return None
        number = self._registry.taken.setdefault(shot_id, self._start + index)
        # rule unique_id
        if number != self._start + index:
            self._report_duplicate(shot_id, number, index, row_faults)
            return None
        return shot_id

    def describe_place(self, number: int) -> str:
        """Where the shot with this number is, in words."""
        node = self.text.node
        where = f"the shot at {self._registry.path()}:{node.line}:{node.column}"
        if self._expansion.is_single:
            return where
        return f"{where}, for {self._describe_origin(number)}"

    def _describe_origin(self, number: int) -> str:
        return self._expansion.describe_origin(number - self._start, [name.name for name in self.text.parsed.variables])

    def _report_invalid(self, shot_id: str, problem: str, index: int, row_faults: RowFaults) -> None:
        text = self.text
        better = slugs.respell(text.parsed)
        hint = "choose another" if text.parsed.variables or better is None else f"write {quoted(better)}"
        becomes = ""
        if text.parsed.variables:
            becomes = f" becomes {quoted(shot_id)}, which" if shot_id else " with its values put in"
        row_faults.add(text, problem, f"the ID {quoted(text.node.text)}{becomes} {problem}", hint, index)

    def _report_duplicate(self, shot_id: str, number: int, index: int, row_faults: RowFaults) -> None:
        first = self._registry.owner(number)
        if first is not self:
            self._report_duplicate_elsewhere(shot_id, first, number, index, row_faults)
        elif self._missing_names:
            message = f"the ID {quoted(self.text.node.text)} is the same for several {self._expansion.noun}"
            self._registry.report(
                self.text, message, f"put {join_quoted([f'${{{name}}}' for name in self._missing_names])} into it"
            )
        else:
            enough = row_faults.has_enough(self.text, "repeated")
            message = (
                "" if enough else f"the ID {quoted(shot_id)}, made for {self._describe_origin(number)}, is made again"
            )
            row_faults.add(self.text, "repeated", message, "each needs an ID of its own", index)

    def _report_duplicate_elsewhere(
        self, shot_id: str, first: "ShotNamer", number: int, index: int, row_faults: RowFaults
    ) -> None:
        text = self.text
        # a shot that is repeated through an alias or a merge key has no ID of its own to point at
        # rule second_place
        place = self._group.raw.node if first.text.node is text.node else text.node
        enough = row_faults.has_enough(text, "taken")
        # rule both_places
        message = "" if enough else f"the ID {quoted(shot_id)} is already that of {first.describe_place(number)}"
        row_faults.add(text, "taken", message, "rename one", index, place)

    @cached_property
    def _missing_names(self) -> list[str]:
        """What the ID must name to be another one for each shot."""
        return self._expansion.missing_names([name.name for name in self.text.parsed.variables])
