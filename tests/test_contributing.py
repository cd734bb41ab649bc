"""What a contributor is told is so: the files that are named exist, the tasks too, and the version has one place."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hailuo_batch import __version__

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "tests" / "README.md"]
TOP = {"hailuo_batch", "tests", "schemas", "manifests", ".ci", "pyproject.toml", "noxfile.py"}


def names_in(page: Path) -> Iterator[str]:
    """The files of the repository that a page names, but for placeholders in capitals."""
    for name in re.findall(r"`([\w./-]+)`", page.read_text(encoding="utf-8")):
        if name.split("/")[0] in TOP and not re.search(r"\b[A-Z]{4,}\b", Path(name).name):
            yield name


def tasks() -> set[str]:
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    names = sorted(set(names_in(page)))
    assert len(names) >= 10
    assert [name for name in names if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / ".ci" / "run"], ids=lambda page: page.name)
def test_the_tasks_that_are_named_exist(page: Path) -> None:
    named = set(re.findall(r"nox -s ([a-z]+)", page.read_text(encoding="utf-8")))
    assert named
    assert named <= tasks()


def test_every_task_is_on_the_page() -> None:
    text = PAGES[0].read_text(encoding="utf-8")
    assert not {task for task in tasks() if f"`{task}`" not in text}


def test_the_version_has_one_place_and_the_changelog_begins_with_it() -> None:
    assert "version" in project()["project"]["dynamic"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = next(heading for heading in re.findall(r"^## (\S+)", changelog, re.MULTILINE) if heading != "Unreleased")
    assert newest == __version__


def test_each_dependency_has_a_lowest_version_and_nothing_more() -> None:
    dependencies = project()["project"]["dependencies"]
    assert [each for each in dependencies if not re.fullmatch(r"[a-z][a-z0-9]*>=[\d.]+", each)] == []


def test_manifests_are_validated_here_as_they_are_elsewhere() -> None:
    [offered] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    [local] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    [used] = [hook for hook in local["hooks"] if hook["id"] == offered["id"]]
    assert {key: used[key] for key in ("name", "files", "types")} == {
        key: offered[key] for key in ("name", "files", "types")
    }
    assert shlex.split(used["entry"])[1:] == shlex.split(offered["entry"])[1:]
