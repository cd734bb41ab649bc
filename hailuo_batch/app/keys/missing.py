"""Which runs under way can only be read with an API key that is not among the given ones. Sends nothing."""

from collections.abc import Iterable, Mapping

from hailuo_batch.app.api_target import find_keys
from hailuo_batch.app.config import named_keys
from hailuo_batch.app.ledger_access import LedgerView
from hailuo_batch.app.workspace import CampaignContext
from hailuo_batch.core.model.runs import Run, Snapshot
from hailuo_batch.core.model.states import RUNNING
from hailuo_batch.ui.text import count, name_some

_MOST_NAMED = 3


def missing_keys_note(context: CampaignContext, view: LedgerView) -> str:
    """Which keys of the campaign are not given, and what waits for them; empty where none is missing."""
    given = () if context.is_sandbox else named_keys(context.where.access.keys)
    return missing_keys_text(view.snapshot, runs_by_missing_key(view.snapshot, view.key_hashes, given))


def runs_by_missing_key(snapshot: Snapshot, hashes: Mapping[int, str], keys: Iterable[str]) -> dict[int, list[Run]]:
    """The runs under way by the number of their key, for each key that is not given. `hashes` are the ledger's.

    Empty where no key is given at all: then nothing is known of what the next apply will have.
    """
    given = [*keys]
    numbers = {run.api_key for run in snapshot.runs if run.state in RUNNING and run.api_key is not None}
    if not given or not numbers:
        return {}
    missing = sorted(numbers - {key.number for key in find_keys(hashes, given).values()})
    return {
        number: [run for run in snapshot.runs if run.state in RUNNING and run.api_key == number] for number in missing
    }


def missing_keys_text(snapshot: Snapshot, missing: Mapping[int, list[Run]]) -> str:
    """The same in words, empty where no key is missing."""
    names = {key.number: key for key in snapshot.api_keys}
    listed = "; ".join(
        f"{names.get(number, f'key {number}')}, which made {count(len(runs), 'run')} "
        f"({name_some([run.take_id for run in runs], _MOST_NAMED)})"
        for number, runs in missing.items()
    )
    if not listed:
        return ""
    return (
        f"Not among the given API keys: {listed}. These runs are paid for and recorded. The next apply asks about them "
        "with each given key; only the key that made them, or another one of its account, knows them. To be sure, put "
        "it into RUNBASE_API_KEYS."
    )
