"""What `--help` costs: the heavy parts are imported by the commands that need them, not before."""

import subprocess
import sys

import pytest

HEAVY = ("urllib3", "jsonschema", "yaml", "tqdm", "sqlite3", "http.server")
LOOK = """
import sys
from hailuo_batch.cli import run
code = run(sys.argv[1:])
print(code, *sorted(sys.modules), file=sys.stderr)
"""


def modules_after(*arguments: str) -> tuple[str, set[str]]:
    """The exit code, and every module that is imported once the command line has ended."""
    ended = subprocess.run([sys.executable, "-c", LOOK, *arguments], capture_output=True, text=True, check=True)
    code, *modules = ended.stderr.splitlines()[-1].split()
    return code, set(modules)


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("apply", "--help"), ("schema",)])
def test_the_heavy_parts_are_left_alone(arguments: tuple[str, ...]) -> None:
    code, modules = modules_after(*arguments)
    assert code == "0"
    assert "click" in modules
    assert not modules & set(HEAVY)
