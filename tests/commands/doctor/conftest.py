"""The fixtures of a command line, and a doctor to ask."""

from collections.abc import Callable

import pytest

from tests.helpers.cli_fixtures import *  # noqa: F403
from tests.helpers.command_line import KEY, CommandResult, Shell

Ask = Callable[..., CommandResult]


@pytest.fixture
def ask(shell: Shell) -> Ask:
    """Asks the doctor about the campaign, or, with `bare`, about no campaign."""

    def ask(*options: str, bare: bool = False) -> CommandResult:
        ended = shell.bare("doctor", *([] if bare else [str(shell.manifest)]), *options)
        assert "Traceback" not in ended.err
        assert KEY not in ended.out + ended.err
        assert ended.err.endswith("Nothing was paid.\n")
        return ended

    return ask
