"""Whether a ledger is older than the files beside it: a copy put back, perhaps from a cache or a snapshot.

An older ledger does not have the newest paid runs, and the next apply would pay for them again. The files that can
prove it are the sidecars and report.json beside the videos, and the ledger's own backup. The receipts are not among
them: reconciling adds whatever they have to the ledger.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from hailuo_batch.adapters.ledger import Ledger, read_known_ids, read_position, read_run_ids, read_saved_files
from hailuo_batch.adapters.ledger.receipts import load_receipts
from hailuo_batch.adapters.local.output_files import FileMatch, OutputFiles
from hailuo_batch.app.workspace import CampaignContext, CampaignPaths, short_path
from hailuo_batch.core.model.events import RunCreated
from hailuo_batch.core.planning.recovery import CreateResult
from hailuo_batch.core.planning.traces import KnownIds, Trace, UnreadableTrace
from hailuo_batch.errors import LedgerError, OutputError
from hailuo_batch.report.folder_scan import FileStamp
from hailuo_batch.report.read_back import read_traces
from hailuo_batch.report.verified_files import REPORTS, SIDECARS, load_verified
from hailuo_batch.text import shell_line
from hailuo_batch.ui.text import clean, count, name_some

_MOST_NAMED = 3
_UNTOUCHED = "Nothing was sent, nothing was paid, nothing was changed."


@dataclass(frozen=True, slots=True)
class FilesBesideLedger:
    """The evidence that a ledger may be older than the files beside it.

    `unknown` are paid runs that those files name and that neither the ledger nor the receipts have; `unreadable` are
    files that may name such runs and cannot be read.
    """

    unknown: tuple[Trace, ...] = ()
    unreadable: tuple[UnreadableTrace, ...] = ()

    def problem(self, context: CampaignContext) -> str:
        """What happened and what to do about it; empty if there is no evidence."""
        if self.unknown:
            return _older_than_files(context, self.unknown)
        return f"{self.damage_text(context.paths)} {self._how_to_move(context.paths)}" if self.unreadable else ""

    def damage_text(self, paths: CampaignPaths) -> str:
        """Which files cannot be read, and what that may mean; empty if there are none."""
        if not self.unreadable:
            return ""
        return (
            f"{name_some(self._unreadable_paths(paths), _MOST_NAMED)}: damaged. It may name runs that were paid for "
            "and that the ledger does not have, if a copy of the state folder was put back."
        )

    def _how_to_move(self, paths: CampaignPaths) -> str:
        damaged = self._unreadable_paths(paths)[:_MOST_NAMED]
        moves = "; ".join(shell_line(["mv", path, f"{path}.damaged"]) for path in damaged)
        return (
            f"{_UNTOUCHED} If the state folder is such a copy, bring back the newest one first. If it is not, move the "
            f"damaged files away; the next apply writes them again: {moves}"
        )

    def _unreadable_paths(self, paths: CampaignPaths) -> list[str]:
        sources = dict.fromkeys(item.source for item in self.unreadable)
        return [clean(short_path(paths.outputs / source)) for source in sources]


def check_not_older(context: CampaignContext) -> None:
    """Raises LedgerError if files beside the ledger name, or may name, paid runs that it does not have.

    For a ledger that exists and can be read; before anything is written to it, its backup or its outputs.
    """
    problem = check_files_beside(context).problem(context)
    if problem:
        raise LedgerError(problem)


def check_files_beside(context: CampaignContext) -> FilesBesideLedger:
    """Compare the files beside the ledger with it. Raises LedgerError, and OutputError if the files cannot be listed.

    The ledger's IDs are read after the files: a running apply writes a run to the ledger first and to the files later,
    so the other order would take its newest runs for unknown ones.
    """
    paths = context.paths

    @cache
    def recorded_runs() -> frozenset[str]:
        return read_run_ids(paths.ledger)

    items = tuple(_read_traces(context, _unchanged_files(paths), lambda run_id: run_id in recorded_runs()))
    traces = [item for item in items if isinstance(item, Trace) and item.may_be_paid]
    unreadable = [item for item in items if isinstance(item, UnreadableTrace)]
    if not traces and not unreadable:
        return FilesBesideLedger()
    names = recorded_names(paths)
    doubtful = [item for item in unreadable if not names.contains(item)]
    return FilesBesideLedger(names.unknown(traces), tuple(_except_of_known_videos(paths, doubtful) if doubtful else ()))


def _except_of_known_videos(paths: CampaignPaths, unreadable: Iterable[UnreadableTrace]) -> Iterator[UnreadableTrace]:
    """All but the sidecars of videos that are on disk as the ledger has them: those named runs that it has."""
    saved, files = read_saved_files(paths.ledger), OutputFiles(paths.outputs)
    for item in unreadable:
        output = None if item.video is None else saved.get(item.video)
        if output is None or files.compare(output).match is not FileMatch.SAME:
            yield item


def recorded_names(paths: CampaignPaths) -> KnownIds:
    """The runs and requests that the ledger or the receipts have, or ever had. Raises LedgerError."""
    receipts = load_receipts(paths.receipts)
    named = (receipt.outcome for receipt in receipts if isinstance(receipt, CreateResult))
    receipted = KnownIds(
        frozenset(outcome.run_id for outcome in named if isinstance(outcome, RunCreated)),
        frozenset(receipt.create_id for receipt in receipts),
    )
    return read_known_ids(paths.ledger) | receipted


def _unchanged_files(paths: CampaignPaths) -> dict[str, FileStamp]:
    """The files that were checked against this very ledger: it has every run that they name.

    A ledger never loses a run. One whose journal lacks the line at which they were checked is an older ledger.
    """
    unchanged: dict[str, FileStamp] = {}
    for name, verified in load_verified(paths.verified_files).items():
        if name in {SIDECARS, REPORTS} and journal_mark(paths, verified.mark[0]) == verified.mark:
            unchanged.update(verified.files)
    return unchanged


def journal_mark(paths: CampaignPaths, number: int = 2**63 - 1) -> tuple[int, str]:
    """Number and SHA-256 of the last line of the ledger's journal, up to this one. Raises LedgerError."""
    mark = read_position(paths.ledger, min(max(number, 0), 2**63 - 1))
    return mark.number, mark.sha256


def names_in_files(context: CampaignContext) -> KnownIds:
    """The runs and requests that the files beside the ledger, or in its place, name."""
    traces = tuple(traces_in_files(context))
    return KnownIds(
        frozenset(trace.run_id for trace in traces if trace.run_id is not None),
        frozenset(trace.create_id for trace in traces if trace.create_id is not None),
    )


def traces_in_files(context: CampaignContext) -> Iterator[Trace]:
    """The runs that the readable files beside the ledger name. Raises OutputError if the files cannot be listed."""
    return (item for item in _read_traces(context, {}, lambda _: False) if isinstance(item, Trace))


def _older_than_files(context: CampaignContext, unknown: Sequence[Trace]) -> str:
    """What happened, and how to get the missing runs into the ledger."""
    paths = context.paths
    runs = list(dict.fromkeys(clean(trace.run_id or f"a request for {trace.take_id}") for trace in unknown))
    source = paths.backup if unknown[0].source == paths.backup.name else paths.outputs / unknown[0].source
    return (
        f"{paths.ledger}: the ledger is older than the files beside it. It does not have {count(len(runs), 'run')} "
        f"that they name ({name_some(runs, _MOST_NAMED)}; see {clean(short_path(source))}) and that may have been paid "
        f"for. The ledger may have been put back from a cache or a copy. {_UNTOUCHED} Add these runs to the ledger, so "
        f"that none is paid for twice: {context.where.command_line('state restore')}. If the files belong to another "
        "campaign, move them away instead."
    )


def _read_traces(
    context: CampaignContext, unchanged: Mapping[str, FileStamp], is_known: Callable[[str], bool]
) -> Iterator[Trace | UnreadableTrace]:
    paths = context.paths
    try:
        yield from read_traces(paths.outputs, context.campaign.name, context.endpoint, unchanged, is_known)
    except OSError as error:
        raise OutputError(
            f"{paths.outputs}: the folder cannot be read ({error.strerror}), and its files may be newer than the "
            "ledger. Nothing was sent, nothing was paid. Check the folder's permissions."
        ) from error
    yield from _backup_traces(context)


def _backup_traces(context: CampaignContext) -> tuple[Trace, ...]:
    """The runs of a backup that is longer than the ledger; none if the backup cannot be used."""
    paths = context.paths
    if not paths.backup.exists():
        return ()
    try:
        if paths.ledger.exists() and read_position(paths.backup).number <= read_position(paths.ledger).number:
            return ()
        with Ledger.read(paths.backup, context.campaign.name, context.endpoint) as backup:
            return tuple(Trace.from_run(run, paths.backup.name) for run in backup.snapshot().paid_runs)
    except LedgerError:
        return ()
