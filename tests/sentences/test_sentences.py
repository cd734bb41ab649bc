"""Every sentence of the manifest's language, and what else is promised of plans and of images, has a test that fails
without it: each is broken here in a copy of the program, and the test that is named must fail.
"""

import ast
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from types import ModuleType

import pytest

from tests.sentences import (
    images_looked_at,
    language_example,
    language_form,
    language_images,
    language_limits,
    language_matrix,
    language_models,
    language_names,
    language_values,
    paying_consent,
    paying_fingerprint,
    paying_matching,
    plan_document,
    plan_kept,
)
from tests.sentences.rule import ROOT, Breakage, Rule
from tests.sentences.runner import Ended
from tests.sentences.scratch import Scratch

TABLES = (
    language_form,
    language_example,
    language_names,
    language_values,
    language_matrix,
    language_limits,
    language_images,
    language_models,
    paying_consent,
    paying_fingerprint,
    paying_matching,
    images_looked_at,
    plan_document,
    plan_kept,
)
PROVABLE = [rule for table in TABLES for rule in table.RULES if rule.breakages]


def name_of(table_or_rule: ModuleType | Rule) -> str:
    if isinstance(table_or_rule, ModuleType):
        return table_or_rule.__name__.rpartition(".")[2]
    return re.sub("[^a-z0-9]+", "-", table_or_rule.words.lower()).strip("-")


def rules_of(table: ModuleType) -> tuple[Rule, ...]:
    rules: tuple[Rule, ...] = table.RULES
    return rules


def breakages_of(table: ModuleType) -> list[Breakage]:
    return [breakage for rule in rules_of(table) for breakage in rule.breakages]


def is_there(test: str) -> bool:
    """Whether the test's function stands in its file."""
    file, _, function = test.partition("::")
    path = ROOT / "tests" / file
    return path.is_file() and f"\ndef {function.partition('[')[0]}(" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_a_rule_can_be_broken_or_says_why_not(table: ModuleType) -> None:
    for rule in rules_of(table):
        assert bool(rule.breakages) != bool(rule.because), rule.words


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_what_is_to_be_broken_is_there_once_and_so_is_the_test(table: ModuleType) -> None:
    for breakage in breakages_of(table):
        text = breakage.path.read_text(encoding="utf-8")
        assert text.count(breakage.old) == 1, breakage
        assert breakage.new != breakage.old, breakage
        assert is_there(breakage.test), breakage


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_what_is_broken_can_still_be_read(table: ModuleType) -> None:
    """A file that no longer parses breaks more than the rule."""
    for breakage in breakages_of(table):
        broken = breakage.path.read_text(encoding="utf-8").replace(breakage.old, breakage.new)
        if breakage.path.suffix == ".py":
            ast.parse(broken)
        else:
            json.loads(broken)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    copy = Scratch(tmp_path_factory.mktemp("scratch"), tmp_path_factory.mktemp("home"))
    yield copy
    copy.close()


@pytest.mark.deep
@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_nothing_fails_while_nothing_is_broken(scratch: Scratch, table: ModuleType) -> None:
    """Else a failure would prove nothing."""
    verdict = scratch.run(dict.fromkeys(breakage.test for breakage in breakages_of(table)))
    assert verdict.ended is Ended.PASSED, verdict.said


@pytest.mark.deep
@pytest.mark.parametrize("rule", PROVABLE, ids=name_of)
def test_a_test_fails_without_it(scratch: Scratch, rule: Rule) -> None:
    for breakage in rule.breakages:
        with scratch.broken(breakage):
            verdict = scratch.run([breakage.test])
        assert verdict.ended is Ended.FAILED, f"{breakage}\n{verdict.said}"


@pytest.mark.deep
def test_the_copy_is_what_it_is_a_copy_of(scratch: Scratch) -> None:
    """A breakage is gone when it is over, also where what came of it was an error."""
    breakage = PROVABLE[0].breakages[0]
    broken = scratch.folder / breakage.file
    with suppress(RuntimeError), scratch.broken(breakage):
        assert breakage.new in broken.read_text()
        raise RuntimeError
    assert broken.read_bytes() == breakage.path.read_bytes()


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
    assert "test_another" in verdict.said
    assert verdict.ended is Ended.NO_VERDICT
