"""Whether a plan file is still up to date: compared with the manifest, and with the ledger.

The rule: since the plan was made, nothing but applying it may have changed anything. Then an interrupted `apply --plan`
can be repeated, and a reviewed plan is never mixed with anything else. How that is checked:

- Every change of a take or a run is a line of the ledger's journal. If the journal ends where the plan says, this is
  the ledger that the plan was made with.
- The first apply of a plan finds exactly that, and records the plan's ID in the ledger before it changes anything. From
  then on the journal may have grown, as long as the ID is recorded: everything else that changes the ledger (an apply
  without this plan, `retry`, `resolve`, `state rm`, `verify --repair`) erases the ID first. Refused all the same are
  lines that only a user's command writes, a journal without the lines that the plan was made with, and a restored
  backup, whichever command opened it first. A request found in the receipts is no such line: a kill between receipts
  and ledger leaves one of the plan's own there.
- What a plan asks for, such as `--replace`, becomes unsent attempts in the one transaction that makes its changes. From
  then on it counts as done, whatever becomes of those attempts: made again, they would be paid for again.
- Then the plan is computed again, and may pay only for takes that the file pays for, with the same requests. Once an
  apply of it has changed the ledger, if only to collect, it may also pay for another attempt at a take that it pays for
  or follows, whose run failed and was refunded, within the manifest's `max_attempts`. It may pay for less: what is made
  already, or is found in the receipts, is not made again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.adapters.ledger import JournalEntry, JournalPosition, Ledger, LedgerReader
from hailuo_batch.app.config import ApplyOptions
from hailuo_batch.app.plan_file import LedgerState, SavedPlan, Sources, read_plan
from hailuo_batch.core.planning.plan import Plan, PlanRequest
from hailuo_batch.errors import UsageError
from hailuo_batch.ui.text import name_some
from hailuo_batch.values import CampaignSpec

PLAN_FACT = "plan"
"""The ledger's fact that holds the ID of the plan that alone has changed it since that plan was made."""

_CARRIED_OUT = "carried-out"
_STEPS = frozenset(
    (
        *("WantTake", "UnwantTake", "ForgetTake", "SupersedeRun"),
        *("ReviveRun", "DropAttempt", "AddAttempt", "OpenReplacement"),
    )
)
"""Journal lines that a plan's own changes write."""
# rule foreign_changes
_FOREIGN = frozenset({"RunNamed", "RunAbandoned", "ForgetRuns", "BackupPutBack"})
"""Journal lines that only a command of the user writes, never an apply."""
_IN_WORDS = {
    "BackupPutBack": "a backup was restored",
    "CreateStarted": "runs were requested for",
    "RunNamed": "a run ID was given for",
    "RunAbandoned": "runs were abandoned for",
    "ForgetRuns": "runs were forgotten for",
    "PutBack": "runs were found in the receipts for",
    "SupersedeRun": "runs were superseded for",
    "AddAttempt": "another attempt was allowed for",
    "WantTake": "takes of the manifest were recorded:",
    "RunSucceeded": "runs succeeded for",
    "RunFailed": "runs failed for",
    "FileSaved": "files were downloaded for",
}
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class PlanProgress:
    """What a plan still asks for, and whether an apply of it has changed the ledger before."""

    plan_request: PlanRequest
    has_begun: bool = False


def read_plan_for(path: Path, options: ApplyOptions) -> SavedPlan:
    """The plan in the file. Raises UsageError if it cannot be used, or options contradict it."""
    check_options_for(path, options)
    return read_plan(path)


def check_options_for(path: Path, options: ApplyOptions) -> None:
    """Raises UsageError for options that contradict the plan of this name."""
    given = {
        "--only": options.only,
        "--replace": options.replace,
        "--replace-from": options.replace_from,
        "--limit": options.limit is not None,
        "--in-doubt": options.in_doubt != "hold",
        "--max-spend": options.max_spend,
        "--new-ledger": options.new_ledger,
    }
    conflicting = [name for name, value in given.items() if value]
    if conflicting:
        raise UsageError(
            f"--plan does exactly what {path} says, so {' and '.join(conflicting)} cannot be given with it. Nothing "
            "was sent. Give them to `hailuo-batch plan MANIFEST --out FILE` instead, and apply that plan."
        )


def check_sources(
    saved: SavedPlan, campaign: CampaignSpec, endpoint: str, sources: Sources, replan_command: str
) -> None:
    """Raises UsageError with all changes if the manifest is not the one that the plan was made from.

    `replan_command` is the command that makes a new plan.
    """
    changed = []
    if saved.campaign != campaign.name:
        changed.append(f"it is for campaign {saved.campaign!r}, the manifest is for {campaign.name!r}")
    if saved.endpoint != endpoint:
        changed.append(f"it is for {saved.endpoint}, this apply is for {endpoint}")
    was = saved.sources
    # rule manifest_same
    if was.manifest != sources.manifest:
        changed.append("the manifest changed")
    # rule tables_same
    changed += _differences("the table", was.tables, sources.tables)
    # rule images_same
    changed += _differences("the local copy of", was.images, sources.images)
    if not changed and was.takes != sources.takes:
        changed.append("this version of the program reads other takes from the same manifest")
    if changed:
        raise _out_of_date(saved, "; ".join(changed), replan_command)


def ledger_state(ledger: LedgerReader) -> LedgerState:
    """The position of the ledger's journal, and whether it is a restored backup. Raises LedgerError."""
    return LedgerState(ledger.position(), bool(ledger.fact("restored")))


def check_ledger_for_plan(saved: SavedPlan, ledger: Ledger | None, replan_command: str) -> PlanProgress:
    """How far the plan has been applied. `ledger` is not reconciled yet, and None if there is none.

    Records the plan in the ledger. Raises UsageError if anything but this plan has changed the ledger.
    """
    if ledger is None:
        if saved.ledger.mark != JournalPosition():
            raise _out_of_date(saved, "the ledger that it was made with is gone", replan_command)
        return PlanProgress(saved.plan_request)
    id_, _, stage = ledger.fact(PLAN_FACT).partition(" ")
    # rule plan_repeated
    is_under_way = id_ == saved.id
    was, now = saved.ledger.mark, ledger_state(ledger)
    # rule backup_same
    if now.restored and not saved.ledger.restored:
        raise _out_of_date(saved, "a backup of the ledger was restored since", replan_command)
    # rule ledger_mark
    if now.mark.number < was.number or ledger.position(was.number) != was:
        raise _out_of_date(saved, "this is another ledger, or an older state of it", replan_command)
    changes = ledger.entries_after(was.number) if now.mark != was else ()
    # rule ledger_same
    if changes and (not is_under_way or any(change.what in _FOREIGN for change in changes)):
        raise _out_of_date(saved, f"something else changed the ledger: {_describe(changes)}", replan_command)
    if is_under_way and (stage == _CARRIED_OUT or any(change.what in _STEPS for change in changes)):
        asked = saved.plan_request
        return PlanProgress(PlanRequest(asked.only, limit=asked.limit, payable=asked.payable), has_begun=True)
    ledger.record_fact(PLAN_FACT, saved.id)
    return PlanProgress(saved.plan_request, has_begun=bool(changes))


def carried_out_fact(saved: SavedPlan) -> str:
    """What the ledger records once the plan's changes are made."""
    return f"{saved.id} {_CARRIED_OUT}"


def check_plan(
    saved: SavedPlan, plan: Plan, campaign: CampaignSpec, progress: PlanProgress, replan_command: str
) -> None:
    """Raises UsageError if the plan as it is now would pay for anything that the plan file does not."""
    allowed = saved.retryable if progress.has_begun else saved.paying
    paying = {line.take_id for line in plan.paying}
    beyond = [take.id for take in campaign.takes if take.id in paying and allowed.get(take.id) != take.fingerprint]
    # rule no_more_than_planned
    if beyond:
        raise _out_of_date(saved, f"it does not pay for {_take_names(beyond)}, due to be requested now", replan_command)


def _differences(what: str, was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    different = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    changes = [f"{what} {name} {_kind_of_change(was.get(name), now.get(name))}" for name in different[:_MOST_NAMED]]
    more = len(different) - len(changes)
    return [*changes, f"and {more:,} more"] if more else changes


def _kind_of_change(was: str | None, now: str | None) -> str:
    if was is None:
        return "was not used"
    return "is not used any more" if now is None else "changed"


def _describe(changes: Iterable[JournalEntry]) -> str:
    """What happened: each kind of change with the first few of its takes."""
    by_kind: dict[str, list[str]] = {}
    for change in changes:
        by_kind.setdefault(change.what, []).append(change.take_id)
    texts = [f"{words} {_take_names(by_kind[what])}".strip() for what, words in _IN_WORDS.items() if what in by_kind]
    return "; ".join(texts) or f"it was reconciled ({', '.join(sorted(by_kind))})"


def _take_names(take_ids: Iterable[str]) -> str:
    return name_some([name for name in dict.fromkeys(take_ids) if name], _MOST_NAMED)


def _out_of_date(saved: SavedPlan, why: str, replan_command: str) -> UsageError:
    return UsageError(
        f"{saved.path}: this plan is out of date: {why}. Nothing was sent, nothing was paid. Make a new one with "
        f"`{replan_command}`."
    )
