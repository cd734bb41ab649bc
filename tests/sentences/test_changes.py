"""The verbs that break a rule, and the tables that have them: each by an example."""

import ast
from pathlib import Path

import pytest

from tests.sentences import changes
from tests.sentences.places import Place, PlaceError, find_anchor
from tests.sentences.rule import Breakage, read_table

SOURCE = """
def f(a, b):
    # rule one_sum
    total = a + b * 2
    # rule two_asked
    if a and b:
        return None
    # rule three_branches
    elif f"{a} of {b}" in {"x", "y"}:
        # rule four_called
        print(total, sorted(b), sep=", ")
    else:
        match a:
            # rule five_case
            case "int" if b:
                return total if a else b
    return {
        "a": a,
        # rule six_entry
        "b": [each for each in b if each],
    }
"""


def broken(anchor: str, change: str) -> list[str]:
    """The lines that are there only once it is broken."""

    def find(name: str) -> Place:
        return find_anchor(SOURCE, ast.parse(SOURCE), name)

    tree = ast.parse(SOURCE)
    changes.apply(change, tree, find_anchor(SOURCE, tree, anchor), find)
    before = ast.unparse(ast.parse(SOURCE)).split("\n")
    return [line.strip() for line in ast.unparse(tree).split("\n") if line not in before]


@pytest.mark.parametrize(
    ("anchor", "change", "line"),
    [
        ("one_sum", "drop right", "total = a"),
        ("one_sum", "right.right becomes $it + 1", "total = a + b * (2 + 1)"),
        ("one_sum", "value becomes ${right.left}", "total = b"),
        ("two_asked", "never", "if False:"),
        ("two_asked", "drop values.0", "if b:"),
        ("two_asked", "values.1 becomes ${four_called/Call:2.func}($it)", "if a and sorted(b):"),
        ("three_branches", "always", "elif True:"),
        ("three_branches", "drop comparators.0.elts.1", "elif f'{a} of {b}' in {'x'}:"),
        ("three_branches", 'left.values.1 becomes "$$"', "elif f\"{a}{'$'}{b}\" in {'x', 'y'}:"),
        ("four_called", "drop keywords.sep", "print(total, sorted(b))"),
        ("four_called", "keywords.sep becomes None", "print(total, sorted(b), sep=None)"),
        ("four_called", "drop", "pass"),
        ("five_case", "drop guard", "case 'int':"),
        ("five_case", "never", "case 'int' if False:"),
        ("five_case", 'pattern becomes $it | "float"', "case 'int' | 'float' if b:"),
        ("five_case", "always body.0", "return total if True else b"),
        (
            "five_case",
            "other body.0.body",
            "return next((each for each in type(total) if each is not total)) if a else b",
        ),
        ("six_entry", "drop generators.0.ifs.0", "return {'a': a, 'b': [each for each in b]}"),
    ],
)
def test_a_change(anchor: str, change: str, line: str) -> None:
    assert broken(anchor, change) == [line]


def test_a_statement_that_comes_later() -> None:
    tree = ast.parse(SOURCE)
    changes.apply("later 1", tree, find_anchor(SOURCE, tree, "one_sum"), lambda _: pytest.fail("no other"))
    assert ast.unparse(tree).index("total = a") > ast.unparse(tree).index("return None")


@pytest.mark.parametrize("change", ["drop values.0", "args.0 becomes 1", "right.op.id becomes 1", "drop Call:2"])
def test_a_path_that_leads_nowhere(change: str) -> None:
    with pytest.raises(PlaceError):
        broken("one_sum", change)


def test_a_table(tmp_path: Path) -> None:
    table = tmp_path / "table.txt"
    table.write_text(
        "# About.\n\none and two\n  a_b: never\n  c_d: drop\n    test_x.py::test_y\n\nthree\n  because so\n"
    )
    first, second = read_table(table)
    expected = [Breakage("a_b", "never", "test_x.py::test_y"), Breakage("c_d", "drop", "test_x.py::test_y")]
    assert (first.words, first.breakages, second.because) == ("one and two", expected, "so")


@pytest.mark.parametrize("text", ["", "a\n  a_b: never\n", "  a_b: never\n", "a\n   b\n", "a\n    test\n", "a\n  b\n"])
def test_what_is_no_table(tmp_path: Path, text: str) -> None:
    table = tmp_path / "table.txt"
    table.write_text(text)
    with pytest.raises(ValueError, match=r"here|at the end"):
        read_table(table)
