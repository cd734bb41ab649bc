"""Whether ledger and videos can be kept where they belong: folders that can be written, space, local disks."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from hailuo_batch.adapters.local.disk_space import CampaignDisks
from hailuo_batch.adapters.local.mounts import find_network_file_system
from hailuo_batch.app.doctor.finding import Finding, Level
from hailuo_batch.app.workspace import CampaignPaths, short_path, write_test_file
from hailuo_batch.core.planning.disk_space import DiskNeed
from hailuo_batch.errors import ExitCode
from hailuo_batch.text import shell_line

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_FOLDER = frozenset({errno.ENOTDIR, errno.EEXIST})
_OTHER_OUTPUTS = "add `--output-dir DIR` with a folder that can be written"


def check_folders(paths: CampaignPaths, need: DiskNeed, *, has_ledger: bool) -> Iterator[Finding]:
    """Look at both folders. `need` is the space for the videos that are left to make."""
    state, outputs = paths.ledger.parent, paths.outputs
    # another folder would be an empty ledger: where there may be one already, everything would be paid for again
    # rule no_second_ledger
    other_state = "" if has_ledger else ", or add `--state-dir DIR` with a folder that can be written"
    refused = _try_to_write(state)
    if refused is None:
        yield _writable("state folder", state)
    else:
        yield _unwritable("state folder", state, refused, other_state, ExitCode.LEDGER)
    yield from _check_file_system(state, has_ledger=has_ledger)
    refused = _try_to_write(outputs)
    if refused is not None:
        yield _unwritable("output folder", outputs, refused, f", or {_OTHER_OUTPUTS}", ExitCode.UNFINISHED)
        return
    yield _writable("output folder", outputs)
    shortage = CampaignDisks(_nearest_folder(outputs), _nearest_folder(state)).shortage(need)
    if shortage:
        yield Finding(Level.PROBLEM, "disk", f"{shortage}.", f"Free some space, or {_OTHER_OUTPUTS}.")
    else:
        yield Finding(Level.OK, "disk", "There is enough space.")


def _try_to_write(folder: Path) -> OSError | None:
    """Why nothing can be written into the folder, or, where it does not exist yet, into the one above it."""
    try:
        write_test_file(_nearest_folder(folder))
    except OSError as error:
        return error
    return None


def _nearest_folder(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next((path for path in (folder, *folder.parents) if os.path.lexists(path)), folder)


def _writable(subject: str, folder: Path) -> Finding:
    does = "can be written" if os.path.lexists(folder) else "can be made"
    return Finding(Level.OK, subject, f"{short_path(folder)} {does}.")


def _unwritable(subject: str, folder: Path, error: OSError, otherwise: str, code: ExitCode) -> Finding:
    where = _nearest_folder(folder)
    text = f"{short_path(where)} cannot be written ({error.strerror})."
    commands: tuple[str, ...] = ()
    if error.errno in _FULL:
        remedy = f"Free some space{otherwise}."
    elif error.errno == errno.EROFS:
        remedy = f"Mount that disk so that it can be written{otherwise}."
    elif error.errno in _NO_FOLDER:
        remedy, commands = "Rename the file that lies there:", (shell_line(["mv", str(where), f"{where}.old"]),)
    else:
        remedy = f"Let yourself write there{otherwise}:"
        commands = (shell_line(["chmod", "u+rwx", str(where)]),)
    return Finding(Level.PROBLEM, subject, text, remedy, commands, code)


def _check_file_system(state: Path, *, has_ledger: bool) -> Iterator[Finding]:
    """Warn of a ledger on a network file system, whose locks and logs SQLite cannot rely on."""
    kind = find_network_file_system(_nearest_folder(state))
    if not kind:
        return
    # rule ledger_moves_along
    first = "Move the whole folder to a local disk, and from then on add" if has_ledger else "Add"
    yield Finding(
        Level.WARNING,
        "state folder",
        f"{short_path(state)} lies on a network file system ({kind}), where a crash may damage the ledger and two "
        "machines may not see each other's lock.",
        f"{first} `--state-dir DIR` with that folder to every command: beside another ledger, everything would be paid "
        "for again.",
    )
