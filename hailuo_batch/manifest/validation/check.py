"""What a manifest must be before it is expanded: the JSON Schema, once for each written shot.

Owns the order of the checks and which part of the document is shown to which schema. The rules of the language are
in the schema; what it cannot say is checked while a shot is expanded.
"""

from typing import Any

from hailuo_batch.manifest.diagnostics import FILE_START, MAX_DIAGNOSTICS, Diagnostics
from hailuo_batch.manifest.document import Document
from hailuo_batch.manifest.validation import schema_errors
from hailuo_batch.manifest.yaml.nodes import (
    ListData,
    MappingData,
    MappingNode,
    Node,
    SequenceNode,
    to_data,
    to_text_data,
)


class ShotValidator:
    """Judges written shots while the manifest is being read: one with nothing right in it is not read to its end."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics
        self._checker = schema_errors.shot_checker()
        self._shots: SequenceNode | None = None
        self._invalid: list[Node] = []

    def validate(self, shots: SequenceNode, shot: Node) -> None:
        """Judges a shot of the list. Raises Refused once so many are wrong that reading on helps nobody."""
        if shots is not self._shots:
            self._shots, self._invalid = shots, []
        if not self._checker.accepts(_shot_data(shot)):
            self._invalid.append(shot)
            if len(self._invalid) == MAX_DIAGNOSTICS:
                self._report_invalid()

    def report(self, shots: SequenceNode) -> None:
        """Reports what is wrong with the list's shots, also where they were not looked at because of an alias."""
        if shots is not self._shots:
            for shot in shots.items:
                self.validate(shots, shot)
        self._report_invalid()

    def _report_invalid(self) -> None:
        for shot in self._invalid:
            schema_errors.report_schema_errors(
                self._checker.validator, _shot_data(shot), shot, "a shot", self._diagnostics
            )


def check_document(root: Node | None, shot_validator: ShotValidator, diagnostics: Diagnostics) -> Document | None:
    """Reports what the schema has against the manifest. None where there is no telling what it asks for."""
    if root is None:
        diagnostics.error(FILE_START, "the manifest is empty", "`hailuo-batch init` writes one to begin with")
        return None
    whole = schema_errors.document_validator()
    schema_errors.report_schema_errors(whole, _document_data(root), root, "the manifest", diagnostics)
    if not isinstance(root, MappingNode):
        return None
    document = Document(root)
    shots = root.get("shots")
    if isinstance(shots, SequenceNode):
        if len(shots.items) > schema_errors.leaf_schema("shots")["maxItems"]:
            return None
        shot_validator.report(shots)
    return document


def _document_data(root: Node) -> Any:
    """The manifest as data without its shots, of which only the number is shown."""
    if not isinstance(root, MappingNode):
        return to_data(root, 1)
    known = schema_errors.manifest_schema()["properties"]
    return MappingData(
        (key, _value_data(key, value) if key in known else None) for key, (_, value) in root.entries.items()
    )


def _value_data(key: str, value: Node) -> Any:
    match key, value:
        case "shots", SequenceNode():
            return ListData([None] * len(value.items))
        # rule vars_unread
        case "vars", MappingNode():
            return to_text_data(value, 1)
        case "defaults", MappingNode():
            return _shot_data(value)
        case _:
            return to_data(value, 1)


def _shot_data(node: Node) -> Any:
    """A shot as data: the values of its matrix as they are written, of its further input no more than the names."""
    if not isinstance(node, MappingNode):
        return to_data(node, 1)
    return MappingData((key, _part_data(key, value)) for key, (_, value) in node.entries.items())


def _part_data(key: str, value: Node) -> Any:
    match key, value:
        # rule matrix_unread
        case "matrix", MappingNode():
            return to_text_data(value, 3)
        case "input", MappingNode():
            return MappingData.fromkeys(value.entries)
        case _:
            return to_data(value, 1)
