"""Where a campaign's files lie: the workspace rule, and what it means when the ledger is not where it should be.

The same manifest finds the same ledger from anywhere: the current directory matters only for folders given with an
option. The sandbox has files of its own, so that a practice run cannot touch the real campaign.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile

from hailuo_batch.adapters.local import fs
from hailuo_batch.core.model.file_layout import SUPERSEDED_FOLDER
from hailuo_batch.errors import LedgerError, OutputError, UsageError
from hailuo_batch.manifest import ManifestText, ResolvedImage
from hailuo_batch.report.advice import SANDBOX, CommandBuilder
from hailuo_batch.values import CampaignSpec

_TEST_WRITE_BYTES = 1 << 20
_COMMAND_WITH_PLACEHOLDER = re.compile(r"(?<=`)hailuo-batch ((?:state )?[a-z]+) MANIFEST\b")


@dataclass(frozen=True, slots=True)
class Access:
    """How the API is reached: its base URL and the keys, each None for what the environment says."""

    base_url: str | None = None
    keys: tuple[str, ...] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CampaignLocation:
    """The manifest and the options that find a campaign's files. A folder that is None lies in the workspace.

    `text` is the manifest itself where it is in no file: `manifest` is then the place that its paths begin at. `access`
    is what a program has said of the API.
    """

    manifest: Path
    sandbox: bool = False
    state_dir: Path | None = None
    output_dir: Path | None = None
    text: ManifestText | None = None
    access: Access = Access()

    @property
    def commands(self) -> CommandBuilder:
        """The program's commands for this campaign, with the options that find its files."""
        state = () if self.state_dir is None else ("--state-dir", str(self.state_dir))
        outputs = () if self.output_dir is None else ("--output-dir", str(self.output_dir))
        return CommandBuilder(str(self.manifest), SANDBOX if self.sandbox else "", (*state, *outputs))

    def command_line(self, command: str) -> str:
        """A command for this campaign, such as `apply` or `state restore`, ready to be pasted into a shell."""
        return str(self.commands.command(command))


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
        """The cache of files already checked against the ledger; without it commands are slower, nothing else."""
        return self.ledger.with_suffix(".seen.json")


@dataclass(frozen=True, slots=True)
class CampaignContext:
    """One campaign for one command: what its manifest asks for, at which endpoint, and where its files lie.

    `copies` are the images that the manifest has on this machine, by their URLs.
    """

    where: CampaignLocation
    campaign: CampaignSpec
    endpoint: str
    paths: CampaignPaths
    copies: Mapping[str, ResolvedImage] = field(default_factory=dict)

    @property
    def is_sandbox(self) -> bool:
        """Whether this is a practice run, where no payment is real."""
        return self.endpoint == SANDBOX


def find_workspace(manifest: Path) -> Path:
    """The parent of the folder `manifests` if the manifest, symlinks resolved, lies directly in one; else its folder.

    Raises UsageError if the manifest cannot be found.
    """
    try:
        folder = manifest.resolve(strict=True).parent
    except (OSError, RuntimeError) as error:
        raise UsageError(f"{manifest}: manifest not found. Nothing was sent.") from error
    return folder.parent if folder.name == "manifests" else folder


def locate(where: CampaignLocation, campaign: str) -> CampaignPaths:
    """The campaign's paths, absolute. Raises UsageError if the manifest cannot be found."""
    workspace = where.manifest.parent.parent if where.text is not None else find_workspace(where.manifest)
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
    """Whether anything has the ledger's name. Raises LedgerError if that cannot be determined."""
    try:
        paths.ledger.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise LedgerError(f"{paths.ledger}: the ledger cannot be accessed ({error.strerror}).") from error
    return True


def has_ledger(paths: CampaignPaths) -> bool:
    """Whether the campaign has a ledger.

    Raises LedgerError if it is missing although the campaign has other files: treating it as empty would pay for every
    take again.
    """
    if ledger_exists(paths):
        return True
    left = leftovers(paths)
    if left:
        names = ", ".join(short_path(path) for path in left)
        raise LedgerError(
            f"{paths.ledger}: the ledger is missing, but this campaign was run before: there is {names}. Nothing was "
            "sent, nothing was paid. Put the ledger back, or rebuild it from its backup, the receipts and the files "
            "beside it with `hailuo-batch state restore MANIFEST`, so that nothing is paid twice. To start over and "
            "pay for every take again, `hailuo-batch apply MANIFEST --new-ledger` moves those files aside and starts "
            "an empty ledger."
        )
    return False


def sandbox_hint(context: CampaignContext) -> str:
    """A hint at the other ledger, for a user who left out --sandbox or gave it by mistake; empty if there is none."""
    where = context.where
    other = locate(replace(where, sandbox=not where.sandbox), context.campaign.name)
    if not os.path.lexists(other.ledger):
        return ""
    if where.sandbox:
        return " The real campaign has a ledger: leave --sandbox out to use it."
    return " A practice run has a ledger: add --sandbox to use it."


def leftovers(paths: CampaignPaths) -> tuple[Path, ...]:
    """The files that show that the campaign was run before: receipts, a backup or outputs that are not empty.

    A write-ahead log counts too: SQLite would replay it into whatever ledger came to lie beside it.
    """
    files = [path for path in (paths.receipts, paths.backup, *_logs(paths)) if _has_content(path)]
    return (*files, paths.outputs) if _has_entries(paths.outputs) else tuple(files)


def set_aside(paths: CampaignPaths) -> tuple[tuple[Path, Path], ...]:
    """Rename a campaign's leftovers, so that a new ledger can start beside them. Returns old and new names.

    Nothing is deleted or overwritten. The receipts go last: if this is interrupted, `state restore` still finds every
    paid run. Empty logs, as a reader leaves them, are renamed too: no ledger may start beside one. Raises LedgerError
    if a file cannot be renamed.
    """
    empty = (log for log in _logs(paths) if os.path.lexists(log) and not _has_content(log))
    left = sorted((*leftovers(paths), *empty), key=lambda path: path == paths.receipts)
    try:
        return tuple(fs.set_aside(left, lambda path, number: f"{path.name}.old-{number}"))
    except OSError as error:
        raise LedgerError(
            f"{error.filename or paths.ledger.parent}: it cannot be set aside ({error.strerror})."
        ) from error


def check_outputs(paths: CampaignPaths) -> None:
    """Raises OutputError where a file stands in the place of the output folder, or of a folder above it.

    Before anything is compared with the ledger: there, every video would be missing, and that be put on record.
    """
    places = (paths.outputs, *paths.outputs.parents)
    place = next(place for place in places if os.path.lexists(place) or place == place.parent)
    if not place.is_dir():
        raise OutputError(
            f"{short_path(place)}: this is no folder, and the videos belong in {short_path(paths.outputs)}. Nothing "
            "was sent, nothing was paid, and the ledger is as it was. Move it away, or name another folder with "
            "--output-dir."
        )


def make_outputs(paths: CampaignPaths) -> None:
    """Make the output folder before any video is paid for.

    Raises OutputError if no video could be written into it, or superseded files could not be moved aside.
    """
    try:
        paths.outputs.mkdir(parents=True, exist_ok=True)
        write_test_file(paths.outputs)
    except OSError as error:
        raise OutputError(
            f"{short_path(paths.outputs)}: no video could be saved there ({error.strerror}). Nothing was sent, "
            "nothing was paid. Check the folder's permissions and the free space, or use another folder with "
            "--output-dir."
        ) from error
    try:
        fs.check_folders(paths.outputs, (SUPERSEDED_FOLDER,))
    except OSError as error:
        raise OutputError(
            f"{error.strerror}. Nothing was sent, nothing was paid. Then run the same command again."
        ) from error


def write_test_file(folder: Path) -> None:
    """Write a nameless file and sync it. Raises OSError.

    Permissions and free space do not reveal a used-up quota, a server that refuses, or a failing disk.
    """
    with TemporaryFile(dir=folder, buffering=0) as file:
        file.write(bytes(_TEST_WRITE_BYTES))
        fs.sync(file.fileno())


def short_path(path: Path) -> str:
    """The path, relative to the current directory if it lies below it."""
    try:
        below = path.relative_to(Path.cwd())
    except (ValueError, OSError):
        return str(path)
    return str(below if below.parts else path)  # a dot would name no folder


def fill_in_commands(text: str, where: CampaignLocation) -> str:
    """The text with this campaign in each command that says MANIFEST, such as `hailuo-batch status MANIFEST`.

    Most messages are written where nobody knows the manifest's name or where its files lie.
    """
    return _COMMAND_WITH_PLACEHOLDER.sub(lambda found: where.command_line(found[1]), text)


def _logs(paths: CampaignPaths) -> Iterator[Path]:
    """The files in which SQLite keeps what is not in the ledger's own file yet."""
    yield from (paths.ledger.with_name(f"{paths.ledger.name}-{suffix}") for suffix in ("wal", "shm"))


def _has_content(path: Path) -> bool:
    """Whether the file is not empty; a link, a FIFO or a device in its place counts as content."""
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
