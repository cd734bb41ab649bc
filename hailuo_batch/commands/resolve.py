"""`resolve`: settles a take that is in doubt, lost or stuck.

None of the ways pays. `--run-id` asks the API about the run first, and is the only one that sends anything. What it
names is written into the receipts before the ledger, so that no restored backup can forget it.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from hailuo_batch.adapters.ledger import find_run
from hailuo_batch.adapters.ledger.receipts import Receipts, load_receipts
from hailuo_batch.adapters.runbase import Client, RunLook, is_run_id
from hailuo_batch.app.api_target import connect
from hailuo_batch.app.config import read_endpoint, read_rate_limit
from hailuo_batch.app.ledger_access import Writing, no_ledger, open_to_write, read_ledger
from hailuo_batch.app.manifest_input import load_campaign
from hailuo_batch.app.shared_window import one_request, share_window
from hailuo_batch.app.workspace import SANDBOX, Whereabouts, locate
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.obstacles import remedy
from hailuo_batch.core.model.runs import Run, Snapshot, TakeRecord
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.planning.recovery import Intent
from hailuo_batch.core.planning.resolution import (
    Settlement,
    Way,
    abandoned,
    check_way,
    choose_run,
    named,
    owner_of,
    resubmitted,
)
from hailuo_batch.core.planning.spend import highest_costs
from hailuo_batch.errors import AccountError, BusyError, ExitCode, HailuoBatchError, UsageError
from hailuo_batch.ui.console import Console
from hailuo_batch.values import format_duration, format_usd


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user wants of which attempt; `attempt` None means the live one, `run_id` is empty but for `--run-id`."""

    take_id: str
    way: Way
    run_id: str = ""
    attempt: int | None = None
    yes: bool = False


def read_wish(take_id: str, run_id: str | None, resubmit: bool, abandon: bool, attempt: int | None, yes: bool) -> Wish:
    """The wish as the command line gives it. Raises UsageError unless it names exactly one way."""
    chosen = ((Way.NAME, run_id is not None), (Way.RESUBMIT, resubmit), (Way.ABANDON, abandon))
    ways = [way for way, is_given in chosen if is_given]
    if len(ways) != 1:
        raise UsageError(
            "Say how to settle it: exactly one of --run-id ID, --resubmit and --abandon. Nothing was sent."
        )
    return Wish(take_id, ways[0], run_id or "", attempt, yes)


def run(where: Whereabouts, wish: Wish, console: Console) -> ExitCode:
    """Settle the take. Raises UsageError where the wish does not fit it, and what asking the API raises."""
    # rule no_resubmit_without_yes
    if wish.way is Way.RESUBMIT and not (wish.yes or where.sandbox or console.is_interactive):
        _refuse_unagreed(where, wish, console)
    with open_to_write(where, "resolve", console) as writing:
        record, chosen = choose_run(writing.snapshot, wish.take_id, wish.attempt)
        check_way(record, chosen, wish.way)
        match wish.way:
            case Way.NAME:
                settlement, said = _name(writing, record, chosen, wish.run_id)
            case Way.RESUBMIT:
                if not _agreed(writing, wish, chosen, console):
                    console.warn("Declined. Nothing was sent, nothing was changed.")
                    return ExitCode.UNFINISHED
                settlement = resubmitted(chosen)
                said = f"{chosen.take_id} is made again, and paid for, by the next apply. {_to_start(chosen)}"
            case Way.ABANDON:
                settlement, said = abandoned(chosen), _given_up(writing, chosen)
        at = writing.clock.wall()
        writing.ledger.carry_out(settlement.steps, at)
        writing.ledger.record(settlement.events, at)
    console.say(said)
    return ExitCode.DONE


def _refuse_unagreed(where: Whereabouts, wish: Wish, console: Console) -> NoReturn:
    """Another payment without a yes, and nobody to ask: say so, by a look that changes nothing.

    Raises UsageError, or what stands in the way before that.
    """
    campaign = load_campaign(where.manifest, console)
    endpoint = read_endpoint(where.sandbox)
    paths = locate(where, campaign.name)
    reading = read_ledger(paths, campaign, endpoint)
    if reading is None:
        raise no_ledger(paths, campaign, where)
    if reading.holder is not None:
        raise BusyError(f"{reading.holder} is at work on this campaign. Nothing was sent, nothing was changed.")
    record, chosen = choose_run(reading.settled, wish.take_id, wish.attempt)
    check_way(record, chosen, wish.way)
    raise UsageError(
        f"{_standing(reading.settled, chosen)}. Making it again pays for it again: that needs a yes, and --yes is "
        "missing. Nothing was sent, nothing was changed."
    )


def _agreed(writing: Writing, wish: Wish, chosen: Run, console: Console) -> bool:
    """Whether the user agrees to another payment; in a rehearsal none is real."""
    if wish.yes or writing.endpoint == SANDBOX:
        return True
    return console.ask(f"{_standing(writing.snapshot, chosen)}. Making it again pays for it again. Make it again?")


def _name(writing: Writing, record: TakeRecord, chosen: Run, run_id: str) -> tuple[Settlement, str]:
    if not is_run_id(run_id):
        raise UsageError(
            f"{run_id!r} is not a run ID; it looks like run_ and letters and digits. Nothing was sent, nothing was "
            "changed."
        )
    _check_owner(writing, chosen, run_id)
    look = _look_up(writing, run_id)
    if look.model is not None and look.model != chosen.model:
        raise UsageError(
            f"{run_id} is a run of {look.model}, and {chosen.take_id} wants {chosen.model}. Nothing was changed."
        )
    if chosen.create_id is not None:
        _write_receipt(writing, chosen.create_id, ev.RunCreated(run_id, look.cost_micro_usd))
    settlement = named(record, chosen, run_id, look.cost_micro_usd)
    older = chosen.superseded and not settlement.steps
    what = f"Attempt {chosen.attempt} at {chosen.take_id}" if older else chosen.take_id
    then = ", and its files go to superseded/" if older else ""
    return (
        settlement,
        f"{what} is {run_id} from now on; the next apply collects it{then}. Nothing was paid. {_to_start(chosen)}",
    )


def _check_owner(writing: Writing, chosen: Run, run_id: str) -> None:
    """Raises UsageError where the run is another take's, of this campaign or of any other in the same state folder."""
    owner = owner_of(writing.snapshot.paid_runs, run_id, unless=chosen)
    place = ""
    if owner is None:
        owner, place = _owner_elsewhere(writing, run_id)
    if owner is not None:
        raise UsageError(f"{run_id} belongs to the take {owner}{place} already. Nothing was sent, nothing was changed.")


def _owner_elsewhere(writing: Writing, run_id: str) -> tuple[str | None, str]:
    """The take of another campaign that this run belongs to, by its ledger or its receipts, and where that is."""
    folder = writing.paths.ledger.parent
    for path in sorted(folder.glob("*.db")):
        if path != writing.paths.ledger and (owner := find_run(path, run_id)) is not None:
            return owner, f" of {path.stem}"
    for path in sorted(folder.glob("*.receipts.jsonl")):
        if path != writing.paths.receipts and (owner := _find_receipt(path, run_id)) is not None:
            return owner, f" of {path.name.removesuffix('.receipts.jsonl')}"
    return None, ""


def _find_receipt(path: Path, run_id: str) -> str | None:
    """The take that a run was made for, by these receipts; None where they do not name it."""
    receipts = load_receipts(path)
    takes = {receipt.create_id: receipt.take_id for receipt in receipts if isinstance(receipt, Intent)}
    for receipt in receipts:
        outcome = None if isinstance(receipt, Intent) else receipt.outcome
        if isinstance(outcome, ev.RunCreated) and outcome.run_id == run_id:
            return takes.get(receipt.create_id, "that its receipts name")
    return None


def _look_up(writing: Writing, run_id: str) -> RunLook:
    rate = read_rate_limit(None)
    settings = Settings(rate_limit=rate.requests, rate_window_s=rate.window_s)
    with (
        connect(writing.endpoint, settings) as remote,
        closing(Client(remote.base_url, remote.key)) as client,
        one_request(share_window(writing.endpoint, remote, settings), settings),
    ):
        look = client.look_up(run_id)
    match look.outcome:
        case ev.RunMissing():
            raise UsageError(
                f"The API knows no run {run_id} for this key. Nothing was changed; look at the ID once more."
            )
        case ev.ReadRefused(refusal=ev.Refusal.RATE):
            raise HailuoBatchError(_no_room(run_id, look.outcome.retry_after_s or 0.0, settings))
        case ev.ReadRefused():
            raise AccountError(f"The API refused to read {run_id}: {look.outcome.message}. Nothing was changed.")
        case ev.ReadUnanswered():
            raise HailuoBatchError(
                f"{run_id} could not be read: {look.outcome.reason}. Nothing was changed; try again."
            )
        case ev.ReadNotSent(reason, obstacle, setting):
            raise HailuoBatchError(
                f"{run_id} could not be read: {reason}. Nothing was changed. {remedy(obstacle, setting)}."
            )
        case _:
            return look


def _no_room(run_id: str, wait_s: float, settings: Settings) -> str:
    if wait_s > settings.rate_window_s:
        duration = format_duration(wait_s)
        return f"{run_id} could not be read: the API takes no requests for the next {duration}. Nothing was changed."
    return (
        f"The API has no room for a question about {run_id} now: somebody else uses the key. Nothing was changed; try "
        "again in a moment."
    )


def _write_receipt(writing: Writing, create_id: str, event: ev.RunCreated) -> None:
    with closing(Receipts(writing.paths.receipts)) as receipts:
        receipts.write_results(((create_id, event),), writing.clock.wall())


def _standing(snapshot: Snapshot, chosen: Run) -> str:
    state = chosen.take_state.replace("_", " ")
    return f"{chosen.take_id}: attempt {chosen.attempt} is {state}{_cost(snapshot, chosen)}"


def _to_start(chosen: Run) -> str:
    return f"To start it: `hailuo-batch apply MANIFEST --only {chosen.take_id}`."


def _given_up(writing: Writing, chosen: Run) -> str:
    what = "a run that may exist" if chosen.run_id is None else f"the run {chosen.run_id}"
    what += _cost(writing.snapshot, chosen)
    return (
        f"{chosen.take_id}: attempt {chosen.attempt} is given up. What may be lost is {what}; the money still counts. "
        f"`hailuo-batch resolve MANIFEST {chosen.take_id}{_older(chosen)} --run-id ID` takes it up again if it "
        "turns up."
    )


def _older(chosen: Run) -> str:
    """The option that names an attempt which is not the one that speaks for its take."""
    return f" --attempt {chosen.attempt}" if chosen.superseded else ""


def _cost(snapshot: Snapshot, chosen: Run) -> str:
    cost = chosen.cost_micro_usd
    if cost is not None:
        return f", paid for with {format_usd(cost)}"
    cost = highest_costs(snapshot.paid_runs).get(chosen.model)
    return ", and what it may have cost is not known" if cost is None else f", and may have cost {format_usd(cost)}"
