"""Whether what an apply writes into still bears its names: the ledger, the receipts and the lock.

Somebody may remove, move or replace the state folder while an apply is at work: an `rm -r`, a sync tool, a branch that
is checked out. What is written from then on goes into files that nobody finds, and is gone with this process. So it is
looked at before every batch of creates: nothing is paid for that no file remembers.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.ledger.receipts import Receipts, load_receipts
from hailuo_batch.core.model.events import RunCreated
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.planning.recovery import CreateResult
from hailuo_batch.errors import LedgerError


class HeldFile(Protocol):
    """A file that is held open."""

    def check_in_place(self) -> None:
        """Raises LedgerError where it no longer bears its name."""


class CampaignFiles:
    """The files of one campaign that this apply holds open."""

    def __init__(self, ledger: Ledger, receipts: Receipts, *others: HeldFile) -> None:
        self._ledger = ledger
        self._receipts = receipts
        self._all: tuple[HeldFile, ...] = (ledger, receipts, *others)
        self._reported: set[str] | None = None

    def check(self) -> None:
        """Raises LedgerError where one of them no longer bears its name, and again where more has been lost since.

        It names the runs that are paid for, whose videos are not there yet, and that no file knows any more.
        """
        troubles = [str(trouble) for file in self._all for trouble in _problems_of(file)]
        if not troubles:
            return
        lost = {run.run_id: run.take_id for run in self._lost_runs() if run.run_id is not None}
        fresh = {run_id: take_id for run_id, take_id in lost.items() if run_id not in (self._reported or ())}
        if fresh or self._reported is None:
            is_first, self._reported = self._reported is None, {*(self._reported or ()), *fresh}
            raise LedgerError(_describe(troubles if is_first else [], fresh))

    def _lost_runs(self) -> Iterator[Run]:
        """The runs that neither the receipts nor the ledger know which bear their names now."""
        if not _problems_of(self._ledger) or not _problems_of(self._receipts):
            return
        known = self._known_run_ids()
        for run in self._ledger.snapshot().paid_runs:
            if run.run_id is not None and run.run_id not in known and not run.outputs_saved:
                yield run

    def _known_run_ids(self) -> set[str | None]:
        """The runs in what bears their names now."""
        known: set[str | None] = set()
        with suppress(LedgerError):
            results = (receipt for receipt in load_receipts(self._receipts.path) if isinstance(receipt, CreateResult))
            known |= {result.outcome.run_id for result in results if isinstance(result.outcome, RunCreated)}
        with suppress(LedgerError):
            before = self._ledger.snapshot()
            with Ledger.read(self._ledger.path, before.campaign, before.endpoint) as now:
                known |= {run.run_id for run in now.snapshot().paid_runs}
        return known


def _problems_of(file: HeldFile) -> list[LedgerError]:
    try:
        file.check_in_place()
    except LedgerError as error:
        return [error]
    return []


def _describe(troubles: list[str], lost: dict[str, str]) -> str:
    paid = ", ".join(f"{take_id} is {run_id}" for run_id, take_id in lost.items())
    named = (
        f"Paid for, not downloaded yet, and in none of these files any more: {paid}. Keep these IDs: they are the way "
        "to the videos."
    )
    back = (
        "Where the files were moved, move them back: all is in them. Else `hailuo-batch state restore MANIFEST` "
        "rebuilds the ledger from what is left."
    )
    return " ".join([*troubles, *([named] if paid else []), *([back] if troubles else [])])
