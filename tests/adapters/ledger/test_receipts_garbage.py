"""Lines of garbage among the receipts are passed over."""

from pathlib import Path

import pytest

from hailuo_batch.adapters.ledger.receipts import Receipts, load_receipts
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.recovery import recover
from hailuo_batch.errors import LedgerError
from tests.adapters.ledger.test_receipts import line
from tests.helpers.ledgers import new_ledger, open_ledger
from tests.helpers.snapshots import STARTED_AT

UNREADABLE = {
    "deeply nested": "[" * 200_000,  # RecursionError
    "a number without end": '{"create":"a","at":1'
    + "0" * 5000
    + ',"result":"CreateNotSent","reason":""}',  # ValueError
}
UNRECORDABLE = {
    "take has half a character": line(take="\ud800"),  # UnicodeEncodeError
    "input is no JSON": line(input=float("nan")),
}


@pytest.mark.parametrize("garbage", UNREADABLE.values(), ids=UNREADABLE)
def test_a_line_that_cannot_be_read_is_passed_over(tmp_path: Path, garbage: str) -> None:
    path = tmp_path / "c.receipts.jsonl"
    path.write_text(f"{garbage}\n{line()}\n")
    assert [receipt.create_id for receipt in load_receipts(path)] == ["b"]


@pytest.mark.parametrize("parts", [('{"c', '{"cre'), ("{", "", "{"), ('{"create":', "\0\0"), ("\0\0\0", '{"cr')])
def test_lines_that_a_full_disk_cut_short_again_and_again_are_ours(tmp_path: Path, parts: tuple[str, ...]) -> None:
    path = tmp_path / "c.receipts.jsonl"
    path.write_text("\n".join(parts))
    Receipts(path).close()


@pytest.mark.parametrize("text", ['{\n  "create": 1}\n', "[]\n", "\n\nname,text\n", '{"cre\n{"name'])
def test_what_we_have_not_written_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.receipts.jsonl"
    path.write_text(text)
    with pytest.raises(LedgerError, match="has not written"):
        Receipts(path)
    assert path.read_text() == text


@pytest.mark.parametrize("garbage", UNRECORDABLE.values(), ids=UNRECORDABLE)
def test_a_line_that_cannot_be_recorded_is_passed_over(tmp_path: Path, garbage: str) -> None:
    path = tmp_path / "c.receipts.jsonl"
    path.write_text(garbage + "\n")
    with open_ledger(new_ledger(tmp_path)) as ledger:
        _, forgotten = recover(ledger.snapshot(), load_receipts(path), STARTED_AT)
        ledger.restore_runs(forgotten, STARTED_AT)
        assert ledger.snapshot().takes == ()


def test_two_creates_with_one_run_id_do_not_stop_every_apply(tmp_path: Path) -> None:
    """IntegrityError in `put_back`, told as a damaged ledger, though a readable file of receipts caused it."""
    path = tmp_path / "c.receipts.jsonl"
    created = '{"create":"%s","at":2.0,"result":"RunCreated","run_id":"run_1","cost_micro_usd":1}'
    lines = [line(create="a"), created % "a", line(create="c", take="teal"), created % "c"]
    path.write_text("\n".join(lines) + "\n")
    with open_ledger(new_ledger(tmp_path)) as ledger:
        _, forgotten = recover(ledger.snapshot(), load_receipts(path), STARTED_AT)
        ledger.restore_runs(forgotten, STARTED_AT)
        assert [run.run_id for run in ledger.snapshot().runs] == ["run_1", None]


@pytest.mark.parametrize("images", [{}, "", "ab", "A" * 64, 7])
def test_a_create_is_not_forgotten_for_a_digest_that_is_none(tmp_path: Path, images: object) -> None:
    path = tmp_path / "c.receipts.jsonl"
    path.write_text(line(images_sha256=images) + "\n")
    with open_ledger(new_ledger(tmp_path)) as ledger:
        _, forgotten = recover(ledger.snapshot(), load_receipts(path), STARTED_AT)
        ledger.restore_runs(forgotten, STARTED_AT)
        [run] = ledger.snapshot().runs
    assert (run.state, run.images_sha256) == (RunState.IN_DOUBT, None)
