"""The ledger: one SQLite file per campaign."""

from hailuo_batch.adapters.ledger.queries import (
    find_run,
    read_experience,
    read_mark,
    read_names,
    read_run_ids,
    read_saved,
)
from hailuo_batch.adapters.ledger.reader import Change, LedgerReader, Mark
from hailuo_batch.adapters.ledger.restore import check_backup, restore_backup, set_ledger_aside
from hailuo_batch.adapters.ledger.store import Ledger

__all__ = [
    "Change",
    "Ledger",
    "LedgerReader",
    "Mark",
    "check_backup",
    "find_run",
    "read_experience",
    "read_mark",
    "read_names",
    "read_run_ids",
    "read_saved",
    "restore_backup",
    "set_ledger_aside",
]
