"""What a manifest must be before it is expanded: the JSON Schema, once for each written shot.

Owns the order of the checks and which part of the document is shown to which schema. The rules of the language are
in the schema; what it cannot say is checked while a shot is expanded.
"""

from typing import Any

from hailuo_batch.manifest.diagnostics import ENOUGH, START, Report
from hailuo_batch.manifest.document import Document
from hailuo_batch.manifest.validation import schema_errors
from hailuo_batch.manifest.yaml.nodes import ListData, Mapping, MappingData, Node, Sequence, data_of, written_data_of


class ShotCheck:
    """Judges written shots while the manifest is being read: one with nothing right in it is not read to its end."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._judge = schema_errors.shot_judge()
        self._shots: Sequence | None = None
        self._wrong: list[Node] = []

    def look(self, shots: Sequence, shot: Node) -> None:
        """Judges a shot of the list. Raises Refused once so many are wrong that reading on helps nobody."""
        if shots is not self._shots:
            self._shots, self._wrong = shots, []
        if not self._judge.accepts(_shot_data(shot)):
            self._wrong.append(shot)
            if len(self._wrong) == ENOUGH:
                self._tell()

    def tell(self, shots: Sequence) -> None:
        """Reports what is wrong with the list's shots, also where they were not looked at because of an alias."""
        if shots is not self._shots:
            for shot in shots.items:
                self.look(shots, shot)
        self._tell()

    def _tell(self) -> None:
        for shot in self._wrong:
            schema_errors.tell_faults(self._judge.validator, _shot_data(shot), shot, "a shot", self._report)


def check(root: Node | None, shot_check: ShotCheck, report: Report) -> Document | None:
    """Reports what the schema has against the manifest. None where there is no telling what it asks for."""
    if root is None:
        report.error(START, "the manifest is empty", "`hailuo-batch init` writes one to begin with")
        return None
    whole = schema_errors.document_validator()
    schema_errors.tell_faults(whole, _document_data(root), root, "the manifest", report)
    if not isinstance(root, Mapping):
        return None
    document = Document(root)
    shots = root.get("shots")
    if isinstance(shots, Sequence):
        if len(shots.items) > schema_errors.leaf_schema("shots")["maxItems"]:
            return None
        shot_check.tell(shots)
    return document


def _document_data(root: Node) -> Any:
    """The manifest as data without its shots, of which only the number is shown."""
    if not isinstance(root, Mapping):
        return data_of(root, 1)
    known = schema_errors.manifest_schema()["properties"]
    return MappingData(
        (key, _value_data(key, value) if key in known else None) for key, (_, value) in root.entries.items()
    )


def _value_data(key: str, value: Node) -> Any:
    match key, value:
        case "shots", Sequence():
            return ListData([None] * len(value.items))
        # rule vars_unread
        case "vars", Mapping():
            return written_data_of(value, 1)
        case "defaults", Mapping():
            return _shot_data(value)
        case _:
            return data_of(value, 1)


def _shot_data(node: Node) -> Any:
    """A shot as data: the values of its matrix as they are written, of its further input no more than the names."""
    if not isinstance(node, Mapping):
        return data_of(node, 1)
    return MappingData((key, _part_data(key, value)) for key, (_, value) in node.entries.items())


def _part_data(key: str, value: Node) -> Any:
    match key, value:
        # rule matrix_unread
        case "matrix", Mapping():
            return written_data_of(value, 3)
        case "input", Mapping():
            return MappingData.fromkeys(value.entries)
        case _:
            return data_of(value, 1)
