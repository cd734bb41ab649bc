"""What is said of runs whose API key is not given."""

import pytest

from hailuo_batch.app import api_target
from hailuo_batch.app.api_target import find_keys
from hailuo_batch.app.keys.missing import missing_keys_text, runs_by_missing_key
from hailuo_batch.core.model.api_keys import ApiKey
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.core.model.states import RunState
from tests.helpers.snapshots import record, run, snapshot, take

SALT = "5a" * 16


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_target, "_ROUNDS", 1)


@pytest.fixture
def hashes() -> dict[int, str]:
    return {number: api_target._salted_hash(SALT, f"sk-{number}") for number in (1, 2)}


def held(*api_keys: int | None, state: RunState = RunState.PROCESSING) -> Snapshot:
    takes = [take(f"s{number}") for number in range(len(api_keys))]
    runs = [run(state, of, api_key=key) for of, key in zip(takes, api_keys, strict=True)]
    return snapshot(*(record(of, known) for of, known in zip(takes, runs, strict=True)))


def test_a_key_is_found_by_its_hash_and_shown_by_the_end_of_it(hashes: dict[int, str]) -> None:
    assert find_keys(hashes, ["sk-2", "sk-9"]) == {"sk-2": ApiKey(2, hashes[2][-4:])}
    assert find_keys({}, ["sk-2"]) == {}


def test_runs_of_a_key_that_is_not_given_are_named(hashes: dict[int, str]) -> None:
    missing = runs_by_missing_key(held(1, 2, 2, None), hashes, ["sk-1"])
    assert {number: [known.take_id for known in runs] for number, runs in missing.items()} == {2: ["s1", "s2"]}
    text = missing_keys_text(held(1), missing)
    assert text.startswith("Not among the given API keys: key 2, which made 2 runs (s1, s2).")
    assert "sk-" not in text


@pytest.mark.parametrize("keys", [[], ["sk-1", "sk-2"]])
def test_nothing_is_said_where_no_key_is_given_or_all_are(hashes: dict[int, str], keys: list[str]) -> None:
    assert missing_keys_text(held(1), runs_by_missing_key(held(1, 2), hashes, keys)) == ""


def test_finished_runs_need_no_key(hashes: dict[int, str]) -> None:
    assert runs_by_missing_key(held(2, state=RunState.SUCCEEDED), hashes, ["sk-1"]) == {}
