"""The receipts: on disk before a call returns, readable whatever a crash or a stranger did to the file."""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from hailuo_batch.adapters.ledger import receipts as shell_receipts
from hailuo_batch.adapters.ledger.receipts import Receipts, load_receipts
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import CreateOutcome
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.recovery import CreateIntent, CreateResult
from hailuo_batch.errors import ExitCode, LedgerError
from tests.helpers import snapshots
from tests.helpers.full_disk import full_disk
from tests.helpers.snapshots import STARTED_AT, take

OUTCOMES: list[CreateOutcome] = [
    ev.RunCreated("run_1", 280_000),
    ev.RunCreated("run_2", None),
    ev.CreateNotSent("no route to host"),
    ev.CreateRefused(ev.Refusal.BALANCE, "insufficient_balance", "top up"),
    ev.InputRejected("invalid_input", "prompt: too long"),
    ev.CreateUnanswered("HTTP 502"),
]
HOSTILE = '"}\n{"create":"x"\r\u2028\x00\x1b[2J ü „lampe“ 🎬 \\'


def intended(prompt: str = "a lamp", create_id: str = "create-1", take_id: str = "hero") -> Run:
    run = snapshots.run(RunState.SUBMITTING, take(take_id, prompt=prompt))
    return Run(**{**{name: getattr(run, name) for name in run.__slots__}, "create_id": create_id})


def intent_of(run: Run) -> CreateIntent:
    assert run.create_id is not None
    assert run.submitted_at is not None
    return CreateIntent(run.create_id, run.submitted_at, run.take_id, run.attempt, run.model, run.input_json, None)


def line(**changes: Any) -> str:
    whole = {"create": "b", "at": 1.5, "take": "hero", "attempt": 1, "model": "m", "input": {}, "images_sha256": None}
    return json.dumps(whole | changes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "spring-lamps.receipts.jsonl"


@pytest.fixture
def receipts(path: Path) -> Iterator[Receipts]:
    with closing(Receipts(path)) as opened:
        yield opened


def test_an_intent_can_be_read_by_others_when_the_call_returns(receipts: Receipts, path: Path) -> None:
    run = intended()
    receipts.write_intents([run])
    assert load_receipts(path) == (intent_of(run),)
    assert intent_of(run).fingerprint == run.fingerprint


def test_all_of_a_call_is_in_the_file_before_the_one_sync_that_ends_it(
    receipts: Receipts, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync

    def spy(file: int) -> None:
        synced.append(len(load_receipts(path)))
        real(file)

    monkeypatch.setattr(os, "fsync", spy)
    receipts.write_intents([intended(create_id="a"), intended(create_id="b")])
    receipts.write_results([("a", ev.RunCreated("run_1", 1))], STARTED_AT)
    assert synced == [2, 3]


def test_a_new_files_name_is_on_disk_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_ino))
    Receipts(path).close()
    assert synced == [path.parent.stat().st_ino]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
def test_every_outcome_is_read_as_it_was_written(receipts: Receipts, path: Path, outcome: CreateOutcome) -> None:
    receipts.write_results([("create-1", outcome)], STARTED_AT + 0.25)
    assert load_receipts(path) == (CreateResult("create-1", STARTED_AT + 0.25, outcome),)


def test_lines_are_read_in_the_order_they_were_written(receipts: Receipts, path: Path) -> None:
    first, second = intended(create_id="a"), intended(create_id="b")
    receipts.write_intents([first])
    receipts.write_results([("a", OUTCOMES[0])], STARTED_AT)
    receipts.write_intents([second])
    expected = (intent_of(first), CreateResult("a", STARTED_AT, OUTCOMES[0]), intent_of(second))
    assert load_receipts(path) == expected


def test_opening_again_appends(path: Path) -> None:
    for create_id in ("a", "b"):
        with closing(Receipts(path)) as receipts:
            receipts.write_intents([intended(create_id=create_id)])
    assert [receipt.create_id for receipt in load_receipts(path)] == ["a", "b"]


@settings(max_examples=50, deadline=None)
@given(prompt=some.text(), reason=some.text())
@example(prompt=HOSTILE, reason=HOSTILE)
def test_whatever_a_prompt_or_a_server_states_is_one_line(
    tmp_path_factory: pytest.TempPathFactory, prompt: str, reason: str
) -> None:
    path = tmp_path_factory.mktemp("receipts") / "c.receipts.jsonl"
    run = intended(prompt)
    with closing(Receipts(path)) as receipts:
        receipts.write_intents([run])
        receipts.write_results([("create-1", ev.CreateUnanswered(reason))], STARTED_AT)
    assert load_receipts(path) == (intent_of(run), CreateResult("create-1", STARTED_AT, ev.CreateUnanswered(reason)))
    assert path.read_bytes().count(b"\n") == 2


def test_no_receipts_are_none(tmp_path: Path) -> None:
    assert load_receipts(tmp_path / "never-written.jsonl") == ()


# --- what a crash leaves ---


def test_a_line_cut_at_any_byte_loses_only_itself(path: Path) -> None:
    with closing(Receipts(path)) as receipts:
        receipts.write_intents([intended("prompt ü", "a"), intended("prompt ü", "b")])
    whole = path.read_bytes()
    ends = whole.index(b"\n")
    for kept in range(ends + 1, len(whole) - 1):
        path.write_bytes(whole[:kept])
        assert [receipt.create_id for receipt in load_receipts(path)] == ["a"]


def test_the_next_line_is_not_glued_to_one_that_was_cut_short(path: Path) -> None:
    with closing(Receipts(path)) as receipts:
        receipts.write_intents([intended(create_id="a"), intended(create_id="b")])
    path.write_bytes(path.read_bytes()[:-20])
    with closing(Receipts(path)) as receipts:
        receipts.write_intents([intended(create_id="c"), intended(create_id="d")])
    assert [receipt.create_id for receipt in load_receipts(path)] == ["a", "c", "d"]


def test_a_line_that_is_whole_but_for_its_end_still_counts(path: Path) -> None:
    with closing(Receipts(path)) as receipts:
        receipts.write_intents([intended(create_id="a")])
    path.write_bytes(path.read_bytes()[:-1])
    with closing(Receipts(path)) as receipts:
        receipts.write_intents([intended(create_id="b")])
    assert [receipt.create_id for receipt in load_receipts(path)] == ["a", "b"]


def test_after_a_failed_write_the_next_is_whole(receipts: Receipts, path: Path) -> None:
    receipts.write_intents([intended(create_id="a")])
    with full_disk(), pytest.raises(LedgerError):
        receipts.write_intents([intended(create_id="b")])
    receipts.write_intents([intended(create_id="c")])
    assert [receipt.create_id for receipt in load_receipts(path)] == ["a", "c"]


def test_a_write_that_stopped_half_way_spoils_no_other_line(
    receipts: Receipts, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.write, 0

    def half(file: int, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(28, "No space left on device")
        return real(file, data[:30])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(LedgerError, match="No space left"):
        receipts.write_intents([intended(create_id="a")])
    monkeypatch.undo()
    receipts.write_intents([intended(create_id="b")])
    assert [receipt.create_id for receipt in load_receipts(path)] == ["b"]


# --- what a stranger leaves ---


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "{",
        "null",
        "7",
        '"result"',
        "[]",
        '["result"]',
        "{}",
        "\x00\x00\x00\x00",
        "<html>502</html>",
        '{"result":"RunCreated"}',
        '{"result":"RunDeleted","create":"b","at":1}',
        '{"result":"RunCreated","create":7,"at":1,"run_id":"run_1","cost_micro_usd":1}',
        '{"result":"CreateRefused","create":"b","at":1,"refusal":"never","code":"","message":""}',
        line(input=float("nan")),
    ],
)
def test_a_line_that_is_no_receipt_is_passed_over(path: Path, garbage: str) -> None:
    with closing(Receipts(path)) as receipts:
        receipts.write_intents([intended(create_id="a")])
        with path.open("a") as file:
            file.write(garbage + "\n")
        receipts.write_intents([intended(create_id="c")])
    assert [receipt.create_id for receipt in load_receipts(path)] == ["a", "c"]


def test_bytes_that_are_no_text_are_passed_over(path: Path) -> None:
    with closing(Receipts(path)) as receipts:
        with path.open("ab") as file:
            file.write(b"\xff\xfe\x80\n")
        receipts.write_intents([intended(create_id="a")])
    assert [receipt.create_id for receipt in load_receipts(path)] == ["a"]


def test_a_cost_that_is_no_integer_is_unknown_and_the_run_is_kept(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"create":"a","at":1.0,"result":"RunCreated","run_id":"run_1","cost_micro_usd":"0.28"}\n')
    (result,) = load_receipts(path)
    assert isinstance(result, CreateResult)
    assert isinstance(result.outcome, ev.RunCreated)
    assert (result.outcome.run_id, result.outcome.cost_micro_usd) == ("run_1", None)


def test_a_payment_is_not_forgotten_for_want_of_a_time(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(f"{line(create='a')}\n{line(at='soon')}\n{line(create='c', at=2.5, attempt='first')}\n")
    assert [(receipt.create_id, receipt.at) for receipt in load_receipts(path)] == [("a", 1.5), ("b", 1.5), ("c", 2.5)]


def test_a_line_without_end_is_passed_over_and_never_held_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell_receipts, "_MAX_LINE_BYTES", 1000)
    path.parent.mkdir()
    path.write_text(f"{line(create='a')}\n{line(create='b', input={'prompt': 500_000 * 'x'})}\n{line(create='c')}")
    assert [receipt.create_id for receipt in load_receipts(path)] == ["a", "c"]


FOREIGN = {
    "a text": b"sku,name\nA1,A lamp\n",
    "an SQLite file": b"SQLite format 3\0" + bytes(4080),
    "other JSON lines": b'{"id": 1}\n{"id": 2}\n',
    "bytes": bytes(range(256)),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_nothing_is_appended_to_a_file_that_is_somebody_elses(path: Path, what: str) -> None:
    path.parent.mkdir()
    path.write_bytes(FOREIGN[what])
    with pytest.raises(LedgerError, match="hailuo-batch did not write this file"):
        Receipts(path)
    assert path.read_bytes() == FOREIGN[what]


@pytest.mark.parametrize("left", [b"", b"\0" * 100, b'{"cre', b'{"create":"a","at', b"garbage\n" + line().encode()])
def test_what_a_crash_or_a_stranger_leaves_of_receipts_is_appended_to(path: Path, left: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(left)
    with closing(Receipts(path)) as receipts:
        receipts.write_intents([intended(create_id="z")])
    assert path.read_bytes().startswith(left)
    assert load_receipts(path)[-1].create_id == "z"


# --- where it cannot be written ---


def test_a_disk_that_refuses_is_an_error_for_the_user(receipts: Receipts, path: Path) -> None:
    with full_disk(), pytest.raises(LedgerError, match=r"receipts cannot be written \(File too large\)") as caught:
        receipts.write_intents([intended()])
    assert caught.value.exit_code is ExitCode.LEDGER
    assert str(path) in str(caught.value)


def test_a_folder_in_the_files_place_is_an_error_for_the_user(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(LedgerError, match="cannot be written"):
        Receipts(path)
    with pytest.raises(LedgerError, match="cannot be read"):
        load_receipts(path)
