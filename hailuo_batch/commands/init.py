"""`init`: writes a commented starter manifest. Never overwrites anything."""

from pathlib import Path

from hailuo_batch.errors import ExitCode, UsageError
from hailuo_batch.manifest import starter_manifest
from hailuo_batch.text import quote
from hailuo_batch.ui.console import Console


def run(path: Path, console: Console) -> ExitCode:
    """Write the starter manifest. Raises UsageError if the file exists or cannot be written."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(starter_manifest(path))
    except FileExistsError:
        raise UsageError(
            f"{path} already exists and was not changed. Give another name: `hailuo-batch init FILE`."
        ) from None
    except FileNotFoundError:
        raise UsageError(f"{path} cannot be written: there is no folder {path.parent}. Create it first.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
    name = quote(str(path))
    console.print_info(f"Wrote {path}. Put your shots into it, then check it, and practise without key and cost:")
    console.print_info_lines(f"  hailuo-batch validate {name}\n  hailuo-batch apply --sandbox {name}")
    console.print_info("When you are ready to pay, see whether all is there, and apply it; it asks first:")
    console.print_info_lines(f"  hailuo-batch doctor {name}\n  hailuo-batch apply {name}")
    return ExitCode.DONE
