"""How far a kept plan has got, read off a real ledger at each moment at which an apply of it may have been cut off."""

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.app.plan_file import LedgerState, SavedPlan, Sources
from hailuo_batch.app.plan_guard import (
    PLAN_FACT,
    PlanProgress,
    carried_out_fact,
    check_ledger_for_plan,
    check_plan,
    ledger_state,
)
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.ledger_changes import AddAttempt, WantTake
from hailuo_batch.core.planning.plan import InDoubtPolicy, Plan, PlanAction, PlanLine, PlanRequest
from hailuo_batch.core.planning.recovery import CreateIntent, MissingAttempt
from hailuo_batch.errors import UsageError
from hailuo_batch.values import CampaignSpec, Shot
from tests.helpers.snapshots import STARTED_AT, take

HERO = take("hero")
WISHES = PlanRequest(only=("hero",), replace=("*",), in_doubt=InDoubtPolicy.RESUBMIT)
REMEDY = "hailuo-batch plan lamps.yaml --out FILE"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    path = tmp_path / "lamps.db"
    Ledger.create(path, "lamps", "sandbox", STARTED_AT)
    with Ledger.open(path, "lamps", "sandbox", STARTED_AT) as opened:
        opened.carry_out((WantTake(take("desk"), 0), AddAttempt("desk")), STARTED_AT)
        yield opened


@pytest.fixture
def saved(ledger: Ledger) -> SavedPlan:
    return SavedPlan(
        path=Path("plan.json"),
        id="a" * 64,
        campaign="lamps",
        endpoint="sandbox",
        plan_request=WISHES,
        cap_micro_usd=None,
        prices={},
        sources=Sources("", "", {}, {}),
        ledger=ledger_state(ledger),
        paying={"hero": HERO.fingerprint},
        followed={"desk": take("desk").fingerprint},
    )


def carry_out(ledger: Ledger) -> None:
    ledger.carry_out((WantTake(HERO, 1), AddAttempt("hero")), STARTED_AT)


def create(ledger: Ledger) -> int:
    key = next(run.key for run in ledger.snapshot().runs)
    ledger.record(((key, ev.CreateStarted("create-1")), (key, ev.RunCreated("run_1", 1))), STARTED_AT)
    return key


def test_a_ledger_as_it_was_planned_with_remembers_the_plan(ledger: Ledger, saved: SavedPlan) -> None:
    assert check_ledger_for_plan(saved, ledger, REMEDY) == PlanProgress(WISHES)
    assert ledger.fact(PLAN_FACT) == saved.id


def test_cut_off_before_its_steps_the_wishes_still_stand(ledger: Ledger, saved: SavedPlan) -> None:
    check_ledger_for_plan(saved, ledger, REMEDY)
    assert check_ledger_for_plan(saved, ledger, REMEDY) == PlanProgress(WISHES)


def test_cut_off_after_its_steps_the_wishes_are_spent(ledger: Ledger, saved: SavedPlan) -> None:
    check_ledger_for_plan(saved, ledger, REMEDY)
    carry_out(ledger)
    assert check_ledger_for_plan(saved, ledger, REMEDY) == PlanProgress(PlanRequest(only=("hero",)), has_begun=True)


def test_the_wishes_of_a_plan_without_steps_are_spent_once_it_was_carried_out(ledger: Ledger, saved: SavedPlan) -> None:
    check_ledger_for_plan(saved, ledger, REMEDY)
    ledger.record_fact(PLAN_FACT, carried_out_fact(saved))
    create(ledger)
    assert check_ledger_for_plan(saved, ledger, REMEDY) == PlanProgress(PlanRequest(only=("hero",)), has_begun=True)


def test_the_same_changes_by_somebody_else_are_refused(ledger: Ledger, saved: SavedPlan) -> None:
    carry_out(ledger)
    with pytest.raises(UsageError, match="another attempt was allowed for hero"):
        check_ledger_for_plan(saved, ledger, REMEDY)
    assert ledger.fact(PLAN_FACT) == ""


def test_a_users_word_is_refused_even_where_the_plan_is_remembered(ledger: Ledger, saved: SavedPlan) -> None:
    check_ledger_for_plan(saved, ledger, REMEDY)
    key = create(ledger)
    ledger.record(((key, ev.RunAbandoned("given up")),), STARTED_AT)
    with pytest.raises(UsageError, match="runs were abandoned for desk"):
        check_ledger_for_plan(saved, ledger, REMEDY)


def test_a_create_that_a_kill_left_in_the_receipts_alone_is_the_plans_own(ledger: Ledger, saved: SavedPlan) -> None:
    check_ledger_for_plan(saved, ledger, REMEDY)
    carry_out(ledger)
    intent = CreateIntent("create-1", STARTED_AT, "hero", 1, HERO.model, HERO.input_json, None)
    ledger.restore_runs((MissingAttempt(intent, ev.CreateUnanswered("killed"), STARTED_AT),), STARTED_AT)
    assert check_ledger_for_plan(saved, ledger, REMEDY) == PlanProgress(PlanRequest(only=("hero",)), has_begun=True)


def test_a_backup_put_back_is_refused_unless_it_was_planned_with(ledger: Ledger, saved: SavedPlan) -> None:
    ledger.record_fact("restored", "yes")
    with pytest.raises(UsageError, match="backup"):
        check_ledger_for_plan(saved, ledger, REMEDY)
    known = dataclasses.replace(saved, ledger=LedgerState(saved.ledger.mark, restored=True))
    assert check_ledger_for_plan(known, ledger, REMEDY).plan_request == WISHES


def test_a_backup_put_back_is_refused_too_once_another_command_has_put_it_in_order(
    ledger: Ledger, saved: SavedPlan
) -> None:
    check_ledger_for_plan(saved, ledger, REMEDY)
    ledger.record_fact("restored", "yes")
    ledger.clear_restored(STARTED_AT)
    with pytest.raises(UsageError, match="something else changed the ledger: a backup was restored"):
        check_ledger_for_plan(saved, ledger, REMEDY)


def test_another_ledger_of_the_same_length_is_refused(ledger: Ledger, saved: SavedPlan, tmp_path: Path) -> None:
    path = tmp_path / "other" / "lamps.db"
    Ledger.create(path, "lamps", "sandbox", STARTED_AT)
    with Ledger.open(path, "lamps", "sandbox", STARTED_AT) as other:
        other.carry_out((WantTake(take("desk"), 0), AddAttempt("desk")), STARTED_AT + 1)
        with pytest.raises(UsageError, match="another ledger"):
            check_ledger_for_plan(saved, other, REMEDY)


def test_no_more_is_paid_for_than_the_file_has(saved: SavedPlan) -> None:
    campaign = CampaignSpec("lamps", (Shot("hero", (HERO,)), Shot("desk", (take("desk"),))), "")

    def plan(*take_ids: str) -> Plan:
        lines = tuple(PlanLine(take(id_), PlanAction.CREATE, "new") for id_ in take_ids)
        return Plan(lines, (), frozenset(), frozenset())

    begun = PlanProgress(WISHES, has_begun=True)
    check_plan(saved, plan("hero"), campaign, PlanProgress(WISHES), REMEDY)
    check_plan(saved, plan(), campaign, PlanProgress(WISHES), REMEDY)
    check_plan(saved, plan("hero", "desk"), campaign, begun, REMEDY)
    with pytest.raises(UsageError, match="does not pay for desk"):
        check_plan(saved, plan("hero", "desk"), campaign, PlanProgress(WISHES), REMEDY)
    other = CampaignSpec("lamps", (Shot("hero", (take("hero", prompt="another"),)),), "")
    with pytest.raises(UsageError, match="does not pay for hero"):
        check_plan(saved, plan("hero"), other, begun, REMEDY)


def test_looking_where_the_journal_ends_leaves_the_ledger_locked_against_strangers(ledger: Ledger) -> None:
    """SQLite's locks are a process's: to close another descriptor of the file gives them up, and whoever closes the
    ledger last then takes its log away, with all that is written into it afterwards."""
    assert ledger_state(ledger).mark.number > 0
    stranger = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT 1 FROM runs'); db.close()"
    subprocess.run([sys.executable, "-c", stranger, str(ledger.path)], check=True)
    assert ledger.path.with_name(f"{ledger.path.name}-wal").exists()
