"""`resolve`: settles a take that is in doubt, lost or stuck.

None of the ways pays. `--run-id` asks the API about the run first, and is the only one that sends anything. What it
names is written into the receipts before the ledger, so that no restored backup can forget it.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from hailuo_batch.adapters.ledger import find_take_of_run
from hailuo_batch.adapters.ledger.receipts import Receipts, load_receipts
from hailuo_batch.adapters.runbase import Client, RunLookup, is_run_id
from hailuo_batch.app.api_target import connect
from hailuo_batch.app.config import read_endpoint, read_rate_limit
from hailuo_batch.app.ledger_access import LedgerSession, no_ledger_error, open_for_changes, read_ledger
from hailuo_batch.app.manifest_input import load_campaign
from hailuo_batch.app.shared_window import reserve_one_request, share_window
from hailuo_batch.app.workspace import SANDBOX, CampaignLocation, locate
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
from hailuo_batch.errors import AccountError, BusyError, ExitCode, HailuoBatchError, UsageError
from hailuo_batch.ui.console import Console
from hailuo_batch.values import format_duration, format_usd


@dataclass(frozen=True, slots=True)
class ResolveRequest:
    """What the user wants of which attempt; `attempt` None means the live one, `run_id` is empty but for `--run-id`."""

    take_id: str
    way: ResolveOption
    run_id: str = ""
    attempt: int | None = None
    yes: bool = False


def parse_request(
    take_id: str, run_id: str | None, resubmit: bool, abandon: bool, attempt: int | None, yes: bool
) -> ResolveRequest:
    """The wish as the command line gives it. Raises UsageError unless it names exactly one way."""
    chosen = (
        (ResolveOption.NAME, run_id is not None),
        (ResolveOption.RESUBMIT, resubmit),
        (ResolveOption.ABANDON, abandon),
    )
    ways = [way for way, is_given in chosen if is_given]
    if len(ways) != 1:
        raise UsageError(
            "Say how to settle it: exactly one of --run-id ID, --resubmit and --abandon. Nothing was sent."
        )
    return ResolveRequest(take_id, ways[0], run_id or "", attempt, yes)


def run(where: CampaignLocation, request: ResolveRequest, console: Console) -> ExitCode:
    """Settle the take. Raises UsageError where the wish does not fit it, and what asking the API raises."""
    # rule no_resubmit_without_yes
    if request.way is ResolveOption.RESUBMIT and not (request.yes or where.sandbox or console.is_interactive):
        _refuse_without_consent(where, request, console)
    with open_for_changes(where, "resolve", console) as writing:
        record, chosen = find_run(writing.snapshot, request.take_id, request.attempt)
        check_option(record, chosen, request.way)
        match request.way:
            case ResolveOption.NAME:
                settlement, message = _name_run(writing, record, chosen, request.run_id)
            case ResolveOption.RESUBMIT:
                if not _has_consent(writing, request, chosen, console):
                    console.print_warning("Declined. Nothing was sent, nothing was changed.")
                    return ExitCode.UNFINISHED
                settlement = resubmit_run(chosen)
                message = f"{chosen.take_id} is made again, and paid for, by the next apply. {_apply_hint(chosen)}"
            case ResolveOption.ABANDON:
                settlement, message = abandon_run(chosen), _abandoned_text(writing, chosen)
        at = writing.clock.wall()
        writing.ledger.carry_out(settlement.ledger_changes, at)
        writing.ledger.record(settlement.events, at)
    console.print_info(message)
    return ExitCode.DONE


def _refuse_without_consent(where: CampaignLocation, request: ResolveRequest, console: Console) -> NoReturn:
    """Another payment without a yes, and nobody to ask: say so, by a look that changes nothing.

    Raises UsageError, or what stands in the way before that.
    """
    campaign = load_campaign(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    paths = locate(where, campaign.name)
    reading = read_ledger(paths, campaign, endpoint)
    if reading is None:
        raise no_ledger_error(paths, campaign, where)
    if reading.holder is not None:
        raise BusyError(f"{reading.holder} is at work on this campaign. Nothing was sent, nothing was changed.")
    record, chosen = find_run(reading.snapshot_with_doubts, request.take_id, request.attempt)
    check_option(record, chosen, request.way)
    raise UsageError(
        f"{_state_text(reading.snapshot_with_doubts, chosen)}. Making it again pays for it again: that needs a yes, "
        "and --yes is missing. Nothing was sent, nothing was changed."
    )


def _has_consent(writing: LedgerSession, request: ResolveRequest, chosen: Run, console: Console) -> bool:
    """Whether the user agrees to another payment; in a rehearsal none is real."""
    if request.yes or writing.endpoint == SANDBOX:
        return True
    return console.ask(f"{_state_text(writing.snapshot, chosen)}. Making it again pays for it again. Make it again?")


def _name_run(writing: LedgerSession, record: TakeRecord, chosen: Run, run_id: str) -> tuple[Resolution, str]:
    if not is_run_id(run_id):
        raise UsageError(
            f"{run_id!r} is not a run ID; it looks like run_ and letters and digits. Nothing was sent, nothing was "
            "changed."
        )
    _check_owner(writing, chosen, run_id)
    lookup = _look_up(writing, run_id)
    if lookup.model is not None and lookup.model != chosen.model:
        raise UsageError(
            f"{run_id} is a run of {lookup.model}, and {chosen.take_id} wants {chosen.model}. Nothing was changed."
        )
    if chosen.create_id is not None:
        _write_receipt(writing, chosen.create_id, ev.RunCreated(run_id, lookup.cost_micro_usd))
    settlement = name_run(record, chosen, run_id, lookup.cost_micro_usd)
    is_superseded = chosen.is_superseded and not settlement.ledger_changes
    subject = f"Attempt {chosen.attempt} at {chosen.take_id}" if is_superseded else chosen.take_id
    then = ", and its files go to superseded/" if is_superseded else ""
    return (
        settlement,
        f"{subject} is {run_id} from now on; the next apply collects it{then}. Nothing was paid. {_apply_hint(chosen)}",
    )


def _check_owner(writing: LedgerSession, chosen: Run, run_id: str) -> None:
    """Raises UsageError where the run is another take's, of this campaign or of any other in the same state folder."""
    owner = owner_of(writing.snapshot.paid_runs, run_id, unless=chosen)
    place = ""
    if owner is None:
        owner, place = _owner_elsewhere(writing, run_id)
    if owner is not None:
        raise UsageError(f"{run_id} belongs to the take {owner}{place} already. Nothing was sent, nothing was changed.")


def _owner_elsewhere(writing: LedgerSession, run_id: str) -> tuple[str | None, str]:
    """The take of another campaign that this run belongs to, by its ledger or its receipts, and where that is."""
    folder = writing.paths.ledger.parent
    for path in sorted(folder.glob("*.db")):
        if path != writing.paths.ledger and (owner := find_take_of_run(path, run_id)) is not None:
            return owner, f" of {path.stem}"
    for path in sorted(folder.glob("*.receipts.jsonl")):
        if path != writing.paths.receipts and (owner := _find_receipt(path, run_id)) is not None:
            return owner, f" of {path.name.removesuffix('.receipts.jsonl')}"
    return None, ""


def _find_receipt(path: Path, run_id: str) -> str | None:
    """The take that a run was made for, by these receipts; None where they do not name it."""
    receipts = load_receipts(path)
    takes = {receipt.create_id: receipt.take_id for receipt in receipts if isinstance(receipt, CreateIntent)}
    for receipt in receipts:
        outcome = None if isinstance(receipt, CreateIntent) else receipt.outcome
        if isinstance(outcome, ev.RunCreated) and outcome.run_id == run_id:
            return takes.get(receipt.create_id, "that its receipts name")
    return None


def _look_up(writing: LedgerSession, run_id: str) -> RunLookup:
    rate = read_rate_limit(None)
    settings = Settings(rate_limit=rate.requests, rate_window_s=rate.window_s)
    with (
        connect(writing.endpoint, settings) as remote,
        closing(Client(remote.base_url, remote.key)) as client,
        reserve_one_request(share_window(writing.endpoint, remote, settings), settings),
    ):
        lookup = client.look_up(run_id)
    match lookup.outcome:
        case ev.RunMissing():
            raise UsageError(
                f"The API knows no run {run_id} for this key. Nothing was changed; look at the ID once more."
            )
        case ev.ReadRefused(refusal=ev.Refusal.RATE):
            raise HailuoBatchError(_rate_limited_text(run_id, lookup.outcome.retry_after_s or 0.0, settings))
        case ev.ReadRefused():
            raise AccountError(f"The API refused to read {run_id}: {lookup.outcome.message}. Nothing was changed.")
        case ev.ReadUnanswered():
            raise HailuoBatchError(
                f"{run_id} could not be read: {lookup.outcome.reason}. Nothing was changed; try again."
            )
        case ev.ReadNotSent(reason, obstacle, setting):
            raise HailuoBatchError(
                f"{run_id} could not be read: {reason}. Nothing was changed. {remedy(obstacle, setting)}."
            )
        case _:
            return lookup


def _rate_limited_text(run_id: str, wait_s: float, settings: Settings) -> str:
    if wait_s > settings.rate_window_s:
        duration = format_duration(wait_s)
        return f"{run_id} could not be read: the API takes no requests for the next {duration}. Nothing was changed."
    return (
        f"The API has no room for a question about {run_id} now: somebody else uses the key. Nothing was changed; try "
        "again in a moment."
    )


def _write_receipt(writing: LedgerSession, create_id: str, event: ev.RunCreated) -> None:
    with closing(Receipts(writing.paths.receipts)) as receipts:
        receipts.write_results(((create_id, event),), writing.clock.wall())


def _state_text(snapshot: Snapshot, chosen: Run) -> str:
    state = chosen.take_state.replace("_", " ")
    return f"{chosen.take_id}: attempt {chosen.attempt} is {state}{_cost_text(snapshot, chosen)}"


def _apply_hint(chosen: Run) -> str:
    return f"To start it: `hailuo-batch apply MANIFEST --only {chosen.take_id}`."


def _abandoned_text(writing: LedgerSession, chosen: Run) -> str:
    what = "a run that may exist" if chosen.run_id is None else f"the run {chosen.run_id}"
    what += _cost_text(writing.snapshot, chosen)
    return (
        f"{chosen.take_id}: attempt {chosen.attempt} is given up. What may be lost is {what}; the money still counts. "
        f"`hailuo-batch resolve MANIFEST {chosen.take_id}{_attempt_option(chosen)} --run-id ID` takes it up again if "
        "it turns up."
    )


def _attempt_option(chosen: Run) -> str:
    """The option that names an attempt which is not the one that speaks for its take."""
    return f" --attempt {chosen.attempt}" if chosen.is_superseded else ""


def _cost_text(snapshot: Snapshot, chosen: Run) -> str:
    cost = chosen.cost_micro_usd
    if cost is not None:
        return f", paid for with {format_usd(cost)}"
    cost = highest_costs(snapshot.paid_runs).get(chosen.model)
    return ", and what it may have cost is not known" if cost is None else f", and may have cost {format_usd(cost)}"
