"""A simulated process of the program: what its command has the driver do is done in this world, in virtual time.

The command around it is the real one; only the executor, the clock and the disk are simulated.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from hailuo_batch.commands import campaign_run, key_mark
from hailuo_batch.commands.campaign_run import Job
from hailuo_batch.commands.console import Console
from hailuo_batch.commands.remote import Remote
from hailuo_batch.core import halts
from hailuo_batch.core.books import Progress
from hailuo_batch.core.engine import Engine, Settings
from hailuo_batch.core.requests import PRICE_RISE
from hailuo_batch.errors import ExitCode, LedgerError
from hailuo_batch.shell.driver import Driver
from hailuo_batch.shell.key_window import KeyWindow
from hailuo_batch.shell.ledger import Ledger
from hailuo_batch.shell.receipts import Receipts
from tests.sim.network import KEY, Network, Terms
from tests.sim.truth import Violation

if TYPE_CHECKING:
    from tests.sim.history import History

ENDPOINT = "https://api.example/v1"


class Process:
    """One process, known by its number. `creates` counts those that it has sent, once it has ended."""

    def __init__(self, history: "History", number: int, key: str = KEY) -> None:
        self.history = history
        self.site = history.site
        self.number = number
        self.key = key
        self.creates = 0
        self._network: Network | None = None
        self._ledger: Ledger | None = None
        self._driver: Driver | None = None

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While it lasts, what a command has driven is driven by this process, through the simulated executor."""
        with (
            mock.patch.multiple(campaign_run, _drive=self._drive, connect=self._connect),
            mock.patch.object(key_mark, "_ROUNDS", 1),
        ):
            yield

    def hang_up(self) -> None:
        """The process has ended, whatever way."""
        if self._network is not None:
            self.creates = self._network.creates
            self._network.hang_up()

    def window(self) -> KeyWindow:
        """The window that it shares with the processes before it, all of which have ended."""
        name = f"process-{self.number}"
        path = self.history.folder / f"window-{self.key}.json"
        window_s = self.site.world.settings.rate_window_s
        return KeyWindow(path, window_s, name=name, boot="", is_alive=lambda *_: False)

    def share(self, *_: object) -> KeyWindow:
        """In place of how a command comes by its window: that file would be this machine's."""
        return self.window()

    def terms(self, job: Job) -> Terms:
        """What it was given, and may pay for: nothing, unless it is an apply."""
        return Terms(self.key, _most_costs(job), self._refuse_create)

    def _refuse_create(self, action: object) -> None:
        raise Violation(f"process {self.number} was no apply, and paid: {action}")

    def _drive(
        self, job: Job, engine: Engine, ledger: Ledger, remote: Remote, clock: Any, console: Console
    ) -> Iterable[ExitCode]:
        self._ledger = ledger
        self.history.grants.confirm(ledger.snapshot())
        self._network = Network(self.site, self.number, ledger, self._at_each_turn, self.terms(job))
        with closing(Receipts(job.paths.receipts)) as receipts:
            driver = Driver(
                engine,
                ledger,
                receipts,
                self._network,
                clock,
                Teller(self.history),
                new_id=self._new_id,
                window=self.window(),
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
            history.weather.trouble()
        if fate.happens("price"):
            history.weather.change_price()
        if fate.happens("poor"):
            history.weather.impoverish()
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


def _most_costs(job: Job) -> dict[str, float]:
    """The most that a run of each model may cost before creating must stop."""
    return {model: shown * (1 + PRICE_RISE) for model, shown in job.settings.shown_prices.items()}
