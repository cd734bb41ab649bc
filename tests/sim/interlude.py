"""What happens between two applies: time passes, the user edits and gives commands, the folder is meddled with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hailuo_batch.errors import ExitCode
from tests.sim.adversary import Death
from tests.sim.applying import Apply
from tests.sim.truth import Violation

if TYPE_CHECKING:
    from tests.sim.history import SimulatedHistory


@dataclass
class Interlude:
    """The time until the next apply."""

    history: "SimulatedHistory"

    def live(self, last: Apply) -> None:
        """From the end of that apply on. Raises Violation."""
        history, is_planned = self.history, last.order.plan is not None
        rng, site = history.rng, history.site
        site.fate.reborn()
        history.pass_time(rng.choice((0.0, 1.0, 15.0, 300.0, 5000.0)))
        if is_planned and rng.random() < 0.6:
            return  # to be repeated as it stands
        if rng.random() < 0.1:
            self.command(self.plan)
        for _ in range(rng.choice((0, 0, 1, 1, 2, 4))):
            history.log(history.author.edit())
        self._change_conditions()
        with site.fate.nap():
            history.keeper.meddle(history.records)
            if rng.random() < 0.4:
                history.keeper.clear_torn(history.records)
        history.forget()
        history.drawer.touch()
        if rng.random() < 0.3:
            self.command(rng.choice((self.finish_some, self.finish_some, self.check_files)))
        if rng.random() < 0.15:
            self.command(self.plan)

    def _change_conditions(self) -> None:
        history, rng = self.history, self.history.rng
        if rng.random() < history.world_conditions.price_unrest:
            history.world_conditions.change_price()
            if rng.random() < 0.5:  # where the newest price is not the latest by the clock
                history.site.jump(-40_000.0)
        if rng.random() < 0.3:
            history.world_conditions.reset()
        history.keyring.pass_time()
        if history.site.room.is_short and rng.random() < 0.6:
            history.site.room.clear()
        if rng.random() < 0.1:
            history.site.jump(rng.choice((-4000.0, -5.0, 5.0, 4000.0)))

    def command(self, give: Callable[[], bool]) -> None:
        """The user gives a command, in a process that may die."""
        history = self.history
        is_usable = history.keeper.has_ledger and not history.is_behind()
        if not is_usable:
            if not (history.is_ledger_missed() or history.is_behind()) or history.rng.random() < 0.2:
                return
            give = history.rng.choice((self.restore, self.try_in_vain))
        history.site.fate.threaten(6)
        is_written = False
        try:
            is_written = give()
        except Death as death:
            history.log(f"the process died at {death}")
        history.site.fate.reborn()
        history.look(complete=is_written and not history.user.is_bereft)

    def finish_some(self) -> bool:
        """The user settles, retries or forgets something. Returns whether the ledger is in order then."""
        return self.history.user.try_something() is not ExitCode.LEDGER

    def plan(self) -> bool:
        """The user keeps a plan, which leaves the ledger as it is."""
        self.history.user.keep_plan(self.history.author.plan_request(), self.history.any_picks())
        return False

    def check_files(self) -> bool:
        """The user has the files compared, or repaired. Returns whether the ledger is in order then."""
        if self.history.rng.random() < 0.3:
            self.history.user.verify()
            return False
        self.history.site.fate.threaten(9)
        return self.history.user.repair() is not ExitCode.LEDGER

    def try_in_vain(self) -> bool:
        """Some command, with a ledger that cannot be used. Raises Violation where that changes anything."""
        history = self.history
        before = history.everything()
        history.site.fate.count("command in vain")
        history.user.try_in_vain(looks_on=history.keeper.has_ledger)
        if differing := history.differing(before):
            raise Violation(f"a command that cannot use the ledger has changed {differing}")
        return False

    def restore(self) -> bool:
        """The user has the ledger restored. Returns whether it is in order then."""
        self.history.promises.forget_states()
        self.history.keeper.is_suspect = True  # one that dies half way leaves an older ledger, to be restored again
        return self.history.user.give("state", "restore", str(self.history.manifest)) is ExitCode.DONE
