"""The script that makes a shell ask the program what completes a command line."""

import click
from click.shell_completion import get_completion_class

from hailuo_batch.cli.options import PROGRAM

_ASK_BY = "_HAILUO_BATCH_COMPLETE"
"""The variable by which the script asks the program; click looks for this name."""


def completion_script(cli: click.Group, shell: str) -> str:
    """The script that makes this shell complete the program's commands, options, manifests and takes."""
    kind = get_completion_class(shell)
    assert kind is not None, shell
    return kind(cli, {}, PROGRAM, _ASK_BY).source()
