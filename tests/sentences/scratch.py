"""A copy of the repository to break, with a process beside it that runs tests there."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from compileall import compile_dir
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode

from tests.sentences.rule import ROOT, Breakage
from tests.sentences.runner import Ended

_NEEDED = ("hailuo_batch", "schemas", "manifests", "tests", "pyproject.toml", "README.md", "CHANGELOG.md")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How tests ended, and what they said."""

    ended: Ended
    said: str


class Scratch:
    """The copy in `folder`, compiled once. What is compiled there is known by its source's hash: a time of day is too
    coarse for a file that is broken and mended within a second.
    """

    def __init__(self, folder: Path, home: Path) -> None:
        self._folder = folder
        for name in _NEEDED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(ROOT / name, folder)
        compile_dir(folder / "hailuo_batch", quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        self._runner = subprocess.Popen(
            [sys.executable, "-m", "tests.sentences.runner"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(folder), "HOME": str(home)},
        )

    def run(self, tests: Iterable[str]) -> Verdict:
        """Run these tests on the copy as it stands, up to the first that fails."""
        assert self._runner.stdin is not None
        assert self._runner.stdout is not None
        self._runner.stdin.write(json.dumps([f"tests/{test}" for test in tests]) + "\n")
        self._runner.stdin.flush()
        ended, said = json.loads(self._runner.stdout.readline())
        return Verdict(Ended(ended), said)

    @contextmanager
    def broken(self, breakage: Breakage) -> Iterator[None]:
        """The copy is broken like this meanwhile."""
        path = self._folder / breakage.file
        whole = path.read_bytes()
        text = whole.decode("utf-8")
        assert text.count(breakage.old) == 1
        try:
            path.write_bytes(text.replace(breakage.old, breakage.new).encode("utf-8"))
            yield
        finally:
            path.write_bytes(whole)

    def close(self) -> None:
        """End the process."""
        self._runner.communicate()
