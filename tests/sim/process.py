"""One apply in a simulated process: the way of the command, with the executor, the clock and the disk simulated."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hailuo_batch.commands.apply import _shown_prices
from hailuo_batch.commands.books import put_in_order
from hailuo_batch.commands.campaign_run import Job, run_campaign
from hailuo_batch.commands.console import Console
from hailuo_batch.commands.estimate import estimate_cost
from hailuo_batch.commands.reading import empty_snapshot
from hailuo_batch.commands.remote import Remote
from hailuo_batch.commands.workspace import has_ledger
from hailuo_batch.core import halts
from hailuo_batch.core.books import Progress
from hailuo_batch.core.engine import Engine, Settings
from hailuo_batch.core.experience import experience_of
from hailuo_batch.core.plan import Wishes, make_plan
from hailuo_batch.core.requests import PRICE_RISE
from hailuo_batch.errors import ExitCode, LedgerError
from hailuo_batch.shell.driver import Driver
from hailuo_batch.shell.files import Files
from hailuo_batch.shell.key_window import KeyWindow
from hailuo_batch.shell.ledger import Ledger
from hailuo_batch.shell.lock import Holder, Lock
from hailuo_batch.shell.receipts import Receipts
from tests.sim.author import NAME
from tests.sim.hostile import make_hostile
from tests.sim.network import KEY, Network, Terms
from tests.sim.truth import Violation

if TYPE_CHECKING:
    from tests.sim.history import History

ENDPOINT = "https://api.example/v1"


class Process:
    """An apply, from the lock to the last record."""

    def __init__(self, history: "History", number: int, wishes: Wishes, key: str = KEY) -> None:
        self.history = history
        self.site = history.site
        self.number = number
        self.wishes = wishes
        self.campaign = history.author.campaign
        self.key = key
        self.settings = _settings(history)
        self.refused = ""
        self.creates = 0
        self.codes: tuple[ExitCode, ...] = ()
        self._network: Network | None = None
        self._ledger: Ledger | None = None
        self._driver: Driver | None = None

    def run(self) -> None:
        """Raises LedgerError where the command would end so, Death where the process dies, Violation."""
        paths, clock = self.history.paths, self.site.clock
        with Lock(paths.lock, Holder.this_process("apply", clock.wall())), ExitStack() as stack:
            snapshot = empty_snapshot(self.campaign, ENDPOINT)
            present = has_ledger(paths)
            if present:
                ledger = stack.enter_context(self._open())
                snapshot = put_in_order(ledger, paths.receipts, Files(paths.outputs), clock.wall())
            self.history.grants.confirm(snapshot)
            self.site.truth.want(self.campaign)
            plan = make_plan(self.campaign, snapshot, self.wishes)
            self.history.grants.propose(self.campaign, snapshot, plan, self.wishes)
            for line in plan.lines:
                self.history.say(f"plan: {line.take_id} {line.action}: {line.reason}")
            estimate = estimate_cost(plan, experience_of(snapshot.paid_runs), self.campaign.limits)
            if not present:
                Ledger.create(paths.ledger, NAME, ENDPOINT, clock.wall())
                ledger = stack.enter_context(self._open())
            self._run(Job(self.campaign, plan, paths, ENDPOINT, self.settings), ledger, _shown_prices(estimate))

    def hang_up(self) -> None:
        """The process has ended, whatever way."""
        if self._network is not None:
            self.creates = self._network.creates
            self._network.hang_up()

    def _run(self, job: Job, ledger: Ledger, shown_prices: dict[str, int]) -> None:
        if self.site.fate.rng.random() < 0.7:
            job = replace(job, settings=replace(job.settings, shown_prices=shown_prices))
        clock: Any = self.site.clock
        with self.history.as_command(self._drive, self._connect):
            outcome = run_campaign(job, ledger, clock, Console())
        self.codes = outcome.codes

    def _drive(
        self, job: Job, engine: Engine, ledger: Ledger, remote: Remote, clock: Any, console: Console
    ) -> Iterable[ExitCode]:
        self._ledger = ledger
        self.history.grants.confirm(ledger.snapshot())
        most = {model: shown * (1 + PRICE_RISE) for model, shown in job.settings.shown_prices.items()}
        self._network = Network(self.site, self.number, ledger, self._at_each_turn, Terms(self.key, most))
        with closing(Receipts(job.paths.receipts)) as receipts:
            driver = Driver(
                engine,
                ledger,
                receipts,
                self._network,
                clock,
                Teller(self.history),
                new_id=self._new_id,
                window=self._window(),
                tick_s=float("inf"),
            )
            self._driver = driver
            try:
                driver.run()
            except LedgerError as error:
                if not self.site.fate.disk_failed:
                    raise Violation(f"the ledger could not be written, for no reason: {error}") from error
                self.history.say(str(error))
                return [error.exit_code]
        return []

    @contextmanager
    def _connect(self, endpoint: str, settings: Settings) -> Iterator[Remote]:
        yield Remote(endpoint, self.key, is_loopback=False)

    def _window(self) -> KeyWindow:
        """The window that it shares with the processes before it, all of which have ended."""
        name = f"process-{self.number}"
        path = self.history.folder / f"window-{self.key}.json"
        window_s = self.settings.rate_window_s
        return KeyWindow(path, window_s, name=name, boot="", is_alive=lambda _: False)

    def _open(self) -> Ledger:
        ledger = Ledger.open(self.history.paths.ledger, NAME, ENDPOINT, self.site.clock.wall())
        return make_hostile(ledger, self.site.fate)

    def _new_id(self) -> str:
        return f"create-{next(self.history.create_numbers)}"

    def _at_each_turn(self) -> None:
        """Between two turns of the driver."""
        assert self._ledger is not None
        assert self._driver is not None
        fate, history = self.site.fate, self.history
        fate.point("between two turns")
        history.promises.check_step(self._ledger)
        if fate.happens("signal"):
            history.say("SIGINT")
            self._driver.request_stop(halts.signalled(ExitCode.SIGINT))
        if fate.happens("foreign use"):
            self._use_the_key()
        if fate.happens("trouble"):
            history.trouble()
        if fate.happens("price"):
            history.change_price()
        if fate.happens("poor"):
            history.impoverish()
        if fate.happens("wall jump"):
            self.site.jump(fate.rng.choice((-4000.0, -30.0, 30.0, 4000.0)))
        if fate.happens("second apply"):
            history.second_apply()

    def _use_the_key(self) -> None:
        for _ in range(self.site.fate.rng.randint(1, 20)):
            if self.site.world.occupy(self.site.clock.now(), self.key):
                self.site.arrive("foreign", self.number)


class Teller:
    """A reporter that adds to the story."""

    def __init__(self, history: "History") -> None:
        self._history = history

    def update(self, progress: Progress) -> None:
        """Progress is no story."""

    def notice(self, text: str) -> None:
        """What the user is told."""
        self._history.say(f"told: {text}")


def _settings(history: "History") -> Settings:
    limits = history.author.limits
    return Settings(
        rate_limit=history.site.world.settings.rate_limit,
        rate_window_s=history.site.world.settings.rate_window_s,
        cap_micro_usd=limits.max_spend_micro_usd,
        max_attempts=limits.max_attempts,
        max_in_flight=limits.max_in_flight,
        run_timeout_s=limits.run_timeout_s,
    )
