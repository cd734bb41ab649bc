"""One seed, one history: a campaign, a world, applies with an adversary in and between them, then peace.

Every command goes its own way, from the lock to its last word; only the executor, the clock and the disk under it are
simulated. Running a seed twice gives the same history.
"""

import os
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from unittest import mock

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.stills import ffmpeg
from hailuo_batch.app import api_target
from hailuo_batch.app.workspace import CampaignPaths, leftovers
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.model.states import RUNNING
from hailuo_batch.errors import BusyError, LedgerError, OutputError, UsageError
from hailuo_batch.report import files
from tests.helpers.handlers import kept_handlers
from tests.sim.adversary import Death, Fate
from tests.sim.applying import Apply, Order
from tests.sim.author import NAME, Author
from tests.sim.clock import START, VirtualClock
from tests.sim.conditions import WorldConditions, any_settings
from tests.sim.environment import SECOND_KEY, STRANGERS_KEY, Site
from tests.sim.fileserver import URL
from tests.sim.final_check import FinalCheck
from tests.sim.folder_events import FolderEvents
from tests.sim.grants import Grants
from tests.sim.hostile import hostile_disk
from tests.sim.interlude import Interlude
from tests.sim.kept_plans import KeptPlan, KeptPlans, Rows
from tests.sim.key_promises import are_strangers, check_printed, check_silence
from tests.sim.keyring import Keyring
from tests.sim.oddities import Oddities
from tests.sim.process import ENDPOINT, Process
from tests.sim.promises import Promises
from tests.sim.records import Records
from tests.sim.reviewer import Reviewer
from tests.sim.state_damage import StateDamage
from tests.sim.truth import Truth, Violation
from tests.sim.user import User
from tests.sim.world import RememberingWorld

_without_ffmpeg = partial(mock.patch.object, ffmpeg, "which", lambda _: None)  # a history is the same on each machine
_TABLES = ("takes", "runs", "files")
_LOGS = ("wal", "shm")


@dataclass(frozen=True, slots=True)
class Failure:
    """A broken promise, and the command that shows it again."""

    seed: int
    text: str

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.text}\n  python -m tests.sim --seed {self.seed} --verbose"


def run_history(seed: int, log: Callable[[str], object] = str) -> Failure | None:
    """Live through one history. Returns the promise that was broken, None where all were kept."""
    return live(seed, log)[0]


def live(seed: int, log: Callable[[str], object] = str) -> tuple[Failure | None, Counter[str]]:
    """As `run_history`, and how often which adversity came about."""
    with tempfile.TemporaryDirectory(prefix="sim-", dir=_fast_folder()) as folder, _without_ffmpeg():
        history = SimulatedHistory(seed, Path(folder).resolve(), log)
        failure = None
        try:
            history.run()
        except Violation as broken:
            failure = Failure(seed, str(broken))
        except (Exception, Death) as error:  # noqa: BLE001 - whatever a history raises is its result
            log(traceback.format_exc())
            failure = Failure(seed, f"{type(error).__name__}: {error}")
    return failure, history.site.fate.counts


class SimulatedHistory:
    """The life of one campaign."""

    def __init__(self, seed: int, folder: Path, log: Callable[[str], object]) -> None:
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
        world = RememberingWorld(any_settings(self.rng, seed), URL)
        self.site = Site(
            world=world,
            clock=self.clock,
            fate=Fate(self.rng),
            truth=Truth(world),
            oddities=Oddities(self.rng, world, self.clock),
            outputs=self.paths.outputs,
            cap_micro_usd=self.author.limits.max_spend_micro_usd,
        )
        self._log = log
        self.site.log = self.log
        self.keyring = Keyring(seed, world, self.log, self.site.fate.count)
        self.promises = Promises(self.site, self.paths.receipts)
        self.grants = Grants(self.site.truth)
        self.world_conditions = WorldConditions(
            self.rng, world, self.log, price_unrest=0.7 if self.author.is_careful else 0.1
        )
        vandal = StateDamage(self.rng, self.paths, folder / "cache", self.log)
        self.keeper = FolderEvents(self.rng, self.paths, self.promises, vandal, self.log, self.site.fate.count)
        self.records = Records(self.site.truth, self.paths, lambda: self.keeper.has_ledger)
        self.drawer = KeptPlans(self.read_rows)
        self.manifest = folder / "manifest.yaml"
        self.manifest.touch()
        self.reviewer = Reviewer(Random(seed), folder)
        self.user = User(
            self.site,
            self.author,
            self.grants,
            self.promises,
            self.drawer,
            self.manifest,
            read=self.snapshot,
            forget=self.forget,
            has_ledger=lambda: self.keeper.has_ledger,
            may_be_refused=self.may_be_refused,
            begin=self.begin,
        )
        self._seen: Snapshot | None = None
        self.processes = 0
        self.create_numbers = count(1)
        self._beside = False

    def run(self) -> None:
        """From the first apply to the last. Raises Violation."""
        rate = self.site.world.settings
        environment = {
            "RUNBASE_BASE_URL": ENDPOINT,
            "RUNBASE_RATE_LIMIT": f"{rate.rate_limit}/{rate.rate_window_s:g}s",
        }
        # the page has tests of its own, and takes long to write
        renderers = {**files._renderers(), files.Format.HTML: lambda _: "a page"}
        with (
            mock.patch.dict(os.environ, environment),
            mock.patch.object(api_target, "_ROUNDS", 1),
            mock.patch.object(files, "_renderers", return_value=renderers),
            hostile_disk(self.site, self.folder),
            kept_handlers(),
        ):
            for _ in range(self.rng.randint(1, 5)):
                self.site.fate.rise()
                if self.rng.random() < 0.1:
                    self.site.fill_disk()
                last = self.apply(self._any_order(), self._any_keys())
                Interlude(self).live(last)
            FinalCheck(self).live()

    def apply(self, order: Order, keys: tuple[str, ...] = ()) -> Apply:
        """One apply, to whatever end it comes, with these keys or the user's."""
        process = Apply(self, self._next_number(), order, keys)
        self.log(f"--- apply {process.number}: {order} with {', '.join(process.keys)}")
        are_strange = self._are_strangers(process.keys)
        if not order.yes:
            self.site.fate.count("no consent")
        if order.picks is not None:
            self.site.fate.count("picks")
        if order.plan is not None:
            order.plan.look(self.author.campaign, self.read_rows())
        self.drawer.touch(but=order.plan)
        is_unusable = self.is_ledger_missed() or self.is_behind()
        if self.keeper.has_ledger and self.is_behind():
            self.site.fate.count("apply on an older ledger")
        before = self.everything() if is_unusable and not order.new_ledger else None
        died = self._run(process)
        if before is not None and (process.refused or died) and (differing := self.differing(before)):
            raise Violation(f"an apply that cannot use its ledger has changed {differing}")
        if order.plan is not None:
            self._end_plan(process, order.plan, died=died)
        self.look(complete=process.code is not None and not process.is_bereft)
        check_printed(process.terminal.printed, "an apply")
        if are_strange:
            self.promises.check_stranger(process.creates, self.snapshot() if self.keeper.has_ledger else None)
        return process

    def _run(self, process: Apply) -> bool:
        """Have it run to its end. Returns whether it died."""
        try:
            process.run()
        except (LedgerError, UsageError, OutputError, BrokenPipeError) as error:
            process.refused = str(error)
            self.log(f"refused: {error}")
            if not self._has_reason(process, error):
                raise Violation(f"an apply was refused for nothing: {error}") from error
        except Death as death:
            self.log(f"the process died at {death}")
        finally:
            process.hang_up()
            self.forget()
        for event in self.site.fate.events:
            self.log(event)
        self.site.fate.events.clear()
        died, self.site.fate.dead = self.site.fate.dead, False
        if process.is_bereft:
            self.promises.forget_states()
        if not died:
            process.check_end()
        snapshot = self.snapshot() if self.keeper.has_ledger else None
        self.grants.end(process.code, snapshot, has_printed_all=process.has_printed_all)
        return died

    def _has_reason(self, process: Apply, error: Exception) -> bool:
        """Whether an apply may end so, before it has done its work."""
        match error:
            case UsageError():
                return process.order.plan is not None and not process.order.plan.is_alone
            case OutputError():
                return self.site.room.is_short or bool(self.site.fate.disk_failed)
            case BrokenPipeError():
                return process.terminal.is_gone
            case _:
                return self.may_be_refused()

    def is_behind(self) -> bool:
        """Whether the user has put an older ledger back than the files beside it are of, and nothing has caught up."""
        if self.keeper.is_suspect:
            self.keeper.is_suspect = self.records.is_behind
        return self.keeper.is_suspect

    def _end_plan(self, process: Apply, plan: KeptPlan, *, died: bool) -> None:
        if not plan.must_be_refused:
            plan.end(self.read_rows(), began=process.began, refused=bool(process.refused))
        elif not (died or process.refused):
            raise Violation(f"{plan.path.name} was not refused, and the manifest or the ledger has changed since")

    def _any_order(self) -> Order:
        """What the user has in mind: mostly an apply as ever, and mostly one that may pay."""
        return replace(self._any_replacement(), yes=self.rng.random() > 0.08)

    def _any_replacement(self) -> Order:
        rng, plans = self.rng, self.drawer.plans
        if self.is_ledger_missed() and rng.random() < 0.4:
            with self.site.fate.nap(), self.records.taking_away():
                self.keeper.make_room()
            return Order(self.author.plan_request(), new_ledger=True)
        if plans and rng.random() < 0.6:
            return Order(plan=plans[-1])
        return Order(self.author.plan_request(), picks=self.any_picks())

    def any_picks(self) -> Path | None:
        """Sometimes a file of picks, where there is something to be seen."""
        return self.reviewer.any_picks(self.snapshot()) if self.keeper.has_ledger else None

    def is_ledger_missed(self) -> bool:
        """Whether the campaign has been at work, and has no ledger that can be used."""
        return not self.keeper.has_ledger and bool(leftovers(self.paths) or self.paths.ledger.exists())

    def begin_anew(self) -> None:
        """From here on, the user may pay for everything once more, as `--new-ledger` says."""
        self.log("all is begun anew")
        self.site.truth.begin_anew()
        self.site.truth.expect_takes(self.author.campaign)
        self.keeper.begin_anew()

    def begin(self) -> Process:
        """A process of a command that is no apply."""
        return Process(self, self._next_number())

    def _next_number(self) -> int:
        self.processes += 1
        return self.processes

    def _any_keys(self) -> tuple[str, ...]:
        """Sometimes another key of the account; sometimes, where runs are open, that of another account. Where several
        are given, whatever the user does with them."""
        self.keyring.change()
        choice = self.rng.random()
        if choice < 0.1 and self.keeper.has_ledger and any(run.state in RUNNING for run in self.snapshot().runs):
            return (STRANGERS_KEY,)
        return (SECOND_KEY,) if choice > 0.85 and not self.keyring.is_plural else ()

    def _are_strangers(self, keys: tuple[str, ...]) -> bool:
        """Whether an apply with these keys must not pay: it cannot see what is under way."""
        if not self.keeper.has_ledger:
            return False
        with Ledger.read(self.paths.ledger, NAME, ENDPOINT) as ledger:
            hashes = ledger.key_hashes()
        self.promises.expect_stranger(self.snapshot())
        return are_strangers(self.snapshot(), hashes, keys, self.site.world)

    def second_apply(self) -> None:
        """Somebody starts another apply beside the one that runs. Raises Violation where it is let in."""
        if self._beside:
            return
        self._beside = True
        self.log("a second apply begins")
        process = Apply(self, self.processes, Order())
        try:
            process.run()
        except BusyError:
            self.log("the second apply is told that another is at work")
        except LedgerError as error:
            if not self.site.fate.disk_failed:
                raise Violation(f"a second apply is not told that another is at work, but: {error}") from error
            self.log(f"the second apply is refused: {error}")
        else:
            raise Violation("two applies were at work at the same time")
        finally:
            process.hang_up()
            self._beside = False

    def may_be_refused(self) -> bool:
        """Whether there is a reason for a command to end with exit 4."""
        is_unusable = not self.keeper.has_ledger or self.is_behind()
        is_spoken_against = self.records.is_contradicted or bool(self.records.torn)
        return bool(self.site.fate.disk_failed) or is_unusable or is_spoken_against

    def look(self, *, complete: bool) -> None:
        """Check what lies on the disk between two processes."""
        self.promises.check_receipts()
        check_silence(self.folder)
        snapshot = self.snapshot() if complete and self.keeper.has_ledger else None
        self.promises.check_files(snapshot)

    def read_rows(self) -> Rows:
        """The takes, runs and files in the ledger, row by row; nothing where there is none that can be used."""
        if not self.keeper.has_ledger:
            return ()
        with Ledger.read(self.paths.ledger, NAME, ENDPOINT) as ledger:
            return tuple(row for table in _TABLES for row in ledger._db.execute(f"SELECT * FROM {table} ORDER BY 1, 2"))

    def everything(self) -> dict[str, object]:
        """What lies in the campaign's folders, but for what every reader leaves; of a ledger that can be used, what it
        says."""
        state, outputs = self.paths.ledger.parent, self.paths.outputs
        there = [path for folder in (state, outputs) for path in folder.rglob("*") if path.is_file()]
        passing = {self.paths.lock, *(self.paths.ledger.with_name(f"{self.paths.ledger.name}-{end}") for end in _LOGS)}
        passing |= {self.paths.ledger} if self.keeper.has_ledger else set()
        kept = (path for path in there if path not in passing and not path.name.startswith("."))  # no drafts
        content = {str(path.relative_to(self.folder)): path.read_bytes() for path in kept}
        return {**content, "what the ledger says": self.read_rows()}

    def differing(self, before: dict[str, object]) -> str:
        """What of it is not as it was."""
        after = self.everything()
        return ", ".join(sorted(name for name in before.keys() | after if before.get(name) != after.get(name)))

    def snapshot(self) -> Snapshot:
        """The ledger as it lies on the disk, read once until somebody may have changed it."""
        if self._seen is None:
            with Ledger.read(self.paths.ledger, NAME, ENDPOINT) as ledger:
                self._seen = ledger.snapshot()
        return self._seen

    def forget(self) -> None:
        """Somebody may have changed the ledger."""
        self._seen = None

    def pass_time(self, seconds: float) -> None:
        """Time goes by; requests that are still on their way arrive."""
        self.clock.time += seconds
        self.site.deliver_stragglers()

    def log(self, text: str) -> None:
        """A line of the story."""
        self._log(f"{self.clock.time - START:10.2f}  {text.replace(str(self.folder), '')}")


def _fast_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
