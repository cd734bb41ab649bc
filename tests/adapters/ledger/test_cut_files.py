"""A ledger that lost its end is damaged: SQLite would fill a last page that was cut short with zeros."""

from pathlib import Path

import pytest

from hailuo_batch.errors import LedgerError
from tests.adapters.ledger.test_opening import used_ledger
from tests.helpers.ledgers import open_ledger


@pytest.mark.parametrize("lost", [1, 100, 2000])
def test_a_ledger_that_was_cut_within_a_page_is_damaged(tmp_path: Path, lost: int) -> None:
    path = used_ledger(tmp_path)
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(LedgerError, match="damaged"):
        open_ledger(path)
