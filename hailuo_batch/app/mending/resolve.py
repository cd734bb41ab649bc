"""The use case `resolve`: end the doubt about attempts that are in doubt, lost or stuck.

Nothing here pays. Only `--run-id` sends anything: it asks the API about the run. The run ID that the user names goes
into the receipts before the ledger, so that no restored backup can forget it.
"""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, assert_never

from hailuo_batch.adapters.ledger import find_take_of_run
from hailuo_batch.adapters.ledger.receipts import Receipts, load_receipts
from hailuo_batch.adapters.runbase import RunLookup, is_run_id
from hailuo_batch.app.api_target import connect, number_keys, open_clients, reserve_one_request, share_window
from hailuo_batch.app.config import read_rate_limit
from hailuo_batch.app.frontend import Frontend
from hailuo_batch.app.ledger_access import LedgerSession, open_for_changes, require_ledger
from hailuo_batch.app.manifest_input import load_context
from hailuo_batch.app.workspace import CampaignLocation
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.obstacles import remedy
from hailuo_batch.core.model.runs import Run, Snapshot, TakeRecord
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.planning.recovery import CreateIntent
from hailuo_batch.core.planning.resolution import (
    Chosen,
    Resolution,
    ResolveOption,
    abandon_run,
    check_option,
    choose_runs,
    find_run,
    name_run,
    owner_of,
    resubmit_run,
)
from hailuo_batch.errors import AccountError, BusyError, ConsentMissingError, HailuoBatchError, UsageError
from hailuo_batch.ui.resolution import abandoned_text, apply_hint, describe_runs, pays_again_text, resubmitted_text
from hailuo_batch.values import format_duration

_UNCHANGED = "Nothing was sent, nothing was changed."
_NOTHING = "Nothing to resolve: no take is in doubt, lost or stuck in a way that {option} is for."


@dataclass(frozen=True, slots=True)
class ResolveRequest:
    """What to do with which attempts: those of the takes that `words` choose, by ID or pattern, without words all that
    need a decision. `attempt` None means the live one; `run_id` is empty but for `--run-id`. Both go with one take.
    """

    words: tuple[str, ...]
    way: ResolveOption
    run_id: str = ""
    attempt: int | None = None
    yes: bool = False


def resolve_takes(where: CampaignLocation, request: ResolveRequest, frontend: Frontend) -> str | None:
    """Resolve the takes. Returns what was done in words, None if the user declined.

    Raises UsageError if the option does not fit an attempt's state, and what asking the API raises.
    """
    # rule no_resubmit_without_yes
    if request.way is ResolveOption.RESUBMIT and not (request.yes or where.sandbox or frontend.can_ask):
        _refuse_without_consent(where, request, frontend)
    with open_for_changes(where, "resolve", frontend) as session:
        chosen = _choose(session.snapshot, request)
        if not chosen:
            return _NOTHING.format(option=request.way)
        runs = [run for _, run in chosen]
        match request.way:
            case ResolveOption.NAME:
                resolution, message = _name_run(session, *chosen[0], request.run_id)
            case ResolveOption.RESUBMIT:
                if not _has_consent(session, request, runs, frontend):
                    return None
                resolution, message = _combine(map(resubmit_run, runs)), resubmitted_text(runs)
            case ResolveOption.ABANDON:
                resolution, message = _combine(map(abandon_run, runs)), abandoned_text(session.snapshot, runs)
            case _:
                assert_never(request.way)
        at = session.clock.wall()
        # the changes first: if this is interrupted in between, an unsent attempt that would pay again is gone already
        session.ledger.carry_out(resolution.ledger_changes, at)
        session.ledger.record(resolution.events, at)
    return message


def _choose(snapshot: Snapshot, request: ResolveRequest) -> tuple[Chosen, ...]:
    """The attempts that the request is about. Raises UsageError where the option does not fit one of them."""
    if request.attempt is None:
        return choose_runs(snapshot, request.words, request.way)
    record, run = find_run(snapshot, request.words[0], request.attempt)
    check_option(record, run, request.way)
    return ((record, run),)


def _combine(each: Iterable[Resolution]) -> Resolution:
    """All of them as one, so that they are carried out in one transaction."""
    listed = tuple(each)
    changes = tuple(change for one in listed for change in one.ledger_changes)
    return Resolution(changes, tuple(event for one in listed for event in one.events))


def _refuse_without_consent(where: CampaignLocation, request: ResolveRequest, frontend: Frontend) -> NoReturn:
    """Refuse another payment that nobody agreed to, without touching the ledger.

    Raises ConsentMissingError that names the payment, or whatever would have prevented it anyway.
    """
    view = require_ledger(load_context(where, frontend), "nothing to change")
    if view.holder is not None:
        raise BusyError(f"{view.holder} is running on this campaign. {_UNCHANGED}")
    snapshot = view.snapshot_with_doubts
    runs = [run for _, run in _choose(snapshot, request)]
    if not runs:
        raise UsageError(f"{_NOTHING.format(option=request.way)} {_UNCHANGED}")
    raise ConsentMissingError(
        f"{describe_runs(snapshot, runs)}. {pays_again_text(snapshot, runs)}, and --yes is missing. {_UNCHANGED}"
    )


def _has_consent(session: LedgerSession, request: ResolveRequest, runs: Sequence[Run], frontend: Frontend) -> bool:
    """Whether the user agrees to another payment. In a practice run no payment is real."""
    if request.yes or session.context.is_sandbox:
        return True
    it = "it" if len(runs) == 1 else f"these {len(runs):,}"
    paying = pays_again_text(session.snapshot, runs)
    return frontend.ask(f"{describe_runs(session.snapshot, runs)}. {paying}. Request {it} again?")


def _name_run(session: LedgerSession, record: TakeRecord, run: Run, run_id: str) -> tuple[Resolution, str]:
    if not is_run_id(run_id):
        raise UsageError(f"{run_id!r} is not a run ID; it looks like run_ and letters and digits. {_UNCHANGED}")
    _check_owner(session, run, run_id)
    lookup, api_key = _look_up(session, run_id)
    if lookup.model is not None and lookup.model != run.model:
        raise UsageError(
            f"{run_id} is a run of {lookup.model}, but {run.take_id} needs {run.model}. Nothing was changed."
        )
    if run.create_id is not None:
        # before the ledger: if this process dies in between, the next reconciliation takes it over from the receipts
        event = ev.RunCreated(run_id, lookup.cost_micro_usd)
        with closing(Receipts(session.context.paths.receipts)) as receipts:
            receipts.write_results(((run.create_id, event),), session.clock.wall())
    resolution = name_run(record, run, run_id, lookup.cost_micro_usd, api_key)
    stays_superseded = run.is_superseded and not resolution.ledger_changes
    subject = f"Attempt {run.attempt} at {run.take_id}" if stays_superseded else run.take_id
    then = " into superseded/" if stays_superseded else ""
    return resolution, (
        f"{subject} is now run {run_id}; the next apply downloads it{then}. Nothing was paid. {apply_hint((run,))}"
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


def _look_up(session: LedgerSession, run_id: str) -> tuple[RunLookup, int]:
    """Ask the API about the run, with one key after the other until one knows it. Returns that key's number as well.

    Raises if the API knows it by none of the keys, refuses or cannot be reached.
    """
    rate, endpoint = read_rate_limit(None), session.context.endpoint
    settings = Settings(rate_limit=rate.requests, rate_window_s=rate.window_s)
    failure: HailuoBatchError | None = None
    with connect(endpoint, settings, session.context.where.access.keys) as target:
        names = number_keys(session.ledger, target.keys)
        with open_clients(target, names) as clients:
            for key, name in names.items():
                with reserve_one_request(share_window(endpoint, key, settings), settings):
                    lookup = clients[name.number].look_up(run_id)
                found = _failure_of(lookup, run_id, settings)
                if found is None:
                    return lookup, name.number
                # of several reasons, the one is told by which the run may be there all the same
                failure = found if failure is None or isinstance(failure, UsageError) else failure
    assert failure is not None
    raise failure


def _failure_of(lookup: RunLookup, run_id: str, settings: Settings) -> HailuoBatchError | None:
    """Why the run could not be read, None where it could."""
    unread = f"{run_id} could not be read"
    match lookup.outcome:
        case ev.RunMissing():
            return UsageError(f"The API knows no run {run_id} for this key. Nothing was changed. Check the ID.")
        case ev.ReadRefused(refusal=ev.Refusal.RATE):
            wait_s = lookup.outcome.retry_after_s or 0.0
            if wait_s > settings.rate_window_s:
                wait = f"the API accepts no requests for the next {format_duration(wait_s)}"
                return HailuoBatchError(f"{unread}: {wait}. Nothing was changed.")
            return HailuoBatchError(
                f"{unread}: somebody else uses up the key's rate limit. Nothing was changed. Try again in a moment."
            )
        case ev.ReadRefused():
            return AccountError(f"The API refused to read {run_id}: {lookup.outcome.message}. Nothing was changed.")
        case ev.ReadUnanswered():
            return HailuoBatchError(f"{unread}: {lookup.outcome.reason}. Nothing was changed. Try again.")
        case ev.ReadNotSent(reason, obstacle, setting):
            return HailuoBatchError(f"{unread}: {reason}. Nothing was changed. {remedy(obstacle, setting)}.")
        case _:
            return None
