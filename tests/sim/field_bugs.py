"""Bugs that put back what the program once did when the world around it was not as it should be: an older state folder,
a reader that goes away, a full disk, a gateway, altered records, nobody who has agreed.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hailuo_batch.adapters.download import file_writer
from hailuo_batch.adapters.ledger import in_place, lock, row_checks, row_reader
from hailuo_batch.adapters.local import streams
from hailuo_batch.adapters.runbase import fields, responses
from hailuo_batch.app import apply, consent, older_ledger, plan_file, plan_guard, run_campaign
from hailuo_batch.app.run_campaign import ApplyResult, close_finished_replacements
from hailuo_batch.core.engine import requests
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.runs import Output, Run, Supersession
from hailuo_batch.core.model.settings import Consent
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning import plan, recovery
from hailuo_batch.errors import LedgerError
from hailuo_batch.runtime import driver, observer

Patch = pytest.MonkeyPatch


def believe_an_older_ledger(patch: Patch) -> None:
    patch.setattr(apply, "check_not_older", lambda *_: None)


def take_a_torn_file_for_an_empty_one(patch: Patch) -> None:
    patch.setattr(older_ledger, "_except_of_known_videos", lambda *_: ())


def end_an_apply_with_its_reader(patch: Patch) -> None:
    """What cannot be printed ends the work, wherever it is."""

    def catch_up(self: streams.Sink) -> None:
        while self._pending:
            del self._pending[: os.write(self._number, bytes(self._pending))]

    patch.setattr(streams.Sink, "flush_pending", catch_up)
    patch.setattr(observer.GuardedObserver, "_guarded", lambda _, pass_on: pass_on())
    patch.setattr(driver.Driver, "_save_create_answers", lambda _: None)


def pay_for_what_finds_no_room(patch: Patch) -> None:
    patch.setattr(driver.Driver, "_check_disk_space", lambda *_: True)


def keep_much_of_a_small_disk_free(patch: Patch) -> None:
    patch.setattr(file_writer, "SPARE_BYTES", 64 << 20)


def end_a_replacement_before_its_report(patch: Patch) -> None:
    real = run_campaign._execute_plan

    def carry_out(job: Any, ledger: Any, *rest: Any) -> ApplyResult:
        outcome = real(job, ledger, *rest)
        close_finished_replacements(ledger, outcome.snapshot, (), job.plan.scope)
        return outcome

    patch.setattr(run_campaign, "_execute_plan", carry_out)


def remember_the_last_replacement_alone(patch: Patch) -> None:
    patch.setattr(row_reader.RowReader, "replacements", lambda _: ())


def remember_of_a_replacement_what_is_done_alone(patch: Patch) -> None:
    """What the same command makes for the first time is forgotten, and so is a wish that finds nothing done."""
    real = plan._Planner._takes_to_replace

    def replaced(self: plan._Planner) -> frozenset[str]:
        chosen = real(self)
        if self._replacement is not None:
            self._replacement = replace(self._replacement, take_ids=chosen) if chosen else None
        return chosen

    patch.setattr(plan._Planner, "_takes_to_replace", replaced)


def replace_what_a_plan_only_follows(patch: Patch) -> None:
    real = plan_file.read_plan

    def read_plan(path: Path) -> plan_file.SavedPlan:
        saved = real(path)
        return replace(saved, plan_request=replace(saved.plan_request, replaceable=None))

    patch.setattr(plan_guard, "read_plan", read_plan)


def take_a_gateways_word_for_a_refusal(patch: Patch) -> None:
    """The status alone says that nothing was made."""
    real = responses.create_outcome

    def outcome(exchange: responses.ExchangeResult) -> ev.CreateOutcome:
        known = real(exchange)
        match exchange:
            case responses.Response(status=400) if isinstance(known, ev.CreateUnanswered):
                return ev.InputRejected("", "HTTP 400")
            case responses.Response(status=401 | 402 | 403 | 404 | 429 as status) if isinstance(
                known, ev.CreateUnanswered
            ):
                return ev.CreateRefused(responses._BY_STATUS[status], "", f"HTTP {status}")
            case _:
                return known

    patch.setattr(responses, "create_outcome", outcome)


def pay_before_the_api_is_known(patch: Patch) -> None:
    patch.setattr(requests.RequestScheduler, "_must_check_first", property(lambda self: self._key_check.goes_first))


def believe_any_value_of_a_run(patch: Patch) -> None:
    """What SQLite holds is taken as it comes."""

    def parse_run(row: Any, outputs: tuple[Output, ...], _requests: object) -> Run:
        by = None if row[8] is None else Supersession(row[8])
        values: tuple[Any, ...] = (
            *row[:3],
            RunState(row[3]),
            *row[4:8],
            by,
            row[9],
            row[16],
            *row[10:15],
            outputs,
            row[17],
        )
        return Run(*values)

    patch.setattr(row_checks, "parse_run", parse_run)


def write_into_files_that_are_gone(patch: Patch) -> None:
    patch.setattr(in_place.CampaignFiles, "check", lambda _: None)


def lock_the_file_of_the_lock_alone(patch: Patch) -> None:
    patch.setattr(lock.CampaignLock, "_take_guard", lambda *_: None)


def call_a_busy_campaign_broken(patch: Patch) -> None:
    patch.setattr(
        lock.CampaignLock, "_busy_error", lambda _, holder: LedgerError(f"{holder} is running on this campaign.")
    )


def believe_any_cost_of_an_answer(patch: Patch) -> None:
    def parse_cost(value: object) -> tuple[int | None, str]:
        return (value, "") if isinstance(value, int) else (None, "the response's cost is not an integer")

    patch.setattr(fields, "parse_cost", parse_cost)


def believe_any_cost_of_a_receipt(patch: Patch) -> None:
    patch.setattr(recovery, "_cost", lambda value: (value if isinstance(value, int) else None, ""))


def pay_without_a_yes(patch: Patch) -> None:
    """Where nobody can be asked, nobody has to agree."""
    patch.setattr(apply, "obtain_consent", lambda *_: consent.ConsentResult(Consent.GIVEN))


def make_again_without_a_yes(patch: Patch) -> None:
    """Only what is due now needs a yes, and not the attempt that follows a failure."""
    real = consent.obtain_consent

    def agree(*arguments: Any) -> consent.ConsentResult:
        verdict = real(*arguments)
        return verdict if verdict.stop_reason is not None else replace(verdict, consent=Consent.GIVEN)

    patch.setattr(apply, "obtain_consent", agree)


FIELD_BUGS: Sequence[Callable[[Patch], None]] = (
    believe_an_older_ledger,
    take_a_torn_file_for_an_empty_one,
    end_an_apply_with_its_reader,
    pay_for_what_finds_no_room,
    keep_much_of_a_small_disk_free,
    end_a_replacement_before_its_report,
    remember_the_last_replacement_alone,
    remember_of_a_replacement_what_is_done_alone,
    replace_what_a_plan_only_follows,
    take_a_gateways_word_for_a_refusal,
    pay_before_the_api_is_known,
    believe_any_value_of_a_run,
    write_into_files_that_are_gone,
    lock_the_file_of_the_lock_alone,
    call_a_busy_campaign_broken,
    believe_any_cost_of_an_answer,
    believe_any_cost_of_a_receipt,
    pay_without_a_yes,
    make_again_without_a_yes,
)
