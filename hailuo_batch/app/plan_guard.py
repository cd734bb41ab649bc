"""Whether a plan that was kept in a file still holds: the manifest against it, and the ledger.

The rule: nothing may have changed since but by applying this plan, so that an interrupted `apply --plan` can be
repeated and a plan that somebody has reviewed is never mixed with anything else. How that is known:

- Every change of a take or a run is a line of the ledger's journal. A ledger whose journal ends where the plan says is
  the ledger that was planned with.
- The first apply of a plan finds just that, and has the ledger remember the plan's ID before it changes anything. From
  then on the journal may have grown, as long as the ledger remembers this ID: whoever else changes the ledger (an apply
  without this plan, `retry`, `resolve`, `state rm`, `verify --repair`) has the ID forgotten first. Lines that only a
  user's word brings about are refused all the same, and so are a journal that lost the lines the plan was made with,
  and a backup that was put back, whoever was the first to open it. A create found in the receipts is no such line: a
  kill between receipts and ledger leaves one of the plan's own there.
- A plan's wishes, such as `--replace`, become unsent attempts in the one transaction that carries its steps out. Once
  that is done the wishes are spent, whatever becomes of those attempts: made again, they would be paid for again.
- Then the plan is made anew, and may pay only for takes that the file has as such, with the same requests; or, once an
  apply of it has changed the ledger, were it only to collect, for another attempt at one that it pays for or follows,
  where a run failed and was refunded, within the manifest's `max_attempts`. It may well pay for less: what is made
  already, or turns out to be in the receipts, is not made again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hailuo_batch.adapters.ledger import JournalEntry, JournalPosition, Ledger, LedgerReader
from hailuo_batch.app.plan_file import LedgerState, SavedPlan, Sources
from hailuo_batch.core.planning.plan import Plan, PlanRequest
from hailuo_batch.errors import UsageError
from hailuo_batch.values import CampaignSpec

PLAN_FACT = "plan"
"""The fact under which a ledger remembers the ID of the plan by which alone it was changed since."""

_CARRIED_OUT = "carried-out"
_STEPS = frozenset(
    {
        "WantTake",
        "UnwantTake",
        "ForgetTake",
        "SupersedeRun",
        "ReviveRun",
        "DropAttempt",
        "AddAttempt",
        "OpenReplacement",
    }
)
# rule foreign_changes
_FOREIGN = frozenset({"RunNamed", "RunAbandoned", "ForgetRuns", "BackupPutBack"})
_IN_WORDS = {
    "BackupPutBack": "a backup was put back",
    "CreateStarted": "runs were created for",
    "RunNamed": "a run was named for",
    "RunAbandoned": "runs were given up for",
    "ForgetRuns": "runs were forgotten of",
    "PutBack": "runs were found in the receipts for",
    "SupersedeRun": "runs were superseded",
    "AddAttempt": "attempts were granted to",
    "WantTake": "the manifest's takes were recorded anew:",
    "RunSucceeded": "runs succeeded of",
    "RunFailed": "runs failed of",
    "FileSaved": "files were downloaded of",
}
_NAMED = 3


@dataclass(frozen=True, slots=True)
class PlanProgress:
    """What is left of a plan's wishes, and whether an apply of it has changed the ledger before."""

    wishes: PlanRequest
    has_begun: bool = False


def check_sources(
    saved: SavedPlan, campaign: CampaignSpec, endpoint: str, sources: Sources, replan_command: str
) -> None:
    """Raises UsageError, naming all that has changed, where the manifest is not what the plan was made from.

    `remedy` is the command that makes a new plan.
    """
    changed = []
    if saved.campaign != campaign.name:
        changed.append(f"it is a plan of the campaign {saved.campaign!r}, and the manifest's is {campaign.name!r}")
    if saved.endpoint != endpoint:
        changed.append(f"it was made for {saved.endpoint}, and this would be at {endpoint}")
    was = saved.sources
    # rule manifest_same
    if was.manifest != sources.manifest:
        changed.append("the manifest has changed")
    # rule tables_same
    changed += _differences("the table", was.tables, sources.tables)
    # rule images_same
    changed += _differences("the local copy of", was.images, sources.images)
    if not changed and was.takes != sources.takes:
        changed.append("the manifest asks for other takes than it did, as this version of the program reads it")
    if changed:
        raise _out_of_date(saved, "; ".join(changed), replan_command)


def ledger_state(ledger: LedgerReader) -> LedgerState:
    """How the ledger stands. Raises LedgerError."""
    return LedgerState(ledger.position(), bool(ledger.fact("restored")))


def check_ledger_for_plan(saved: SavedPlan, ledger: Ledger | None, replan_command: str) -> PlanProgress:
    """How far the plan has been applied, given the ledger as it stands before anything in it is put in order; None
    where there is none yet.

    From here on the ledger remembers the plan. Raises UsageError where anything but this plan has changed it.
    """
    if ledger is None:
        if saved.ledger.mark != JournalPosition():
            raise _out_of_date(saved, "the ledger that it was made with is gone", replan_command)
        return PlanProgress(saved.wishes)
    id_, _, stage = ledger.fact(PLAN_FACT).partition(" ")
    # rule plan_repeated
    is_under_way = id_ == saved.id
    was, now = saved.ledger.mark, ledger_state(ledger)
    # rule backup_same
    if now.restored and not saved.ledger.restored:
        raise _out_of_date(saved, "the ledger is a backup that was put back since", replan_command)
    # rule ledger_mark
    if now.mark.number < was.number or ledger.position(was.number) != was:
        raise _out_of_date(
            saved, "this is another ledger than the plan was made with, or an older state of it", replan_command
        )
    changes = ledger.entries_after(was.number) if now.mark != was else ()
    # rule ledger_same
    if changes and (not is_under_way or any(change.what in _FOREIGN for change in changes)):
        raise _out_of_date(saved, f"the ledger has changed by something else: {_describe(changes)}", replan_command)
    if is_under_way and (stage == _CARRIED_OUT or any(change.what in _STEPS for change in changes)):
        return PlanProgress(PlanRequest(saved.wishes.only), has_begun=True)
    ledger.record_fact(PLAN_FACT, saved.id)
    return PlanProgress(saved.wishes, has_begun=bool(changes))


def carried_out_fact(saved: SavedPlan) -> str:
    """What the ledger remembers once the plan's steps are carried out."""
    return f"{saved.id} {_CARRIED_OUT}"


def check_plan(
    saved: SavedPlan, plan: Plan, campaign: CampaignSpec, progress: PlanProgress, replan_command: str
) -> None:
    """Raises UsageError where the plan as it is now would pay for anything that the file does not have."""
    allowed = saved.retryable if progress.has_begun else saved.paying
    paying = {line.take_id for line in plan.paying}
    beyond = [take.id for take in campaign.takes if take.id in paying and allowed.get(take.id) != take.fingerprint]
    # rule no_more_than_planned
    if beyond:
        raise _out_of_date(
            saved, f"it does not have the creates of {_take_names(beyond)}, which are due now", replan_command
        )


def _differences(what: str, was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    different = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    changes = [f"{what} {name} {_kind_of_change(was.get(name), now.get(name))}" for name in different[:_NAMED]]
    more = len(different) - len(changes)
    return [*changes, f"and {more:,} more"] if more else changes


def _kind_of_change(was: str | None, now: str | None) -> str:
    if was is None:
        return "was not used"
    return "is not used any more" if now is None else "has changed"


def _describe(changes: Iterable[JournalEntry]) -> str:
    """What happened, each kind with the first few takes that it happened to."""
    by_kind: dict[str, list[str]] = {}
    for change in changes:
        by_kind.setdefault(change.what, []).append(change.take_id)
    texts = [f"{words} {_take_names(by_kind[what])}".strip() for what, words in _IN_WORDS.items() if what in by_kind]
    return "; ".join(texts) or f"its books were put in order ({', '.join(sorted(by_kind))})"


def _take_names(take_ids: Iterable[str]) -> str:
    names = [name for name in dict.fromkeys(take_ids) if name]
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _out_of_date(saved: SavedPlan, why: str, replan_command: str) -> UsageError:
    return UsageError(
        f"{saved.path}: this plan does not hold any more: {why}. Nothing was sent, nothing was paid. Make a new one "
        f"with `{replan_command}`."
    )
