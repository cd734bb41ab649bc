"""The two commands that the README begins with are those for a fresh machine, and those that CI runs."""

import os

from tests.docs import pages

CI = pages.ROOT / ".ci" / "run"
NEAR_THE_TOP = 50


def first_two() -> tuple[str, str]:
    rehearse, test, *_ = pages.blocks(pages.README, "sh")
    return rehearse.text.strip(), test.text.strip()


def test_the_first_two_commands_are_those_for_a_fresh_machine() -> None:
    rehearse, test = first_two()
    assert rehearse.endswith("hailuo-batch apply --sandbox manifests/quickstart.yaml")
    assert test.endswith("pytest")
    for command in (rehearse, test):
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install")


def test_they_stand_near_the_top() -> None:
    lines = pages.text_of(pages.README).splitlines()
    assert all(lines.index(command) < NEAR_THE_TOP for command in first_two())


def test_ci_runs_the_very_command_that_is_given_here() -> None:
    assert first_two()[1] in CI.read_text(encoding="utf-8")


def test_ci_can_be_run() -> None:
    assert os.access(CI, os.X_OK)
