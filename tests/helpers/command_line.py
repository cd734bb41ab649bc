"""The command line as a test uses it: in this process, or as a process of its own."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hailuo_batch import cli
from hailuo_batch.errors import ExitCode
from tests.helpers.handlers import kept_handlers
from tests.helpers.timeouts import TEST_TIMEOUT_S

KEY = "sk-test-0123456789"
CTRL_D = "\x04"
SLOW = 0.01  # of real speed: no run ends while a test lasts

LAMPS = """\
version: 1
campaign: lamps
limits: {max_spend_usd: 5, expected_cost_usd: 0.28}
shots:
  - {id: hero, prompt: A lamp, takes: 2}
  - {id: desk, prompt: A desk}
"""

UNCAPPED = LAMPS.replace("max_spend_usd: 5, ", "")


@dataclass(frozen=True)
class CommandResult:
    """How a command ended."""

    code: ExitCode
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Runs the command line in a workspace whose manifest is `manifest`."""

    workspace: Path
    capture: pytest.CaptureFixture[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    started: "list[subprocess.Popen[str]]" = field(default_factory=list)

    @property
    def manifest(self) -> Path:
        return self.workspace / "manifests" / "lamps.yaml"

    @property
    def outputs(self) -> Path:
        return self.workspace / "outputs" / "lamps"

    @property
    def state(self) -> Path:
        return self.workspace / "state"

    def write(self, text: str) -> None:
        """Change the manifest."""
        self.manifest.parent.mkdir(exist_ok=True)
        self.manifest.write_text(text, encoding="utf-8")

    def __call__(self, command: str, *options: str) -> CommandResult:
        """Run a command on the manifest, in this process. What pays says yes beforehand: nobody can be asked here."""
        return self.bare(command, str(self.manifest), *_with_yes(command, options))

    def without_yes(self, command: str, *options: str) -> CommandResult:
        """As a call, for a user who has not agreed to any payment."""
        return self.bare(command, str(self.manifest), *options)

    def bare(self, *arguments: str) -> CommandResult:
        """Run the command line with exactly these arguments, in this process."""
        self.capture.readouterr()
        with kept_handlers():
            code = cli.run(arguments)
        out, err = self.capture.readouterr()
        return CommandResult(ExitCode(code), out, err)

    def spawn(self, command: str, *options: str) -> "subprocess.Popen[str]":
        """Start a command on the manifest as a process of its own. What pays says yes beforehand."""
        return self.start(command, str(self.manifest), *_with_yes(command, options))

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start the command line with exactly these arguments as a process of its own."""
        process = subprocess.Popen(
            [sys.executable, "-m", "hailuo_batch", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | self.environment,
        )
        self.started.append(process)
        return process

    def end_processes(self) -> None:
        """End what a test that failed half way has left running, so that no other test fails for it."""
        for process in self.started:
            if process.returncode is None:
                process.kill()
                process.communicate()


def _with_yes(command: str, options: tuple[str, ...]) -> tuple[str, ...]:
    """The options of a command, with the yes to what it pays."""
    pays = command == "apply" or (command == "resolve" and "--resubmit" in options)
    return (*options, "--yes") if pays and "--yes" not in options else options


def state_of(shell: Shell, take_id: str) -> str:
    """A take's state, as `status` has it."""
    [state] = [take["state"] for take in shell("status", "--json").document["takes"] if take["id"] == take_id]
    return str(state)


def wait_for_result(process: "subprocess.Popen[str]") -> CommandResult:
    """How a process ended."""
    try:
        out, err = process.communicate(timeout=TEST_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return CommandResult(ExitCode(process.returncode), out, err)


def read_terminal(terminal: int) -> bytes:
    """What is printed on a terminal until the program on it has gone, in however many pieces it comes."""
    received = b""
    try:
        while data := os.read(terminal, 4096):
            received += data
    except OSError:
        pass  # the other end has gone
    return received


def answer_at_terminal(answer: str, *arguments: str) -> tuple[str, int]:
    """Run a command on a terminal, and answer its question if it has one. Return what it printed, without colours, and
    its exit code.

    CTRL_D as the answer ends what is typed.
    """
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hailuo_batch", *arguments]
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=os.environ | {"NO_COLOR": "1"},
    ) as process:
        os.close(theirs)
        received = b""
        try:
            while data := os.read(ours, 4096):
                received += data  # which may end within a character
                if answer and received.rstrip().endswith(b"[y/N]"):
                    os.write(ours, answer.encode() if answer == CTRL_D else f"{answer}\n".encode())
                    answer = ""
        except OSError:
            pass  # the other end has gone
        code = process.wait(TEST_TIMEOUT_S)
    os.close(ours)
    return received.decode(), code
