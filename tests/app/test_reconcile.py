"""Before anything is decided the ledger takes over what the receipts and the disk know."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.ledger.receipts import Receipts, load_receipts
from hailuo_batch.adapters.local.output_files import OutputFiles
from hailuo_batch.app.reconcile import count_earlier_requests, reconcile_ledger
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import CreateOutcome
from hailuo_batch.core.model.runs import Run, Snapshot
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.core.planning.recovery import CreateIntent, CreateResult, Receipt
from hailuo_batch.core.scheduling.rate_window import RateWindow
from hailuo_batch.errors import LedgerError
from tests.helpers.full_disk import full_disk
from tests.helpers.ledgers import SAVED, SUCCEEDED, create_run, journal_of, new_ledger, open_ledger, request
from tests.helpers.snapshots import STARTED_AT, take

WALL = STARTED_AT + 600
NOW = 5_000.0
CREATED = ev.RunCreated("run_1", 280_000)


class ReconcileHarness:
    """A campaign's books between two applies."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.ledger = ledger
        self.receipts_path = folder / "spring-lamps.receipts.jsonl"
        self.outputs = folder / "outputs"
        self.outputs.mkdir()

    def record_intent(self, run: Run, create_id: str = "create-1") -> Run:
        """Its create is in the receipts."""
        run = replace(run, create_id=create_id, submitted_at=STARTED_AT)
        with closing(Receipts(self.receipts_path)) as receipts:
            receipts.write_intents([run])
        return run

    def record_submitting(self, run: Run, create_id: str = "create-1") -> None:
        """Its create is in both books."""
        self.record_intent(run, create_id)
        self.ledger.record([(run.key, ev.CreateStarted(create_id))], STARTED_AT)

    def write_result(self, outcome: CreateOutcome, create_id: str = "create-1") -> None:
        """Its answer is in the receipts only."""
        with closing(Receipts(self.receipts_path)) as receipts:
            receipts.write_results([(create_id, outcome)], STARTED_AT + 1)

    def reconcile(self) -> Snapshot:
        snapshot = reconcile_ledger(self.ledger, self.receipts_path, OutputFiles(self.outputs), WALL)
        assert snapshot == self.ledger.snapshot()
        return snapshot


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[ReconcileHarness]:
    with open_ledger(new_ledger(tmp_path)) as ledger:
        yield ReconcileHarness(tmp_path, ledger)


def only_run(snapshot: Snapshot) -> Run:
    (run,) = snapshot.runs
    return run


# --- receipts into the ledger ---


def test_records_that_agree_are_not_written(harness: ReconcileHarness) -> None:
    (hero,) = request(harness.ledger, take("hero"))
    harness.record_submitting(hero)
    harness.write_result(CREATED)
    harness.ledger.record([(hero.key, CREATED)], STARTED_AT + 1)
    before = harness.ledger.snapshot()
    with full_disk():
        assert harness.reconcile() == before


@pytest.mark.parametrize(
    ("answer", "state", "take_state"),
    [
        (CREATED, RunState.PENDING, TakeState.RUNNING),
        (ev.CreateUnanswered("HTTP 502"), RunState.IN_DOUBT, TakeState.IN_DOUBT),
        (ev.CreateNotSent("no route"), RunState.UNSENT, TakeState.WAITING),
        (ev.CreateRefused(ev.Refusal.BALANCE, "insufficient_balance", "top up"), RunState.UNSENT, TakeState.WAITING),
        (ev.InputRejected("invalid_input", "no"), RunState.REJECTED, TakeState.REJECTED),
    ],
)
def test_an_answer_that_only_the_receipts_know_is_taken_over(
    harness: ReconcileHarness, answer: CreateOutcome, state: RunState, take_state: TakeState
) -> None:
    (hero,) = request(harness.ledger, take("hero"))
    harness.record_submitting(hero)
    harness.write_result(answer)
    snapshot = harness.reconcile()
    assert (only_run(snapshot).state, snapshot.takes[0].state) == (state, take_state)
    with full_disk():
        assert harness.reconcile() == snapshot


def test_a_create_without_an_answer_anywhere_is_in_doubt(harness: ReconcileHarness) -> None:
    (hero,) = request(harness.ledger, take("hero"))
    harness.record_submitting(hero)
    run = only_run(harness.reconcile())
    assert (run.state, run.reason) == (RunState.IN_DOUBT, "the program ended before an answer was recorded")


def test_a_run_id_that_turns_up_ends_the_doubt(harness: ReconcileHarness) -> None:
    (hero,) = request(harness.ledger, take("hero"))
    harness.record_submitting(hero)
    harness.reconcile()
    harness.write_result(CREATED)
    run = only_run(harness.reconcile())
    assert (run.state, run.run_id, run.cost_micro_usd) == (RunState.PENDING, "run_1", 280_000)


def test_a_create_that_the_ledger_never_knew_becomes_a_run_in_place_of_the_unsent_one(
    harness: ReconcileHarness,
) -> None:
    (hero,) = request(harness.ledger, take("hero"))
    harness.record_intent(hero)
    harness.write_result(CREATED)
    assert (only_run(harness.reconcile()).run_id, only_run(harness.reconcile()).create_id) == ("run_1", "create-1")


def test_a_create_that_the_ledger_never_knew_and_that_was_not_sent_changes_nothing(harness: ReconcileHarness) -> None:
    (hero,) = request(harness.ledger, take("hero"))
    harness.record_intent(hero)
    harness.write_result(ev.CreateNotSent("it could not be recorded beforehand"))
    with full_disk():
        assert only_run(harness.reconcile()) == hero


def test_one_run_id_in_two_answers_belongs_to_the_first(harness: ReconcileHarness) -> None:
    hero, teal = request(harness.ledger, take("hero"), take("teal"))
    create_run(harness.ledger, hero, "run_1")
    harness.record_submitting(teal)
    harness.write_result(CREATED)
    _, second = harness.reconcile().runs
    assert (second.state, second.run_id) == (RunState.IN_DOUBT, None)
    assert "run_1" in (second.reason or "")


def test_what_is_taken_over_bears_the_time_at_which_it_happened(harness: ReconcileHarness) -> None:
    (hero,) = request(harness.ledger, take("hero"))
    harness.record_submitting(hero)
    harness.write_result(CREATED)
    harness.reconcile()
    *_, created = harness.ledger.journal()
    assert (created["what"], created["at"]) == ("RunCreated", STARTED_AT + 1)


def test_without_receipts_there_is_nothing_to_take_over(harness: ReconcileHarness) -> None:
    (hero,) = request(harness.ledger, take("hero"))
    assert only_run(harness.reconcile()) == hero


def test_receipts_that_cannot_be_read_stop_everything(harness: ReconcileHarness) -> None:
    harness.receipts_path.mkdir()
    with pytest.raises(LedgerError, match="receipts cannot be read"):
        harness.reconcile()


# --- the disk beside the ledger ---


def test_a_file_that_is_gone_is_wanted_again(harness: ReconcileHarness) -> None:
    (hero,) = request(harness.ledger, take("hero"))
    create_run(harness.ledger, hero, "run_1")
    harness.ledger.record([(hero.key, SUCCEEDED), (hero.key, SAVED)], STARTED_AT)
    snapshot = harness.reconcile()
    assert snapshot.takes[0].state is TakeState.DOWNLOADING
    assert only_run(snapshot).outputs[0].sha256 == SAVED.sha256
    assert journal_of(harness.ledger.path)[-1] == ("hero", 1, "FileMissed", "succeeded")


def test_a_rename_that_a_crash_cut_short_is_ended(harness: ReconcileHarness) -> None:
    (hero,) = request(harness.ledger, take("hero"))
    create_run(harness.ledger, hero, "run_1")
    (harness.outputs / "teal.mp4").write_bytes(b"v" * SAVED.bytes)
    events = (SUCCEEDED, SAVED, ev.FileMoving(0, "teal.mp4"))
    harness.ledger.record([(hero.key, event) for event in events], STARTED_AT)
    output = only_run(harness.reconcile()).outputs[0]
    assert (output.path, output.moving_to) == ("teal.mp4", None)


# --- the window ---


def sent(age_s: float, number: int = 0) -> Receipt:
    return CreateIntent(f"create-{number}", WALL - age_s, "hero", 1, "m", "{}", None)


def answered(age_s: float, number: int = 0) -> Receipt:
    return CreateResult(f"create-{number}", WALL - age_s, CREATED)


def window_after(*receipts: Receipt, wall: float = WALL) -> RateWindow:
    window = RateWindow(20, 10.0)
    count_earlier_requests({1: window}, receipts, {}, NOW, wall)
    return window


def test_a_create_without_an_answer_may_only_now_reach_the_api_and_holds_its_place_for_a_window_from_now() -> None:
    window = window_after(sent(3))
    assert [window.free(NOW + after) for after in (0, 9.9, 10.1)] == [19, 19, 20]


def test_a_create_holds_its_place_for_a_window_after_its_answer() -> None:
    window = window_after(sent(3), answered(1))
    assert [window.free(NOW + 8.9) < 20, window.free(NOW + 9.1)] == [True, 20]


def test_creates_that_are_long_past_hold_no_place() -> None:
    assert window_after(*(sent(121 + number, number) for number in range(50))).free(NOW) == 20


def test_more_creates_than_there_are_places_hold_all_of_them() -> None:
    window = window_after(*(sent(1 + number / 10, number) for number in range(40)))
    assert window.free(NOW) == 0
    assert window.free(NOW + 10) == 20


def test_the_newest_creates_count_whatever_order_they_are_read_in() -> None:
    receipts = [sent(160, number) for number in range(100, 130)]
    assert window_after(sent(1), *receipts).free(NOW) == 19


def test_after_a_jump_of_the_clock_into_the_past_a_whole_window_is_waited_for() -> None:
    window = window_after(*(sent(0, number) for number in range(20)), wall=WALL - 86_400)
    assert [window.free(NOW + after) for after in (0, 9.9, 10.1)] == [0, 0, 20]


def test_a_run_id_that_only_the_ledger_knows_is_written_into_the_receipts(harness: ReconcileHarness) -> None:
    (hero,) = request(harness.ledger, take("hero"))
    create_run(harness.ledger, hero, "run_1")
    harness.reconcile()
    known = load_receipts(harness.receipts_path)
    assert [receipt.outcome for receipt in known if isinstance(receipt, CreateResult)] == [
        ev.RunCreated("run_1", 280_000)
    ]
    assert any(isinstance(receipt, CreateIntent) and receipt.take_id == "hero" for receipt in known)
    harness.reconcile()
    assert load_receipts(harness.receipts_path) == known
