"""One apply at the real command: from the lock to the last word, with what it meets simulated."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.app import apply, consent, workspace
from hailuo_batch.app.config import ApplyOptions
from hailuo_batch.app.frontend import Frontend
from hailuo_batch.app.manifest_input import Manifest
from hailuo_batch.app.reports import write_final_report
from hailuo_batch.app.run_campaign import ApplyResult, Job, close_finished_replacements, run_campaign
from hailuo_batch.app.workspace import CampaignLocation, CampaignPaths, leftovers
from hailuo_batch.commands.apply import run
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.planning.plan import Plan, PlanRequest, make_plan
from hailuo_batch.errors import ExitCode
from hailuo_batch.ui.console import Console
from hailuo_batch.values import CampaignSpec
from tests.sim.hostile import HostileLedger
from tests.sim.kept_plans import KeptPlan
from tests.sim.network import Terms
from tests.sim.process import Process
from tests.sim.terminal import Terminal
from tests.sim.truth import Violation

if TYPE_CHECKING:
    from tests.sim.history import SimulatedHistory


@dataclass(frozen=True, slots=True)
class Order:
    """What an apply is told beyond the manifest. With a plan from a file it has no wishes of its own."""

    wishes: PlanRequest = PlanRequest()
    plan: KeptPlan | None = None
    picks: Path | None = None
    new_ledger: bool = False
    yes: bool = True

    def __str__(self) -> str:
        of = str(self.wishes) if self.plan is None else f"--plan {self.plan.path.name}"
        marked = [] if self.picks is None else ["--replace-from", self.picks.name]
        flags = (("--new-ledger", self.new_ledger), ("--yes", self.yes))
        return " ".join([of, *marked, *(flag for flag, is_given in flags if is_given)])


class Apply(Process):
    """An apply. `code` is how it ended, None where it did not end by itself; `codes` are those of what stopped it.

    `began` says that it came as far as carrying its plan out, `has_printed_all` that nothing was left to it but to end
    the wishes that it has fulfilled. `to_pay` are the takes that its first plan would pay for.
    """

    def __init__(self, history: "SimulatedHistory", number: int, order: Order, keys: tuple[str, ...] = ()) -> None:
        super().__init__(history, number, keys)
        self.order = order
        self.refused = ""
        self.began = False
        self.has_printed_all = False
        self.code: ExitCode | None = None
        self.codes: tuple[ExitCode, ...] = ()
        self.to_pay: tuple[str, ...] | None = None
        self.terminal = Terminal(self.site.fate, history.log)
        self._console = Console()
        self._accepts_price = history.author.is_careful or self.site.fate.rng.random() < 0.3
        self._no_sidecar = self.site.fate.rng.random() < 0.1

    def run(self) -> None:
        """Raises what the command raises, Death where the process dies, Violation."""
        order = self.order
        options = ApplyOptions(
            only=order.wishes.only,
            replace=order.wishes.replace,
            replace_from=order.picks,
            limit=order.wishes.limit,
            in_doubt=str(order.wishes.in_doubt),
            yes=order.yes,
            accept_price=self._accepts_price,
            new_ledger=order.new_ledger,
            no_sidecar=self._no_sidecar,
            check_images=False,
            plan_file=None if order.plan is None else order.plan.path,
        )
        with self._as_command(), self.site.terminals.open(self.terminal):
            self.code = run(CampaignLocation(self.history.manifest), options, self._console)

    def terms(self, job: Job, keys: Mapping[int, str]) -> Terms:
        """As a process's own: an apply pays, but no more than its plan says."""
        plan = self.order.plan
        check: Callable[[act.CreateRun], None] = (lambda _: None) if plan is None else self._check_create
        check = check if self.order.yes else self._refuse_create

        def check_all(action: act.CreateRun) -> None:
            check(action)
            self._check_limit(action, job.settings.max_creates)

        return replace(super().terms(job, keys), check_create=check_all)

    @contextmanager
    def _as_command(self) -> Iterator[None]:
        site = self.site
        with (
            self.history.keyring.in_environment(self.keys),
            mock.patch.object(consent, "make_plan", self._make_plan),
            mock.patch.multiple(
                apply,
                read_manifest=lambda where, *_: Manifest(where.manifest, self.history.author.campaign, {}, {}, ""),
                Clock=lambda: site.clock,
                Ledger=HostileLedger(site.fate),
                make_plan=self._make_plan,
                set_aside=self._set_aside,
                run_campaign=self._run_campaign,
                write_final_report=self._leave_report,
                close_finished_replacements=self._end_replacements,
            ),
        ):
            yield

    def _make_plan(self, campaign: CampaignSpec, snapshot: Snapshot, wishes: PlanRequest) -> Plan:
        history = self.history
        history.grants.confirm(snapshot)
        if history.promises.was_put_back:
            history.grants.forget_lost(snapshot)
            history.promises.was_put_back = False
        self.site.truth.expect_takes(campaign)
        plan = make_plan(campaign, snapshot, wishes)
        if self.to_pay is None:
            self.to_pay = tuple(line.take_id for line in plan.paying)
        of_a_plan = self.order.plan
        history.grants.propose(campaign, snapshot, plan, wishes)
        history.grants.asked = frozenset(wishes.replace if of_a_plan is None else of_a_plan.replace)
        for line in plan.lines:
            history.log(f"plan: {line.take_id} {line.action}: {line.reason}")
        return plan

    def _set_aside(self, paths: CampaignPaths) -> tuple[tuple[Path, Path], ...]:
        was_at_work = bool(leftovers(paths))
        if was_at_work and not self.order.new_ledger:
            raise Violation("an apply begins anew beside what an earlier one has left, and nobody asked for that")
        try:
            return workspace.set_aside(paths)
        finally:
            if was_at_work and not leftovers(paths):
                self.history.begin_anew()

    def _run_campaign(self, job: Job, ledger: Ledger, clock: Any, frontend: Frontend) -> ApplyResult:
        self.began = True
        if self.order.plan is not None:
            self.order.plan.check_beginning()
        with self.at_work():
            outcome = run_campaign(job, ledger, clock, frontend)
        self.codes = outcome.codes
        return outcome

    def _leave_report(self, *arguments: Any) -> Any:
        """All is made, and the end is near: the process may be stopped or killed just here."""
        fate = self.site.fate
        if fate.happens("signal at the end"):
            fate.count("signal at the end")
            self._console.stop.request(ExitCode.SIGINT)
        if fate.happens("death at the end"):
            fate.count("death at the end")
            fate.doom(4)
        return write_final_report(*arguments)

    def _end_replacements(self, *arguments: Any) -> None:
        self.has_printed_all = True
        close_finished_replacements(*arguments)

    def _check_limit(self, action: act.CreateRun, limit: int | None) -> None:
        """Raises Violation for one create more than --limit, but for those that are known to have made nothing."""
        mine = (sent for sent in self.site.truth.sent.values() if sent.process == self.number)
        made = sum(not (sent.final and sent.run_id is None) for sent in mine)
        if limit is not None and made >= limit:
            raise Violation(f"a create of {action.run.take_id} leaves after {made}, and the limit is {limit}")

    def _check_create(self, action: act.CreateRun) -> None:
        assert self.order.plan is not None
        self.order.plan.check_create(action.run, self.site.truth, self.site.clock.now())
