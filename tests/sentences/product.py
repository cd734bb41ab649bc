"""The product as it stands in a folder, and how one of its files reads once a rule is broken."""

import ast
import json
from functools import cached_property
from pathlib import Path

from tests.sentences import changes
from tests.sentences.places import Place, PlaceError, anchors_of, find_anchor
from tests.sentences.rule import Breakage


class Product:
    """The program and its schemas below `root`. What is read there is taken to stay as it is."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sources: dict[Path, str] = {}
        self._wholes: dict[Path, str] = {}
        self._elsewhere: dict[str, Place] = {}

    @cached_property
    def anchors(self) -> dict[str, Path]:
        """The file that has each anchor."""
        return dict(anchors_of(self._root / "hailuo_batch"))

    def path_of(self, breakage: Breakage) -> Path:
        """The file that is broken."""
        if breakage.is_in_schema:
            return self._root / "schemas" / breakage.place.partition("#")[0]
        if breakage.place not in self.anchors:
            raise PlaceError(f"no `# rule {breakage.place}` is in the product")
        return self.anchors[breakage.place]

    def whole(self, breakage: Breakage) -> str:
        """The file as it stands, written in the way in which `broken` writes it."""
        path = self.path_of(breakage)
        if path not in self._wholes:
            source = self._source(path)
            self._wholes[path] = (
                json.dumps(json.loads(source)) if breakage.is_in_schema else ast.unparse(ast.parse(source))
            )
        return self._wholes[path]

    def broken(self, breakage: Breakage) -> str:
        """The file with the change in it."""
        source = self._source(self.path_of(breakage))
        if breakage.is_in_schema:
            return _changed_json(source, breakage.place.partition("#/")[2], breakage.change)
        tree = ast.parse(source)
        place = find_anchor(source, tree, breakage.place)
        changes.apply(breakage.change, tree, place, self._find)
        return ast.unparse(tree)

    def _find(self, anchor: str) -> Place:
        if anchor not in self._elsewhere:
            source = self._source(self.anchors[anchor])
            self._elsewhere[anchor] = find_anchor(source, ast.parse(source), anchor)
        return self._elsewhere[anchor]

    def _source(self, path: Path) -> str:
        if path not in self._sources:
            self._sources[path] = path.read_text(encoding="utf-8")
        return self._sources[path]


def _changed_json(source: str, pointer: str, change: str) -> str:
    whole = json.loads(source)
    *steps, last = pointer.split("/")
    part = whole
    for step in steps:
        part = part[step]
    key = int(last) if isinstance(part, list) else last
    if change == "drop":
        del part[key]
    elif change.startswith("becomes "):
        part[key] = json.loads(change.removeprefix("becomes "))
    else:
        raise ValueError(f"`{change}` is no change of a schema")
    return json.dumps(whole)
