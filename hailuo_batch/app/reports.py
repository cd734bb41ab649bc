"""The report's files: written at the end of a command, and the contact sheet also while an apply runs.

While an apply runs, an observer passes every update on and, from time to time, has the page written from the ledger.
The ledger is read in the apply's own thread, which SQLite requires; the page is rendered and written in another, so
that no request waits for it. Reading and writing together take at most a twentieth of the time, however large the
campaign.
"""

import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from math import inf
from pathlib import Path

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.stills.ffmpeg import find_ffmpeg
from hailuo_batch.app.frontend import Frontend
from hailuo_batch.app.older_ledger import journal_mark
from hailuo_batch.app.stills.finish import LONGEST_IN_APPLY_S, CampaignStills
from hailuo_batch.app.stills.maker import StillMaker
from hailuo_batch.app.stills.shown import with_files_read, with_stills
from hailuo_batch.app.workspace import CampaignContext, CampaignPaths
from hailuo_batch.core.engine.counters import Progress
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.errors import ExitCode, HailuoBatchError, LedgerError, OutputError
from hailuo_batch.report.files import Format, are_current, report_paths, verify_reports, write_reports
from hailuo_batch.report.folder_scan import FileStamp, stamp_of
from hailuo_batch.report.model import Report, build_report
from hailuo_batch.report.sidecars import are_sidecars_current, update_sidecars, verify_sidecars
from hailuo_batch.report.verified_files import (
    RECEIPTS,
    REPORTS,
    SIDECARS,
    Mark,
    VerifiedFiles,
    load_verified,
    save_verified,
)
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.runtime.observer import Observer

MIN_INTERVAL_S = 5.0
"""The shortest time between two pages."""
_FIRST_AFTER_S = 1.0
_PAUSE_PER_WORK = 20.0


class LivePageObserver:
    """An observer that keeps the page up to date while an apply runs.

    `read` reads the ledger, `write` writes the page, `now` is a monotonic clock in seconds. A page that cannot be
    written does not stop an apply: the report at its end names the reason.
    """

    def __init__(
        self,
        observer: Observer,
        read: Callable[[], Snapshot],
        write: Callable[[Snapshot], None],
        now: Callable[[], float],
    ) -> None:
        self._observer = observer
        self._read = read
        self._write = write
        self._now = now
        self._due_at = now() + _FIRST_AFTER_S
        self._writer: threading.Thread | None = None

    def update(self, progress: Progress) -> None:
        """Pass the update on, and write a page if one is due."""
        self._observer.update(progress)
        began_at = self._now()
        if began_at < self._due_at or (self._writer is not None and self._writer.is_alive()):
            return
        with suppress(HailuoBatchError, RuntimeError):  # the latter where the machine gives no further thread
            writer = threading.Thread(target=self._write_and_schedule, args=(self._read(), began_at), name="report")
            self._due_at = float("inf")  # until the writer says when
            writer.start()
            self._writer = writer
            return
        self._schedule_next(began_at)

    def notice(self, notice: Notice) -> None:
        """Pass the notice on."""
        self._observer.notice(notice)

    def close(self) -> None:
        """Wait for the page that is being written, then close the observer."""
        if self._writer is not None:
            self._writer.join()
        self._observer.close()

    def _write_and_schedule(self, snapshot: Snapshot, began_at: float) -> None:
        try:
            with suppress(Exception):  # whatever it is, the report at the end meets it too, and can say so
                self._write(snapshot)
        finally:
            self._schedule_next(began_at)

    def _schedule_next(self, began_at: float) -> None:
        now = self._now()
        self._due_at = now + max(MIN_INTERVAL_S, _PAUSE_PER_WORK * (now - began_at))


def report_of(
    context: CampaignContext,
    snapshot: Snapshot,
    now: float,
    *,
    resume: str = "",
    submitting_state: TakeState = TakeState.IN_DOUBT,
) -> Report:
    """The report of a campaign's ledger at `now`, in seconds since the epoch.

    `resume` is the command that continues the last apply, if there was one. `submitting_state` is the state of a take
    whose request is being sent: waiting while an apply runs, else in doubt.
    """
    return build_report(
        snapshot,
        generated_at=now,
        commands=context.where.commands,
        resume=resume,
        submitting_state=submitting_state,
        max_attempts=context.campaign.limits.max_attempts,
    )


def write_final_report(
    report: Report,
    snapshot: Snapshot,
    ledger: Ledger,
    context: CampaignContext,
    no_sidecar: bool,
    frontend: Frontend,
    maker: StillMaker | None = None,
    ends_at: float = inf,
) -> tuple[Path | None, tuple[ExitCode, ...]]:
    """Write the report files and the sidecars. Returns the page's path, and the exit code of a failure to write.

    For a command that holds the lock and makes no further change to the ledger. `maker` made stills while the command
    worked; those that are missing are made until `ends_at`, a time of the monotonic clock.
    """
    page: Path | None = None
    files = ReportFiles(context, _mark_if_in_place(ledger, context.paths))
    try:
        page = files.update_reports(report, tuple(Format))[Format.HTML]
        if not no_sidecar:
            files.update_sidecars(snapshot)
        # last: whatever happens to stills, the report and the sidecars name every run that was paid for
        _finish_stills(files, report, snapshot, frontend, maker, ends_at)
    except OutputError as error:
        frontend.warn(str(error))
        return page, (error.exit_code,)
    finally:
        files.save_verified()
    return page, ()


def _finish_stills(
    files: "ReportFiles",
    report: Report,
    snapshot: Snapshot,
    frontend: Frontend,
    maker: StillMaker | None,
    ends_at: float,
) -> None:
    """Make the stills that are missing, show them in the page, and remove those that nothing needs."""
    clock = Clock()
    over_at = min(ends_at, clock.now() + LONGEST_IN_APPLY_S)
    stills = files.stills(report, snapshot, maker)
    if stills.make_missing(frontend, lambda: frontend.stop.code is not None or clock.now() >= over_at):
        files.update_reports(report, tuple(Format))
    stills.remove_others()


def write_live_page(report: Report, context: CampaignContext) -> None:
    """Write the page of an apply that is running. Raises OutputError."""
    folder, formats = context.paths.outputs, (Format.HTML,)
    report = with_stills(report, folder, context.copies)
    write_reports(with_files_read(report, folder, context.copies, formats), folder, formats)


def unchanged_receipts(paths: CampaignPaths) -> FileStamp | None:
    """The stamp of receipts that are known to be in this ledger, None if they have to be read. Raises LedgerError."""
    verified = load_verified(paths.verified_files).get(RECEIPTS)
    if verified is None or verified.mark != journal_mark(paths):
        return None
    return verified.files.get(paths.receipts.name)


def remember_receipts(paths: CampaignPaths) -> None:
    """Remember that this ledger has everything in the receipts. For a caller that holds the lock."""
    before, stamp = load_verified(paths.verified_files), stamp_of(paths.receipts)
    verified = None if stamp is None else VerifiedFiles(journal_mark(paths), "", {paths.receipts.name: stamp})
    if verified is not None and before.get(RECEIPTS) != verified:
        save_verified(paths.verified_files, {**before, RECEIPTS: verified})


def _mark_if_in_place(ledger: Ledger, paths: CampaignPaths) -> Mark | None:
    """The end of the open ledger's journal; None if another ledger, or none, has its name on disk.

    The report is written all the same, but not remembered: the ledger on disk does not have the runs that it shows.
    """
    try:
        mark = ledger.position()
        ours = (mark.number, mark.sha256)
        return ours if journal_mark(paths) == ours else None
    except LedgerError:
        return None


class ReportFiles:
    """The report files and sidecars of a campaign, and which of them are known to be up to date.

    `mark` is where the ledger's journal ended before the snapshot was taken that they are made from. With None every
    file is written and nothing is remembered.
    """

    def __init__(self, context: CampaignContext, mark: Mark | None) -> None:
        self._context = context
        self._paths = context.paths
        self._mark = mark
        self._before = load_verified(self._paths.verified_files)
        self._verified = dict(self._before)

    def update_reports(self, report: Report, formats: Collection[Format]) -> dict[Format, Path]:
        """Write those files that do not hold the report and its stills yet. Returns all paths. Raises OutputError."""
        folder, verified = self._paths.outputs, self._verified.get(REPORTS)
        report = with_stills(report, folder, self._context.copies)
        if self._mark is not None and are_current(verified, report, self._mark, folder, formats):
            return report_paths(folder, formats)
        written = write_reports(with_files_read(report, folder, self._context.copies, formats), folder, formats)
        if self._mark is not None:
            self._note(REPORTS, verify_reports(verified, report, self._mark, folder, formats))
        return written

    def stills(self, report: Report, snapshot: Snapshot, maker: StillMaker | None = None) -> CampaignStills:
        """The stills that the report can show; `maker` makes them, if there is one already."""
        maker = maker or StillMaker(self._context.paths.outputs, find_ffmpeg)
        return CampaignStills.of(report, snapshot, self._context, maker)

    def update_sidecars(self, snapshot: Snapshot) -> None:
        """Write the sidecars that are missing or out of date. Raises OutputError."""
        folder = self._paths.outputs
        if self._mark is None:
            update_sidecars(snapshot, folder)
        elif not are_sidecars_current(self._verified.get(SIDECARS), folder, self._mark):
            self._note(SIDECARS, verify_sidecars(folder, self._mark, update_sidecars(snapshot, folder)))

    def save_verified(self) -> None:
        """Remember for the next command which files are up to date."""
        if self._verified != self._before:
            save_verified(self._paths.verified_files, self._verified)

    def _note(self, name: str, verified: VerifiedFiles | None) -> None:
        if verified is None:
            self._verified.pop(name, None)
        else:
            self._verified[name] = verified
