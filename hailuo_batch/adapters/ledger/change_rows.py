"""Carries out a plan's changes on the rows of a ledger, within the transaction that the ledger holds."""

from dataclasses import asdict

from hailuo_batch.adapters.ledger import row_checks
from hailuo_batch.adapters.ledger.rows import LedgerRows
from hailuo_batch.core.model import ledger_changes as st
from hailuo_batch.core.model.ledger_changes import LedgerChange


def carry_out(rows: LedgerRows, change: LedgerChange, touched: dict[str, None]) -> int | None:
    """Carry out one change. Return the key of the run that it changed or added, None for none.

    Adds the takes whose state may be different afterwards to `touched`, a set that keeps its order.
    """
    match change:
        case st.WantTake():
            rows.upsert_take(change.take, change.position)
            touched[change.take.id] = None
        case st.UnwantTake():
            rows.remove_from_manifest(change.take_id)
        case st.ForgetTake():
            rows.forget_take(change.take_id)
            touched.pop(change.take_id, None)
        case st.ForgetRuns():
            rows.forget_runs(change.take_id)
            touched[change.take_id] = None
        case st.SupersedeRun():
            touched[rows.supersede(change.key, change.by)] = None
            return change.key
        case st.ReviveRun():
            touched[rows.revive(change.key, change.take_id)] = None
            touched[change.take_id] = None
            return change.key
        case st.DropAttempt():
            touched[rows.drop_attempt(change.key)] = None
        case st.AddAttempt():
            touched[change.take_id] = None
            return rows.add_attempt(change.take_id)
        case st.OpenReplacement():
            replacements = [*rows.replacements(), change.replacement]
            rows.set_fact("replacement", row_checks.render_replacements(replacements))
    return None


def journal_change(rows: LedgerRows, change: LedgerChange, at: float) -> None:
    """Append a change to the journal."""
    detail: dict[str, object]
    match change:
        case st.WantTake(take, position):
            take_id, detail = take.id, {"fingerprint": take.fingerprint, "position": position}
        case st.OpenReplacement(replacement):
            take_id, detail = "", {"patterns": replacement.patterns}
        case _:
            detail = asdict(change)
            take_id = str(detail.get("take_id", ""))
    rows.journal(at, take_id, None, type(change).__name__, None, detail)
