"""What is on record of the creates that left, wherever it lies: in the ledger, in the receipts, and beside them.

The user may take records away: put an older state folder back, delete a file of it. A create of which nothing is left
that tells is no longer the product's to know; one that the report, a note beside a video or the backup still names is.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hailuo_batch.app.workspace import CampaignPaths
from tests.sim.truth import Sent, Truth

Names = frozenset[str]


@dataclass
class Records:
    """The records of one campaign. `has_ledger` says whether there is a ledger that can be used."""

    truth: Truth
    paths: CampaignPaths
    has_ledger: Callable[[], bool]
    _bereft: list[Sent] = field(default_factory=list)
    _torn: dict[Path, tuple[bytes, Names]] = field(default_factory=dict)

    @contextmanager
    def taking_away(self) -> Iterator[None]:
        """While it lasts, the user does what may take records away, or bring them back."""
        before = self._names()
        yield
        self._compare(before)

    def lose(self, sent: Iterable[Sent]) -> None:
        """These left after their records had been taken away, and before that could be noticed."""
        self._bereft += sent

    def forgive_answers(self) -> None:
        """The receipts were taken away while a process was at work: what was answered since may be in no receipt."""
        receipts = self._receipt_names()
        for sent in self.truth.sent.values():
            sent.unreceipted = sent.unreceipted or (sent.reported and sent.run_id not in receipts)

    def finish_some(self) -> None:
        """A process has ended: what it sent too late to be recorded is on record, or is not."""
        if not self._bereft:
            return
        names = self._names()
        for sent in self._bereft:
            sent.unrecorded = not _is_among(sent, names)
            sent.unreceipted = True
        self._bereft.clear()

    @property
    def is_behind(self) -> bool:
        """Whether something beside the ledger tells of a payment that neither the ledger nor the receipts know."""
        known, traces = self._ledger_names() | self._receipt_names(), self._traces()
        ours = (sent for sent in self.truth.sent.values() if sent.era == self.truth.era and _is_paid(sent))
        named = (sent.run_id if sent.run_id in traces else sent.create_id for sent in ours)
        return any(name in traces - known for name in named)

    @property
    def is_contradicted(self) -> bool:
        """Whether something beside the ledger names a create that neither the ledger nor the receipts know, be it one
        that never left: in doubt, it may have been paid for as far as the product can know."""
        return bool(self._traces() - self._ledger_names() - self._receipt_names())

    def _compare(self, before: Names) -> None:
        after, receipts = self._names(), self._receipt_names()
        for sent in self.truth.sent.values():
            answer_is_lost = sent.unreceipted and sent.reported and sent.run_id not in receipts
            sent.unreceipted = answer_is_lost or sent.create_id not in receipts
            if _is_among(sent, after):
                sent.unrecorded = False
            elif _is_among(sent, before):
                sent.unrecorded = True

    def _names(self) -> Names:
        """The IDs of all creates and runs that are on record anywhere."""
        return self._ledger_names() | self._receipt_names() | self._traces()

    def _ledger_names(self) -> Names:
        return _rows(self.paths.ledger) if self.has_ledger() else frozenset()

    def _receipt_names(self) -> Names:
        try:
            lines = self.paths.receipts.read_bytes().decode("utf-8", errors="replace").split("\n")
        except OSError:
            return frozenset()
        return frozenset(name for line in lines for name in _named(line, ("create", "run_id")))

    def tear(self, path: Path, content: bytes) -> None:
        """A disk or a tool leaves this of a file. Nobody can read any more what it told, but that it told something."""
        reported = self._named_by(path)
        path.write_bytes(content)
        self._torn[path] = content, reported

    @property
    def torn(self) -> list[Path]:
        """The files that are torn, and that nobody has written anew or moved away."""
        return [path for path in self._torn if self._is_torn(path)]

    def _is_torn(self, path: Path) -> bool:
        return path in self._torn and path.exists() and path.read_bytes() == self._torn[path][0]

    def notes(self) -> list[Path]:
        """The report, and the notes beside the videos."""
        folder = self.paths.outputs
        report = folder / "report.json"
        return [*sorted(folder.rglob("*.mp4.json")), *([report] if report.exists() else ())] if folder.exists() else []

    def _traces(self) -> Names:
        """What the report, the notes beside the videos and the backup tell of."""
        reported = frozenset(name for note in self.notes() for name in self._named_by(note))
        return reported | (_rows(self.paths.backup) if self.paths.backup.exists() else frozenset())

    def _named_by(self, path: Path) -> Names:
        if self._is_torn(path):
            return self._torn[path][1]
        text = path.read_text(encoding="utf-8")
        if path.name != "report.json":
            return frozenset(_named(text, ("run_id",)))
        with suppress(ValueError):
            runs = [run for take in json.loads(text)["takes"] for run in take["runs"]]
            return frozenset(run[name] for run in runs for name in ("run_id", "create_id") if run.get(name))
        return frozenset()


def _is_paid(sent: Sent) -> bool:
    """Whether it was paid for, or may have been, as far as the product was told."""
    return sent.run_id is not None or not sent.final


def _is_among(sent: Sent, names: Names) -> bool:
    return sent.create_id in names or (sent.run_id is not None and sent.run_id in names)


def _named(text: str, fields: Iterable[str]) -> list[str]:
    with suppress(ValueError):
        data = json.loads(text)
        return [data[name] for name in fields if isinstance(data, dict) and isinstance(data.get(name), str)]
    return []


def _rows(path: Path) -> Names:
    """Every create and run that a ledger's file knows or has known; none where it cannot be read. Looking leaves no
    trace beside it."""
    log = path.with_name(f"{path.name}-wal")
    how = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    names: set[str] = set()
    with suppress(sqlite3.Error, ValueError), closing(sqlite3.connect(f"{path.as_uri()}?{how}", uri=True)) as db:
        names.update(name for row in db.execute("SELECT create_id, run_id FROM runs") for name in row if name)
        for (line,) in db.execute(
            "SELECT detail FROM journal WHERE what IN ('CreateStarted', 'RunCreated', 'PutBack')"
        ):
            names.update(_named(line, ("create", "create_id", "run_id")))
    return frozenset(names)


__all__ = ["Records"]
