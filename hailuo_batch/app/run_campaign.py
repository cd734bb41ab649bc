"""Carry out an agreed plan: write it into the ledger, then run engine, executor and driver together.

For a caller that holds the lock. A campaign with nothing left to do starts no thread and sends nothing.
"""

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.ledger.in_place import CampaignFiles
from hailuo_batch.adapters.ledger.lock import CampaignLock
from hailuo_batch.adapters.ledger.receipts import Receipts, load_receipts
from hailuo_batch.adapters.local.disk_space import CampaignDisks
from hailuo_batch.adapters.local.output_files import OutputFiles
from hailuo_batch.app.api_target import NO_API, ApiTarget, connect, number_keys, open_clients, share_window
from hailuo_batch.app.frontend import Frontend
from hailuo_batch.app.ledger_access import back_up
from hailuo_batch.app.plan_guard import PLAN_FACT
from hailuo_batch.app.reconcile import count_earlier_requests
from hailuo_batch.app.reports import LivePageObserver, report_of, write_live_page
from hailuo_batch.app.stills.maker import StillingFetcher, StillMaker
from hailuo_batch.app.workspace import CampaignContext, CampaignPaths
from hailuo_batch.core.engine import stop_reasons
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.engine.stop_reasons import StopReason
from hailuo_batch.core.model.api_keys import ONLY_KEY, ApiKey
from hailuo_batch.core.model.events import FetchOutcome
from hailuo_batch.core.model.file_layout import FileLayout, are_all_in_place
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.plan import Plan
from hailuo_batch.core.planning.replacements import finished_replacements
from hailuo_batch.core.planning.spend import count_creates, spend_of
from hailuo_batch.errors import ExitCode, LedgerError
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.runtime.executor import Api, Fetcher, ThreadExecutor
from hailuo_batch.runtime.observer import GuardedObserver, Observer
from hailuo_batch.ui.summary import time_sentence

if TYPE_CHECKING:
    from hailuo_batch.adapters.download import Downloader
    from hailuo_batch.core.engine.engine import Engine
    from hailuo_batch.runtime.driver import Deadline, Driver

_MOST_REQUESTS_AT_ONCE = 128  # 400 a second, where an answer takes 0.3 s


@dataclass(frozen=True, slots=True)
class Job:
    """What the user has agreed to. `sends` is whether anything has to be requested or downloaded.

    `plan_fact` is what the ledger remembers of a plan file once its changes are made, empty without one. Failed runs of
    `retried_takes` are made again, None for all takes asked for. `lock` is the campaign's, which must stay in place
    while anything is paid for. `resume_command` continues this apply, `deadline` bounds its duration. `stills` makes
    the stills of what is downloaded, None for no stills.
    """

    context: CampaignContext
    plan: Plan
    settings: Settings
    sends: bool = True
    plan_fact: str = ""
    retried_takes: frozenset[str] | None = None
    lock: CampaignLock | None = None
    resume_command: str = ""
    deadline: "Deadline | None" = None
    stills: StillMaker | None = None

    @property
    def paths(self) -> CampaignPaths:
        """The campaign's paths."""
        return self.context.paths


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """How an apply ended: the ledger afterwards, and the exit codes of whatever stopped it. `creates` are the runs that
    it has created, or may have; `remedy` is what must be done before the same command gets any further, and
    `time_sentence` says how long the work took, empty where there was none. `stop_reasons` are why it stopped early."""

    snapshot: Snapshot
    codes: tuple[ExitCode, ...]
    creates: int = 0
    remedy: str = ""
    time_sentence: str = ""
    stop_reasons: tuple[StopReason, ...] = ()


class ByteCounter:
    """A downloader that counts the bytes that it receives."""

    def __init__(self, downloader: "Downloader") -> None:
        self._downloader = downloader
        self._lock = threading.Lock()
        self._bytes = 0

    def __call__(self) -> int:
        """The bytes received so far."""
        return self._bytes

    def fetch(self, url: str, stem: str, index: int, cancelled: Callable[[], bool]) -> FetchOutcome:
        """Download one file; see `Downloader.fetch`."""
        return self._downloader.fetch(url, stem, index, cancelled, self._count)

    def _count(self, size: int) -> None:
        with self._lock:
            self._bytes += size


def run_campaign(job: Job, ledger: Ledger, clock: Clock, frontend: Frontend) -> ApplyResult:
    """Carry the plan out. Raises AccountError without a key, and LedgerError if the work cannot start."""
    with frontend.stoppable():
        return _execute_plan(job, ledger, clock, frontend)


def close_finished_replacements(
    ledger: Ledger, snapshot: Snapshot, patterns: tuple[str, ...], scope: frozenset[str]
) -> None:
    """Close each unfinished `--replace` that this apply was asked for, if all its takes are made.

    This is the last step of an apply, after everything is printed and written. While a replacement is open, the same
    command finishes it; once it is closed, the same command starts a new one and pays for every take again. So it may
    only be closed when the user knows that it is done.
    """
    finished = finished_replacements(snapshot, patterns, scope)
    if finished:
        ledger.close_replacements(finished)


def _execute_plan(job: Job, ledger: Ledger, clock: Clock, frontend: Frontend) -> ApplyResult:
    if job.plan.ledger_changes or job.sends:
        back_up(ledger, job.paths, frontend)  # before the first change
    campaign = job.context.campaign
    # rule described_report
    ledger.record_description(campaign.manifest_sha256, campaign.description)
    ledger.carry_out(job.plan.ledger_changes, clock.wall())
    if job.plan_fact:
        # after its changes: a plan marked as carried out too early would never make them
        ledger.record_fact(PLAN_FACT, job.plan_fact)
    before = snapshot = ledger.snapshot()
    began_at = clock.now()
    codes: tuple[ExitCode, ...] = ()
    stopped: tuple[StopReason, ...] = ()
    remedy = took = ""
    if job.sends or has_files_to_move(snapshot):
        given = job.context.where.access.keys
        with connect(job.context.endpoint, job.settings, given) if job.sends else nullcontext(NO_API) as target:
            keys = number_keys(ledger, target.keys)
            engine = _make_engine(job, snapshot, [*keys.values()], clock)
            failed = _run_driver(job, engine, ledger, target, keys, clock, frontend)
        stopped = tuple(engine.stop_reasons)
        codes = (*(stop_reason.exit_code for stop_reason in stopped), *failed)
        remedy = next((stop_reason.remedy for stop_reason in stopped if stop_reason.remedy), "")
        snapshot = ledger.snapshot()
        if job.sends:
            took = _time_sentence(before, snapshot, clock.now() - began_at)
    return ApplyResult(snapshot, codes, count_creates(before, snapshot), remedy, took, stopped)


def _time_sentence(before: Snapshot, after: Snapshot, elapsed_s: float) -> str:
    """How long the work took, and what there is more of since."""
    videos = _count_done(after) - _count_done(before)
    paid = spend_of(after.paid_runs).net_micro_usd - spend_of(before.paid_runs).net_micro_usd
    return time_sentence(elapsed_s, max(0, videos), paid)


def _count_done(snapshot: Snapshot) -> int:
    """How many runs are done, superseded ones included: a replacement adds one."""
    runs = (run for record in snapshot.takes for run in record.runs)
    return sum(run.take_state is TakeState.DONE for run in runs)


def _make_engine(job: Job, snapshot: Snapshot, keys: Sequence[ApiKey], clock: Clock) -> "Engine":
    from hailuo_batch.core.engine.engine import Engine  # imported only when there is work to do

    settings = replace(job.settings, api_keys=tuple(keys) or (ONLY_KEY,))
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
    makers = {run.create_id: run.api_key for run in snapshot.paid_runs if run.create_id is not None}
    count_earlier_requests(engine.windows, load_receipts(job.paths.receipts), makers, now, wall)
    return engine


def _run_driver(
    job: Job,
    engine: "Engine",
    ledger: Ledger,
    target: ApiTarget,
    keys: Mapping[str, ApiKey],
    clock: Clock,
    frontend: Frontend,
) -> list[ExitCode]:
    """Run the driver to its end. Returns the exit codes of failures that are not among the engine's stop reasons."""
    from hailuo_batch.adapters.download import Downloader  # imports all of HTTP, as the next does
    from hailuo_batch.runtime.driver import Driver

    byte_counter = ByteCounter(Downloader(job.paths.outputs, allow_loopback=target.is_loopback))
    with (
        _observing(frontend, clock, byte_counter) as observer,
        open_clients(target, keys) as clients,
        closing(Receipts(job.paths.receipts)) as receipts,
        _with_stills(job, byte_counter) as fetcher,
        closing(_make_executor(job, clients, fetcher)) as executor,
        closing(_live_page(job, ledger, clock, observer)) as live_page,
    ):
        windows = {name.number: share_window(job.context.endpoint, key, job.settings) for key, name in keys.items()}
        records = CampaignFiles(ledger, receipts, *([] if job.lock is None else [job.lock]))
        driver = Driver(
            engine,
            ledger,
            receipts,
            executor,
            clock,
            live_page,
            new_id=_new_id,
            check_records=records.check,
            windows=windows,
            disk_space=CampaignDisks(job.paths.outputs, job.paths.ledger.parent),
            deadline=job.deadline,
            on_recorded=frontend.on_recorded,
        )
        codes = _run_until_stopped(driver, executor, records, live_page, frontend)
        trouble = next((window.trouble for window in windows.values() if window.trouble), "")
        if trouble:
            frontend.detail(f"The key's rate limit was not shared with other processes: {trouble}.")
    return codes


@contextmanager
def _observing(frontend: Frontend, clock: Clock, received: Callable[[], int]) -> Iterator[GuardedObserver]:
    """The front end's observer, kept from ending the apply by whatever it raises."""
    with frontend.observing(clock, received) as shown:
        observer = GuardedObserver(shown)
        yield observer
    if observer.failure is not None:
        frontend.warn(
            f"The progress display failed ({type(observer.failure).__name__}: {observer.failure}). Nothing else is "
            "affected: all work was done and recorded."
        )


def _run_until_stopped(
    driver: "Driver", executor: ThreadExecutor, records: CampaignFiles, observer: Observer, frontend: Frontend
) -> list[ExitCode]:
    def stop(code: ExitCode) -> None:
        driver.request_stop(stop_reasons.signalled(code))
        executor.wake()

    try:
        with frontend.stop.handled_by(stop):
            driver.run()
        records.check()  # once more: a ledger replaced during the last write would otherwise go unnoticed
    except LedgerError as error:
        observer.notice(Notice(str(error)))
        return [error.exit_code]
    return []


@contextmanager
def _with_stills(job: Job, fetcher: Fetcher) -> Iterator[Fetcher]:
    """The fetcher, with stills made of what it saves if the job wants any."""
    if job.stills is None:
        yield fetcher
        return
    with closing(StillingFetcher(fetcher, job.stills, job.paths.outputs)) as stilling:
        yield stilling


def _make_executor(job: Job, clients: Mapping[int, Api], fetcher: Fetcher) -> ThreadExecutor:
    return ThreadExecutor(
        clients,
        fetcher,
        OutputFiles(job.paths.outputs),
        api_threads=min(len(clients) * job.settings.rate_limit, _MOST_REQUESTS_AT_ONCE),
        fetch_threads=job.settings.max_fetches,
    )


def _live_page(job: Job, ledger: Ledger, clock: Clock, observer: Observer) -> LivePageObserver:
    def write(snapshot: Snapshot) -> None:
        report = report_of(
            job.context, snapshot, clock.wall(), resume=job.resume_command, submitting_state=TakeState.WAITING
        )
        write_live_page(report, job.context)

    return LivePageObserver(observer, ledger.snapshot, write, clock.now)


def has_files_to_move(snapshot: Snapshot) -> bool:
    """Whether files have to be renamed because their takes have other IDs than before."""
    return not are_all_in_place(snapshot.runs) and bool(FileLayout(snapshot.runs).next_moves())


def _new_id() -> str:
    """A unique ID for one request, by which receipts and ledger are matched."""
    return secrets.token_hex(8)
