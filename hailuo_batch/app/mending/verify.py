"""The use case `verify`: compare the files on disk with the ledger, and download again what differs.

A file that is as saved, but was damaged when it arrived, counts as a difference until it arrives intact.

Comparing sends and writes nothing. Repairing pays for nothing: no take is in its plan's scope, so that no request for a
video can come of it. A changed file is kept aside, whatever is downloaded in its place.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from hailuo_batch.adapters.local.output_files import Comparison, FileMatch, OutputFiles
from hailuo_batch.app.config import ApplyOptions, read_settings
from hailuo_batch.app.frontend import Frontend
from hailuo_batch.app.ledger_access import LedgerSession
from hailuo_batch.app.run_campaign import ApplyResult, Job, run_campaign
from hailuo_batch.core.model.runs import Output, Run, Snapshot
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.plan import Plan

_THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class FileCheck:
    """A saved output and what was found in its place. `repaired` is set once it was downloaded again."""

    run: Run
    output: Output
    comparison: Comparison
    repaired: bool = False

    @property
    def slot(self) -> tuple[int, int]:
        """The run's key and the output's index."""
        return self.run.key, self.output.index

    @property
    def differs(self) -> bool:
        """Whether the file on disk is not what the ledger says."""
        return self.comparison.match is not FileMatch.SAME and not self.repaired

    @property
    def damaged(self) -> bool:
        """Whether the file is as saved, but arrived damaged.

        Damage to a superseded or abandoned run's file does not count: another one exists, or none is wanted.
        """
        counts = not self.run.is_superseded and self.run.state is RunState.SUCCEEDED
        return self.output.flaw is not None and self.comparison.match is FileMatch.SAME and counts and not self.repaired

    @property
    def is_intact(self) -> bool:
        """Whether there is nothing to repair."""
        return not (self.differs or self.damaged)


def check_files(snapshot: Snapshot, files: OutputFiles) -> tuple[FileCheck, ...]:
    """Compare every output that was ever saved, of live and superseded runs, with the disk.

    A missing file of an abandoned run is left out: the user does not expect it.
    """
    saved = [(run, output) for run in snapshot.runs for output in run.outputs if output.sha256 is not None]
    with ThreadPoolExecutor(_THREADS, "verify") as readers:
        found = list(readers.map(files.compare, (output for _, output in saved)))
    checked = (FileCheck(*item, comparison) for item, comparison in zip(saved, found, strict=True))
    return tuple(item for item in checked if not _is_abandoned_and_missing(item))


def _is_abandoned_and_missing(item: FileCheck) -> bool:
    return item.run.state is RunState.ABANDONED and item.comparison.match is FileMatch.MISSING


def repair_files(session: LedgerSession, frontend: Frontend) -> tuple[tuple[FileCheck, ...], ApplyResult]:
    """Download again what differs. Returns what is on disk afterwards, and how the work ended."""
    files = OutputFiles(session.context.paths.outputs)
    before = check_files(session.snapshot, files)
    slots = frozenset(item.slot for item in before if not item.is_intact)
    if not slots:
        return before, ApplyResult(session.snapshot, ())
    # the manifest may have changed since the last apply: a repair is not an apply, and records nothing of that
    recorded = session.snapshot
    campaign = replace(
        session.context.campaign, manifest_sha256=recorded.manifest_sha256, description=recorded.description
    )
    context = replace(session.context, campaign=campaign)
    job = Job(context, Plan((), (), frozenset(), frozenset(), slots), read_settings(ApplyOptions(), campaign))
    outcome = run_campaign(job, session.ledger, session.clock, frontend)
    after = {item.slot: item for item in check_files(outcome.snapshot, files)}
    both = ((item, after.get(item.slot)) for item in before)
    return tuple(_checked_again(item, now) for item, now in both if now is not None), outcome


def _checked_again(before: FileCheck, now: FileCheck) -> FileCheck:
    return replace(before, output=now.output, repaired=now.is_intact and not before.is_intact)
