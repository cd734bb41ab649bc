"""The ledger: one SQLite file per campaign."""

from hailuo_batch.shell.ledger.restoring import find_run, restore_backup, set_ledger_aside
from hailuo_batch.shell.ledger.store import Ledger

__all__ = ["Ledger", "find_run", "restore_backup", "set_ledger_aside"]
