"""`schema`: prints a JSON Schema that ships with the program."""

from hailuo_batch.errors import ExitCode
from hailuo_batch.resources import load_schema_text
from hailuo_batch.ui.console import Console


def run(name: str, console: Console) -> ExitCode:
    """Print the schema of that name, such as `manifest`."""
    console.write_stdout(load_schema_text(name))
    return ExitCode.DONE
