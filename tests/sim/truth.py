"""What really happened, kept apart from everything the product knows: every create that left, every run that was
made, every file that was served, and what the user asked for.

It holds the products to one rule at each create: of one request, no more creates may be paid for, or of unknown
outcome, than takes were ever wanted of it, and the user's explicit wishes on top.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.core.model.runs import Run
from hailuo_batch.sandbox.world import World
from hailuo_batch.values import CampaignSpec


class Violation(Exception):  # noqa: N818 - what is found, not a fault of the finder
    """The product broke a promise."""


_COUNTS = (
    "state IN ('submitting', 'in_doubt') OR (state = 'abandoned' AND run_id IS NULL) "
    "OR (run_id IS NOT NULL AND state != 'failed')"
)
"""Which runs count as paid for, or as what may be."""


@dataclass(slots=True)
class Sent:
    """One create that left. `expected` is the newest cost that the ledger knew then; `run_id` what the world made.

    `final` says that the product was told that nothing was made; `reported` that it was told the run's ID. `era` counts
    how often the user had begun anew before. `unrecorded` says that the user has taken away all that told of it, and
    `unreceipted` a line of it in the receipts alone.
    """

    number: int
    create_id: str
    take_id: str
    fingerprint: str
    process: int
    expected: int | None
    run_id: str | None = None
    cost: int = 0
    final: bool = False
    reported: bool = False
    era: int = 0
    unrecorded: bool = False
    unreceipted: bool = False


@dataclass
class Truth:
    """The record of one history."""

    world: World
    sent: dict[str, Sent] = field(default_factory=dict)
    by_fingerprint: dict[str, list[Sent]] = field(default_factory=lambda: defaultdict(list))
    made: dict[str, Sent] = field(default_factory=dict)
    wanted: Counter[str] = field(default_factory=Counter)
    granted: Counter[str] = field(default_factory=Counter)
    served: dict[str, set[bytes]] = field(default_factory=dict)
    cut_short: set[bytes] = field(default_factory=set)  # of what was served, what was no whole file
    excess_micro_usd: int = 0
    era: int = 0

    def expect_takes(self, campaign: CampaignSpec) -> None:
        """The manifest asks for these takes, so each of them may be paid for once."""
        self.wanted |= Counter(take.fingerprint for take in campaign.takes)

    def begin_anew(self) -> None:
        """The user had the campaign begun anew: all may be paid for once more, and what was paid is not counted."""
        self.era += 1
        self.by_fingerprint.clear()
        self.wanted.clear()
        self.granted.clear()

    def grant(self, fingerprints: Iterable[str]) -> None:
        """The user said that each of these requests may be paid for once more."""
        self.granted.update(fingerprints)

    def newest_cost(self, ledger: Ledger) -> int | None:
        """The cost of the newest create of which the ledger knows one."""
        rows = ledger._db.execute("SELECT create_id, cost_micro_usd FROM runs WHERE cost_micro_usd IS NOT NULL")
        costs = {self.sent[create_id].number: cost for create_id, cost in rows if create_id in self.sent}
        return costs[max(costs)] if costs else None

    def check_cap(self, ledger: Ledger, cap_micro_usd: int | None) -> None:
        """A create is about to leave, and is on record. Raises Violation where it may pass the cap by what the ledger
        knows: all that is on record as paid, and the newest cost for each run, or what may be one, without its own."""
        newest = self.newest_cost(ledger)
        if cap_micro_usd is None or newest is None:
            return
        rows = ledger._db.execute("SELECT coalesce(cost_micro_usd, ?) FROM runs WHERE " + _COUNTS, (newest,))
        committed = sum(cost for (cost,) in rows)
        if committed > cap_micro_usd:
            raise Violation(f"a create leaves, and with it {committed} may be spent: the cap is {cap_micro_usd}")

    def send(self, run: Run, process: int, expected: int | None, now: float) -> Sent:
        """A create leaves. Raises Violation where it may pay a second time."""
        assert run.create_id is not None
        if run.create_id in self.sent:
            raise Violation(f"the create {run.create_id} of {run.take_id} leaves twice")
        risked = [sent for sent in self.by_fingerprint[run.fingerprint] if self.is_risked(sent, now)]
        allowed = self.wanted[run.fingerprint] + self.granted[run.fingerprint]
        if len(risked) >= allowed:
            others = ", ".join(f"{sent.create_id} of {sent.take_id} ({sent.run_id})" for sent in risked)
            raise Violation(
                f"a create of {run.take_id} leaves, and the same request is already paid for, or may be, by {others}: "
                f"{len(risked) + 1} of {allowed} allowed"
            )
        number = len(self.sent)
        sent = Sent(number, run.create_id, run.take_id, run.fingerprint, process, expected, era=self.era)
        self.sent[run.create_id] = sent
        self.by_fingerprint[run.fingerprint].append(sent)
        return sent

    def make(self, create_id: str, run_id: str, cap_micro_usd: int | None, now: float) -> None:
        """The world made a run. Raises Violation where that passes the cap by more than prices rose meanwhile."""
        sent, facts = self.sent[create_id], self.world.facts(run_id)
        assert facts is not None
        sent.run_id, sent.cost = run_id, facts.cost_micro_usd
        self.made[run_id] = sent
        self.excess_micro_usd += max(0, sent.cost - (sent.expected or 0))
        unknowable = (old for old in self.made.values() if not self.is_knowable(old))
        earlier = sum(old.cost for old in unknowable if self._is_paid(old, now))
        net = self.world.stats.charged_micro_usd - self.world.stats.refunded_micro_usd - earlier
        if cap_micro_usd is not None and net > cap_micro_usd + self.excess_micro_usd:
            raise Violation(f"net spend is {net}, the cap {cap_micro_usd}, prices rose by {self.excess_micro_usd}")

    def is_knowable(self, sent: Sent) -> bool:
        """Whether the product must know of this create: the user has neither begun anew since nor taken away all that
        told of it."""
        return sent.era == self.era and not sent.unrecorded

    def is_risked(self, sent: Sent, now: float) -> bool:
        """Whether this create is paid for, or may be as far as the product can know."""
        return not sent.unrecorded and self._is_paid(sent, now)

    def _is_paid(self, sent: Sent, now: float) -> bool:
        if sent.run_id is None:
            return not sent.final
        facts = self.world.facts(sent.run_id)
        assert facts is not None
        return not (facts.failed and facts.completed_ms <= now * 1000)

    def serve(self, run_id: str, data: bytes) -> None:
        """A whole file of this run went out."""
        self.served.setdefault(run_id, set()).add(data)
