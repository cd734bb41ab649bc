"""The checks in their order: the program, the environment, the campaign's files, and last the way to the API."""

from collections.abc import Generator, Iterator, Mapping

from hailuo_batch.app.doctor.connection import check_connection
from hailuo_batch.app.doctor.finding import Finding, Level
from hailuo_batch.app.doctor.folders import check_folders
from hailuo_batch.app.doctor.installation import check_installation
from hailuo_batch.app.doctor.key_names import check_key_names
from hailuo_batch.app.doctor.records import Records, check_lock, check_records, read_campaign
from hailuo_batch.app.doctor.settings import check_endpoint, check_keys, check_names, check_rate_limit
from hailuo_batch.app.workspace import CampaignLocation, CampaignPaths, ledger_exists, leftovers
from hailuo_batch.errors import LedgerError


def examine(where: CampaignLocation | None, *, sandbox: bool) -> Iterator[Finding]:
    """Look at everything that an apply of this campaign needs; without one, at what every apply needs.

    A practice run, `sandbox`, needs neither key nor network.
    """
    yield from check_installation()
    records = None
    if where is not None:
        records = yield from _check_campaign(where)
    if sandbox:
        yield Finding(Level.OK, "key", "A practice run needs no key and no network.")
    elif records is not None and records.is_elsewhere:
        yield from _check_keys(records)  # what the address is, and what answers there, matters once it is the ledger's
    else:
        yield from _check_api(records)


def _check_campaign(where: CampaignLocation) -> Generator[Finding, None, Records | None]:
    """Look at its files. Returns what was found out about its records, None where the manifest has errors."""
    context, found = read_campaign(where)
    yield found
    if context is None:
        return None
    records, found = check_records(context)
    yield found
    yield from check_lock(context)
    yield from check_folders(context.paths, records.need, has_ledger=_may_have_ledger(context.paths))
    return records


def _check_keys(records: Records | None) -> Generator[Finding, None, Mapping[str, str]]:
    """Look at the keys without sending one. Returns those that could be sent, with what they are called."""
    yield from check_names()
    keys, judged = check_keys()
    yield from judged
    if records is not None and records.view is not None:
        yield from check_key_names(records.context, records.view, keys)
    return keys


def _check_api(records: Records | None) -> Iterator[Finding]:
    keys = yield from _check_keys(records)
    endpoint, found = check_endpoint()
    yield found
    settings, found = check_rate_limit()
    yield found
    if endpoint is not None:
        yield from check_connection(endpoint, keys, settings)


def _may_have_ledger(paths: CampaignPaths) -> bool:
    """Whether another state folder could make a second, empty campaign of this one."""
    try:
        return ledger_exists(paths) or bool(leftovers(paths))
    except LedgerError:
        return True
