"""The simulator finds what it is there to find: with a bug put into the product, a promise is broken within 2,000
histories.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from urllib3.response import BaseHTTPResponse

from hailuo_batch.adapters.download import downloader, file_writer, mp4
from hailuo_batch.adapters.download.file_writer import FileWriter
from hailuo_batch.adapters.download.resume import OVERLAP_BYTES
from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.ledger.lock import CampaignLock
from hailuo_batch.adapters.ledger.receipts import Receipts
from hailuo_batch.adapters.local.output_files import Comparison, FileMatch, OutputFiles
from hailuo_batch.adapters.runbase import responses
from hailuo_batch.app import apply, plan_guard, reconcile, workspace
from hailuo_batch.app.mending import resolve
from hailuo_batch.core.engine import engine, key_check, requests
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model import file_layout, states
from hailuo_batch.core.model.runs import Output, Run, Snapshot, TakeRecord
from hailuo_batch.core.planning import cap, matching, plan, recovery, spend
from hailuo_batch.core.scheduling.rate_window import RateWindow
from hailuo_batch.runtime import driver
from hailuo_batch.values import Take
from tests.sim.field_bugs import FIELD_BUGS
from tests.sim.history import Failure, run_history
from tests.sim.key_bugs import KEY_BUGS

pytestmark = [pytest.mark.deep, pytest.mark.timeout(900)]

SEEDS = 2000

Patch = pytest.MonkeyPatch


def save_the_run_id_only_at_the_end(patch: Patch) -> None:
    real = driver.Driver._record

    def record(self: driver.Driver, now: float) -> None:
        received = self._unrecorded
        created = [item for item in received if any(isinstance(event, ev.RunCreated) for event in item.events)]
        if self._engine.under_way > len(created):
            self._unrecorded = [item for item in received if item not in created]
            if self._unrecorded:
                real(self, now)
            self._unrecorded += created
        else:
            real(self, now)

    patch.setattr(driver.Driver, "_record", record)
    patch.setattr(driver.Driver, "_write_receipts", lambda *_: None)


def retry_a_create_on_a_reset(patch: Patch) -> None:
    real = responses.create_outcome

    def outcome(exchange: responses.ExchangeResult) -> ev.CreateOutcome:
        match exchange:
            case responses.Unanswered(reason):
                return ev.CreateNotSent(reason)
            case _:
                return real(exchange)

    patch.setattr(responses, "create_outcome", outcome)


def treat_500_as_not_sent(patch: Patch) -> None:
    real = responses.create_outcome

    def outcome(exchange: responses.ExchangeResult) -> ev.CreateOutcome:
        match exchange:
            case responses.Response(status=500):
                return ev.CreateNotSent("HTTP 500")
            case _:
                return real(exchange)

    patch.setattr(responses, "create_outcome", outcome)


def forget_the_intent(patch: Patch) -> None:
    """Neither receipt nor ledger hears of a create before its answer is there."""

    def recover(snapshot: Snapshot, receipts: Iterable[object], now: float) -> object:
        missed, _ = recovery.recover(snapshot, (), now)
        return tuple(replace(item, event=ev.CreateNotSent("nothing known")) for item in missed), ()

    patch.setattr(Receipts, "write_intents", lambda *_: None)
    patch.setattr(reconcile, "recover", recover)


def count_no_refund(patch: Patch) -> None:
    real = spend.spend_of

    def spend_of(runs: Iterable[Run]) -> spend.Spend:
        return replace(real(runs), refunded_micro_usd=0)

    patch.setattr(spend, "spend_of", spend_of)
    patch.setattr("tests.sim.promises.spend_of", spend_of)


def expire_an_old_run(patch: Patch) -> None:
    """A run that is older than an hour is taken for failed."""
    real = engine.Engine._schedule

    def see_to(self: engine.Engine, run: Run, now: float) -> None:
        since = now if run.submitted_at is None else run.submitted_at - self._epoch_offset
        if run.state in states.RUNNING and now - since > 3600:
            self._on_run_failed(run)
            return
        real(self, run, now)

    patch.setattr(engine.Engine, "_schedule", see_to)


def key_takes_by_position(patch: Patch) -> None:
    """The n-th take of the manifest is served by the n-th that is recorded, and by nothing else."""

    def match(wanted: Mapping[str, Take], recorded: Mapping[str, TakeRecord]) -> dict[str, Run]:
        runs = [record.live for record in recorded.values() if record.in_manifest]
        return {
            take.id: run
            for take, run in zip(wanted.values(), runs, strict=False)
            if run is not None and run.state is not states.RunState.UNSENT and matching.serves(run, take)
        }

    patch.setattr(plan, "match_runs", match)


def drop_the_lock(patch: Patch) -> None:
    patch.setattr(CampaignLock, "acquire", lambda *_: None)


def restore_without_receipts(patch: Patch) -> None:
    patch.setattr(reconcile, "load_receipts", lambda *_: ())


def take_an_unreadable_answer_for_a_refusal(patch: Patch) -> None:
    real = responses.create_outcome

    def outcome(exchange: responses.ExchangeResult) -> ev.CreateOutcome:
        known = real(exchange)
        is_answer = isinstance(exchange, responses.Response) and isinstance(known, ev.CreateUnanswered)
        return ev.CreateRefused(ev.Refusal.RATE, "", "unreadable") if is_answer else known

    patch.setattr(responses, "create_outcome", outcome)


def ask_faster_than_allowed(patch: Patch) -> None:
    def give_back(self: RateWindow, key: int, now: float) -> None:
        del self._under_way[key]

    patch.setattr(RateWindow, "give_back", give_back)


def forget_the_reads_of_earlier_processes(patch: Patch) -> None:
    patch.setattr(RateWindow, "on_others", lambda *_: None)


def ignore_creates_under_way_in_the_cap(patch: Patch) -> None:
    """Only what is known to be paid counts."""

    def admits(self: cap.Cap, model: str) -> bool:
        return self.cap_micro_usd is None or self._known_micro_usd + (self.cost_of(model) or 0) <= self.cap_micro_usd

    patch.setattr(cap.Cap, "admits", admits)


def order_prices_by_the_time_of_day(patch: Patch) -> None:
    def teacher_of(run: Run) -> spend.KnownCost | None:
        at = run.submitted_at or 0.0
        return None if run.cost_micro_usd is None else spend.KnownCost(int(at), run.cost_micro_usd, at)

    patch.setattr(spend, "known_cost_of", teacher_of)


def rename_onto_what_is_there(patch: Patch) -> None:
    def move(self: OutputFiles, index: int, source: str, target: str) -> ev.MoveOutcome:
        end = self._inside(target)
        end.parent.mkdir(parents=True, exist_ok=True)
        self._inside(source).replace(end)
        return ev.FileMoved(index, target)

    def next_moves(self: file_layout.FileLayout) -> tuple[file_layout.Move, ...]:
        wanted = [move for take_id in sorted(self._takes_to_check) for move in self._misplaced(take_id)]
        self._takes_to_check = set()
        return tuple(wanted)

    patch.setattr(OutputFiles, "move", move)
    patch.setattr(file_layout.FileLayout, "next_moves", next_moves)


def begin_a_replacement_anew_with_each_command(patch: Patch) -> None:
    real = plan._Planner._takes_to_replace

    def replaced(self: plan._Planner) -> frozenset[str]:
        under_way, self.snapshot = self.snapshot, replace(self.snapshot, replacements=())
        chosen = real(self)
        self.snapshot = under_way
        return chosen

    patch.setattr(plan._Planner, "_takes_to_replace", replaced)


def make_again_whatever_has_come_of_a_marked_take(patch: Patch) -> None:
    """A mark speaks of its take, whichever run is seen there by now."""

    def is_marked(self: plan._Planner, take_id: str, run: Run) -> bool:
        return run.state is states.RunState.SUCCEEDED and any(marked == take_id for marked, _ in self._rerolls)

    patch.setattr(plan._Planner, "_is_marked", is_marked)


def pay_any_price(patch: Patch) -> None:
    patch.setattr(requests.RequestScheduler, "_check_price", lambda *_: None)


def believe_any_key(patch: Patch) -> None:
    patch.setattr(key_check.KeyCheck, "start", lambda *_: None)


def take_a_file_cut_short_for_whole(patch: Patch) -> None:
    patch.setattr(mp4, "find_fault", lambda *_: "")


def join_two_versions_of_a_file(patch: Patch) -> None:
    """What goes on where a download broke off is not looked at."""

    def skip_overlap(writer: FileWriter, response: BaseHTTPResponse, offset: int) -> None:
        del writer, offset
        response.read(OVERLAP_BYTES)

    patch.setattr(downloader, "_check_overlap", skip_overlap)


def apply_a_stale_plan(patch: Patch) -> None:
    """Whatever has happened to the ledger since, a plan is taken to hold."""
    patch.setattr(Ledger, "entries_after", lambda *_: ())


def carry_a_plan_out_anew_with_each_repetition(patch: Patch) -> None:
    """The wishes of a plan are never spent."""
    patch.setattr(plan_guard, "_STEPS", frozenset())
    patch.setattr(apply, "carried_out_fact", lambda saved: saved.id)


def repair_over_a_changed_file(patch: Patch) -> None:
    def delete(paths: list[Path], _name: object) -> list[tuple[Path, Path]]:
        for path in paths:
            path.unlink()
        return [(path, path) for path in paths]

    patch.setattr(file_writer, "set_aside", delete)


def take_a_short_file_for_what_was_saved(patch: Patch) -> None:
    real = OutputFiles.compare

    def compare(self: OutputFiles, output: Output) -> Comparison:
        seen = real(self, output)
        is_short = seen.bytes is not None and seen.bytes < (output.bytes or 0)
        return replace(seen, match=FileMatch.SAME) if is_short else seen

    patch.setattr(OutputFiles, "compare", compare)


def begin_anew_wherever_a_ledger_is_missing(patch: Patch) -> None:
    patch.setattr(apply, "has_ledger", workspace.ledger_exists)


def throw_away_what_is_to_be_set_aside(patch: Patch) -> None:
    def set_aside(paths: workspace.CampaignPaths) -> tuple[()]:
        paths.receipts.unlink(missing_ok=True)
        return ()

    patch.setattr(workspace, "set_aside", set_aside)


def ask_about_a_named_run_without_a_place(patch: Patch) -> None:
    patch.setattr(resolve, "reserve_one_request", lambda *_: nullcontext())


BUGS: Sequence[Callable[[Patch], None]] = (
    save_the_run_id_only_at_the_end,
    retry_a_create_on_a_reset,
    treat_500_as_not_sent,
    forget_the_intent,
    count_no_refund,
    expire_an_old_run,
    key_takes_by_position,
    drop_the_lock,
    restore_without_receipts,
    take_an_unreadable_answer_for_a_refusal,
    ask_faster_than_allowed,
    forget_the_reads_of_earlier_processes,
    ignore_creates_under_way_in_the_cap,
    order_prices_by_the_time_of_day,
    rename_onto_what_is_there,
    begin_a_replacement_anew_with_each_command,
    make_again_whatever_has_come_of_a_marked_take,
    pay_any_price,
    believe_any_key,
    take_a_file_cut_short_for_whole,
    join_two_versions_of_a_file,
    apply_a_stale_plan,
    carry_a_plan_out_anew_with_each_repetition,
    repair_over_a_changed_file,
    take_a_short_file_for_what_was_saved,
    begin_anew_wherever_a_ledger_is_missing,
    throw_away_what_is_to_be_set_aside,
    ask_about_a_named_run_without_a_place,
    *FIELD_BUGS,
    *KEY_BUGS,
)


SHOWN_BY = {
    "pay_without_a_yes": 35,
    "make_again_whatever_has_come_of_a_marked_take": 4,
    "key_takes_by_position": 12,
    "forget_the_intent": 20,
    "expire_an_old_run": 4,
    "retry_a_create_on_a_reset": 29,
    "treat_500_as_not_sent": 48,
    "restore_without_receipts": 12,
    "drop_the_lock": 25,
    "take_an_unreadable_answer_for_a_refusal": 20,
    "forget_the_reads_of_earlier_processes": 38,
    "rename_onto_what_is_there": 54,
    "begin_a_replacement_anew_with_each_command": 54,
    "order_prices_by_the_time_of_day": 556,
    "believe_any_key": 21,
    "take_a_torn_file_for_an_empty_one": 1037,
    "replace_what_a_plan_only_follows": 1650,
    "join_two_versions_of_a_file": 69,
    "ask_about_a_named_run_without_a_place": 132,
    "keep_much_of_a_small_disk_free": 1096,
    "believe_any_value_of_a_run": 116,
    "believe_an_older_ledger": 18,
    "write_into_files_that_are_gone": 142,
    "make_again_without_a_yes": 162,
    "believe_any_cost_of_an_answer": 189,
    "apply_a_stale_plan": 478,
    "begin_anew_wherever_a_ledger_is_missing": 18,
    "take_a_short_file_for_what_was_saved": 39,
    "pay_any_price": 384,
    "take_a_file_cut_short_for_whole": 69,
    "carry_a_plan_out_anew_with_each_repetition": 842,
    "end_an_apply_with_its_reader": 82,
    "believe_any_cost_of_a_receipt": 37,
    "take_a_gateways_word_for_a_refusal": 52,
    "throw_away_what_is_to_be_set_aside": 15,
    "repair_over_a_changed_file": 39,
    "remember_of_a_replacement_what_is_done_alone": 56,
    "end_a_replacement_before_its_report": 54,
    "remember_the_last_replacement_alone": 54,
    "lock_the_file_of_the_lock_alone": 13,
    "call_a_busy_campaign_broken": 13,
    "record_no_takeover": 46,
    "take_the_first_key_for_one_that_is_missing": 42,
    "lose_the_runs_of_a_refused_key": 21,
    "forget_the_runs_of_a_refused_key": 25,
    "number_keys_by_their_place": 21,
    "pay_once_more_for_what_no_key_can_read": 12,
}
"""From where to look for bugs that few histories show: the place moves with the product and is then looked up again."""


def find_failure(seeds: Iterable[int]) -> Failure | None:
    return next(filter(None, map(run_history, seeds)), None)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_bug_is_found(bug: Callable[[Patch], None], monkeypatch: Patch) -> None:
    bug(monkeypatch)
    first = SHOWN_BY.get(bug.__name__, 0)
    failure = find_failure(chain(range(first, SEEDS), range(first)))
    assert failure is not None, f"{SEEDS} histories show nothing"
