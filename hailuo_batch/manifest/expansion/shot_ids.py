"""The IDs of the shots: made of what is written and what is filled in, well spelled, and each given once.

Owns which IDs are taken, and by which shot. Knows nothing of prompts or images.
"""

from functools import cached_property

from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.expansion.row_faults import RowFaults
from hailuo_batch.manifest.expansion.size_limits import ShotGroup
from hailuo_batch.manifest.expansion.templates import Template
from hailuo_batch.manifest.expansion.variables import ROW_NUMBER, Expansion, Variables
from hailuo_batch.manifest.quoting import join_quoted, quoted
from hailuo_batch.manifest.slugs import ID_CHARACTERS, MAX_ID_LENGTH, find_id_problem, is_id_text, slug, to_id_text

_MAX_FILLED_LENGTH = 10_000

TakenIds = dict[str, tuple["ShotNamer", int]]
"""Who gave each ID, and to which of its shots."""


class ShotNamer:
    """Gives the shots of one raw shot their IDs."""

    def __init__(
        self, group: ShotGroup, template: Template, expansion: Expansion, taken: TakenIds, diagnostics: Diagnostics
    ) -> None:
        self._node = group.raw.node
        self.template = template
        self._expansion = expansion
        self._taken = taken
        self._diagnostics = diagnostics
        self._lost: list[str] = []

    def name_shot(self, variables: Variables, index: int, row_faults: RowFaults) -> str | None:
        """The ID for these variables; None if it is wrong or taken."""
        template = self.template
        if template.length(variables) > _MAX_FILLED_LENGTH:
            row_faults.add(template, "long", f"{self._written} becomes far too long", "", index)
            return None
        self._lost.clear()
        # rule id_slug
        shot_id = template.substitute(variables, self._to_slug)
        # rule lost_value
        if self._lost:
            message = f"{quoted(self._lost[0])} has no letter or digit that an ID may hold"
            row_faults.add(template, "lost", message, self._other_name_hint, index)
            return None
        problem = find_id_problem(shot_id)
        if problem is not None:
            self._report_invalid(shot_id, problem, index, row_faults)
            return None
        first, first_index = self._taken.setdefault(shot_id, (self, index))
        # rule unique_id
        if first is not self:
            self._report_used_elsewhere(shot_id, first, first_index, index, row_faults)
            return None
        if first_index != index:
            self._report_repeated(shot_id, first_index, index, row_faults)
            return None
        return shot_id

    def _report_invalid(self, shot_id: str, problem: str, index: int, row_faults: RowFaults) -> None:
        better = respell(self.template)
        # every ID that is too long is too long for one reason, however long it is
        # rule long_ids
        kind = "long" if len(shot_id) > MAX_ID_LENGTH else problem
        if not self.template.variables:
            hint = "choose another" if better is None else f"write {quoted(better)}"
            row_faults.add(self.template, kind, f"{self._written} {problem}", hint, index)
            return
        becomes = f"becomes {quoted(shot_id)}, which" if shot_id else "with its values filled in"
        row_faults.add(self.template, kind, f"{self._written} {becomes} {problem}", self._other_name_hint, index)

    def _to_slug(self, value: str) -> str:
        """The value as an ID has it; one that is not empty and of which nothing is left is kept in mind."""
        spelled = slug(value)
        # rule lost_not_empty
        if not spelled and value.strip():
            self._lost.append(value)
        return spelled

    @property
    def _other_name_hint(self) -> str:
        """What to make an ID of instead."""
        if self._expansion.table is None:
            return "choose another value, or another variable"
        # rule row_instead
        return f"use another column, or `${{{ROW_NUMBER}}}`, the row's number"

    def _report_repeated(self, shot_id: str, first_index: int, index: int, row_faults: RowFaults) -> None:
        if self._missing_names:
            message = f"{self._written} is the same for several {self._expansion.noun}"
            missing = join_quoted([f"${{{name}}}" for name in self._missing_names])
            self._diagnostics.error(self.template.node, message, f"add {missing} to it")
            return
        enough = row_faults.has_enough(self.template, "repeated")
        origin = "" if enough else self._describe_origin(first_index)
        message = f"the ID {quoted(shot_id)}, used for {origin}, is repeated"
        is_table = self._expansion.table is not None
        hint = f"change one of them, or add `${{{ROW_NUMBER}}}` to the ID" if is_table else "each shot needs its own ID"
        row_faults.add(self.template, "repeated", message, hint, index)

    def _report_used_elsewhere(
        self, shot_id: str, first: "ShotNamer", first_index: int, index: int, row_faults: RowFaults
    ) -> None:
        # a shot that is repeated through an alias or a merge key has no ID of its own to point at
        # rule second_place
        place = self._node if first.template.node is self.template.node else self.template.node
        enough = row_faults.has_enough(self.template, "taken")
        # rule both_places
        message = "" if enough else f"the ID {quoted(shot_id)} is already used by {first.describe_shot(first_index)}"
        row_faults.add(self.template, "taken", message, "rename one", index, place)

    def describe_shot(self, index: int) -> str:
        """Where the shot with this index is, in words."""
        node = self.template.node
        where = f"the shot at {self._diagnostics.path}:{node.line}:{node.column}"
        return where if self._expansion.is_single else f"{where}, for {self._describe_origin(index)}"

    def _describe_origin(self, index: int) -> str:
        return self._expansion.describe_origin(index, self.template.names)

    @cached_property
    def _written(self) -> str:
        return f"the ID {quoted(self.template.node.text)}"

    @cached_property
    def _missing_names(self) -> list[str]:
        """The names that the ID must contain to be different for each shot."""
        return self._expansion.missing_names(self.template.names)


def create_namer(
    group: ShotGroup, template: Template | None, taken: TakenIds, diagnostics: Diagnostics
) -> ShotNamer | None:
    """Who gives the shots of a group their IDs; None if the ID is missing or misspelled, which is reported."""
    if template is None or not _check_spelling(template, diagnostics) or group.expansion is None:
        return None
    return ShotNamer(group, template, group.expansion, taken, diagnostics)


def _check_spelling(template: Template, diagnostics: Diagnostics) -> bool:
    # rule id_letters
    if all(is_id_text(part) for part in template.parts if isinstance(part, str)):
        return True
    better = respell(template)
    # rule id_respelled
    hint = "" if better is None else f"write {quoted(better)}"
    message = f"the ID {quoted(template.node.text)} may contain only {ID_CHARACTERS}, and `${{name}}`"
    # rule id_hint
    diagnostics.error(template.node, message, hint)
    return False


def respell(template: Template) -> str | None:
    """The ID as it should have been written, its variables kept; None if no spelling would help."""
    parts = (to_id_text(part) if isinstance(part, str) else f"${{{part.name}}}" for part in template.parts)
    text = "".join(parts).strip("-_")
    # rule right_spelling
    return text if text and (template.variables or find_id_problem(text) is None) else None
