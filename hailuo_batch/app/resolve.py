"""The use case `resolve`: end the doubt about an attempt that is in doubt, lost or stuck.

Nothing here pays. Only `--run-id` sends anything: it asks the API about the run. The run ID that the user names goes
into the receipts before the ledger, so that no restored backup can forget it.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from hailuo_batch.adapters.ledger import find_take_of_run
from hailuo_batch.adapters.ledger.receipts import Receipts, load_receipts
from hailuo_batch.adapters.runbase import Client, RunLookup, is_run_id
from hailuo_batch.app.api_target import connect, reserve_one_request, share_window
from hailuo_batch.app.config import read_rate_limit
from hailuo_batch.app.ledger_access import LedgerSession, open_for_changes, require_ledger
from hailuo_batch.app.manifest_input import load_context
from hailuo_batch.app.workspace import CampaignLocation
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.obstacles import remedy
from hailuo_batch.core.model.runs import Run, Snapshot, TakeRecord
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.planning.recovery import CreateIntent
from hailuo_batch.core.planning.resolution import (
    Resolution,
    ResolveOption,
    abandon_run,
    check_option,
    find_run,
    name_run,
    owner_of,
    resubmit_run,
)
from hailuo_batch.core.planning.spend import highest_costs
from hailuo_batch.errors import AccountError, BusyError, HailuoBatchError, UsageError
from hailuo_batch.report.model import state_text
from hailuo_batch.ui.console import Console
from hailuo_batch.values import format_duration, format_usd

_UNCHANGED = "Nothing was sent, nothing was changed."
_PAYS_AGAIN = "Requesting it again pays for it again"


@dataclass(frozen=True, slots=True)
class ResolveRequest:
    """What to do with which attempt. `attempt` None means the live one; `run_id` is empty but for `--run-id`."""

    take_id: str
    way: ResolveOption
    run_id: str = ""
    attempt: int | None = None
    yes: bool = False


def resolve_take(where: CampaignLocation, request: ResolveRequest, console: Console) -> str | None:
    """Resolve the take. Returns what was done in words, None if the user declined.

    Raises UsageError if the option does not fit the attempt's state, and what asking the API raises.
    """
    # rule no_resubmit_without_yes
    if request.way is ResolveOption.RESUBMIT and not (request.yes or where.sandbox or console.is_interactive):
        _refuse_without_consent(where, request, console)
    with open_for_changes(where, "resolve", console) as session:
        record, run = find_run(session.snapshot, request.take_id, request.attempt)
        check_option(record, run, request.way)
        match request.way:
            case ResolveOption.NAME:
                resolution, message = _name_run(session, record, run, request.run_id)
            case ResolveOption.RESUBMIT:
                if not _has_consent(session, request, run, console):
                    return None
                resolution = resubmit_run(run)
                message = f"The next apply requests {run.take_id} again, and pays for it. {_apply_hint(run)}"
            case ResolveOption.ABANDON:
                resolution, message = abandon_run(run), _abandoned_text(session, run)
        at = session.clock.wall()
        # the changes first: if this is interrupted in between, an unsent attempt that would pay again is gone already
        session.ledger.carry_out(resolution.ledger_changes, at)
        session.ledger.record(resolution.events, at)
    return message


def _refuse_without_consent(where: CampaignLocation, request: ResolveRequest, console: Console) -> NoReturn:
    """Refuse another payment that nobody agreed to, without touching the ledger.

    Raises UsageError that names the payment, or whatever would have prevented it anyway.
    """
    view = require_ledger(load_context(where, console), "nothing to change")
    if view.holder is not None:
        raise BusyError(f"{view.holder} is running on this campaign. {_UNCHANGED}")
    record, run = find_run(view.snapshot_with_doubts, request.take_id, request.attempt)
    check_option(record, run, request.way)
    raise UsageError(
        f"{_state_text(view.snapshot_with_doubts, run)}. {_PAYS_AGAIN}, and --yes is missing. {_UNCHANGED}"
    )


def _has_consent(session: LedgerSession, request: ResolveRequest, run: Run, console: Console) -> bool:
    """Whether the user agrees to another payment. In a practice run no payment is real."""
    if request.yes or session.context.is_sandbox:
        return True
    return console.ask(f"{_state_text(session.snapshot, run)}. {_PAYS_AGAIN}. Request it again?")


def _name_run(session: LedgerSession, record: TakeRecord, run: Run, run_id: str) -> tuple[Resolution, str]:
    if not is_run_id(run_id):
        raise UsageError(f"{run_id!r} is not a run ID; it looks like run_ and letters and digits. {_UNCHANGED}")
    _check_owner(session, run, run_id)
    lookup = _look_up(session, run_id)
    if lookup.model is not None and lookup.model != run.model:
        raise UsageError(
            f"{run_id} is a run of {lookup.model}, but {run.take_id} needs {run.model}. Nothing was changed."
        )
    if run.create_id is not None:
        # before the ledger: if this process dies in between, the next reconciliation takes it over from the receipts
        event = ev.RunCreated(run_id, lookup.cost_micro_usd)
        with closing(Receipts(session.context.paths.receipts)) as receipts:
            receipts.write_results(((run.create_id, event),), session.clock.wall())
    resolution = name_run(record, run, run_id, lookup.cost_micro_usd)
    stays_superseded = run.is_superseded and not resolution.ledger_changes
    subject = f"Attempt {run.attempt} at {run.take_id}" if stays_superseded else run.take_id
    then = " into superseded/" if stays_superseded else ""
    return resolution, (
        f"{subject} is now run {run_id}; the next apply downloads it{then}. Nothing was paid. {_apply_hint(run)}"
    )


def _check_owner(session: LedgerSession, run: Run, run_id: str) -> None:
    """Raises UsageError if the run belongs to another take, of this or any campaign in the same state folder."""
    owner = owner_of(session.snapshot.paid_runs, run_id, unless=run) or _owner_elsewhere(session, run_id)
    if owner is not None:
        raise UsageError(f"{run_id} already belongs to the take {owner}. {_UNCHANGED}")


def _owner_elsewhere(session: LedgerSession, run_id: str) -> str | None:
    """The take of another campaign whose ledger or receipts have this run, None if there is none."""
    paths = session.context.paths
    for path in sorted(paths.ledger.parent.glob("*.db")):
        if path != paths.ledger and (owner := find_take_of_run(path, run_id)) is not None:
            return f"{owner} of {path.stem}"
    for path in sorted(paths.ledger.parent.glob("*.receipts.jsonl")):
        if path != paths.receipts and (owner := _find_receipt(path, run_id)) is not None:
            return f"{owner} of {path.name.removesuffix('.receipts.jsonl')}"
    return None


def _find_receipt(path: Path, run_id: str) -> str | None:
    """The take that a run was made for according to these receipts, None if they do not name the run."""
    receipts = load_receipts(path)
    takes = {receipt.create_id: receipt.take_id for receipt in receipts if isinstance(receipt, CreateIntent)}
    for receipt in receipts:
        outcome = None if isinstance(receipt, CreateIntent) else receipt.outcome
        if isinstance(outcome, ev.RunCreated) and outcome.run_id == run_id:
            return takes.get(receipt.create_id, "that its receipts name")
    return None


def _look_up(session: LedgerSession, run_id: str) -> RunLookup:
    """Ask the API about the run. Raises if the API does not know it, refuses or cannot be reached."""
    rate, endpoint = read_rate_limit(None), session.context.endpoint
    settings = Settings(rate_limit=rate.requests, rate_window_s=rate.window_s)
    with (
        connect(endpoint, settings) as target,
        closing(Client(target.base_url, target.key)) as client,
        reserve_one_request(share_window(endpoint, target, settings), settings),
    ):
        lookup = client.look_up(run_id)
    unread = f"{run_id} could not be read"
    match lookup.outcome:
        case ev.RunMissing():
            raise UsageError(f"The API knows no run {run_id} for this key. Nothing was changed. Check the ID.")
        case ev.ReadRefused(refusal=ev.Refusal.RATE):
            wait_s = lookup.outcome.retry_after_s or 0.0
            if wait_s > settings.rate_window_s:
                wait = f"the API accepts no requests for the next {format_duration(wait_s)}"
                raise HailuoBatchError(f"{unread}: {wait}. Nothing was changed.")
            raise HailuoBatchError(
                f"{unread}: somebody else uses up the key's rate limit. Nothing was changed. Try again in a moment."
            )
        case ev.ReadRefused():
            raise AccountError(f"The API refused to read {run_id}: {lookup.outcome.message}. Nothing was changed.")
        case ev.ReadUnanswered():
            raise HailuoBatchError(f"{unread}: {lookup.outcome.reason}. Nothing was changed. Try again.")
        case ev.ReadNotSent(reason, obstacle, setting):
            raise HailuoBatchError(f"{unread}: {reason}. Nothing was changed. {remedy(obstacle, setting)}.")
        case _:
            return lookup


def _state_text(snapshot: Snapshot, run: Run) -> str:
    return f"{run.take_id}: attempt {run.attempt} is {state_text(run.take_state)}{_cost_text(snapshot, run)}"


def _apply_hint(run: Run) -> str:
    return f"To start it: `hailuo-batch apply MANIFEST --only {run.take_id}`."


def _abandoned_text(session: LedgerSession, run: Run) -> str:
    what = "a run that may exist" if run.run_id is None else f"the run {run.run_id}"
    what += _cost_text(session.snapshot, run)
    attempt = f" --attempt {run.attempt}" if run.is_superseded else ""
    return (
        f"{run.take_id}: attempt {run.attempt} is abandoned. You may lose {what}; the money still counts. If the run "
        f"turns up: `hailuo-batch resolve MANIFEST {run.take_id}{attempt} --run-id ID`."
    )


def _cost_text(snapshot: Snapshot, run: Run) -> str:
    cost = run.cost_micro_usd
    if cost is not None:
        return f", {format_usd(cost)} paid"
    cost = highest_costs(snapshot.paid_runs).get(run.model)
    return ", of unknown cost" if cost is None else f", and may have cost {format_usd(cost)}"
