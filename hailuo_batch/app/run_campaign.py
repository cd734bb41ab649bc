"""One apply from an agreed plan to its end: the plan into the ledger, then engine, executor and driver together.

For a caller that holds the lock. A campaign with nothing left to do starts no thread and speaks to nobody.
"""

import secrets
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.ledger.in_place import Records
from hailuo_batch.adapters.ledger.lock import Lock
from hailuo_batch.adapters.ledger.receipts import Receipts, load_receipts
from hailuo_batch.adapters.local.disk_space import Room
from hailuo_batch.adapters.local.output_files import Files
from hailuo_batch.adapters.local.streams import never_waiting
from hailuo_batch.app.api_target import NOBODY, Remote, connect
from hailuo_batch.app.key_identity import is_new_key, remember_key
from hailuo_batch.app.ledger_access import back_up
from hailuo_batch.app.plan_guard import PLAN_FACT
from hailuo_batch.app.reconcile import count_earlier_requests
from hailuo_batch.app.reports import ReportKeeper
from hailuo_batch.app.shared_window import share_window
from hailuo_batch.app.signals import heeding
from hailuo_batch.app.workspace import CampaignPaths
from hailuo_batch.core.engine import stop_reasons
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.model.events import FetchOutcome
from hailuo_batch.core.model.file_layout import Shelf, all_in_place
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.plan import Plan
from hailuo_batch.core.planning.replacements import ended
from hailuo_batch.errors import ExitCode, LedgerError
from hailuo_batch.report.files import Format, write_reports
from hailuo_batch.report.model import build_report
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.runtime.executor import ThreadExecutor
from hailuo_batch.runtime.observer import GuardedObserver, Observer
from hailuo_batch.ui.console import Console, Verbosity
from hailuo_batch.ui.progress import BarReporter, GroupingReporter, LineReporter, QuietReporter, Reporter
from hailuo_batch.values import Campaign

if TYPE_CHECKING:
    from hailuo_batch.adapters.download import Downloader
    from hailuo_batch.adapters.runbase import Client
    from hailuo_batch.core.engine.engine import Engine
    from hailuo_batch.runtime.driver import Deadline

_MOST_REQUESTS_AT_ONCE = 128  # 400 a second, where an answer takes 0.3 s


@dataclass(frozen=True, slots=True)
class Job:
    """What has been agreed to. `sends` is whether anything has to be sent or downloaded.

    `manifest` is the manifest as the user named it, and `options` say where its files lie. `plan_mark` is what the
    ledger remembers of the plan file that is applied, once its steps are carried out; empty where there is none.
    `retried` are the takes that are made again where a run of theirs fails, None for all that are asked for. `lock` is
    the campaign's, which must be in place while anything is paid for. `resume` is the command that continues, and
    `deadline` bounds how long the apply lasts, None where nothing does.
    """

    campaign: Campaign
    plan: Plan
    paths: CampaignPaths
    endpoint: str
    settings: Settings
    sends: bool = True
    manifest: str = "MANIFEST"
    options: tuple[str, ...] = ()
    plan_mark: str = ""
    retried: frozenset[str] | None = None
    lock: Lock | None = None
    resume: str = ""
    deadline: "Deadline | None" = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: the ledger as it then stood, and the exit codes of whatever stopped it."""

    snapshot: Snapshot
    codes: tuple[ExitCode, ...]


class Received:
    """A downloader that counts the bytes that come."""

    def __init__(self, downloader: "Downloader") -> None:
        self._downloader = downloader
        self._lock = threading.Lock()
        self._bytes = 0

    def __call__(self) -> int:
        """The bytes that have come so far."""
        return self._bytes

    def fetch(self, url: str, stem: str, index: int, cancelled: Callable[[], bool]) -> FetchOutcome:
        """As the downloader's own."""
        return self._downloader.fetch(url, stem, index, cancelled, self._count)

    def _count(self, size: int) -> None:
        with self._lock:
            self._bytes += size


def run_campaign(job: Job, ledger: Ledger, clock: Clock, console: Console) -> Outcome:
    """Carry the plan out. Raises AccountError for a missing key and LedgerError where nothing can be begun."""
    with heeding(console.stop):
        return _carry_out(job, ledger, clock, console)


def end_replacements(ledger: Ledger, snapshot: Snapshot, patterns: tuple[str, ...], scope: frozenset[str]) -> None:
    """End each `--replace` under way that this apply was asked for, and of which nothing is left to be made.

    The last thing that an apply does: the same command finishes a wish that is under way, and pays for every take again
    where it is a new one. It is a new one only after a command that has ended well, all that it prints and writes
    included.
    """
    over = ended(snapshot, patterns, scope)
    if over:
        ledger.close_replacements(over)


def _carry_out(job: Job, ledger: Ledger, clock: Clock, console: Console) -> Outcome:
    if job.plan.steps or job.sends:
        back_up(ledger, job.paths, console)
    # rule described_report
    ledger.describe(job.campaign.manifest_sha256, job.campaign.description)
    ledger.carry_out(job.plan.steps, clock.wall())
    if job.plan_mark:
        ledger.remember(PLAN_FACT, job.plan_mark)
    snapshot = ledger.snapshot()
    codes: tuple[ExitCode, ...] = ()
    if job.sends or moves_files(snapshot):
        with connect(job.endpoint, job.settings) if job.sends else nullcontext(NOBODY) as remote:
            engine = _engine(job, snapshot, ledger, remote, clock)
            failed = _drive(job, engine, ledger, remote, clock, console)
            if remote.key is not None and not (engine.key_refused or engine.probing):
                remember_key(ledger, remote.key)
        codes = (*(halt.exit_code for halt in engine.halts), *failed)
        snapshot = ledger.snapshot()
    return Outcome(snapshot, codes)


def _engine(job: Job, snapshot: Snapshot, ledger: Ledger, remote: Remote, clock: Clock) -> "Engine":
    from hailuo_batch.core.engine.engine import Engine  # the parts of the work, for those who have any

    settings = job.settings
    if remote.key is not None:
        if not any(run.run_id is not None for run in snapshot.paid_runs):
            remember_key(ledger, remote.key)
        settings = replace(settings, key_is_new=is_new_key(ledger, remote.key))
    now, wall = clock.now(), clock.wall()
    plan = job.plan
    engine = Engine(
        settings,
        snapshot,
        plan.scope,
        plan.collected,
        now=now,
        wall=wall,
        again=plan.again,
        retried=job.retried,
    )
    count_earlier_requests(engine.budget, load_receipts(job.paths.receipts), now, wall)
    return engine


def _drive(
    job: Job, engine: "Engine", ledger: Ledger, remote: Remote, clock: Clock, console: Console
) -> Iterable[ExitCode]:
    """Run the driver to its end. Returns the exit codes of what went wrong beyond the engine's halts."""
    from hailuo_batch.adapters.download import Downloader
    from hailuo_batch.adapters.runbase import Client  # which bring all of HTTP with them
    from hailuo_batch.runtime.driver import Driver

    received = Received(Downloader(job.paths.outputs, allow_loopback=remote.is_loopback))
    shown = GuardedObserver(GroupingReporter(_reporter(console, clock, received), clock.now, console.typeable))
    codes: list[ExitCode] = []
    with (
        never_waiting(),
        closing(Client(remote.base_url, remote.key)) as client,
        closing(Receipts(job.paths.receipts)) as receipts,
        closing(_executor(job, client, received)) as executor,
        closing(_keeper(job, ledger, clock, shown)) as reporter,
    ):
        room = Room(job.paths.outputs, job.paths.ledger.parent)
        window = share_window(job.endpoint, remote, job.settings)
        records = Records(ledger, receipts, *([] if job.lock is None else [job.lock]))
        driver = Driver(
            engine,
            ledger,
            receipts,
            executor,
            clock,
            reporter,
            new_id=_new_id,
            check_records=records.check,
            window=window,
            room=room,
            deadline=job.deadline,
        )

        def stop(code: ExitCode) -> None:
            driver.request_stop(stop_reasons.signalled(code))
            executor.wake()

        try:
            with console.stop.carried_out_by(stop):
                driver.run()
            records.check()
        except LedgerError as error:
            reporter.notice(Notice(str(error)))
            codes.append(error.exit_code)
        if window.trouble and console.is_verbose:
            reporter.notice(Notice(f"The window of the key was not shared with other processes: {window.trouble}."))
    if shown.failure is not None:
        console.warn(
            f"How the work went could not be shown to its end ({type(shown.failure).__name__}: {shown.failure}). "
            "Nothing else is amiss: all of it was done and recorded."
        )
    return codes


def _executor(job: Job, client: "Client", received: Received) -> ThreadExecutor:
    return ThreadExecutor(
        client,
        received,
        Files(job.paths.outputs),
        api_threads=min(job.settings.rate_limit, _MOST_REQUESTS_AT_ONCE),
        fetch_threads=job.settings.fetches_at_once,
    )


def _keeper(job: Job, ledger: Ledger, clock: Clock, observer: Observer) -> ReportKeeper:
    def write(snapshot: Snapshot) -> None:
        report = build_report(
            snapshot,
            generated_at=clock.wall(),
            manifest=job.manifest,
            options=job.options,
            resume=job.resume,
            submitting_means=TakeState.WAITING,
            max_attempts=job.campaign.limits.max_attempts,
        )
        write_reports(report, job.paths.outputs, (Format.HTML,))

    return ReportKeeper(observer, ledger.snapshot, write, clock.now)


def _reporter(console: Console, clock: Clock, received: Received) -> Reporter:
    if console.verbosity is Verbosity.QUIET:
        return QuietReporter(sys.stderr)
    if sys.stderr.isatty():
        return BarReporter(sys.stderr, clock.now, received)
    return LineReporter(sys.stderr, clock.now)


def moves_files(snapshot: Snapshot) -> bool:
    """Whether files are to be moved to the names that their takes have now."""
    return not all_in_place(snapshot.runs) and bool(Shelf(snapshot.runs).next_moves())


def _new_id() -> str:
    """An ID for one create: in no two receipts the same."""
    return secrets.token_hex(8)
