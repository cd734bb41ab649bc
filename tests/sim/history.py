"""One seed, one history: a campaign, a world, applies with an adversary in and between them, then peace.

Every apply goes the way of the command: the same lock, opening, books, plan and campaign run; only the executor, the
clock and the disk under them are simulated. Running a seed twice gives the same history.
"""

import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from random import Random
from unittest import mock

from hailuo_batch.commands import campaign_run, key_mark
from hailuo_batch.commands.workspace import CampaignPaths
from hailuo_batch.core.lifecycle import RUNNING
from hailuo_batch.core.plan import Wishes
from hailuo_batch.core.records import Run, Snapshot
from hailuo_batch.core.settle import abandoned
from hailuo_batch.errors import ExitCode, LedgerError
from hailuo_batch.sandbox.world import Trouble, Window, World, WorldSettings
from hailuo_batch.sandbox.world.run_ids import RunFacts
from hailuo_batch.shell.ledger import Ledger
from tests.sim.author import NAME, PRICE, Author
from tests.sim.clock import START, VirtualClock
from tests.sim.fate import Death, Fate
from tests.sim.fileserver import URL
from tests.sim.grants import Grants
from tests.sim.hostile import hostile_disk
from tests.sim.keeper import Keeper
from tests.sim.network import KEY, SECOND_KEY, STRANGERS_KEY, Site
from tests.sim.oddities import Oddities
from tests.sim.process import ENDPOINT, Process
from tests.sim.promises import Promises, check_end
from tests.sim.truth import Truth, Violation
from tests.sim.user import User

_QUIET = 60
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Failure:
    """A broken promise, and the command that shows it again."""

    seed: int
    text: str

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.text}\n  python -m tests.sim --seed {self.seed} --verbose"


def run_history(seed: int, say: Callable[[str], object] = str) -> Failure | None:
    """Live through one history. Returns the promise that was broken, None where all were kept."""
    with tempfile.TemporaryDirectory(prefix="sim-", dir=_fast_folder()) as folder:
        history = History(seed, Path(folder), say)
        try:
            history.run()
        except Violation as broken:
            return Failure(seed, str(broken))
        except Exception as error:  # noqa: BLE001 - whatever a history raises is its result
            say(traceback.format_exc())
            return Failure(seed, f"{type(error).__name__}: {error}")
    return None


class RememberingWorld(World):
    """A world that need not decipher an ID twice."""

    def __init__(self, settings: WorldSettings, files_base_url: str) -> None:
        super().__init__(settings, files_base_url)
        self._known: dict[str, RunFacts | None] = {}

    def facts(self, run_id: str) -> RunFacts | None:
        """As the world's own."""
        if run_id not in self._known:
            self._known[run_id] = super().facts(run_id)
        return self._known[run_id]


class History:
    """The life of one campaign."""

    def __init__(self, seed: int, folder: Path, say: Callable[[str], object]) -> None:
        self.rng = Random(seed)
        self.folder = folder
        self.paths = CampaignPaths(
            ledger=folder / "state" / f"{NAME}.db",
            backup=folder / "state" / f"{NAME}.db.bak",
            receipts=folder / "state" / f"{NAME}.receipts.jsonl",
            lock=folder / "state" / f"{NAME}.lock",
            outputs=folder / "outputs" / NAME,
        )
        self.author = Author(self.rng)
        self.clock = VirtualClock()
        world = RememberingWorld(self._world_settings(seed), URL)
        self.site = Site(
            world=world,
            clock=self.clock,
            fate=Fate(self.rng),
            truth=Truth(world),
            oddities=Oddities(self.rng, world, self.clock),
            outputs=self.paths.outputs,
            cap_micro_usd=self.author.limits.max_spend_micro_usd,
        )
        self._say = say
        self.site.say = self.say
        self.promises = Promises(self.site, self.paths.receipts)
        self.grants = Grants(self.site.truth)
        self.keeper = Keeper(self.rng, self.paths, self.promises, self.say)
        self.user = User(self.site, self.author, self.paths, self.grants, self.snapshot, self.forget)
        self._seen: Snapshot | None = None
        self.processes = 0
        self.create_numbers = count(1)
        self._beside = False

    def run(self) -> None:
        """From the first apply to the last. Raises Violation."""
        with hostile_disk(self.site.fate, self.folder):
            for _ in range(self.rng.randint(1, 5)):
                self.site.fate.rise()
                self.apply(self.author.wishes(), self._any_key())
                self.between()
            self.make_peace()
            self.check_peace(self.calm_down())
            self.follow_advice()

    def calm_down(self) -> Process:
        """Apply until nothing more is paid for and all that ends has ended. Returns the last apply."""
        for _ in range(_QUIET):
            last = self.apply(Wishes())
            self.pass_time(4000.0)
            if not (last.creates or self.give_up(last) or self._is_moving()):
                break
        return last

    def _is_moving(self) -> bool:
        running = (run.run_id for run in self.snapshot().runs if run.state in RUNNING)
        return any(run_id is not None and not self.site.oddities.of(run_id) for run_id in running)

    def follow_advice(self) -> None:
        """The user does what the report and the program say, until every take is done or was given up. Raises
        Violation where that leads nowhere."""
        self.site.world.settings = replace(self.site.world.settings, fail_rate=0.0)
        for _ in range(_QUIET):
            unsettled = self.user.unsettled()
            if not unsettled:
                return
            for case in unsettled:
                self.user.follow(case)
                self.pass_time(15.0)
            self.author.mend()
            self.author.lift_cap()
            self.site.cap_micro_usd = None
            self.calm_down()
        states = ", ".join(map(str, self.user.unsettled()))
        raise Violation(f"whatever the user is told to do, this comes to no end: {states}")

    def apply(self, wishes: Wishes, key: str = KEY) -> Process:
        """One apply, to whatever end it comes."""
        self.processes += 1
        process = Process(self, self.processes, wishes, key)
        self.say(f"--- apply {self.processes}: {wishes} with {key}")
        try:
            process.run()
        except LedgerError as error:
            process.refused = str(error)
            self.say(f"refused: {error}")
            if not self.may_be_refused():
                raise Violation(f"an apply was refused for nothing: {error}") from error
        except Death as death:
            self.say(f"the process died at {death}")
        finally:
            process.hang_up()
            self.forget()
        for event in self.site.fate.events:
            self.say(event)
        self.site.fate.events.clear()
        died, self.site.fate.dead = self.site.fate.dead, False
        self.look(complete=not died and not process.refused)
        if key == STRANGERS_KEY:
            self.promises.check_stranger(process.creates, self.snapshot() if self.paths.ledger.exists() else None)
        return process

    def _any_key(self) -> str:
        """Sometimes another key of the account; sometimes, where runs are open, that of another account."""
        choice = self.rng.random()
        if choice < 0.1 and self.paths.ledger.exists() and any(run.state in RUNNING for run in self.snapshot().runs):
            self.promises.expect_stranger(self.snapshot())
            return STRANGERS_KEY
        return SECOND_KEY if choice > 0.85 else KEY

    def second_apply(self) -> None:
        """Somebody starts another apply beside the one that runs. Raises Violation where it is let in."""
        if self._beside:
            return
        self._beside = True
        self.say("a second apply begins")
        process = Process(self, self.processes, Wishes())
        try:
            process.run()
        except LedgerError:
            self.say("the second apply is refused")
        else:
            raise Violation("two applies were at work at the same time")
        finally:
            process.hang_up()
            self._beside = False

    def may_be_refused(self) -> bool:
        """Whether there is a reason for a command to end with exit 4."""
        return bool(self.site.fate.disk_failed) or not self.paths.ledger.exists()

    def look(self, *, complete: bool) -> None:
        """Check what lies on the disk between two processes."""
        self.promises.check_receipts()
        snapshot = self.snapshot() if complete and self.paths.ledger.exists() else None
        self.promises.check_files(snapshot)

    def snapshot(self) -> Snapshot:
        """The ledger as it lies on the disk, read once until somebody may have changed it."""
        if self._seen is None:
            with Ledger.read(self.paths.ledger, NAME, ENDPOINT) as ledger:
                self._seen = ledger.snapshot()
        return self._seen

    def forget(self) -> None:
        """Somebody may have changed the ledger."""
        self._seen = None

    def between(self) -> None:
        """What happens while no apply runs: time passes, the user edits, the folder is meddled with."""
        rng = self.rng
        self.site.fate.reborn()
        self.pass_time(rng.choice((0.0, 1.0, 15.0, 300.0, 5000.0)))
        for _ in range(rng.choice((0, 0, 1, 1, 2, 4))):
            self.say(self.author.edit())
        if rng.random() < 0.1:
            self.change_price()
        if rng.random() < 0.3:
            self.site.world.trouble = None
            self.site.world.balances = [None, None]
        if rng.random() < 0.1:
            self.site.jump(rng.choice((-4000.0, -5.0, 5.0, 4000.0)))
        self.site.fate.asleep = True
        self.keeper.meddle()
        self.forget()
        self.site.fate.asleep = False
        if rng.random() < 0.3 and self.paths.ledger.exists():
            self.command()

    def command(self) -> None:
        """The user gives a command, in a process that may die."""
        self.site.fate.threaten(6)
        code = ExitCode.LEDGER
        try:
            code = self.user.try_something()
        except Death as death:
            self.say(f"the process died at {death}")
        self.site.fate.reborn()
        self.look(complete=code is not ExitCode.LEDGER)

    def change_price(self) -> None:
        """The API changes its price."""
        price = int(PRICE * self.rng.choice((0.5, 1.0, 1.05, 2.0)))
        self.site.world.prices = dict.fromkeys(self.site.world.prices, price)
        self.say(f"a run now costs {price}")

    def trouble(self) -> None:
        """The API refuses everything, or no more."""
        world = self.site.world
        world.trouble = None if world.trouble is not None else self.rng.choice(tuple(Trouble))
        self.say(f"trouble is {world.trouble}")

    def impoverish(self) -> None:
        """The balance is nearly empty, or full again."""
        world = self.site.world
        world.balances = [self.rng.choice((None, 0, PRICE, 3 * PRICE)), None]
        self.say(f"the balance is {world.balances[0]}")

    def pass_time(self, seconds: float) -> None:
        """Time goes by; requests that are still on their way arrive."""
        self.clock.time += seconds
        self.site.deliver_stragglers()

    def make_peace(self) -> None:
        """The adversary rests, the world is well, and the user puts things right."""
        self.say("--- peace")
        self.site.fate.rest()
        self.site.oddities.rest()
        self.site.world.trouble = None
        self.site.world.balances = [None, None]
        self.author.limits = replace(self.author.limits, run_timeout_s=_PATIENCE_S)
        self.pass_time(4000.0)
        self.keeper.put_right()
        self.forget()

    def give_up(self, last: Process) -> bool:
        """Where an apply stops because its key knows no run, the user gives up those that vanished. Whether any did."""
        if ExitCode.ACCOUNT not in last.codes:
            return False
        gone = [run for run in self.snapshot().runs if run.state in RUNNING and self._is_gone(run)]
        with Ledger.open(self.paths.ledger, NAME, ENDPOINT, self.clock.wall()) as ledger:
            for run in gone:
                self.say(f"resolve --abandon of {run.run_id} of {run.take_id}")
                ledger.record(abandoned(run).events, self.clock.wall())
        self.forget()
        return bool(gone)

    def _is_gone(self, run: Run) -> bool:
        return run.run_id is not None and self.site.oddities.of(run.run_id) == "vanished"

    def check_peace(self, last: Process) -> None:
        """All is quiet: everything adds up, and nothing more is sent for what is finished."""
        snapshot = self.snapshot()
        self.promises.check_settled(snapshot)
        check_end(self.site, snapshot, stopped=bool(last.codes))
        if last.creates:
            raise Violation(f"the last of {_QUIET} quiet applies still paid for {last.creates} runs")

    def say(self, text: str) -> None:
        """A line of the story."""
        self._say(f"{self.clock.time - START:10.2f}  {text.replace(str(self.folder), '')}")

    @contextmanager
    def as_command(self, drive: Callable[..., object], connect: Callable[..., object]) -> Iterator[None]:
        """While it lasts, the command speaks to this world through the simulated executor."""
        with (
            mock.patch.multiple(campaign_run, _drive=drive, connect=connect),
            mock.patch.object(key_mark, "_ROUNDS", 1),
        ):
            yield

    def _world_settings(self, seed: int) -> WorldSettings:
        rng = self.rng
        return WorldSettings(
            seed=seed,
            price_micro_usd=PRICE,
            balance_micro_usd=rng.choice((None, None, None, 2 * PRICE, 6 * PRICE)),
            fail_rate=rng.choice((0.0, 0.0, 0.1, 0.5, 1.0)),
            rate_limit=rng.choice((20, 20, 3)),
            window=rng.choice(tuple(Window)),
            median_s=rng.choice((5.0, 90.0, 90.0, 400.0)),
            min_s=rng.choice((0.0, 20.0)),
            max_processing=rng.choice((None, None, 1, 3)),
            other_account_keys=frozenset({STRANGERS_KEY}),
        )


def _fast_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
