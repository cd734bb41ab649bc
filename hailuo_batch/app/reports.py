"""The report's files: rewritten at the end of a command, and the contact sheet while an apply works.

While an apply works, an observer passes everything on and, now and then, has the page written from the ledger as it
then stands: looked at in the apply's own thread, as the ledger asks for, rendered and written in another, so that no
create and no poll waits for a page. Look and page together take no more than about a twentieth of the time, however
large the campaign.
"""

import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.app.older_ledger import mark_of
from hailuo_batch.app.workspace import CampaignPaths, Whereabouts, folder_options, shown
from hailuo_batch.core.engine.counters import Progress
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.errors import ExitCode, HailuoBatchError, LedgerError, OutputError
from hailuo_batch.report.files import Format, are_right, now_right, paths_of, write_reports
from hailuo_batch.report.looking import Stamp, look
from hailuo_batch.report.model import Report, build_report
from hailuo_batch.report.sidecars import are_kept, keep_sidecars, sidecars_right
from hailuo_batch.report.written import RECEIPTS, REPORTS, SIDECARS, Mark, Right, load_right, save_right
from hailuo_batch.runtime.observer import Observer
from hailuo_batch.ui.console import Console

EVERY_S = 5.0
"""The shortest time between two pages."""
_FIRST_S = 1.0
_REST_PER_WORK = 20.0


class ReportKeeper:
    """`look` reads the ledger, `write` makes the page; `now` is a clock that never goes back, in seconds.

    A page that cannot be written is no reason to stop an apply: the report at its end says what stands in the way.
    """

    def __init__(
        self,
        observer: Observer,
        look: Callable[[], Snapshot],
        write: Callable[[Snapshot], None],
        now: Callable[[], float],
    ) -> None:
        self._observer = observer
        self._look = look
        self._write = write
        self._now = now
        self._due_at = now() + _FIRST_S
        self._writer: threading.Thread | None = None

    def update(self, progress: Progress) -> None:
        """Pass it on, and write a page if one is due."""
        self._observer.update(progress)
        began_at = self._now()
        if began_at < self._due_at or (self._writer is not None and self._writer.is_alive()):
            return
        with suppress(HailuoBatchError, RuntimeError):  # the latter where the machine gives no further thread
            writer = threading.Thread(target=self._work, args=(self._look(), began_at), name="report")
            self._due_at = float("inf")  # until the writer says when
            writer.start()
            self._writer = writer
            return
        self._rest(began_at)

    def notice(self, notice: Notice) -> None:
        """Pass it on."""
        self._observer.notice(notice)

    def close(self) -> None:
        """Let a page that is being written be finished, then close the observer."""
        if self._writer is not None:
            self._writer.join()
        self._observer.close()

    def _work(self, snapshot: Snapshot, began_at: float) -> None:
        try:
            with suppress(Exception):  # whatever it is, the report at the end meets it too, and can say so
                self._write(snapshot)
        finally:
            self._rest(began_at)

    def _rest(self, began_at: float) -> None:
        now = self._now()
        self._due_at = now + max(EVERY_S, _REST_PER_WORK * (now - began_at))


def report_of(snapshot: Snapshot, where: Whereabouts, now: float, resume: str = "", *, max_attempts: int = 1) -> Report:
    """The report of a ledger that nobody writes any more, `now` in seconds since the epoch.

    `resume` is the command that continues the apply, where one has just ended, and `max_attempts` the manifest's.
    """
    return build_report(
        snapshot,
        generated_at=now,
        manifest=str(where.manifest),
        options=folder_options(where),
        resume=resume,
        max_attempts=max_attempts,
    )


def leave_report(
    report: Report, snapshot: Snapshot, ledger: Ledger, paths: CampaignPaths, no_sidecar: bool, console: Console
) -> tuple[str, tuple[ExitCode, ...]]:
    """Have every report file and the sidecars right. Returns where the page lies, and what stopped the writing.

    For a command that holds the lock and changes the ledger no more.
    """
    page = "not written"
    kept = Kept(paths, _mark(ledger, paths))
    try:
        page = shown(kept.reports(report, tuple(Format))[Format.HTML])
        if not no_sidecar:
            kept.sidecars(snapshot)
    except OutputError as error:
        console.warn(str(error))
        return page, (error.exit_code,)
    finally:
        kept.remember()
    return page, ()


def settled_receipts(paths: CampaignPaths) -> Stamp | None:
    """The stamp of the receipts when they were last seen to say nothing new to the ledger as it stands; None where they
    have to be read. Raises LedgerError."""
    right = load_right(paths.seen).get(RECEIPTS)
    return right.files.get(paths.receipts.name) if right is not None and right.mark == mark_of(paths) else None


def remember_settled(paths: CampaignPaths) -> None:
    """The receipts were seen to say nothing new to the ledger as it stands. For a caller that holds the lock."""
    before, stamp = load_right(paths.seen), look(paths.receipts)
    right = None if stamp is None else Right(mark_of(paths), "", {paths.receipts.name: stamp})
    if right is not None and before.get(RECEIPTS) != right:
        save_right(paths.seen, {**before, RECEIPTS: right})


def _mark(ledger: Ledger, paths: CampaignPaths) -> Mark | None:
    """Where the journal ends; None where the ledger has gone from under its name, or another one bears it now: there is
    still a report to write, and what bears the name does not know the runs that it tells of."""
    try:
        mark = ledger.mark()
        ours = (mark.number, mark.sha256)
        return ours if mark_of(paths) == ours else None
    except LedgerError:
        return None


class Kept:
    """The report files and the sidecars of a campaign, and what was last found right of them.

    `mark` is where the ledger's journal ended before the snapshot was taken that they are made from, None where that is
    not known: then everything is written, and nothing remembered.
    """

    def __init__(self, paths: CampaignPaths, mark: Mark | None) -> None:
        self._paths = paths
        self._mark = mark
        self._before = load_right(paths.seen)
        self._right = dict(self._before)

    def reports(self, report: Report, formats: Collection[Format]) -> dict[Format, Path]:
        """Have these files hold the report. Returns where each lies. Raises OutputError."""
        folder, right = self._paths.outputs, self._right.get(REPORTS)
        if self._mark is None:
            return write_reports(report, folder, formats)
        if are_right(right, report, self._mark, folder, formats):
            return paths_of(folder, formats)
        written = write_reports(report, folder, formats)
        self._note(REPORTS, now_right(right, report, self._mark, folder, formats))
        return written

    def sidecars(self, snapshot: Snapshot) -> None:
        """Have the sidecars right. Raises OutputError."""
        folder = self._paths.outputs
        if self._mark is None:
            keep_sidecars(snapshot, folder)
        elif not are_kept(self._right.get(SIDECARS), folder, self._mark):
            self._note(SIDECARS, sidecars_right(folder, self._mark, keep_sidecars(snapshot, folder)))

    def remember(self) -> None:
        """Have the next command know what is right now."""
        if self._right != self._before:
            save_right(self._paths.seen, self._right)

    def _note(self, name: str, right: Right | None) -> None:
        if right is None:
            self._right.pop(name, None)
        else:
            self._right[name] = right
