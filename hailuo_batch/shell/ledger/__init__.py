"""The ledger: one SQLite file per campaign."""

from hailuo_batch.shell.ledger.store import Ledger

__all__ = ["Ledger"]
