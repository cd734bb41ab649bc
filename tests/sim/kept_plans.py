"""Plans that the user keeps in files, and what may come of them: nothing that a plan does not say, and nothing twice.

What a plan says is read from its file, as a reviewer would read it. Whether it still holds is judged by the ledger's
rows: a plan holds while they are as they were when it was made, be it again, or as its own last apply has left them.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hailuo_batch.core.model.runs import Run, Snapshot
from hailuo_batch.values import CampaignSpec
from tests.sim.truth import Sent, Truth, Violation

Rows = tuple[object, ...]

_PAYING = frozenset({"create", "replace"})
_FOLLOWED = frozenset({"resume", "download"})


@dataclass
class KeptPlan:
    """A plan in a file. `rows` are the ledger's when it was made, nothing where there was none yet, and `left` those
    that its own last apply has left. `replace` are the patterns that it was asked for, and `followed` has the creates
    of the runs that it only follows, by take.

    `is_alone` says that nothing but this plan has been at work since it was begun: then it must go on.
    """

    path: Path
    campaign: CampaignSpec
    rows: Rows
    replace: tuple[str, ...]
    takes: Mapping[str, str]
    followed: Mapping[str, str | None]
    left: Rows = ()
    is_alone: bool = False
    must_be_refused: bool = False
    sent: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def read(cls, path: Path, campaign: CampaignSpec, rows: Rows, snapshot: Snapshot | None) -> "KeptPlan":
        """The plan in the file, as a person reads it: the takes that it pays for or follows. `snapshot` is the ledger
        that it was made with, None where there was none yet."""
        document = json.loads(path.read_text(encoding="utf-8"))
        lines, asked = document["takes"], tuple(document["wishes"]["replace"])
        takes = {line["id"]: line["fingerprint"] for line in lines if line["action"] in _PAYING | _FOLLOWED}
        lives = {record.take.id: record.live for record in (snapshot.takes if snapshot is not None else ())}
        runs = {line["id"]: lives.get(line["moved_from"] or line["id"]) for line in lines}
        followed = {line["id"]: runs[line["id"]] for line in lines if line["action"] in _FOLLOWED}
        creates = {take_id: run.create_id for take_id, run in followed.items() if run is not None}
        return cls(path, campaign, rows, asked, takes, creates, left=rows)

    def look(self, campaign: CampaignSpec, rows: Rows) -> None:
        """An apply of it begins, on this manifest and this ledger."""
        self.must_be_refused = campaign != self.campaign or rows not in (self.rows, self.left)

    def check_beginning(self) -> None:
        """Its apply is about to carry it out. Raises Violation where it does not hold."""
        if self.must_be_refused:
            raise Violation(f"{self.path.name} is applied, and the manifest or the ledger has changed since")

    def check_create(self, run: Run, truth: Truth, now: float) -> None:
        """Its apply is about to pay. Raises Violation where the plan does not say so, or has done so already."""
        if self.takes.get(run.take_id) != run.fingerprint:
            raise Violation(f"{self.path.name} does not have the create of {run.take_id} that leaves")
        followed = truth.sent.get(self.followed.get(run.take_id) or "")
        if followed is not None and truth.is_risked(followed, now):
            raise Violation(f"{self.path.name} pays for {run.take_id}, whose run it only follows")
        earlier = [truth.sent[create_id] for create_id in self.sent[run.take_id]]
        if paid := [sent for sent in earlier if truth.is_risked(sent, now)]:
            raise Violation(f"{self.path.name} pays once more for {run.take_id}, after {_reported(paid)}")
        assert run.create_id is not None
        self.sent[run.take_id].append(run.create_id)

    def end(self, rows: Rows, *, began: bool, refused: bool) -> None:
        """An apply of it has ended, and has left the ledger so; `began` where it was carried out, at least in part."""
        self.left = rows
        self.is_alone = (self.is_alone or began) and not (refused and not began)


@dataclass
class KeptPlans:
    """Where the user keeps plans. `read_rows` reads the ledger's rows as they are now."""

    read_rows: Callable[[], Rows]
    plans: list[KeptPlan] = field(default_factory=list)
    made: int = 0

    def touch(self, but: KeptPlan | None = None) -> None:
        """Something else than the plan `but` is at work."""
        for plan in self.plans:
            if plan is not but:
                plan.is_alone = False


def _reported(paid: list[Sent]) -> str:
    return ", ".join(f"{sent.create_id} ({sent.run_id})" for sent in paid)
