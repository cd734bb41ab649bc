"""Ctrl-C while the program is being loaded: no traceback, and the exit code of an interrupt."""

import subprocess
import sys

import pytest

INTERRUPTED_AT = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from hailuo_batch.__main__ import main
sys.argv = ["hailuo-batch", "schema"]
main()
"""


@pytest.mark.parametrize("module", ["hailuo_batch.cli", "click", "dataclasses", "hailuo_batch.commands.schema"])
def test_it_says_that_nothing_was_paid(module: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AT.format(module=module)], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr.strip()) == (130, "Stopped. Nothing was paid.")


def test_the_installed_program_starts_there() -> None:
    from importlib.metadata import entry_points

    [script] = entry_points(group="console_scripts", name="hailuo-batch")
    assert script.value == "hailuo_batch.__main__:main"
