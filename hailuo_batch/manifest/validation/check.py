"""What a manifest must be before it is expanded: the JSON Schema, applied to each raw shot separately.

Owns the order of the checks and which part of the document is checked against which schema. The rules of the language
are in the schema; what a schema cannot say is checked while a shot is expanded.
"""

from contextlib import suppress
from typing import Any, NoReturn

from hailuo_batch.manifest.diagnostics import FILE_START, MAX_DIAGNOSTICS, Diagnostics, FatalDiagnostic, Positioned
from hailuo_batch.manifest.document import Document
from hailuo_batch.manifest.validation import schema_errors
from hailuo_batch.manifest.validation.schema_errors import report_schema_errors
from hailuo_batch.manifest.yaml import nodes
from hailuo_batch.manifest.yaml.dropped_text import DroppedTexts
from hailuo_batch.manifest.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode, to_data, to_text_data


class ShotValidator:
    """Validates raw shots while the manifest is parsed, so that one with only wrong shots is not parsed to its end."""

    def __init__(self, diagnostics: Diagnostics, dropped: DroppedTexts) -> None:
        self.dropped = dropped
        self._diagnostics = diagnostics
        self._checker = schema_errors.shot_checker()
        self._shots: SequenceNode | None = None
        self._invalid: dict[int, Node] = {}
        self._checked = 0

    def validate(self, shots: SequenceNode, shot: Node) -> None:
        """Check a shot of the list. Raises FatalDiagnostic once so many are wrong that more help nobody."""
        if shots is not self._shots:
            self._shots, self._invalid, self._checked = shots, {}, 0
        self._checked += 1
        if id(shot) not in self._invalid and not self._checker.accepts(_shot_data(shot)):
            self._invalid[id(shot)] = shot  # once, however many aliases there are
            if len(self._invalid) == MAX_DIAGNOSTICS:
                self._stop()

    def report(self, shots: SequenceNode) -> None:
        """Report what is wrong with the list's shots, even if an alias kept them from being checked so far."""
        if shots is not self._shots:
            for shot in shots.items:
                self.validate(shots, shot)
        self._report_invalid()

    def _stop(self) -> NoReturn:
        """Report the wrong shots found so far, and that no more are looked at."""
        place: Positioned = next(reversed(self._invalid.values()))
        with suppress(FatalDiagnostic):  # it would say the same without the number of shots
            self._report_invalid()
        message = f"the check stopped after the first {self._checked:,} shots: {len(self._invalid):,} of them are wrong"
        raise FatalDiagnostic(place, message, "fix those first")

    def _report_invalid(self) -> None:
        for shot in self._invalid.values():
            data = _shot_data(shot)
            report_schema_errors(self._checker.validator, data, shot, "a shot", self._diagnostics, self.dropped)


def check_document(root: Node | None, shot_validator: ShotValidator, diagnostics: Diagnostics) -> Document | None:
    """Report all schema errors of the manifest. None if it cannot be told what the manifest asks for."""
    if root is None:
        diagnostics.error(FILE_START, "the manifest is empty", "`hailuo-batch init` writes a starter manifest")
        return None
    checker, data = schema_errors.document_checker(), _document_data(root)
    if not checker.accepts(data):
        report_schema_errors(checker.validator, data, root, "the manifest", diagnostics, shot_validator.dropped)
    if not isinstance(root, MappingNode):
        return None
    shots = root.get("shots")
    if isinstance(shots, SequenceNode):
        if len(shots.items) > schema_errors.leaf_schema("shots")["maxItems"]:
            return None
        shot_validator.report(shots)
    return Document(root)


def _document_data(root: Node) -> Any:
    """The manifest as data, with only the number of its shots, and nothing below unknown keys."""
    if not isinstance(root, MappingNode):
        return to_data(root, 1)
    known = schema_errors.manifest_schema()["properties"]
    return nodes.MappingData(
        (key, _value_data(key, value) if key in known else None) for key, (_, value) in root.entries.items()
    )


def _value_data(key: str, value: Node) -> Any:
    match key, value:
        case "shots", SequenceNode():
            return nodes.ListData([None] * len(value.items))
        # rule vars_unread
        case "vars", MappingNode():
            return to_text_data(value, 1)
        case "defaults", MappingNode():
            return _shot_data(value)
        case _:
            return to_data(value, 1)


def _shot_data(node: Node) -> Any:
    """A shot as data, with the values of its matrix as they are written, and only the names of its `input`."""
    if not isinstance(node, MappingNode):
        return to_data(node, 1)
    return nodes.MappingData((key, _part_data(key, value)) for key, (_, value) in node.entries.items())


def _part_data(key: str, value: Node) -> Any:
    if isinstance(value, ScalarNode):  # as most are
        return to_data(value, 0)
    match key, value:
        # rule matrix_unread
        case "matrix", MappingNode():
            return to_text_data(value, 3)
        # rule rows_unread
        case "rows", SequenceNode():
            return to_text_data(value, 2)
        case "input", MappingNode():
            return nodes.MappingData.fromkeys(value.entries)
        case key, _ if key.startswith("x-"):
            return None
        case _:
            return to_data(value, 1)
