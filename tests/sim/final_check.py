"""The end of a history: the adversary rests, the user puts things right, and everything must add up.

Then the user does whatever the report advises, until every take is done or given up.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.states import RUNNING, RunState
from hailuo_batch.core.planning.plan import PlanRequest
from hailuo_batch.core.planning.resolution import abandon_run
from hailuo_batch.errors import ExitCode
from tests.sim.applying import Apply, Order
from tests.sim.author import NAME
from tests.sim.interlude import Interlude
from tests.sim.process import ENDPOINT
from tests.sim.promises import check_end
from tests.sim.truth import Violation

if TYPE_CHECKING:
    from tests.sim.history import SimulatedHistory

_QUIET = 60
_MAX_QUIET_S = 60.0
_ENDS = ("death at the end", "signal at the end", "")


@dataclass
class FinalCheck:
    """What follows the adversary's time."""

    history: "SimulatedHistory"

    def live(self) -> None:
        """From the first quiet moment to the last. Raises Violation."""
        rng = self.history.rng
        self.make()
        if rng.random() < 0.1:
            self.apply_a_plan()
        if rng.random() < 0.1:
            self.apply_without_a_yes()
        self.check(self.calm_down())
        if rng.random() < 0.12:
            self.repair()
        if rng.random() < 0.1:
            self.replace_in_vain()
        if rng.random() < 0.06:
            self.go_back()
        self.follow_advice()

    def calm_down(self) -> Apply:
        """Apply until nothing more is paid for and all that ends has ended. Returns the last apply."""
        for _ in range(_QUIET):
            last = self.history.apply(Order())
            self.history.pass_time(4000.0)
            if not (last.creates or self.give_up(last) or self._is_moving()):
                break
        return last

    def _is_moving(self) -> bool:
        if not self.history.keeper.has_ledger:
            return False  # nothing was ever paid for
        running = (run.run_id for run in self.history.snapshot().runs if run.state in RUNNING)
        return any(run_id is not None and not self.history.site.oddities.of(run_id) for run_id in running)

    def follow_advice(self) -> None:
        """The user does what the report and the program say, until every take is done or was given up. Raises
        Violation where that leads nowhere."""
        history = self.history
        history.site.world.settings = replace(history.site.world.settings, fail_rate=0.0)
        for _ in range(_QUIET):
            unresolved = history.user.unresolved()
            if not unresolved:
                return
            for case in unresolved:
                history.user.follow(case)
            history.author.mend()
            history.author.lift_cap()
            history.site.cap_micro_usd = None
            self.calm_down()
        states = ", ".join(map(str, history.user.unresolved()))
        raise Violation(f"whatever the user is told to do, this comes to no end: {states}")

    def make(self) -> None:
        """The adversary rests, the world is well, and the user puts things right."""
        history = self.history
        history.log("--- peace")
        history.site.fate.rest()
        history.site.oddities.rest()
        history.world_conditions.reset()
        history.keyring.give_all()
        history.site.room.clear()
        history.author.limits = replace(history.author.limits, run_timeout_s=_MAX_QUIET_S)
        history.pass_time(4000.0)
        history.keeper.clear_torn(history.records)
        if history.is_ledger_missed() and history.rng.random() < 0.4:
            with history.records.taking_away():
                history.keeper.make_room()
            history.apply(Order(new_ledger=True))
            history.pass_time(4000.0)
        if (history.is_ledger_missed() or history.is_behind()) and history.rng.random() < 0.5:
            Interlude(history).restore()
        with history.records.taking_away():
            history.keeper.put_right()
        history.forget()
        if history.is_behind() and not Interlude(history).restore():
            raise Violation("the ledger is older than what lies beside it, and cannot be restored")
        if history.records.is_contradicted:
            Interlude(history).restore()

    def apply_without_a_yes(self) -> None:
        """Where nobody has agreed, nothing is paid for, which is said by exit 2; what was paid for is collected. Runs
        that are under way may fail then, and are not made again."""
        history = self.history
        settings = history.site.world.settings
        history.site.world.settings = replace(settings, fail_rate=0.5)
        history.log(history.author.edit())
        history.site.fate.intend("signal", 0.1)
        history.apply(Order())
        history.site.fate.rest()
        history.site.world.settings = settings
        for _ in range(_QUIET):
            last = history.apply(Order(yes=False))
            history.pass_time(4000.0)
            if not self._is_moving():
                break
        if last.to_pay and last.code in {ExitCode.DONE, ExitCode.UNFINISHED}:
            raise Violation(f"an apply without a yes ends with {last.code}, and leaves these unpaid: {last.to_pay}")
        if self._is_moving():
            raise Violation("applies without a yes do not collect what is paid for")

    def apply_a_plan(self) -> None:
        """A plan that is kept and applied at once holds, and holds on when it is applied once more, and where an apply
        without a yes has collected before what was under way."""
        history = self.history
        is_under_way = history.rng.random() < 0.5
        if is_under_way:
            history.log(history.author.edit())
            history.site.fate.intend("signal", 0.1)
        history.apply(Order())
        history.site.fate.rest()
        for _ in range(2):
            history.log(history.author.edit())
        kept = history.user.keep_plan(history.author.plan_request())
        if kept is None:
            raise Violation("no plan could be kept, for no reason")
        kept.is_alone = True
        if is_under_way:
            history.apply(Order(plan=kept, yes=False))
            history.pass_time(4000.0)
        history.apply(Order(plan=kept))
        history.apply(Order(plan=kept))
        history.pass_time(4000.0)

    def replace_in_vain(self) -> None:
        """A `--replace` is cut off near its end, once or more often, and given again: it is one wish all the same,
        whatever else is replaced in between."""
        fate = self.history.site.fate
        for kind in fate.rng.choices(_ENDS, k=2):
            fate.intend(kind)
            self._replace("*")
        self._replace(next(iter(self.history.author.campaign.takes)).id)
        self._replace("*")
        self.calm_down()

    def _replace(self, pattern: str) -> None:
        self.history.apply(Order(PlanRequest(replace=(pattern,))))
        self.history.site.fate.rest()
        self.history.pass_time(4000.0)

    def go_back(self) -> None:
        """The state folder is copied away, more is made, and the whole copy is put back. Then nothing is made a second
        time: every command says so, until the ledger is restored."""
        history, keeper = self.history, self.history.keeper
        keeper.vandal.keep_state()
        for _ in range(3):
            history.log(history.author.edit())
        history.apply(Order())
        history.pass_time(4000.0)
        with history.records.taking_away():
            keeper.put_state_back(whole=True)
        history.forget()
        history.drawer.touch()
        is_behind = history.is_behind()
        if is_behind:
            Interlude(history).try_in_vain()
        last = history.apply(Order())
        if is_behind and not last.refused:
            raise Violation("an apply is at work on a ledger that is older than what lies beside it")
        if is_behind and not Interlude(history).restore():
            raise Violation("the ledger is older than what lies beside it, and cannot be restored")
        self.check(self.calm_down())

    def repair(self) -> None:
        """Whatever is still served can be had again; then all is at peace."""
        history = self.history
        for meddle in (history.keeper.change_file, history.keeper.remove_file):
            meddle()
        history.user.verify()
        history.user.repair()
        for run, output in history.promises.differing(history.snapshot()):
            if run.state is RunState.SUCCEEDED and not history.site.oddities.of(run.run_id or ""):
                raise Violation(f"output {output.index + 1} of {run.run_id} of {run.take_id} could not be repaired")
        history.user.verify()
        history.apply(Order())

    def give_up(self, last: Apply) -> bool:
        """Where an apply stops because its key knows no run, the user gives up those that vanished. Whether any did."""
        history = self.history
        if ExitCode.ACCOUNT not in last.codes:
            return False
        gone = [run for run in history.snapshot().runs if run.state in RUNNING and self._is_gone(run)]
        with Ledger.open(history.paths.ledger, NAME, ENDPOINT, history.clock.wall()) as ledger:
            for run in gone:
                history.log(f"resolve --abandon of {run.run_id} of {run.take_id}")
                ledger.record(abandon_run(run).events, history.clock.wall())
        history.forget()
        return bool(gone)

    def _is_gone(self, run: Run) -> bool:
        return run.run_id is not None and self.history.site.oddities.of(run.run_id) == "vanished"

    def check(self, last: Apply) -> None:
        """All is quiet: everything adds up, and nothing more is sent for what is finished."""
        snapshot = self.history.snapshot()
        self.history.promises.check_final(snapshot)
        check_end(self.history.site, snapshot, stopped=bool(last.codes))
        if last.creates:
            raise Violation(f"the last of {_QUIET} quiet applies still paid for {last.creates} runs")
