"""How a rule is broken at its place: a change of the syntax tree that quotes nothing of the product.

    drop [path]         without the statement, operand, argument, element, filter, guard or branch
    later n             the statement comes n statements later in its block
    never [path]        the condition of an `if`, a conditional expression or a `case` is False
    always [path]       it is True
    other [path]        another member of the same enumeration
    [path] becomes ...  Python in which `$it` is what stands there, `${path}` a part of that, `${name/path}` a part of
                        what another anchor marks, and `$$` a dollar sign

Two changes that only break the rule together are written with ` ;; ` between them. In a schema there are `drop` and
`becomes` with a JSON value.
"""

import ast
import re
from collections.abc import Callable

from tests.sentences.places import Place, PlaceError, follow, places_of

Elsewhere = Callable[[str], Place]

HOLE = re.compile(r"\$(?:(?P<dollar>\$)|it\b|\{(?:(?P<anchor>[a-z0-9_]+)/)?(?P<path>[A-Za-z0-9_.:]*)\})")
_OTHER = "next(each for each in type($it) if each is not $it)"


def apply(change: str, tree: ast.AST, place: Place, elsewhere: Elsewhere) -> None:
    """Change the tree at this place of it. `elsewhere` finds the place of another anchor."""
    for each in change.split(" ;; "):
        match each.split(" "):
            case ["drop", *path]:
                _drop(_place(place, "".join(path)), tree)
            case ["later", number]:
                _later(place, int(number))
            case [("never" | "always") as answer, *path]:
                _put(_condition(_place(place, "".join(path))), str(answer == "always"), elsewhere)
            case ["other", *path]:
                _put(_place(place, "".join(path)), _OTHER, elsewhere)
            case ["becomes", *template]:
                _put(place, " ".join(template), elsewhere)
            case [path, "becomes", *template]:
                _put(_place(place, path), " ".join(template), elsewhere)
            case _:
                raise ValueError(f"`{each}` is no change")


def _place(start: Place, path: str) -> Place:
    found = follow(start, path)
    if isinstance(found, str):
        raise PlaceError(f"`{path}` is a bare name")
    return found


def _condition(place: Place) -> Place:
    if isinstance(place.node, ast.match_case):
        return Place(place.node, "guard", None)
    return _place(place, "test")


def filled(template: str, place: Place, elsewhere: Elsewhere) -> str:
    """The template with the product's own parts put in."""

    def part(match: re.Match[str]) -> str:
        dollar, anchor, path = match.groups()
        if dollar:
            return "$"
        found = follow(elsewhere(anchor) if anchor else place, path or "")
        if isinstance(found, str):
            return found
        text = ast.unparse(found.node)
        return text if isinstance(found.node, ast.stmt | ast.Starred | ast.keyword) else f"({text})"

    return HOLE.sub(part, template)


def _put(place: Place, template: str, elsewhere: Elsewhere) -> None:
    node, text = place.node, filled(template, place, elsewhere)
    if isinstance(node, ast.stmt):
        assert place.index is not None
        getattr(place.parent, place.field)[place.index : place.index + 1] = ast.parse(text).body
    elif isinstance(node, ast.pattern):
        (match,) = ast.parse(f"match 0:\n case {text}: pass").body
        assert isinstance(match, ast.Match)
        _set(place, match.cases[0].pattern)
    elif isinstance(node, ast.keyword):
        node.value = _expression(text)
    elif isinstance(place.parent, ast.JoinedStr):
        _set(place, ast.FormattedValue(_expression(text), conversion=-1))
    else:
        _set(place, _expression(text))


def _expression(text: str) -> ast.expr:
    return ast.parse(f"({text})", mode="eval").body


def _set(place: Place, new: ast.AST | None) -> None:
    if place.index is None:
        setattr(place.parent, place.field, new)
    else:
        getattr(place.parent, place.field)[place.index] = new


def _drop(place: Place, tree: ast.AST) -> None:
    parent = place.parent
    if isinstance(parent, ast.BinOp):
        _set(_whereabouts(parent, tree), parent.right if place.field == "left" else parent.left)
    elif place.index is None:
        setattr(parent, place.field, None)
    else:
        siblings: list[ast.AST] = getattr(parent, place.field)
        del siblings[place.index]
        if isinstance(parent, ast.Dict):
            del parent.keys[place.index]
        elif isinstance(parent, ast.BoolOp) and len(siblings) == 1:
            _set(_whereabouts(parent, tree), siblings[0])
        elif not siblings and place.field == "body":
            siblings.append(ast.Pass())


def _whereabouts(node: ast.AST, tree: ast.AST) -> Place:
    return next(place for place in places_of(tree) if place.node is node)


def _later(place: Place, by: int) -> None:
    siblings: list[ast.AST] = getattr(place.parent, place.field)
    assert place.index is not None
    siblings.insert(place.index + by, siblings.pop(place.index))
