"""Every sentence of the manifest's language, and what else is promised of plans and of images, has a test that fails
without it: each is broken here in a copy of the program, and the test that is named must fail.
"""

import ast
import builtins
import collections
import hashlib
import io
import keyword
import pathlib
import re
import shutil
import string
import tokenize
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from string import Template

import pytest
import yaml

from tests.sentences.changes import HOLE
from tests.sentences.places import anchors_of
from tests.sentences.product import Product
from tests.sentences.rule import ROOT, TABLES, Breakage, Rule, read_table
from tests.sentences.runner import Ended
from tests.sentences.scratch import Scratch

PRODUCT = Product(ROOT)
PROVABLE = {table: [rule for rule in read_table(table) if rule.breakages] for table in TABLES}
CRASH = re.compile("^E +(Name|UnboundLocal|Attribute|Type|Syntax|Import)Error", re.MULTILINE)
MODULES = (builtins, collections, hashlib, pathlib, re, string, yaml)
TYPES = (bytes, dict, list, set, str, Path, re.Pattern, Template)
PYTHONS_OWN = {name for owner in (*MODULES, *TYPES) for name in dir(owner)} | {"default"}


def name_of(table: Path) -> str:
    return table.stem


def slug_of(rule: Rule) -> str:
    return re.sub("[^a-z0-9]+", "-", rule.words.lower()).strip("-")


def breakages_of(table: Path) -> list[Breakage]:
    return [breakage for rule in read_table(table) for breakage in rule.breakages]


def templates_of(breakage: Breakage) -> list[str]:
    """The new Python that a breakage brings along."""
    parts = [change.partition("becomes ")[2] for change in breakage.change.split(" ;; ")]
    return [part for part in parts if part and not breakage.is_in_schema]


def is_there(test: str) -> bool:
    """Whether the test's function stands in its file."""
    file, _, function = test.partition("::")
    path = ROOT / "tests" / file
    return path.is_file() and f"\ndef {function.partition('[')[0]}(" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_a_rule_can_be_broken_or_states_why_not(table: Path) -> None:
    for rule in read_table(table):
        assert bool(rule.breakages) != bool(rule.because), rule.words


def problem_with(breakage: Breakage) -> str | None:
    """Why the breakage fits neither the product nor the tests, if so. A file that no longer parses breaks too much."""
    try:
        broken = PRODUCT.broken(breakage)
        if not breakage.is_in_schema:
            compile(broken, breakage.place, "exec")
    except (LookupError, ValueError, SyntaxError) as error:
        return f"{type(error).__name__}: {error}"
    if broken == PRODUCT.whole(breakage):
        return "changes nothing"
    return None if is_there(breakage.test) else f"there is no {breakage.test}"


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_each_breakage_changes_the_product_and_has_its_test(table: Path) -> None:
    problems = [(each.place, each.change, why) for each in breakages_of(table) if (why := problem_with(each))]
    assert not problems, "\n".join(f"{place}: {change}\n    {why}" for place, change, why in problems)


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_no_table_has_a_name_of_the_product(table: Path) -> None:
    """Else the next who renames something has to look here, too."""
    for breakage in breakages_of(table):
        for template in templates_of(breakage):
            tree = ast.parse(HOLE.sub("it", template))
            nodes = list(ast.walk(tree))
            own = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
            own |= {"it"} | {node.arg for node in nodes if isinstance(node, ast.arg)}
            used = {node.id for node in nodes if isinstance(node, ast.Name)}
            used |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
            used |= {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg is not None}
            assert used - own <= PYTHONS_OWN, breakage


def test_an_anchor_is_there_once_and_used() -> None:
    anchors = collections.Counter(name for name, _ in anchors_of(ROOT / "hailuo_batch"))
    breakages = [breakage for table in TABLES for breakage in breakages_of(table)]
    used = {breakage.place for breakage in breakages if not breakage.is_in_schema}
    templates = [template for breakage in breakages for template in templates_of(breakage)]
    lent = {match["anchor"] for template in templates for match in HOLE.finditer(template) if match["anchor"]}
    assert max(anchors.values()) == 1, anchors.most_common(1)
    assert anchors.keys() == used | lent, "the same name has to be in the table and in the source"


def names_defined(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def renamed(source: str, names: set[str]) -> str:
    """The source with other names, and its blank lines and comments as they were."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    lines = source.split("\n")
    for token in reversed([token for token in tokens if token.type == tokenize.NAME and token.string in names]):
        (row, begin), (_, end) = token.start, token.end
        lines[row - 1] = f"{lines[row - 1][:begin]}{token.string}_by_another_name{lines[row - 1][end:]}"
    return "\n".join(lines)


@pytest.fixture(scope="module")
def product_by_another_name(tmp_path_factory: pytest.TempPathFactory) -> Product:
    """The product with everything that it names renamed, and all its code in one folder."""
    root = tmp_path_factory.mktemp("renamed")
    shutil.copytree(ROOT / "schemas", root / "schemas")
    sources = [path.read_text(encoding="utf-8") for path in {path for _, path in anchors_of(ROOT / "hailuo_batch")}]
    names = {name for source in sources for name in names_defined(ast.parse(source))} - {*keyword.softkwlist}
    (root / "hailuo_batch").mkdir()
    for number, source in enumerate(sources):
        (root / "hailuo_batch" / f"room{number}.py").write_text(renamed(source, names), encoding="utf-8")
    return Product(root)


@pytest.mark.deep
@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_names_and_files_do_not_matter(product_by_another_name: Product, table: Path) -> None:
    for breakage in breakages_of(table):
        assert product_by_another_name.broken(breakage) != product_by_another_name.whole(breakage), breakage


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    copy = Scratch(tmp_path_factory.mktemp("scratch"), tmp_path_factory.mktemp("home"))
    yield copy
    copy.close()


@pytest.mark.deep
@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_nothing_fails_while_nothing_is_broken(scratch: Scratch, table: Path) -> None:
    """Else a failure would prove nothing."""
    verdict = scratch.run(dict.fromkeys(breakage.test for breakage in breakages_of(table)))
    assert verdict.ended is Ended.PASSED, verdict.printed


@pytest.mark.deep
@pytest.mark.parametrize(
    "rule",
    [pytest.param(rule, id=f"{name_of(table)}-{slug_of(rule)}") for table, rules in PROVABLE.items() for rule in rules],
)
def test_a_test_fails_without_it(scratch: Scratch, rule: Rule) -> None:
    for breakage in rule.breakages:
        with scratch.broken(breakage):
            verdict = scratch.run([breakage.test])
        assert verdict.ended is Ended.FAILED, f"{breakage}\n{verdict.printed}"
        assert not CRASH.search(verdict.printed), f"{breakage} breaks more than the rule\n{verdict.printed}"


@pytest.mark.deep
def test_the_copy_is_what_it_is_a_copy_of(scratch: Scratch) -> None:
    """A breakage is gone when it is over, also where what came of it was an error."""
    breakage = PROVABLE[TABLES[0]][0].breakages[0]
    whole = PRODUCT.path_of(breakage)
    broken = scratch.folder / whole.relative_to(ROOT)
    with suppress(RuntimeError), scratch.broken(breakage):
        assert broken.read_text(encoding="utf-8") == PRODUCT.broken(breakage)
        raise RuntimeError
    assert broken.read_bytes() == whole.read_bytes()


@pytest.mark.deep
def test_a_wait_that_is_broken_off_leaves_no_verdict_for_the_next(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(_: Scratch) -> str:
        raise TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(Scratch, "_answer", run_out)
        with pytest.raises(TimeoutError):
            scratch.run(["core/model/test_file_layout.py::test_one"])
    verdict = scratch.run(["core/model/test_file_layout.py::test_another"])
    assert "test_another" in verdict.printed
    assert verdict.ended is Ended.NO_VERDICT
