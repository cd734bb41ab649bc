"""The promises that hold at every step of a history, checked against the truth.

Everything is read anew from the ledger's own tables, the receipts and the folder: nothing the product says of itself
is believed. Each check raises Violation.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.core.model.runs import Output, Run, Snapshot
from hailuo_batch.core.model.states import TRANSITIONS, RunState, TakeState
from hailuo_batch.core.planning.spend import spend_of
from tests.sim.environment import Site
from tests.sim.oddities import HIDING
from tests.sim.truth import Sent, Violation

_UNKNOWN = {RunState.SUBMITTING, RunState.IN_DOUBT, RunState.ABANDONED}


def _reachable() -> dict[str, set[str]]:
    """Every state that a run may come to from each, by any number of rows of the table."""
    reach: dict[str, set[str]] = {state: {state} for state in RunState}
    for _ in RunState:
        for (state, _event), target in TRANSITIONS.items():
            for states in reach.values():
                if state in states:
                    states.add(target)
    return reach


_REACHABLE = _reachable()


@dataclass
class Promises:
    """What must hold, and the state of each run at the last look."""

    site: Site
    receipts: Path
    states: dict[int, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    by_hand: set[bytes] = field(default_factory=set)  # what the user has put in a video's place
    _aside: dict[Path, bytes] = field(default_factory=dict)
    lost: frozenset[int] = frozenset()
    is_plain_copy: bool = False  # the ledger was put back by no means of the product's: files may have moved since
    was_put_back: bool = False  # since the last apply
    _mark: tuple[int, int, int] = (-1, 0, 0)

    def forget_aside(self) -> None:
        """The user has removed a folder: what was set aside there is gone with it."""
        self._aside = {path: data for path, data in self._aside.items() if path.exists()}

    def forget_states(self) -> None:
        """The ledger was put back to an older one."""
        self.was_put_back = True
        self.states = {}
        self._mark = (-1, 0, 0)

    def check_step(self, ledger: Ledger) -> bool:
        """Between two turns of the driver: no run has moved against the table, and every create is accounted for.
        Returns whether anything has changed."""
        mark = (ledger._db.total_changes, len(self.site.truth.made), len(self.site.truth.sent))
        if mark == self._mark:
            return False
        self._mark = mark
        rows = ledger._db.execute("SELECT key, create_id, run_id, state, cost_micro_usd FROM runs").fetchall()
        self._check_states({row[0]: row[3] for row in rows})
        self._check_costs((row[2], row[4]) for row in rows)
        self._check_creates({row[1]: row for row in rows}, {row[2] for row in rows})
        return True

    def check_receipts(self) -> None:
        """Every create that left has its line."""
        paths = self.receipts.parent.glob(f"{self.receipts.name}*")
        text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)
        for sent in self.site.truth.sent.values():
            if not sent.unreceipted and f'"create":"{sent.create_id}"' not in text:
                raise Violation(f"the create {sent.create_id} left without a receipt")

    def check_files(self, snapshot: Snapshot | None) -> None:
        """Nothing paid was overwritten or deleted, and every file is whole; with a snapshot, each is where it says."""
        found = read_folder(self.site.outputs)
        served = {data for files in self.site.truth.served.values() for data in files}
        for path, data in found.items():
            if data not in served and data not in self.by_hand:
                raise Violation(f"{path} differs from everything that was served")
        kept = {*found.values(), *self._read_set_aside()}
        for path, data in self.files.items():
            if data not in kept:
                raise Violation(f"{path} was there and is there no more")
        self.files = found
        for run in snapshot.runs if snapshot is not None else ():
            for output in run.outputs:
                self._check_output(run, output, found)

    def differing(self, snapshot: Snapshot) -> list[tuple[Run, Output]]:
        """The outputs that were ever saved and are not on disk as they were saved; of a run given up, only what is. And
        those of live runs that came damaged, as far as the ledger knows."""
        found = read_folder(self.site.outputs)
        digests = {path: hashlib.sha256(data).hexdigest() for path, data in found.items()}
        saved = ((run, output) for run in snapshot.runs for output in run.outputs if output.sha256 is not None)
        differing = [(run, output) for run, output in saved if output.sha256 not in _places(output, digests)]
        missed = [(run, output) for run, output in differing if not _is_given_up(run, _places(output, digests))]
        live = (run for run in snapshot.runs if run.state is RunState.SUCCEEDED and not run.is_superseded)
        damaged = ((run, output) for run in live for output in run.outputs if output.flaw is not None)
        return missed + [item for item in damaged if item not in missed]

    def check_report(self, snapshot: Snapshot) -> None:
        """The report says of every saved file what the ledger says, and so does the note beside each."""
        folder = self.site.outputs
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        reported = {file["path"]: file["sha256"] for take in report["takes"] for file in take["outputs"]}
        reported.pop(None, None)  # what is not on disk is told of without a path
        saved = {output.path: output.sha256 for run in snapshot.runs for output in run.outputs if output.path}
        if reported != {path: sha256 for path, sha256 in reported.items() if saved.get(path) == sha256}:
            raise Violation(f"the report tells of {reported}, the ledger of {saved}")
        live = {output.path for record in snapshot.takes if record.live for output in record.live.outputs}
        if missing := {path for path in live if path is not None} - reported.keys():
            raise Violation(f"the report does not tell of {missing}")
        for path in filter(lambda path: (folder / path).exists(), saved):
            note = json.loads((folder / f"{path}.json").read_text(encoding="utf-8"))
            if note["sha256"] != saved[path]:
                raise Violation(f"the note beside {path} is of {note['sha256']}, the ledger of {saved[path]}")

    def expect_stranger(self, snapshot: Snapshot) -> None:
        """The next apply has no key of the account that made the open runs, nor one that ever made a run."""
        self.lost = _lost(snapshot)

    def check_stranger(self, creates: int, snapshot: Snapshot | None) -> None:
        """That apply has paid for nothing and called nothing lost."""
        if creates:
            raise Violation(f"an apply with nothing but keys of another account paid for {creates} runs")
        if snapshot is not None and not _lost(snapshot) <= self.lost:
            raise Violation("an apply with nothing but keys of another account marked runs as lost")

    def check_final(self, snapshot: Snapshot) -> None:
        """After all is quiet: the ledger's money is the world's, and so is how each run ended."""
        world, truth = self.site.world, self.site.truth
        world.pay_refunds(self.site.clock.now())
        known = {run.run_id: run for run in snapshot.paid_runs if run.run_id is not None}
        for run_id, sent in truth.made.items():
            if truth.is_knowable(sent) or run_id in known:
                self._check_paid(run_id, sent, known.get(run_id), snapshot)
        spend = spend_of(snapshot.paid_runs)
        charged = sum(sent.cost for run_id, sent in truth.made.items() if run_id in known)
        odd = any(run.cost_micro_usd is None for run in known.values())
        if spend.charged_micro_usd != charged and not odd:
            raise Violation(f"the ledger says {spend.charged_micro_usd} charged, the world {charged}")
        forgotten = {run.key for run in snapshot.forgotten}
        read = {run_id for run_id, run in known.items() if _is_read(run, forgotten)}
        refunded = sum(sent.cost for run_id, sent in truth.made.items() if self._failed(run_id) and run_id in read)
        if spend.refunded_micro_usd != refunded and not odd:
            raise Violation(f"the ledger says {spend.refunded_micro_usd} refunded, the world {refunded}")

    def _check_states(self, states: Mapping[int, str]) -> None:
        for key, before in self.states.items():
            after = states.get(key)
            if after is None:
                if RunState.UNSENT not in _REACHABLE[before]:
                    raise Violation(f"run {key}, which was {before}, is gone from the ledger")
            elif after not in _REACHABLE[before]:
                raise Violation(f"run {key} went from {before} to {after}")
        self.states = dict(states)

    def _check_creates(self, by_create: Mapping[str, Any], run_ids: Iterable[str | None]) -> None:
        named = {run_id for run_id in run_ids if run_id is not None}
        for sent in self.site.truth.sent.values():
            if not self.site.truth.is_knowable(sent) or sent.final or sent.run_id in named:
                continue
            row = by_create.get(sent.create_id)
            if row is None:
                raise Violation(f"the ledger does not know the create {sent.create_id} of {sent.take_id}")
            if row[3] not in _UNKNOWN and row[2] is None:
                raise Violation(f"the create {sent.create_id} of {sent.take_id} has no answer, and its run is {row[3]}")
            if sent.reported and not sent.unreceipted and not self._is_receipted(sent):
                raise Violation(f"{sent.run_id} of {sent.take_id} was answered, and is in neither ledger nor receipts")

    def _check_costs(self, costs: Iterable[tuple[str | None, object]]) -> None:
        """A cost that the ledger has is what the world took: what no cost can be is not known, and counts so."""
        made = self.site.truth.made
        for run_id, cost in costs:
            if run_id in made and cost is not None and cost != made[run_id].cost:
                raise Violation(f"{run_id} cost {made[run_id].cost}, and the ledger says {cost!r}")

    def _read_set_aside(self) -> set[bytes]:
        """What was set aside, which must stay just so for ever. Returns the videos among it."""
        outputs, state = self.site.outputs, self.receipts.parent
        folders = tuple(outputs.parent.glob(f"{outputs.name}.old-*")) if outputs.parent.exists() else ()
        for path in (*state.glob("*.old-*"), *(path for folder in folders for path in folder.rglob("*.mp4"))):
            self._aside.setdefault(path, path.read_bytes())
        for path, data in self._aside.items():
            if not path.exists() or path.read_bytes() != data:
                raise Violation(f"{path.name} was set aside, and is not as it was")
        return {data for folder in folders for data in read_folder(folder).values()}

    def _is_receipted(self, sent: Sent) -> bool:
        return f'"run_id":"{sent.run_id}"' in self.receipts.read_text(encoding="utf-8", errors="replace")

    def _check_output(self, run: Run, output: Output, found: Mapping[str, bytes]) -> None:
        if output.path is None or output.moving_to is not None:
            return
        data = found.get(output.path)
        assert run.run_id is not None
        if data is None:
            raise Violation(f"the ledger says that {output.path} is saved, and it is not there")
        if self.is_plain_copy:
            return
        if data not in self.site.truth.served.get(run.run_id, ()) and data not in self.by_hand:
            raise Violation(f"{output.path} is not what was served for {run.run_id} of {run.take_id}")
        if data in self.site.truth.cut_short and output.flaw is None and not run.is_superseded:
            raise Violation(f"{output.path} came cut short, and the ledger does not say so")

    def _check_paid(self, run_id: str, sent: Sent, run: Run | None, snapshot: Snapshot) -> None:
        if run is None:
            held = next((run for run in snapshot.paid_runs if run.create_id == sent.create_id), None)
            if held is None or held.state not in _UNKNOWN or held.run_id is not None:
                raise Violation(f"{run_id} of {sent.take_id} is paid for, and nobody knows of it")
            return
        if any(run.key == forgotten.key for forgotten in snapshot.forgotten):
            return
        odd = self.site.oddities.of(run_id) in HIDING
        if not odd and run.state not in {RunState.SUCCEEDED, RunState.FAILED, RunState.ABANDONED}:
            raise Violation(f"{run_id} of {run.take_id} has long ended, and the ledger says {run.state}")
        if not odd and run.state is not RunState.ABANDONED and (run.state is RunState.FAILED) != self._failed(run_id):
            raise Violation(f"{run_id} of {run.take_id} is {run.state} in the ledger, not so in the world")

    def _failed(self, run_id: str) -> bool:
        facts = self.site.world.facts(run_id)
        assert facts is not None
        return facts.failed and self.site.oddities.of(run_id) not in HIDING


def _lost(snapshot: Snapshot) -> frozenset[int]:
    return frozenset(run.key for run in snapshot.runs if run.state is RunState.LOST)


def _is_read(run: Run, forgotten: Collection[int]) -> bool:
    """Whether the ledger knows how this run ended: of what was given up or forgotten it may not."""
    return run.state is not RunState.ABANDONED and (run.key not in forgotten or run.state is RunState.FAILED)


def check_end(site: Site, snapshot: Snapshot, stopped: bool) -> None:
    """Every wanted take is done, or stands where the user is told what to do."""
    for record in snapshot.takes:
        if not record.in_manifest:
            continue
        live = record.live
        odd = site.oddities.of(live.run_id) if live is not None and live.run_id is not None else ""
        match record.state:
            case TakeState.DONE | TakeState.IN_DOUBT | TakeState.REJECTED | TakeState.FAILED | TakeState.ABANDONED:
                continue
            case TakeState.LOST if odd in HIDING:
                continue
            case TakeState.RUNNING if odd in {"endless", "unknown status"}:
                continue
            case TakeState.RUNNING if odd == "vanished" and live is not None and live.api_key is None:
                continue  # which key made it is not on record, so nothing tells that it is lost
            case TakeState.DOWNLOADING if odd in {"dead link", "mute"}:
                continue
            case TakeState.WAITING if stopped:
                continue
            case _:
                raise Violation(f"{record.take.id} ends {record.state}, and nobody is told why ({odd or 'not odd'})")


def read_folder(folder: Path) -> dict[str, bytes]:
    """Every video below a folder, less what is still being written, the report and the notes beside the videos."""
    if not folder.exists():
        return {}
    paths = (path for path in folder.rglob("*") if path.is_file() and not _is_beside(path.name))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def _is_beside(name: str) -> bool:
    """Whether a file of this name is no video: a part of one, what is written beside them, or a draft of that."""
    return name.startswith("report.") or name.endswith((".part", ".json", ".tmp"))


def _is_given_up(run: Run, places: Iterable[str | None]) -> bool:
    """Whether the user has given the run up, and has nothing of the file either."""
    return run.state is RunState.ABANDONED and not any(places)


def _places(output: Output, digests: Mapping[str, str]) -> tuple[str | None, ...]:
    """What lies where an output was saved, or is being moved to."""
    return tuple(digests.get(path) for path in (output.moving_to, output.path) if path is not None)
