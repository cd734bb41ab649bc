"""The ledger, one SQLite file per campaign, and the receipts and the lock beside it."""

from hailuo_batch.adapters.ledger.queries import (
    find_take_of_run,
    read_history,
    read_known_ids,
    read_position,
    read_run_ids,
    read_saved_files,
)
from hailuo_batch.adapters.ledger.reader import JournalEntry, JournalPosition, LedgerReader
from hailuo_batch.adapters.ledger.restore import check_backup, copy_backup, place_copy, restore_backup, set_ledger_aside
from hailuo_batch.adapters.ledger.store import Ledger

__all__ = [
    "JournalEntry",
    "JournalPosition",
    "Ledger",
    "LedgerReader",
    "check_backup",
    "copy_backup",
    "find_take_of_run",
    "place_copy",
    "read_history",
    "read_known_ids",
    "read_position",
    "read_run_ids",
    "read_saved_files",
    "restore_backup",
    "set_ledger_aside",
]
