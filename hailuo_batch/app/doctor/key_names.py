"""What the campaign's ledger calls the given API keys, and which key of its runs is not given."""

from collections.abc import Iterator, Mapping

from hailuo_batch.app.api_target import find_keys
from hailuo_batch.app.doctor.finding import Finding, Level
from hailuo_batch.app.keys.missing import missing_keys_note
from hailuo_batch.app.ledger_access import LedgerView
from hailuo_batch.app.workspace import CampaignContext


def check_key_names(context: CampaignContext, view: LedgerView, keys: Mapping[str, str]) -> Iterator[Finding]:
    """Name each key of a campaign that has several, and those that are missing. `keys` are the given ones, with what
    they are called."""
    if len(view.key_hashes) > 1:
        known = find_keys(view.key_hashes, keys)
        for key, name in keys.items():
            text = f"{name} is {known[key]} of this campaign." if key in known else f"{name} is new to this campaign."
            yield Finding(Level.OK, "key", text)
    missing = missing_keys_note(context, view)
    if missing:
        yield Finding(Level.WARNING, "key", missing)
