"""What happens to the files of the state folder that no program would do: an older folder is put back, a value is
altered, files are taken away while an apply is at work.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from hailuo_batch.app.workspace import CampaignPaths

_SIDE = ("", "-wal", "-shm")
_ODD_COSTS: tuple[object, ...] = (10**30, -1, -280_000, 0.28, 1e300, True, "280000", "", None, [280_000], {})

# what fits no type: for each column that a snapshot is made of
_NO_TEXT = (b"\xff\xfe\x00", b"")
_BROKEN_TEXT = "CAST(x'66ff6f' AS TEXT)"  # bytes that are no UTF-8
_NO_NUMBER = ("many", b"\x01\x02", "0x10")
_NO_JSON = ('{"prompt": "a la', "", "nothing", "[1, 2", "17")
_NO_STATE = ("su9ceeded", "", "SUCCEEDED", b"pending")
_VALUES: dict[tuple[str, str], tuple[object, ...]] = {
    ("runs", "state"): _NO_STATE,
    ("runs", "input_json"): (*_NO_JSON, *_NO_TEXT),
    ("runs", "fingerprint"): _NO_TEXT,
    ("runs", "model"): _NO_TEXT,
    ("runs", "take_id"): (b"\xff\xfe",),
    ("runs", "attempt"): _NO_NUMBER,
    ("runs", "superseded_by"): ("nobody", b"edit"),
    ("runs", "run_id"): _NO_TEXT,
    ("runs", "create_id"): _NO_TEXT,
    ("runs", "cost_micro_usd"): (*_NO_NUMBER, 0.5, -1),
    ("runs", "submitted_at"): _NO_NUMBER,
    ("runs", "completed_at"): _NO_NUMBER,
    ("runs", "reason"): _NO_TEXT,
    ("takes", "id"): (b"\xff\xfe", None),
    ("takes", "shot"): _NO_TEXT,
    ("takes", "number"): _NO_NUMBER,
    ("takes", "model"): _NO_TEXT,
    ("takes", "input_json"): (*_NO_JSON, *_NO_TEXT),
    ("takes", "fingerprint"): _NO_TEXT,
    ("takes", "tags"): ('["a"', "", "7", b"[]"),
    ("takes", "in_manifest"): _NO_NUMBER,
    ("files", "number"): _NO_NUMBER,
    ("files", "url"): _NO_TEXT,
    ("files", "path"): _NO_TEXT,
    ("files", "bytes"): (*_NO_NUMBER, -5),
    ("files", "sha256"): _NO_TEXT,
    ("files", "moving_to"): _NO_TEXT,
    ("files", "flaw"): _NO_TEXT,
    ("facts", "value"): _NO_TEXT,
}


@dataclass
class StateDamage:
    """Whoever does it. The caller says what that takes away."""

    rng: Random
    paths: CampaignPaths
    cache: Path
    log: Callable[[str], None]
    _cached: dict[str, bytes] | None = field(default=None)

    # --- an older state folder ---

    @property
    def has_copy(self) -> bool:
        """Whether a copy of the state folder is kept."""
        return self._cached is not None

    def keep_state(self) -> None:
        """The whole folder is copied away, as a CI cache does; lock and what was set aside are no part of it."""
        self._cached = {path.name: path.read_bytes() for path in self._state() if path.exists()}
        self.log(f"a copy of the state folder is kept: {', '.join(self._cached)}")

    def put_state_back(self, *, whole: bool) -> bool:
        """The copy is put back: whole, or only some of its files. Returns whether there was one."""
        if self._cached is None:
            return False
        ledger, backup, receipts = self._state()
        some = ((ledger,), (receipts,), (backup,), (ledger, backup), (ledger, receipts))
        for path in (ledger, backup, receipts) if whole else self.rng.choices(some, (2, 2, 1, 1, 1))[0]:
            self._remove(path)
            if path.name in self._cached:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self._cached[path.name])
            self.log(f"{path.name} is put back to what it was")
        return True

    def forget_copies(self) -> None:
        """The campaign was begun anew: the copy is of another one."""
        self._cached = None

    # --- one value altered ---

    def alter_value(self) -> bool:
        """One value in a row of the ledger becomes one that fits no type. Returns whether there was any."""
        columns = list(_VALUES)
        self.rng.shuffle(columns)
        with closing(sqlite3.connect(self.paths.ledger, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous = OFF")
            for table, column in columns:
                rows = [row for (row,) in db.execute(f"SELECT rowid FROM {table} WHERE {self._in_use(table, column)}")]
                values = (*_VALUES[table, column], _BROKEN_TEXT)
                if rows and self._alter(db, table, column, self.rng.choice(rows), values):
                    return True
        return False

    def _in_use(self, table: str, column: str) -> str:
        """Which rows a snapshot must read to the end."""
        if table == "facts":
            return "name IN ('campaign', 'endpoint')"
        return f"{column} IS NOT NULL"

    def _alter(self, db: sqlite3.Connection, table: str, column: str, row: int, values: Sequence[object]) -> bool:
        value = self.rng.choice(values)
        term, given = (value, ()) if value is _BROKEN_TEXT else ("?", (value,))
        with suppress(sqlite3.IntegrityError):
            db.execute(f"UPDATE {table} SET {column} = {term} WHERE rowid = ?", (*given, row))
            self.log(f"{column} of row {row} of {table} is now {value!r}")
            return True
        return False

    # --- the receipts ---

    def alter_costs(self) -> bool:
        """Costs in the receipts become what no cost is. Returns whether there were any."""
        if not self.paths.receipts.exists():
            return False
        lines = self.paths.receipts.read_text(encoding="utf-8", errors="replace").split("\n")
        altered = [self._with_odd_cost(line) for line in lines]
        if altered == lines:
            return False
        self.paths.receipts.write_text("\n".join(altered), encoding="utf-8", errors="replace")
        self.log("costs in the receipts are now what no cost is")
        return True

    def _with_odd_cost(self, line: str) -> str:
        with suppress(ValueError):
            data = json.loads(line)
            if isinstance(data, dict) and "cost_micro_usd" in data:
                return json.dumps({**data, "cost_micro_usd": self.rng.choice(_ODD_COSTS)}, separators=(",", ":"))
        return line

    # --- while an apply is at work ---

    def take_away(self) -> str:
        """Files of the state folder go, or others come in their place. Returns what was done."""
        ledger, _, receipts = self._state()
        deeds: tuple[tuple[str, Callable[[], object]], ...] = (
            ("the state folder is removed", lambda: shutil.rmtree(ledger.parent)),
            ("the state folder is moved away", self._move_away),
            ("the ledger is removed", lambda: self._remove(ledger)),
            ("the receipts are removed", lambda: self._remove(receipts)),
            ("ledger and receipts are removed", lambda: self._remove(ledger, receipts)),
            ("the ledger is replaced by a copy of it", lambda: self._replace(ledger)),
            ("the receipts are replaced by a copy of them", lambda: self._replace(receipts)),
            ("an older state folder is put back", lambda: self.put_state_back(whole=True)),
        )
        what, do = self.rng.choice(deeds)
        if "older" in what and self._cached is None:
            what, do = deeds[0]
        self.log(what)
        do()
        return what

    def remove_lock(self) -> None:
        """The lock's file goes."""
        self.paths.lock.unlink(missing_ok=True)
        self.log("the lock's file is removed")

    def _move_away(self) -> None:
        state = self.paths.ledger.parent
        self.cache.mkdir(exist_ok=True)
        state.rename(self.cache / f"state-{len(list(self.cache.iterdir()))}")

    def _replace(self, path: Path) -> None:
        content = path.read_bytes()
        self._remove(path)
        path.write_bytes(content)

    def _remove(self, *paths: Path) -> None:
        for path in paths:
            for suffix in _SIDE if path == self.paths.ledger else ("",):
                path.with_name(path.name + suffix).unlink(missing_ok=True)

    def _state(self) -> tuple[Path, Path, Path]:
        return self.paths.ledger, self.paths.backup, self.paths.receipts


__all__ = ["StateDamage"]
