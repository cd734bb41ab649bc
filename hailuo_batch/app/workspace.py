"""Where a campaign's files lie: the workspace rule, and what it means when the ledger is not where it should be.

The same manifest finds the same ledger from anywhere: the current directory counts for nothing but the folders that
are given with an option. A rehearsal on the sandbox has files of its own, so that it cannot touch the real campaign.
"""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile

from hailuo_batch.adapters.local.fs import check_folders
from hailuo_batch.core.model.file_layout import SUPERSEDED_FOLDER
from hailuo_batch.errors import LedgerError, OutputError, UsageError
from hailuo_batch.text import shell_line

SANDBOX = "sandbox"
_TEST_WRITE_BYTES = 1 << 20
_COMMAND_WITH_PLACEHOLDER = re.compile(r"(?<=`)hailuo-batch ((?:state )?[a-z]+) MANIFEST\b")


@dataclass(frozen=True, slots=True)
class CampaignLocation:
    """What the command line says of where things lie. A folder that is None lies in the workspace."""

    manifest: Path
    sandbox: bool = False
    state_dir: Path | None = None
    output_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class CampaignPaths:
    """Every path that belongs to one campaign."""

    ledger: Path
    backup: Path
    receipts: Path
    lock: Path
    outputs: Path

    @property
    def verified_files(self) -> Path:
        """What was last found right beside the ledger: a memory aid, of which nothing but time depends."""
        return self.ledger.with_suffix(".seen.json")


def find_workspace(manifest: Path) -> Path:
    """The parent of the folder `manifests` where the manifest, symlinks resolved, lies directly in one; else its own.

    Raises UsageError where the manifest cannot be found.
    """
    try:
        folder = manifest.resolve(strict=True).parent
    except (OSError, RuntimeError) as error:
        raise UsageError(f"{manifest}: the manifest cannot be found. Nothing was sent.") from error
    return folder.parent if folder.name == "manifests" else folder


def locate(where: CampaignLocation, campaign: str) -> CampaignPaths:
    """The campaign's paths, absolute. Raises UsageError where the manifest cannot be found."""
    workspace = find_workspace(where.manifest)
    name = f"{campaign}.{SANDBOX}" if where.sandbox else campaign
    state = workspace / "state" if where.state_dir is None else where.state_dir.absolute()
    outputs = workspace / "outputs" if where.output_dir is None else where.output_dir.absolute()
    return CampaignPaths(
        # rule ledger_name
        ledger=state / f"{name}.db",
        backup=state / f"{name}.db.bak",
        receipts=state / f"{name}.receipts.jsonl",
        lock=state / f"{name}.lock",
        # rule output_folder
        outputs=outputs / name,
    )


def ledger_exists(paths: CampaignPaths) -> bool:
    """Whether there is anything under the ledger's name. Raises LedgerError where that cannot be seen."""
    try:
        paths.ledger.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise LedgerError(f"{paths.ledger}: the ledger cannot be looked at ({error.strerror}).") from error
    return True


def has_ledger(paths: CampaignPaths) -> bool:
    """Whether the ledger is there.

    Raises LedgerError where it is missing although the campaign has been at work: to take it for an empty one would
    pay for everything again.
    """
    if ledger_exists(paths):
        return True
    left = leftovers(paths)
    if left:
        names = ", ".join(short_path(path) for path in left)
        raise LedgerError(
            f"{paths.ledger}: the ledger is missing, but the campaign has been at work: there is {names}. Nothing was "
            "sent, nothing was paid. Put the ledger back where it was, or have `hailuo-batch state restore MANIFEST` "
            "rebuild it from its backup, the receipts and the files beside it, so that nothing is paid twice. If you "
            "mean to start over and pay for every take again, `hailuo-batch apply MANIFEST --new-ledger` sets those "
            "aside and starts an empty ledger."
        )
    return False


def sandbox_hint(where: CampaignLocation, campaign: str) -> str:
    """For whoever has left out --sandbox where the real campaign has no ledger: that a rehearsal has one, if it has."""
    has_one = not where.sandbox and os.path.lexists(locate(replace(where, sandbox=True), campaign).ledger)
    return " There is one of a rehearsal: add --sandbox for that." if has_one else ""


def leftovers(paths: CampaignPaths) -> tuple[Path, ...]:
    """What shows that the campaign has been at work: receipts, a backup or outputs that are not empty.

    A write-ahead log counts too: SQLite would replay it into whatever ledger came to lie beside it.
    """
    files = [path for path in (paths.receipts, paths.backup, *_logs(paths)) if _has_content(path)]
    return (*files, paths.outputs) if _has_entries(paths.outputs) else tuple(files)


def set_aside(paths: CampaignPaths) -> tuple[tuple[Path, Path], ...]:
    """Rename what is left of a campaign, so that a new ledger can begin beside it. Returns old and new names.

    Nothing is deleted and nothing is overwritten. The receipts go last: cut off before, `state restore` still knows of
    every create. Logs go even where they are empty, as a reader leaves them: no ledger is begun beside one. Raises
    LedgerError where a rename cannot be made.
    """
    empty = (log for log in _logs(paths) if os.path.lexists(log) and not _has_content(log))
    left = sorted((*leftovers(paths), *empty), key=lambda path: path == paths.receipts)
    number = next(n for n in range(1, 1_000_000) if not any(os.path.lexists(_aside(path, n)) for path in left))
    renames = tuple((path, _aside(path, number)) for path in left)
    for path, aside in renames:
        try:
            path.rename(aside)
        except OSError as error:
            raise LedgerError(f"{path}: it cannot be set aside as {aside.name} ({error.strerror}).") from error
    return renames


def make_outputs(paths: CampaignPaths) -> None:
    """Make the folder of the videos before any is paid for. Raises OutputError where none could be written into it, or
    what is superseded could not be put aside."""
    try:
        paths.outputs.mkdir(parents=True, exist_ok=True)
        _write_test_file(paths.outputs)
    except OSError as error:
        raise OutputError(
            f"{short_path(paths.outputs)}: no video could be saved there ({error.strerror}). Nothing was sent, "
            "nothing was paid. Look at the folder's permissions and at the free space, or give another one "
            "with --output-dir."
        ) from error
    try:
        check_folders(paths.outputs, (SUPERSEDED_FOLDER,))
    except OSError as error:
        raise OutputError(
            f"{error.strerror}. Nothing was sent, nothing was paid. Then run the same command again."
        ) from error


def _write_test_file(folder: Path) -> None:
    """Have the disk keep a file without a name for a moment. Raises OSError.

    Permissions and free space do not tell of a quota that is used up, a server that refuses, a disk that fails.
    """
    with TemporaryFile(dir=folder, buffering=0) as file:
        file.write(bytes(_TEST_WRITE_BYTES))
        os.fsync(file.fileno())


def short_path(path: Path) -> str:
    """A path as short as it can be: relative where it lies below the current directory."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def command_line(command: str, where: CampaignLocation) -> str:
    """A command for the same campaign, as it can be pasted into a shell."""
    words = ["hailuo-batch", *command.split(), str(where.manifest)]
    words += ["--sandbox"] if where.sandbox else []
    return shell_line([*words, *folder_options(where)])


def fill_in_commands(text: str, where: CampaignLocation) -> str:
    """The text with each command that says MANIFEST, such as `hailuo-batch status MANIFEST`, for this campaign.

    Most words are written where nobody knows how the user called the manifest, or where its files lie.
    """
    return _COMMAND_WITH_PLACEHOLDER.sub(lambda found: command_line(found[1], where), text)


def folder_options(where: CampaignLocation) -> tuple[str, ...]:
    """The options that say where the folders lie, as the user gave them."""
    state = () if where.state_dir is None else ("--state-dir", str(where.state_dir))
    outputs = () if where.output_dir is None else ("--output-dir", str(where.output_dir))
    return (*state, *outputs)


def _logs(paths: CampaignPaths) -> Iterator[Path]:
    """Where SQLite keeps what is not in the ledger's own file yet."""
    yield from (paths.ledger.with_name(f"{paths.ledger.name}-{suffix}") for suffix in ("wal", "shm"))


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.old-{number}")


def _has_content(path: Path) -> bool:
    """Whether the file is not empty; a link, a FIFO or a device in its place is not nothing either."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return status.st_size > 0 or not stat.S_ISREG(status.st_mode)


def _has_entries(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False
