"""Runs tests of the copy that it is started in, each time in a process of its own with the product imported anew.

Started as a program, and told on stdin, one JSON list of node IDs to a line, what to run; answers each with one line.
What is slow to import and never broken is imported once, before any process is made: so one takes a third of a second.
Must not import the product itself.
"""

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import IO

import click
import hypothesis
import jsonschema
import pytest
import tqdm
import urllib3
import yaml

_NEVER_BROKEN = (click, hypothesis, jsonschema, tqdm, urllib3, yaml)
_TIMEOUT_S = 300  # for what hangs; below the suite's own time-out, so that the verdict says which test it was
_OPTIONS = (
    "-o",
    "addopts=",
    "-q",
    "-x",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "-p",
    "no:unraisableexception",  # it collects garbage at each end, which takes as long as the test
    "--tb=short",
    "-o",
    f"timeout={_TIMEOUT_S}",
)
_QUIET = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # hypothesis has no assertions of ours


class Ended(IntEnum):
    """How tests ended. Whatever else pytest says (nothing collected, a broken module) is no verdict."""

    PASSED = 0
    FAILED = 1
    NO_VERDICT = 2


class _Watch:
    """Sees whether a test itself has failed: an exit code does not tell that from a failed fixture or a time-out."""

    failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        ran_out = "pytest-timeout" in report.longreprtext
        self.failed |= report.when == "call" and report.failed and not ran_out


def _verdict(node_ids: Sequence[str]) -> Ended:
    watch = _Watch()
    own_folder = f"--basetemp={Path.cwd()}.tmp"  # no other process tidies up there
    code = pytest.main([*_OPTIONS, *_QUIET, own_folder, *node_ids], [watch])
    product = sys.modules["hailuo_batch"].__file__
    assert product is not None
    assert Path(product).is_relative_to(Path.cwd()), f"{product} is not the copy's"
    if code == pytest.ExitCode.OK:
        return Ended.PASSED
    return Ended.FAILED if code == pytest.ExitCode.TESTS_FAILED and watch.failed else Ended.NO_VERDICT


def _run(node_ids: Sequence[str], output: IO[bytes]) -> Ended:
    """The verdict of a process of its own, what it says going to `output`."""
    child = os.fork()
    if child == 0:
        verdict = Ended.NO_VERDICT
        try:
            os.dup2(output.fileno(), sys.stdout.fileno())
            os.dup2(output.fileno(), sys.stderr.fileno())
            verdict = _verdict(node_ids)
        except BaseException:  # noqa: BLE001 - it has no caller but the answer's reader
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(verdict)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return Ended(code) if code in {*Ended} else Ended.NO_VERDICT


def main() -> None:
    """Answer until stdin ends."""
    sys.dont_write_bytecode = False  # whatever the environment says: it would cost a third of the time
    for line in sys.stdin:
        with tempfile.TemporaryFile() as output:
            verdict = _run(json.loads(line), output)
            output.seek(0)
            printed = output.read().decode("utf-8", "replace")
        print(json.dumps([verdict, printed]), flush=True)


if __name__ == "__main__":
    main()
