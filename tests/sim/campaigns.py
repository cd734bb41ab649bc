"""Campaigns and applies for tests that live in virtual time."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from random import Random

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.ledger.receipts import Receipts, load_receipts
from hailuo_batch.core.engine.counters import Progress
from hailuo_batch.core.engine.engine import Engine, Settings
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.model.settings import Consent
from hailuo_batch.core.planning.plan import Plan, PlanRequest, make_plan
from hailuo_batch.core.planning.recovery import recover
from hailuo_batch.runtime.driver import Driver
from hailuo_batch.sandbox.world import World, WorldSettings
from hailuo_batch.values import DEFAULT_MODEL, CampaignSpec, Limits, Shot, Take, canonical_json, compute_fingerprint
from hailuo_batch.values import take_id as id_of
from tests.sim.clock import VirtualClock
from tests.sim.disk import VirtualDisk
from tests.sim.executor import VirtualExecutor

NAME = "simulated"
FILES = "https://files.example"


def campaign(prompts: Sequence[tuple[str, str, int]], limits: Limits = Limits()) -> CampaignSpec:
    """A campaign of shots, each an ID, a prompt and how many takes."""
    shots = tuple(Shot(id_, tuple(_take(id_, number, text) for number in range(1, n + 1))) for id_, text, n in prompts)
    return CampaignSpec(NAME, shots, "0" * 64, limits=limits)


def _take(shot: str, number: int, prompt: str) -> Take:
    input_json = canonical_json({"prompt": prompt})
    return Take(
        id_of(shot, number), shot, number, DEFAULT_MODEL, input_json, compute_fingerprint(DEFAULT_MODEL, input_json)
    )


class RecordingObserver:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.progress: Progress | None = None

    def update(self, progress: Progress) -> None:
        self.progress = progress

    def notice(self, notice: Notice) -> None:
        self.notices.append(notice.text)

    def close(self) -> None:
        pass


@dataclass
class VirtualWorkspace:
    """One workspace in one world: apply after apply, with virtual time between them."""

    folder: Path
    settings: WorldSettings = field(default_factory=WorldSettings)
    seed: int = 0

    def __post_init__(self) -> None:
        self.clock = VirtualClock()
        self.world = World(self.settings, FILES)
        self.disk = VirtualDisk()
        self.rng = Random(self.seed)
        self.reporter = RecordingObserver()
        self.ids = count(1)
        self.ledger_path = self.folder / f"{NAME}.db"
        self.receipts_path = self.folder / f"{NAME}.receipts.jsonl"

    def executor(self) -> VirtualExecutor:
        return VirtualExecutor(self.world, self.clock, self.disk, self.rng)

    def open_ledger(self) -> Ledger:
        if not self.ledger_path.exists():
            Ledger.create(self.ledger_path, NAME, "sandbox", self.clock.wall())
        ledger = Ledger.open(self.ledger_path, NAME, "sandbox", self.clock.wall())
        ledger.record_keys([f"{0:032x}:{0:064x}"])
        return ledger

    def snapshot(self) -> Snapshot:
        with Ledger.read(self.ledger_path, NAME, "sandbox") as ledger:
            return ledger.snapshot()

    def apply(
        self,
        wanted: CampaignSpec,
        settings: Settings = Settings(),
        request: PlanRequest = PlanRequest(),
        executor: VirtualExecutor | None = None,
    ) -> tuple[Plan, Engine, VirtualExecutor]:
        """One whole apply, as the command does it."""
        executor = executor or self.executor()
        with self.open_ledger() as ledger:
            plan = self.put_in_order(ledger, wanted, request)
            receipts = Receipts(self.receipts_path)
            try:
                now, wall = self.clock.now(), self.clock.wall()
                given = replace(settings, consent=Consent.GIVEN)
                engine = Engine(given, ledger.snapshot(), plan.scope, plan.followed, now=now, wall=wall)
                driver = Driver(
                    engine,
                    ledger,
                    receipts,
                    executor,
                    self.clock,
                    self.reporter,
                    new_id=lambda: f"create-{next(self.ids)}",
                    tick_s=float("inf"),
                )
                driver.run()
            finally:
                receipts.close()
        return plan, engine, executor

    def put_in_order(self, ledger: Ledger, wanted: CampaignSpec, request: PlanRequest) -> Plan:
        wall = self.clock.wall()
        missed, forgotten = recover(ledger.snapshot(), load_receipts(self.receipts_path), wall)
        ledger.restore_runs(forgotten, wall)
        for item in missed:
            ledger.record(((item.key, item.event),), item.at)
        found = tuple(self.disk.inspect(ledger.snapshot()))
        if found:
            ledger.record(found, wall)
        plan = make_plan(wanted, ledger.snapshot(), request)
        ledger.carry_out(plan.ledger_changes, wall)
        return plan


__all__ = ["NAME", "VirtualWorkspace", "campaign"]
