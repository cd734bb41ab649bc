"""A simulated process of the program: what its command has the driver do is done in this world, in virtual time.

The command around it is the real one; only the executor, the clock and the disk are simulated.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.ledger.in_place import CampaignFiles
from hailuo_batch.adapters.ledger.receipts import Receipts
from hailuo_batch.adapters.local.disk_space import CampaignDisks
from hailuo_batch.adapters.local.key_window import KeyWindow
from hailuo_batch.adapters.local.stop_request import StopRequest
from hailuo_batch.app import run_campaign
from hailuo_batch.app.api_target import ApiTarget
from hailuo_batch.app.frontend import Frontend
from hailuo_batch.app.run_campaign import Job
from hailuo_batch.core.engine import stop_reasons
from hailuo_batch.core.engine.engine import Engine
from hailuo_batch.core.engine.requests import MAX_PRICE_RISE
from hailuo_batch.core.model.api_keys import ApiKey
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.errors import ExitCode, LedgerError
from hailuo_batch.runtime import driver
from hailuo_batch.runtime.driver import Driver
from hailuo_batch.runtime.observer import GuardedObserver
from tests.sim.key_promises import KeyWatch
from tests.sim.keyring import ALL_KEYS
from tests.sim.network import Network, Terms
from tests.sim.truth import Violation

if TYPE_CHECKING:
    from tests.sim.history import SimulatedHistory

ENDPOINT = "https://api.example/v1"
_REPORT_S = 5.0  # how it goes is of no matter here, and costs a tenth of the time to say more often


class Process:
    """One process, known by its number, with these keys or the user's.

    `creates` counts those that it has sent, once it has ended.
    """

    def __init__(self, history: "SimulatedHistory", number: int, keys: tuple[str, ...] = ()) -> None:
        self.history = history
        self.site = history.site
        self.number = number
        self.keys = keys or history.keyring.given
        self.creates = 0
        self._is_lock_gone = False
        self.is_bereft = False  # files of the state folder were taken away while it was at work
        self._network: Network | None = None
        self._key_watch: KeyWatch | None = None
        self._ledger: Ledger | None = None
        self._stop_request: StopRequest | None = None
        self._conditions: dict[str, Callable[[], object]] = {
            "signal": self._stop,
            "foreign use": self._use_a_key,
            "trouble": history.world_conditions.trouble,
            "price": history.world_conditions.change_price,
            "poor": history.world_conditions.impoverish,
            "wall jump": self._jump,
            "second apply": self._second_apply,
            "lock gone": self._lose_lock,
            "records gone": self._lose_records,
            "disk fills": self.site.fill_disk,
        }

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While it lasts, what a command has driven is driven by this process, through the simulated executor."""
        with (
            mock.patch.object(run_campaign, "_run_driver", self._drive),
            mock.patch.object(driver, "_UPDATE_INTERVAL_S", _REPORT_S),
        ):
            yield

    def hang_up(self) -> None:
        """The process has ended, whatever way."""
        network = self._network
        if network is None:
            return
        self.creates = network.creates
        network.hang_up()
        if network.bereft is not None:
            self.is_bereft = True
            self.history.records.lose(network.bereft)
            self.history.records.forgive_answers()
        self.history.records.finish_some()

    def check_end(self) -> None:
        """It has ended by itself. Raises Violation where it has left a create behind whose answer may still come."""
        if self._network is not None and self._network.open_creates:
            left = ", ".join(sorted(self._network.open_creates))
            raise Violation(f"process {self.number} has ended, and nobody waits for the answers to {left}")

    def window(self, key: str) -> KeyWindow:
        """The window of a key that it shares with the processes before it, all of which have ended."""
        name = f"process-{self.number}"
        path = self.history.folder / f"window-{ALL_KEYS.index(key)}.json"
        window_s = self.site.world.settings.rate_window_s
        return KeyWindow(path, window_s, name=name, boot="", is_alive=lambda *_: False)

    def share(self, _endpoint: str, key: str, _settings: Settings) -> KeyWindow:
        """In place of how a command comes by the window of a key: that file would be this machine's."""
        return self.window(key)

    def terms(self, job: Job, keys: Mapping[int, str]) -> Terms:
        """What it was given, and may pay for: nothing, unless it is an apply."""
        return Terms(keys, _most_costs(job), self._refuse_create)

    def _refuse_create(self, action: object) -> None:
        raise Violation(f"process {self.number} was not told to pay, and paid: {action}")

    def _drive(
        self,
        job: Job,
        engine: Engine,
        ledger: Ledger,
        remote: ApiTarget,
        keys: Mapping[str, ApiKey],
        clock: Any,
        frontend: Frontend,
    ) -> Iterable[ExitCode]:
        self._ledger = ledger
        self.history.grants.confirm(ledger.snapshot())
        given = {name.number: key for key, name in keys.items()}
        self._key_watch = key_watch = KeyWatch(self.site, ledger, given, job.settings.run_timeout_s)
        terms = self.terms(job, given)
        self._network = Network(self.site, self.number, ledger, self._at_each_turn, terms, key_watch)
        with closing(Receipts(job.paths.receipts)) as receipts, frontend.observing(clock, int) as shown:
            records = CampaignFiles(ledger, receipts, *([] if job.lock is None else [job.lock]))
            work = Driver(
                engine,
                ledger,
                receipts,
                self._network,
                clock,
                GuardedObserver(shown),
                new_id=self._new_id,
                check_records=records.check,
                windows={number: self.window(key) for number, key in given.items()},
                disk_space=CampaignDisks(job.paths.outputs, job.paths.ledger.parent),
                tick_s=float("inf"),
            )
            self._stop_request = frontend.stop
            try:
                with frontend.stop.handled_by(lambda code: work.request_stop(stop_reasons.signalled(code))):
                    work.run()
                records.check()
            except LedgerError as error:
                if not (self.site.fate.disk_failed or self._network.bereft is not None or self._is_lock_gone):
                    raise Violation(f"the ledger could not be written, for no reason: {error}") from error
                self.history.log(str(error))
                return [error.exit_code]
        if self._network.bereft is None:
            key_watch.check_end(engine, job.plan.followed)
        return []

    def _new_id(self) -> str:
        return f"create-{next(self.history.create_numbers)}"

    def _at_each_turn(self) -> None:
        """Between two turns of the driver."""
        assert self._ledger is not None
        fate, history = self.site.fate, self.history
        fate.point("between two turns")
        if history.promises.check_step(self._ledger):
            assert self._key_watch is not None
            self._key_watch.check_lost()
        for what, happen in self._conditions.items():
            if fate.happens(what):
                fate.count(what)
                happen()
        history.keyring.turn()

    def _stop(self) -> None:
        assert self._stop_request is not None
        self.history.log("SIGINT")
        self._stop_request.request(ExitCode.SIGINT)

    def _jump(self) -> None:
        self.site.jump(self.site.fate.rng.choice((-4000.0, -30.0, 30.0, 4000.0)))

    def _lose_lock(self) -> None:
        """The lock's file goes, and somebody starts another apply."""
        self._is_lock_gone = True
        self.history.keeper.vandal.remove_lock()
        self._second_apply()

    def _second_apply(self) -> None:
        """Not where nothing is left that a second one could meet."""
        if self._network is not None and self._network.bereft is None:
            self.history.second_apply()

    def _lose_records(self) -> None:
        """Files of the state folder are taken away, once for each process."""
        assert self._network is not None
        if self._network.bereft is not None:
            return
        with self.site.fate.nap(), self.history.records.taking_away():
            self.history.keeper.take_away()
        self._network.bereave(between_turns=True)

    def _use_a_key(self) -> None:
        key = self.history.keyring.rng.choice(self.keys)
        for _ in range(self.site.fate.rng.randint(1, 20)):
            if self.site.world.take_slot(self.site.clock.now(), key):
                self.site.arrive("foreign", key)


def _most_costs(job: Job) -> dict[str, float]:
    """The most that a run of each model may cost before creating must stop."""
    return {model: shown * (1 + MAX_PRICE_RISE) for model, shown in job.settings.shown_prices.items()}
