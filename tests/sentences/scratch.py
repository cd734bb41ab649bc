"""A copy of the repository to break, with a process beside it that runs tests there."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from compileall import compile_dir
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode

from tests.sentences.product import Product
from tests.sentences.rule import ROOT, Breakage
from tests.sentences.runner import Ended

_NEEDED = ("hailuo_batch", "schemas", "manifests", "tests", "pyproject.toml", "README.md", "CHANGELOG.md")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How tests ended, and what they said."""

    ended: Ended
    printed: str


class Scratch:
    """The copy in `folder`, compiled once. What is compiled there is known by its source's hash: a time of day is too
    coarse for a file that is broken and mended within a second.
    """

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        for name in _NEEDED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(ROOT / name, folder)
        compile_dir(folder / "hailuo_batch", quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        self._environment = ours | {"PYTHONPATH": str(folder), "HOME": str(home)}
        self._product = Product(folder)
        self._runner = self._start()

    def run(self, tests: Iterable[str]) -> Verdict:
        """Run these tests on the copy as it stands, up to the first that fails.

        Whatever breaks off the wait for the verdict, such as the time-out of the test that waits, ends the process too:
        else the next one would take this verdict for its own, and change the copy under the tests that still run.
        """
        assert self._runner.stdin is not None
        try:
            self._runner.stdin.write(json.dumps([f"tests/{test}" for test in tests]) + "\n")
            self._runner.stdin.flush()
            ended, printed = json.loads(self._answer())
        except BaseException:
            os.killpg(self._runner.pid, signal.SIGKILL)
            self.close()
            self._runner = self._start()
            raise
        return Verdict(Ended(ended), printed)

    @contextmanager
    def broken(self, breakage: Breakage) -> Iterator[None]:
        """The copy is broken like this meanwhile."""
        path = self._product.path_of(breakage)
        whole = path.read_bytes()
        try:
            path.write_text(self._product.broken(breakage), encoding="utf-8")
            yield
        finally:
            path.write_bytes(whole)

    def close(self) -> None:
        """End the process."""
        self._runner.communicate()

    def _answer(self) -> str:
        assert self._runner.stdout is not None
        return self._runner.stdout.readline()

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "tests.sentences.runner"],
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
            start_new_session=True,
        )
