"""Whether a ledger is older than the files beside it: a copy that was put back, as from a cache or a snapshot.

The receipts are not among those files: what they know and the ledger does not is simply taken over. Beyond them count
the sidecars and report.json beside the videos, and the ledger's own backup.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.adapters.ledger import Ledger, read_known_ids, read_position, read_run_ids, read_saved_files
from hailuo_batch.adapters.ledger.receipts import load_receipts
from hailuo_batch.adapters.local.output_files import FileMatch, OutputFiles
from hailuo_batch.app.workspace import CampaignLocation, CampaignPaths, command_line, short_path
from hailuo_batch.core.model.events import RunCreated
from hailuo_batch.core.planning.recovery import CreateResult
from hailuo_batch.core.planning.traces import KnownIds, Trace, UnreadableTrace
from hailuo_batch.errors import LedgerError, OutputError
from hailuo_batch.report.looking import FileStamp
from hailuo_batch.report.reading import read_traces
from hailuo_batch.report.written import REPORTS, SIDECARS, load_verified
from hailuo_batch.text import shell_line
from hailuo_batch.ui.text import clean, count

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class FilesBesideLedger:
    """What speaks against the ledger: the runs that the files beside it name and that neither it nor the receipts know,
    and the files that nobody can read, and that may name such."""

    unknown: tuple[Trace, ...] = ()
    unreadable: tuple[UnreadableTrace, ...] = ()

    def problem(self, paths: CampaignPaths, where: CampaignLocation) -> str:
        """What has happened, and the way out; nothing where nothing speaks against it."""
        if self.unknown:
            return _older_than_files(paths, self.unknown, where)
        return f"{self.damage_text(paths)} {_move_away(paths, self.unreadable)}" if self.unreadable else ""

    def damage_text(self, paths: CampaignPaths) -> str:
        """Which files nobody can read, and what that may mean; nothing where there are none."""
        return _damaged_files(paths, self.unreadable) if self.unreadable else ""


def check_not_older(paths: CampaignPaths, campaign: str, endpoint: str, where: CampaignLocation) -> None:
    """Raises LedgerError where the files beside the ledger name runs that neither it nor the receipts know, or may.

    For a ledger that is there and can be read; before anything is written into it, its backup or its outputs.
    """
    problem = check_files_beside(paths, campaign, endpoint).problem(paths, where)
    if problem:
        raise LedgerError(problem)


def check_files_beside(paths: CampaignPaths, campaign: str, endpoint: str) -> FilesBesideLedger:
    """What the files beside the ledger say against it.

    The ledger is asked again after the files are read: an apply that is at work writes them in the other order. Raises
    LedgerError, and OutputError where the files cannot be looked at.
    """
    items = tuple(_read_traces(paths, campaign, endpoint, _unchanged_files(paths), _RecordedRuns(paths.ledger)))
    traces = [item for item in items if isinstance(item, Trace) and item.may_be_paid]
    unreadable = [item for item in items if isinstance(item, UnreadableTrace)]
    if not traces and not unreadable:
        return FilesBesideLedger()
    names = recorded_names(paths)
    doubtful = [item for item in unreadable if not names.contains(item)]
    return FilesBesideLedger(names.unknown(traces), tuple(_except_of_known_videos(paths, doubtful) if doubtful else ()))


def _except_of_known_videos(paths: CampaignPaths, unreadable: Iterable[UnreadableTrace]) -> Iterator[UnreadableTrace]:
    """All but the sidecars of videos that are there as the ledger has them: those said what it knows."""
    saved, files = read_saved_files(paths.ledger), OutputFiles(paths.outputs)
    for item in unreadable:
        output = None if item.video is None else saved.get(item.video)
        if output is None or files.compare(output).match is not FileMatch.SAME:
            yield item


def recorded_names(paths: CampaignPaths) -> KnownIds:
    """The runs and creates that the ledger or the receipts know, or have ever known. Raises LedgerError."""
    receipts = load_receipts(paths.receipts)
    named = (receipt.outcome for receipt in receipts if isinstance(receipt, CreateResult))
    receipted = KnownIds(
        frozenset(outcome.run_id for outcome in named if isinstance(outcome, RunCreated)),
        frozenset(receipt.create_id for receipt in receipts),
    )
    return read_known_ids(paths.ledger) | receipted


class _RecordedRuns:
    """Whether a ledger has a run. It is read only once somebody asks."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._ids: frozenset[str] | None = None

    def __call__(self, run_id: str) -> bool:
        if self._ids is None:
            self._ids = read_run_ids(self._ledger)
        return run_id in self._ids


def _unchanged_files(paths: CampaignPaths) -> dict[str, FileStamp]:
    """The files that were right beside this very ledger, as it stands or as it once stood: it knows what they name.

    A ledger never loses a run. One whose journal does not have the line at which they were right is an older one.
    """
    unchanged: dict[str, FileStamp] = {}
    for name, verified in load_verified(paths.verified_files).items():
        if name in {SIDECARS, REPORTS} and journal_mark(paths, verified.mark[0]) == verified.mark:
            unchanged.update(verified.files)
    return unchanged


def journal_mark(paths: CampaignPaths, number: int = 2**63 - 1) -> tuple[int, str]:
    """The mark of the ledger's journal up to this line. Raises LedgerError."""
    mark = read_position(paths.ledger, min(max(number, 0), 2**63 - 1))
    return mark.number, mark.sha256


def names_in_files(paths: CampaignPaths, campaign: str, endpoint: str) -> KnownIds:
    """The runs and creates that the files beside the ledger, or in its place, name."""
    traces = tuple(traces_in_files(paths, campaign, endpoint))
    return KnownIds(
        frozenset(trace.run_id for trace in traces if trace.run_id is not None),
        frozenset(trace.create_id for trace in traces if trace.create_id is not None),
    )


def _older_than_files(paths: CampaignPaths, unknown: Sequence[Trace], where: CampaignLocation) -> str:
    """What has happened, and the way out."""
    runs = list(dict.fromkeys(trace.run_id or f"a create for {trace.take_id}" for trace in unknown))
    named = ", ".join(clean(run) for run in runs[:_SHOWN])
    if len(runs) > _SHOWN:
        named += f" and {len(runs) - _SHOWN:,} more"
    source = paths.backup if unknown[0].source == paths.backup.name else paths.outputs / unknown[0].source
    return (
        f"{paths.ledger}: the ledger is older than the files beside it. It does not know {count(len(runs), 'run')} "
        f"that they name ({named}; see {clean(short_path(source))}), which may have been paid for. It may have been "
        "put back from a cache or a copy. Nothing was sent, nothing was paid, nothing was changed. Take these runs "
        f"into the ledger, so that none is paid for twice: {command_line('state restore', where)}. If the files are of "
        "another campaign, move them away instead."
    )


def _damaged_files(paths: CampaignPaths, unreadable: Sequence[UnreadableTrace]) -> str:
    sources = _sources(paths, unreadable)
    named = ", ".join(sources[:_SHOWN])
    if len(sources) > _SHOWN:
        named += f" and {len(sources) - _SHOWN:,} more"
    return (
        f"{named}: damaged. What cannot be read there may name runs that were paid for and that the ledger does not "
        "know, as where a copy of the state folder was put back."
    )


def _move_away(paths: CampaignPaths, unreadable: Sequence[UnreadableTrace]) -> str:
    moves = (shell_line(["mv", source, f"{source}.damaged"]) for source in _sources(paths, unreadable)[:_SHOWN])
    return (
        "Nothing was sent, nothing was paid, nothing was changed. If the state folder is such a copy, bring the newest "
        "one back first. If it is not, move what is damaged away; the next apply writes it again: "
        f"{'; '.join(moves)}"
    )


def _sources(paths: CampaignPaths, unreadable: Sequence[UnreadableTrace]) -> list[str]:
    return [clean(short_path(paths.outputs / source)) for source in dict.fromkeys(item.source for item in unreadable)]


def traces_in_files(paths: CampaignPaths, campaign: str, endpoint: str) -> Iterator[Trace]:
    """What the files beside the ledger, or in its place, tell of runs, as far as they can be read. Raises OutputError
    where nobody can look."""
    return (item for item in _read_traces(paths, campaign, endpoint, {}, lambda _: False) if isinstance(item, Trace))


def _read_traces(
    paths: CampaignPaths,
    campaign: str,
    endpoint: str,
    unchanged: Mapping[str, FileStamp],
    is_known: Callable[[str], bool],
) -> Iterator[Trace | UnreadableTrace]:
    try:
        yield from read_traces(paths.outputs, campaign, endpoint, unchanged, is_known)
    except OSError as error:
        raise OutputError(
            f"{paths.outputs}: the folder cannot be looked into ({error.strerror}), and the files there may be newer "
            "than the ledger. Nothing was sent, nothing was paid. Look at the folder's permissions."
        ) from error
    yield from _backup_traces(paths, campaign, endpoint)


def _backup_traces(paths: CampaignPaths, campaign: str, endpoint: str) -> tuple[Trace, ...]:
    """The runs of the backup where it is longer than the ledger; none where it cannot be used."""
    if not paths.backup.exists():
        return ()
    try:
        if paths.ledger.exists() and read_position(paths.backup).number <= read_position(paths.ledger).number:
            return ()
        with Ledger.read(paths.backup, campaign, endpoint) as backup:
            return tuple(Trace.from_run(run, paths.backup.name) for run in backup.snapshot().paid_runs)
    except LedgerError:
        return ()
