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
from hailuo_batch.adapters.ledger.in_place import CampaignFiles
from hailuo_batch.adapters.ledger.lock import CampaignLock
from hailuo_batch.adapters.ledger.receipts import Receipts, load_receipts
from hailuo_batch.adapters.local.disk_space import CampaignDisks
from hailuo_batch.adapters.local.output_files import OutputFiles
from hailuo_batch.adapters.local.streams import never_blocking
from hailuo_batch.app.api_target import NO_API, ApiTarget, connect
from hailuo_batch.app.key_identity import is_new_key, record_key
from hailuo_batch.app.ledger_access import back_up
from hailuo_batch.app.plan_guard import PLAN_FACT
from hailuo_batch.app.reconcile import count_earlier_requests
from hailuo_batch.app.reports import LivePageObserver
from hailuo_batch.app.shared_window import share_window
from hailuo_batch.app.signals import stop_on_signals
from hailuo_batch.app.workspace import CampaignPaths
from hailuo_batch.core.engine import stop_reasons
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.model.events import FetchOutcome
from hailuo_batch.core.model.file_layout import FileLayout, are_all_in_place
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.plan import Plan
from hailuo_batch.core.planning.replacements import finished_replacements
from hailuo_batch.errors import ExitCode, LedgerError
from hailuo_batch.report.files import Format, write_reports
from hailuo_batch.report.model import build_report
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.runtime.executor import ThreadExecutor
from hailuo_batch.runtime.observer import GuardedObserver, Observer
from hailuo_batch.ui.console import Console, Verbosity
from hailuo_batch.ui.progress import BarView, GroupingObserver, LineView, ProgressView, QuietView
from hailuo_batch.values import CampaignSpec

if TYPE_CHECKING:
    from hailuo_batch.adapters.download import Downloader
    from hailuo_batch.adapters.runbase import Client
    from hailuo_batch.core.engine.engine import Engine
    from hailuo_batch.runtime.driver import Deadline

_MOST_REQUESTS_AT_ONCE = 128  # 400 a second, where an answer takes 0.3 s


@dataclass(frozen=True, slots=True)
class Job:
    """What has been agreed to. `sends` is whether anything has to be sent or downloaded.

    `manifest` is the manifest as the user named it, and `options` say where its files lie. `plan_fact` is what the
    ledger remembers of the plan file that is applied, once its steps are carried out; empty where there is none.
    `retried` are the takes that are made again where a run of theirs fails, None for all that are asked for. `lock` is
    the campaign's, which must be in place while anything is paid for. `resume` is the command that continues, and
    `deadline` bounds how long the apply lasts, None where nothing does.
    """

    campaign: CampaignSpec
    plan: Plan
    paths: CampaignPaths
    endpoint: str
    settings: Settings
    sends: bool = True
    manifest: str = "MANIFEST"
    options: tuple[str, ...] = ()
    plan_fact: str = ""
    retried_takes: frozenset[str] | None = None
    lock: CampaignLock | None = None
    resume_command: str = ""
    deadline: "Deadline | None" = None


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """How it ended: the ledger as it then stood, and the exit codes of whatever stopped it."""

    snapshot: Snapshot
    codes: tuple[ExitCode, ...]


class ByteCounter:
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


def run_campaign(job: Job, ledger: Ledger, clock: Clock, console: Console) -> ApplyResult:
    """Carry the plan out. Raises AccountError for a missing key and LedgerError where nothing can be begun."""
    with stop_on_signals(console.stop):
        return _execute_plan(job, ledger, clock, console)


def close_finished_replacements(
    ledger: Ledger, snapshot: Snapshot, patterns: tuple[str, ...], scope: frozenset[str]
) -> None:
    """End each `--replace` under way that this apply was asked for, and of which nothing is left to be made.

    The last thing that an apply does: the same command finishes a wish that is under way, and pays for every take again
    where it is a new one. It is a new one only after a command that has ended well, all that it prints and writes
    included.
    """
    finished = finished_replacements(snapshot, patterns, scope)
    if finished:
        ledger.close_replacements(finished)


def _execute_plan(job: Job, ledger: Ledger, clock: Clock, console: Console) -> ApplyResult:
    if job.plan.ledger_changes or job.sends:
        back_up(ledger, job.paths, console)
    # rule described_report
    ledger.record_description(job.campaign.manifest_sha256, job.campaign.description)
    ledger.carry_out(job.plan.ledger_changes, clock.wall())
    if job.plan_fact:
        ledger.record_fact(PLAN_FACT, job.plan_fact)
    snapshot = ledger.snapshot()
    codes: tuple[ExitCode, ...] = ()
    if job.sends or has_files_to_move(snapshot):
        with connect(job.endpoint, job.settings) if job.sends else nullcontext(NO_API) as target:
            engine = _make_engine(job, snapshot, ledger, target, clock)
            failed = _run_driver(job, engine, ledger, target, clock, console)
            if target.key is not None and not (engine.is_key_refused or engine.is_checking_key):
                record_key(ledger, target.key)
        codes = (*(stop_reason.exit_code for stop_reason in engine.stop_reasons), *failed)
        snapshot = ledger.snapshot()
    return ApplyResult(snapshot, codes)


def _make_engine(job: Job, snapshot: Snapshot, ledger: Ledger, target: ApiTarget, clock: Clock) -> "Engine":
    from hailuo_batch.core.engine.engine import Engine  # the parts of the work, for those who have any

    settings = job.settings
    if target.key is not None:
        if not any(run.run_id is not None for run in snapshot.paid_runs):
            record_key(ledger, target.key)
        settings = replace(settings, is_key_new=is_new_key(ledger, target.key))
    now, wall = clock.now(), clock.wall()
    plan = job.plan
    engine = Engine(
        settings,
        snapshot,
        plan.scope,
        plan.followed,
        now=now,
        wall=wall,
        redownload=plan.redownload,
        retryable=job.retried_takes,
    )
    count_earlier_requests(engine.window, load_receipts(job.paths.receipts), now, wall)
    return engine


def _run_driver(
    job: Job, engine: "Engine", ledger: Ledger, target: ApiTarget, clock: Clock, console: Console
) -> Iterable[ExitCode]:
    """Run the driver to its end. Returns the exit codes of what went wrong beyond the engine's halts."""
    from hailuo_batch.adapters.download import Downloader
    from hailuo_batch.adapters.runbase import Client  # which bring all of HTTP with them
    from hailuo_batch.runtime.driver import Driver

    byte_counter = ByteCounter(Downloader(job.paths.outputs, allow_loopback=target.is_loopback))
    observer = GuardedObserver(
        GroupingObserver(_make_progress_view(console, clock, byte_counter), clock.now, console.with_full_commands)
    )
    codes: list[ExitCode] = []
    with (
        never_blocking(),
        closing(Client(target.base_url, target.key)) as client,
        closing(Receipts(job.paths.receipts)) as receipts,
        closing(_make_executor(job, client, byte_counter)) as executor,
        closing(_live_page(job, ledger, clock, observer)) as reporter,
    ):
        room = CampaignDisks(job.paths.outputs, job.paths.ledger.parent)
        window = share_window(job.endpoint, target, job.settings)
        records = CampaignFiles(ledger, receipts, *([] if job.lock is None else [job.lock]))
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
            disk_space=room,
            deadline=job.deadline,
        )

        def stop(code: ExitCode) -> None:
            driver.request_stop(stop_reasons.signalled(code))
            executor.wake()

        try:
            with console.stop.handled_by(stop):
                driver.run()
            records.check()
        except LedgerError as error:
            reporter.notice(Notice(str(error)))
            codes.append(error.exit_code)
        if window.trouble and console.is_verbose:
            reporter.notice(Notice(f"The window of the key was not shared with other processes: {window.trouble}."))
    if observer.failure is not None:
        console.print_warning(
            f"How the work went could not be shown to its end ({type(observer.failure).__name__}: {observer.failure}). "
            "Nothing else is amiss: all of it was done and recorded."
        )
    return codes


def _make_executor(job: Job, client: "Client", byte_counter: ByteCounter) -> ThreadExecutor:
    return ThreadExecutor(
        client,
        byte_counter,
        OutputFiles(job.paths.outputs),
        api_threads=min(job.settings.rate_limit, _MOST_REQUESTS_AT_ONCE),
        fetch_threads=job.settings.max_fetches,
    )


def _live_page(job: Job, ledger: Ledger, clock: Clock, observer: Observer) -> LivePageObserver:
    def write(snapshot: Snapshot) -> None:
        report = build_report(
            snapshot,
            generated_at=clock.wall(),
            manifest=job.manifest,
            options=job.options,
            resume=job.resume_command,
            submitting_state=TakeState.WAITING,
            max_attempts=job.campaign.limits.max_attempts,
        )
        write_reports(report, job.paths.outputs, (Format.HTML,))

    return LivePageObserver(observer, ledger.snapshot, write, clock.now)


def _make_progress_view(console: Console, clock: Clock, byte_counter: ByteCounter) -> ProgressView:
    if console.verbosity is Verbosity.QUIET:
        return QuietView(sys.stderr)
    if sys.stderr.isatty():
        return BarView(sys.stderr, clock.now, byte_counter)
    return LineView(sys.stderr, clock.now)


def has_files_to_move(snapshot: Snapshot) -> bool:
    """Whether files are to be moved to the names that their takes have now."""
    return not are_all_in_place(snapshot.runs) and bool(FileLayout(snapshot.runs).next_moves())


def _new_id() -> str:
    """An ID for one create: in no two receipts the same."""
    return secrets.token_hex(8)
