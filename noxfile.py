"""The tasks of this repository. `nox -l` lists them, `nox -s NAME` runs one; what follows `--` goes to its tool.

A task runs in the environment that nox itself is in, so that nothing is installed twice. `lowest`, `newest`, `notebook`
and `workflow` make environments of their own in .nox/.
"""

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "test"]

ROOT = Path(__file__).parent
PACKAGE_FLOOR, CORE_FLOOR = 95, 100
"""Percent of lines and branches that the suite must run: of the package, and of the decisions in core/."""


@nox.session
def test(session: nox.Session) -> None:
    """The suite, or the part of it that is named."""
    _python(session, "pytest", *session.posargs)


@nox.session
def deep(session: nox.Session) -> None:
    """The thorough and slow tests."""
    _python(session, "pytest", "-m", "deep", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff's rules, its layout, docstrings and spelling. `ruff check --fix` and `ruff format` mend most."""
    _python(session, "ruff", "check")
    _python(session, "ruff", "format", "--check")
    session.run(str(Path(sys.executable).with_name("typos")))


@nox.session
def types(session: nox.Session) -> None:
    """Strict type checks."""
    _python(session, "mypy", "--strict", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """The suite, with a look at which lines and branches it runs, and then `floors`."""
    _python(session, "pytest", "--cov", "--cov-report=", *session.posargs)
    session.notify("floors")


@nox.session
def floors(session: nox.Session) -> None:
    """Whether the lines and branches that the last suite ran are enough."""
    _python(session, "coverage", "report", f"--fail-under={PACKAGE_FLOOR}")
    _python(session, "coverage", "report", "--include=hailuo_batch/core/*", f"--fail-under={CORE_FLOOR}")


@nox.session(venv_backend="venv", reuse_venv=False)
def lowest(session: nox.Session) -> None:
    """The suite with the lowest versions of the dependencies that pyproject.toml allows, without a browser."""
    declared: list[str] = _project()["dependencies"]
    lowest_of = Path(session.virtualenv.location) / "lowest.txt"
    lowest_of.write_text("".join(f"{each.replace('>=', '==')}\n" for each in declared), encoding="utf-8")
    session.install("-q", "-e", ".[test]", "-c", str(lowest_of))
    session.run("pytest", *(session.posargs or ["--ignore=tests/browser"]))


@nox.session
def newest(session: nox.Session) -> None:
    """The suite on the newest Python that pyproject.toml names, out of Debian's packages, without a browser."""
    version, home = max(_pythons()), ROOT / ".nox" / "newest"
    series = ".".join(map(str, version))
    found = subprocess.run([ROOT / ".ci" / "newest-python", series, home], capture_output=True, text=True, check=False)
    if found.returncode:
        session.skip(f"no Python {series} can be had here: {found.stderr.strip()}")
    _python(session, "virtualenv", "-q", "-p", found.stdout.strip(), str(home / "env"))
    python = str(home / "env" / "bin" / "python")
    session.run(python, "-m", "pip", "install", "-q", "-e", ".[test]")
    session.run(python, "-m", "pytest", *(session.posargs or ["--ignore=tests/browser"]))


@nox.session(venv_backend="venv")
def notebook(session: nox.Session) -> None:
    """The example of a notebook, in a real kernel: pandas, tqdm and Jupyter, which nothing else here needs."""
    session.install("-q", "-e", ".[test]", "pandas>=2.0", "ipykernel>=6.25", "jupyter_client>=8.3")
    session.run("pytest", "-n", "0", *(session.posargs or ["tests/notebook"]))


@nox.session(venv_backend="venv")
def workflow(session: nox.Session) -> None:
    """The example of a workflow, run by Prefect, which nothing else here needs."""
    session.install("-q", "-e", ".[test]", "prefect>=3.0")
    session.run("pytest", "-n", "0", *(session.posargs or ["tests/workflow"]))


@nox.session
def bench(session: nox.Session) -> None:
    """All benchmarks, or the one that is named, with its options."""
    folder = ROOT / "tests" / "benchmarks"
    runnable = sorted(file.stem for file in folder.glob("*.py") if "__main__" in file.read_text(encoding="utf-8"))
    for name in session.posargs[:1] or runnable:
        _python(session, f"tests.benchmarks.{name}", *session.posargs[1:])


@nox.session
def docs(session: nox.Session) -> None:
    """Write the pages of docs/ that the program itself dictates."""
    for file in sorted(ROOT.glob("docs/make_*.py")):
        _python(session, f"docs.{file.stem}")


@nox.session
def screenshot(session: nox.Session) -> None:
    """Make docs/report.png: a campaign on the sandbox, and its report in a headless Chromium."""
    _python(session, "docs.screenshot")


@nox.session
def release(session: nox.Session) -> None:
    """Build what is released into dist/, once it is sure that it is the same wherever it is built. Uploads nothing."""
    _python(session, "pytest", "-m", "deep or not deep", "tests/test_contributing.py", "tests/test_wheel.py")
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    _python(session, "build", "--no-isolation")


def _python(session: nox.Session, module: str, *arguments: str) -> None:
    session.run(sys.executable, "-m", module, *arguments)


def _project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project: dict[str, Any] = tomllib.load(file)["project"]
        return project


def _pythons() -> Iterator[tuple[int, ...]]:
    for classifier in _project()["classifiers"]:
        name, _, version = classifier.rpartition(" :: ")
        if name == "Programming Language :: Python":
            yield tuple(map(int, version.split(".")))
