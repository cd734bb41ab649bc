"""Where the product keeps a rule: a comment `# rule <name>` on a line of its own, above the line that keeps it. From
where a change only borrows a name, it is `# name <name>`.

What is meant is the largest piece of the syntax tree that begins on the next line of code: a statement, a branch, an
argument, an element. In a dictionary it is the value. From there a path leads to a part of it, with the names that
Python's own `ast` module has, so that no name of the product occurs:

    values.1            the second operand of what is returned, assigned or asked by `if`: `value` and `test` go unsaid
    args.0              the first argument
    keywords.sort_keys  the value of a keyword argument, where its name is Python's own
    Compare, Call:2     the first comparison, the second call in it, as they are read from left to right
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ANCHOR = re.compile(r"^ *# (?:rule|name) ([a-z0-9]+(?:_[a-z0-9]+)+)$", re.MULTILINE)
_NOT_CODE = re.compile(r"^\s*(#.*)?$")
_UNSAID = ("value", "test", "operand")


class PlaceError(LookupError):
    """An anchor or a path leads nowhere."""


@dataclass(frozen=True, slots=True)
class Place:
    """One child of a node: the field that has it, and where that is a list, the place in it."""

    parent: ast.AST
    field: str
    index: int | None

    @property
    def node(self) -> ast.AST:
        """What stands there."""
        value = getattr(self.parent, self.field)
        node: ast.AST = value if self.index is None else value[self.index]
        return node


def anchors_of(folder: Path) -> list[tuple[str, Path]]:
    """Each anchor below the folder, and the file that has it."""
    return [
        (name, path)
        for path in sorted(folder.rglob("*.py"))
        for name in ANCHOR.findall(path.read_text(encoding="utf-8"))
    ]


def places_of(node: ast.AST) -> Iterator[Place]:
    """The places of all that is below the node."""
    for place in _children(node):
        yield place
        yield from places_of(place.node)


def find_anchor(source: str, tree: ast.AST, name: str) -> Place:
    """The place that the anchor is written above."""
    lines = source.split("\n")
    above = next(at for at, line in enumerate(lines) if (match := ANCHOR.match(line)) and match[1] == name)
    line = next(at for at, line in enumerate(lines, 1) if at > above and not _NOT_CODE.match(line))
    here = list(_beginning_on(line, tree))
    if not here:
        raise PlaceError(f"nothing begins on the line below `# rule {name}`")
    place = min(here, key=lambda place: _start(place.node))
    if isinstance(place.parent, ast.Dict) and place.field == "keys":
        return Place(place.parent, "values", place.index)
    return place


def _children(node: ast.AST) -> Iterator[Place]:
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield Place(node, field, None)
        elif isinstance(value, list):
            for index, child in enumerate(value):
                if isinstance(child, ast.AST):
                    yield Place(node, field, index)


def _beginning_on(line: int, node: ast.AST) -> Iterator[Place]:
    """What begins on the line, the larger before its parts."""
    for place in _children(node):
        first, last = _start(place.node)[0], getattr(place.node, "end_lineno", line)
        if first == line:
            yield place
        if first <= line <= last:
            yield from _beginning_on(line, place.node)


def follow(place: Place, path: str) -> Place | str:
    """What the path leads to from there: a place, or a bare name such as that of a function."""
    found: Place | str = place
    steps = path.split(".") if path else []
    while steps:
        if isinstance(found, str):
            raise PlaceError(f"`{path}`: nothing is below a name")
        found = _step(found, steps)
    return found


def _step(place: Place, steps: list[str]) -> Place | str:
    node, step = place.node, steps.pop(0)
    if step[0].isupper():
        return _descendant(node, step)
    while not hasattr(node, step):
        unsaid = next((field for field in _UNSAID if isinstance(getattr(node, field, None), ast.AST)), None)
        if unsaid is None:
            raise PlaceError(f"no `{step}` in `{_shown(place.node)}`")
        node = getattr(node, unsaid)
    value = getattr(node, step)
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return Place(node, step, None)
    index = steps.pop(0)
    if step == "keywords" and not index.isdecimal():
        index = str([keyword.arg for keyword in value].index(index))
    if not int(index) < len(value):
        raise PlaceError(f"no `{step}.{index}` in `{_shown(node)}`")
    return Place(node, step, int(index))


def _descendant(node: ast.AST, step: str) -> Place:
    kind, _, number = step.partition(":")
    here = [place for place in places_of(node) if type(place.node).__name__ == kind]
    here.sort(key=lambda place: _start(place.node))
    if not int(number or 1) <= len(here):
        raise PlaceError(f"no `{step}` in `{_shown(node)}`")
    return here[int(number or 1) - 1]


def _shown(node: ast.AST) -> str:
    return ast.unparse(node).partition("\n")[0]


def _start(node: ast.AST) -> tuple[int, int]:
    """Line and column. Some nodes have none of their own: they begin about where their first part does."""
    match node:
        case ast.FunctionDef(decorator_list=[first, *_]) | ast.ClassDef(decorator_list=[first, *_]):
            return first.lineno, node.col_offset
        case ast.match_case(pattern=first) | ast.comprehension(target=first) | ast.withitem(context_expr=first):
            return first.lineno, first.col_offset - 1
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
