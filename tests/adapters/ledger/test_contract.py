"""What every caller of the ledger relies on: all or nothing, each change with its journal line, readers beside."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hailuo_batch.adapters.ledger import Ledger, LedgerReader
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model import ledger_changes as st
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.runs import Output, Replacement, Supersession
from hailuo_batch.core.model.states import IllegalTransition, RunState, TakeState
from hailuo_batch.errors import ExitCode, LedgerError
from tests.helpers.full_disk import full_disk
from tests.helpers.ledgers import (
    SAVED,
    SUCCEEDED,
    create_run,
    journal_of,
    new_ledger,
    no_room,
    open_ledger,
    query,
    read_ledger,
    request,
)
from tests.helpers.snapshots import STARTED_AT, take

LATER = STARTED_AT + 60
HUGE = "a lamp " * 200_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return new_ledger(tmp_path)


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with open_ledger(path) as opened:
        yield opened


def test_a_create_is_on_disk_for_others_when_record_returns(ledger: Ledger, path: Path) -> None:
    (hero,) = request(ledger, take("hero"))
    ledger.record([(hero.key, ev.CreateStarted("create-1"))], LATER)
    with read_ledger(path) as reader:
        run = reader.snapshot().takes[0].runs[0]
    assert (run.state, run.create_id, run.submitted_at) == (RunState.SUBMITTING, "create-1", LATER)


def test_one_illegal_event_undoes_all_the_others_and_their_journal_lines(ledger: Ledger, path: Path) -> None:
    hero, teal = request(ledger, take("hero"), take("teal"))
    before, journal = ledger.snapshot(), journal_of(path)
    events: list[tuple[int, Event]] = [
        (hero.key, ev.CreateStarted("create-1")),
        (hero.key, ev.RunCreated("run_1", 280_000)),
        (teal.key, ev.RunCreated("run_2", 280_000)),
    ]
    with pytest.raises(IllegalTransition, match="a run that is unsent cannot take RunCreated"):
        ledger.record(events, LATER)
    assert ledger.snapshot() == before
    assert journal_of(path) == journal
    assert {state for (state,) in query(path, "SELECT state FROM takes")} == {TakeState.WAITING}


def test_a_ledger_goes_on_after_an_illegal_event(ledger: Ledger) -> None:
    (hero,) = request(ledger, take("hero"))
    with pytest.raises(IllegalTransition):
        ledger.record([(hero.key, ev.RunLost())], LATER)
    assert create_run(ledger, hero, "run_1").state is RunState.PENDING


def test_a_database_without_room_keeps_all_of_a_call_or_nothing(ledger: Ledger, path: Path) -> None:
    hero, teal = request(ledger, take("hero"), take("teal"))
    before, journal = ledger.snapshot(), journal_of(path)
    events = [(hero.key, ev.CreateStarted("create-1")), (teal.key, ev.CreateStarted("create-2"))]
    rejected = [(hero.key, ev.InputRejected("invalid_input", HUGE))]
    with no_room(ledger), pytest.raises(LedgerError, match="full") as caught:
        ledger.record([*events, *rejected], LATER)
    assert caught.value.exit_code is ExitCode.LEDGER
    assert "free space" in str(caught.value)
    assert ledger.snapshot() == before
    assert journal_of(path) == journal


def test_a_disk_that_refuses_the_commit_leaves_nothing_behind(ledger: Ledger, path: Path) -> None:
    (hero,) = request(ledger, take("hero"))
    before, journal = ledger.snapshot(), journal_of(path)
    with full_disk(), pytest.raises(LedgerError, match=r"spring-lamps\.db: the ledger cannot be used"):
        ledger.record([(hero.key, ev.CreateStarted("create-1"))], LATER)
    assert ledger.snapshot() == before
    assert journal_of(path) == journal
    assert create_run(ledger, hero, "run_1").state is RunState.PENDING


def test_bookkeeping_that_the_disk_refuses_leaves_nothing_behind(ledger: Ledger, path: Path) -> None:
    before, journal = ledger.snapshot(), journal_of(path)
    with full_disk(), pytest.raises(LedgerError):
        request(ledger, take("hero"))
    assert ledger.snapshot() == before
    assert journal_of(path) == journal


def test_a_step_that_finds_no_room_undoes_those_before_it(ledger: Ledger, path: Path) -> None:
    (hero,) = request(ledger, take("hero"))
    before, journal = ledger.snapshot(), journal_of(path)
    steps: list[st.LedgerChange] = [
        st.SupersedeRun(hero.key, Supersession.EDIT),
        st.WantTake(take("hero", prompt=HUGE), 0),
    ]
    with no_room(ledger), pytest.raises(LedgerError, match="full"):
        ledger.carry_out(steps, LATER)
    assert ledger.snapshot() == before
    assert journal_of(path) == journal


def test_two_runs_cannot_hold_one_run_id(ledger: Ledger) -> None:
    hero, teal = request(ledger, take("hero"), take("teal"))
    create_run(ledger, hero, "run_1")
    (started,) = ledger.record([(teal.key, ev.CreateStarted("create-2"))], LATER)
    with pytest.raises(LedgerError):
        ledger.record([(teal.key, ev.RunCreated("run_1", 280_000))], LATER)
    assert ledger.snapshot().takes[1].runs == (started,)


def test_each_event_leaves_its_journal_line_with_the_state_it_led_to(ledger: Ledger, path: Path) -> None:
    (hero,) = request(ledger, take("hero"))
    create_run(ledger, hero, "run_1")
    ledger.record([(hero.key, SUCCEEDED), (hero.key, SAVED)], LATER)
    assert journal_of(path) == [
        ("hero", None, "WantTake", None),
        ("hero", None, "AddAttempt", None),
        ("hero", 1, "CreateStarted", "submitting"),
        ("hero", 1, "RunCreated", "pending"),
        ("hero", 1, "RunSucceeded", "succeeded"),
        ("hero", 1, "FileSaved", "succeeded"),
    ]
    assert query(path, "SELECT state FROM takes") == [("done",)]


def test_the_journal_states_what_a_run_cost_and_why_a_create_is_in_doubt(ledger: Ledger, path: Path) -> None:
    hero, teal = request(ledger, take("hero"), take("teal"))
    create_run(ledger, hero, "run_1", 280_000)
    reason = "the connection broke"
    ledger.record([(teal.key, ev.CreateStarted("c")), (teal.key, ev.CreateUnanswered(reason))], LATER)
    details = " ".join(detail for (detail,) in query(path, "SELECT detail FROM journal"))
    assert '"cost_micro_usd": 280000' in details
    assert reason in details


def test_every_field_survives_closing_and_opening(path: Path) -> None:
    two_files = ev.RunSucceeded(("https://x/a.mp4", "https://x/b.mp4?c=ü&d='\""), 290_000, STARTED_AT, LATER)
    with open_ledger(path) as ledger:
        hero, teal = request(ledger, take("hero", tags=("spring", "é")), take("teal", prompt="a „teal“ lamp\n☼"))
        create_run(ledger, hero, "run_1")
        saved: list[Event] = [ev.FileSaved(0, "hero.mp4", 7, "aa" * 32), ev.FileSaved(1, "hero.out2.mp4", 8, "bb" * 32)]
        moving = ev.FileMoving(1, "elsewhere.mp4")
        ledger.record([(hero.key, event) for event in (two_files, *saved, moving)], LATER)
        ledger.record([(teal.key, ev.CreateStarted("c2")), (teal.key, ev.InputRejected("invalid_input", "no"))], LATER)
        replacement = Replacement(("h*", "[t]eal"), frozenset({"hero", "teal"}))
        steps: list[st.LedgerChange] = [
            st.OpenReplacement(replacement),
            st.SupersedeRun(hero.key, Supersession.REPLACE),
            st.AddAttempt("hero"),
        ]
        ledger.carry_out([*steps, st.UnwantTake("teal"), st.WantTake(take("brass"), 2)], LATER)
        ledger.record_description("f" * 64, "Spring — catalogue")
        written = ledger.snapshot()
    with read_ledger(path) as reader:
        read = reader.snapshot()
    assert read == written
    first = read.takes[0].runs[0]
    assert first.outputs == (
        Output(0, "https://x/a.mp4", "hero.mp4", 7, "aa" * 32),
        Output(1, "https://x/b.mp4?c=ü&d='\"", "hero.out2.mp4", 8, "bb" * 32, "elsewhere.mp4"),
    )
    assert (first.run_id, first.cost_micro_usd, first.completed_at) == ("run_1", 290_000, LATER)
    assert first.superseded_by is Supersession.REPLACE
    assert read.takes[0].take.tags == ("spring", "é")
    assert [(record.take.id, record.in_manifest) for record in read.takes[1:]] == [("brass", True), ("teal", False)]
    assert read.takes[2].runs[0].reason == "no (invalid_input)"
    assert (read.manifest_sha256, read.description) == ("f" * 64, "Spring — catalogue")
    assert read.replacements == (replacement,)


def test_a_replacement_that_is_done_is_forgotten_and_no_other(ledger: Ledger) -> None:
    first, second = Replacement(("h*",), frozenset({"hero"})), Replacement(("*",), frozenset({"teal"}), ("teal",))
    ledger.carry_out([st.OpenReplacement(first), st.OpenReplacement(second)], LATER)
    assert ledger.snapshot().replacements == (first, second)
    ledger.close_replacements([first])
    assert ledger.snapshot().replacements == (second,)
    ledger.close_replacements([second])
    assert ledger.fact("replacement") == ""


def test_a_replacement_that_the_first_version_recorded_is_under_way(ledger: Ledger) -> None:
    ledger.record_fact("replacement", '{"patterns": ["h*"], "take_ids": ["hero"]}')
    assert ledger.snapshot().replacements == (Replacement(("h*",), frozenset({"hero"})),)


def test_takes_come_in_the_manifests_order_and_those_that_left_it_last(ledger: Ledger) -> None:
    zebra, *_ = request(ledger, take("z"), take("m"), take("a"))
    create_run(ledger, zebra, "run_1")
    ledger.carry_out([st.UnwantTake("z"), st.WantTake(take("a"), 0), st.WantTake(take("m"), 1)], LATER)
    assert [record.take.id for record in ledger.snapshot().takes] == ["a", "m", "z"]


def test_a_forgotten_take_is_shown_no_more_but_its_money_still_counts(ledger: Ledger) -> None:
    (hero,) = request(ledger, take("hero"))
    paid = create_run(ledger, hero, "run_1")
    ledger.carry_out([st.ForgetRuns("hero"), st.ForgetTake("hero")], LATER)
    snapshot = ledger.snapshot()
    assert (snapshot.takes, snapshot.forgotten) == ((), (paid,))
    (again,) = request(ledger, take("hero"))
    assert (again.attempt, again.run_id) == (2, None)
    assert list(ledger.snapshot().paid_runs) == [again, paid]


def test_a_take_for_which_nothing_was_sent_is_forgotten_without_a_trace(ledger: Ledger, path: Path) -> None:
    (hero,) = request(ledger, take("hero"))
    ledger.carry_out([st.DropAttempt(hero.key), st.ForgetTake("hero")], LATER)
    assert ledger.snapshot().takes == ()
    assert query(path, "SELECT count(*) FROM takes") == [(0,)]


def test_an_attempt_that_was_sent_cannot_be_dropped(ledger: Ledger) -> None:
    (hero,) = request(ledger, take("hero"))
    (sent,) = ledger.record([(hero.key, ev.CreateStarted("create-1"))], LATER)
    ledger.carry_out([st.DropAttempt(hero.key)], LATER)
    assert ledger.snapshot().takes[0].runs == (sent,)


def test_readers_see_the_last_commit_while_a_writer_is_in_the_middle(ledger: Ledger, path: Path) -> None:
    (hero,) = request(ledger, take("hero"))
    before = ledger.snapshot()
    with closing(sqlite3.connect(path, isolation_level=None)) as writer, read_ledger(path) as reader:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE runs SET state = 'rejected' WHERE key = ?", (hero.key,))
        assert reader.snapshot() == before
        writer.execute("COMMIT")
        assert reader.snapshot().takes[0].state is TakeState.REJECTED


def test_a_reader_in_the_middle_does_not_hold_up_the_writer(ledger: Ledger, path: Path) -> None:
    (hero,) = request(ledger, take("hero"))
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT state FROM runs").fetchall() == [("unsent",)]
        create_run(ledger, hero, "run_1")
        assert reader.execute("SELECT state FROM runs").fetchall() == [("unsent",)]


def test_a_reader_cannot_write(path: Path) -> None:
    with read_ledger(path) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._db.execute("DELETE FROM facts")


def test_only_a_ledger_that_was_read_whole_can_be_written_or_backed_up() -> None:
    """A reader has no way to, and to open one for writing is to read it whole."""
    changing = {name for name in vars(Ledger) if not name.startswith("_")} - {"open", "create", "read", "snapshot"}
    assert {"back_up", "record", "carry_out"} <= changing
    assert not any(hasattr(LedgerReader, name) for name in changing)


def test_what_is_remembered_is_there_after_opening_again(path: Path) -> None:
    with open_ledger(path) as ledger:
        assert ledger.fact("key_mark") == ""
        ledger.record_fact("key_mark", "a1b2")
    with read_ledger(path) as reader:
        assert reader.fact("key_mark") == "a1b2"


def test_the_journal_is_read_oldest_first_with_its_details(ledger: Ledger) -> None:
    (hero,) = request(ledger, take("hero"))
    create_run(ledger, hero, "run_1")
    *_, started, created = ledger.journal()
    assert started["detail"] == {"create_id": "create-run_1", "api_key": None}
    assert created == {
        "at": STARTED_AT,
        "take_id": "hero",
        "attempt": 1,
        "what": "RunCreated",
        "state": "pending",
        "detail": {"run_id": "run_1", "cost_micro_usd": 280_000, "cost_note": ""},
    }


def test_a_description_that_did_not_change_is_not_written(ledger: Ledger) -> None:
    ledger.record_description("f" * 64, "Spring")
    with full_disk():
        ledger.record_description("f" * 64, "Spring")
    with full_disk(), pytest.raises(LedgerError):
        ledger.record_description("f" * 64, "Autumn")
    assert ledger.snapshot().description == "Spring"


def test_nothing_to_do_writes_nothing(ledger: Ledger) -> None:
    with full_disk():
        assert ledger.carry_out([], LATER) == ()
        ledger.restore_runs([], LATER)
