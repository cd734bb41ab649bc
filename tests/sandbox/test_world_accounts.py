"""Keys and accounts: whose run an ID is, whose money pays for it, and what befalls one key alone."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_batch.app.api_target import SANDBOX_KEY
from hailuo_batch.sandbox.world import DEFAULT_KEY, ForcedError, WorldSettings
from hailuo_batch.sandbox.world.accounts import mark_of
from hailuo_batch.sandbox.world.run_ids import RunFacts, RunIds
from tests.sandbox.requests import KEY, body_of, create_run, error_of, world_of

SECOND, OTHER = "sk-second", "sk-other"
STUDIO = ((KEY, "studio"), (SECOND, "studio"), (OTHER, "guests"))
NOT_FOUND = (404, "run_not_found")
FACTS = RunFacts(
    number=0,
    created_ms=0,
    duration_ms=20_000,
    pending_parts=9,
    cost_micro_usd=280_000,
    failed=False,
    account=0,
    model=0,
)
OLD_IDS = [
    "run_xmmhxh5cigi7ekzcruwvml6je6j76r7g6ed6g7wo",
    "run_konk4eu6r3zf34764nwykh2vmtf477djceuv5jhw",
]
"""The first two of a world made before there were accounts, by its default key."""


def test_keys_that_nobody_put_into_an_account_know_only_their_own_runs_and_pay_for_them() -> None:
    world = world_of(balance_micro_usd=280_000)
    keys = [KEY, OTHER, DEFAULT_KEY]
    runs = {key: create_run(world, 0, key) for key in keys}
    for key in keys:
        assert world.read(0, key, runs[key]).status == 200
        for other in set(keys) - {key}:
            assert error_of(world.read(0, key, runs[other])) == NOT_FOUND
    assert {key: world.balances[world.account_of(key)] for key in keys} == dict.fromkeys(keys, 0)


def test_keys_of_one_account_know_each_other_s_runs_and_share_its_balance() -> None:
    world = world_of(balance_micro_usd=560_000, accounts=STUDIO)
    first, second = create_run(world, 0), create_run(world, 0, SECOND)
    for key in (KEY, SECOND):
        assert [world.read(0, key, run).status for run in (first, second)] == [200, 200]
        assert error_of(world.create(0, key, body_of())) == (402, "insufficient_balance")
    assert error_of(world.read(0, OTHER, first)) == NOT_FOUND
    assert world.create(0, OTHER, body_of()).status == 200
    assert world.balances == {"studio": 0, "guests": 280_000}


def test_a_refund_goes_to_the_account_that_paid() -> None:
    world = world_of(balance_micro_usd=280_000, fail_rate=1, accounts=STUDIO)
    create_run(world, 0, SECOND)
    world.pay_refunds(1e6)
    assert world.balances == {"studio": 280_000}
    assert world.create(1e6, KEY, body_of()).status == 200


def test_each_key_of_an_account_has_a_window_and_a_spend_limit_of_its_own() -> None:
    world = world_of(rate_limit=1, spend_limit_micro_usd=280_000, accounts=STUDIO)
    for key in (KEY, SECOND):
        create_run(world, 0, key)
        assert world.create(0, key, body_of()).status == 429
    for key in (KEY, SECOND):
        assert error_of(world.create(100, key, body_of())) == (403, "api_key_spend_limit_exceeded")
    world.spend_limits[SECOND] = None
    assert world.create(200, SECOND, body_of()).status == 200
    assert world.create(200, KEY, body_of()).status == 403


def test_a_later_world_knows_the_runs_of_each_account_by_whatever_key_is_in_it() -> None:
    run_id = create_run(world_of(accounts=STUDIO), 0)
    rotated = world_of(accounts=(("sk-new", "studio"),))
    assert rotated.read(1, "sk-new", run_id).status == 200
    assert error_of(rotated.read(1, KEY, run_id)) == NOT_FOUND
    assert error_of(world_of(seed=1, accounts=STUDIO).read(1, KEY, run_id)) == NOT_FOUND


@pytest.mark.parametrize("key", [KEY, DEFAULT_KEY])
def test_an_account_knows_what_its_key_made_before_it_was_put_there(key: str) -> None:
    run_id = create_run(world_of(), 0, key)
    later = world_of(accounts=((key, "studio"), (SECOND, "studio")))
    assert [later.read(1, each, run_id).status for each in (key, SECOND, OTHER)] == [200, 200, 404]


def test_the_practice_run_s_key_knows_its_runs_from_before_there_were_accounts() -> None:
    assert SANDBOX_KEY == DEFAULT_KEY
    world = world_of(fail_rate=0.5, other_prices=(("other/one", 40_000),))
    runs = [world.read(1_783_000_010, DEFAULT_KEY, run_id).body for run_id in OLD_IDS]
    assert [(run["model"], run["costUsd"]) for run in runs] == [("hailuo/pro", 280_000), ("other/one", 40_000)]
    assert [facts and (facts.duration_ms, facts.failed) for facts in map(world.facts, OLD_IDS)] == [
        (141_672, True),
        (188_540, True),
    ]
    assert error_of(world.read(1_783_000_010, KEY, OLD_IDS[0])) == NOT_FOUND
    assert world.create(1_783_000_000, DEFAULT_KEY, body_of()).body["id"] == OLD_IDS[0]


def test_a_file_of_whatever_account_is_served_without_a_key_also_by_a_later_world() -> None:
    for key in (KEY, OTHER, "sk-unnamed", DEFAULT_KEY):
        run_id = create_run(world_of(accounts=STUDIO), 0, key)
        assert world_of().clip_of(run_id.removeprefix("run_"), 1e6) is not None


def test_a_revoked_key_is_refused_from_then_on_and_another_of_its_account_knows_its_runs() -> None:
    world = world_of(accounts=STUDIO)
    run_id = create_run(world, 0)
    world.forced_errors[KEY] = ForcedError.BAD_KEY
    assert error_of(world.read(0, KEY, run_id)) == (401, "invalid_api_key")
    assert error_of(world.create(0, KEY, body_of())) == (401, "invalid_api_key")
    assert world.read(0, SECOND, run_id).status == 200
    assert len(world.created) == 1


def test_trouble_with_one_key_comes_before_that_of_all() -> None:
    world = world_of()
    world.forced_error, world.forced_errors[KEY] = ForcedError.BROKEN, ForcedError.BAD_ADDRESS
    assert error_of(world.create(0, KEY, body_of())) == (403, "ip_not_allowed")
    assert error_of(world.create(0, OTHER, body_of())) == (500, "internal_error")


def test_a_named_key_is_admitted_beside_those_that_are_listed() -> None:
    world = world_of(api_keys=frozenset({"sk-right"}), accounts=STUDIO)
    assert [world.create(0, key, body_of()).status for key in ("sk-right", OTHER, "sk-wrong")] == [200, 200, 401]


@given(st.integers(0, 2**24 - 1), st.integers(0, 2**24 - 1))
def test_an_id_has_the_same_form_for_each_account_and_says_whose_it_is(one: int, other: int) -> None:
    ids = RunIds(0)
    facts, others = replace(FACTS, account=one), replace(FACTS, account=other)
    assert re.fullmatch(r"run_[a-z2-7]{40}", ids.seal(facts))
    assert ids.open(ids.seal(facts)) == facts
    assert (ids.seal(facts) == ids.seal(others)) == (one == other)


@given(st.text(st.characters(codec="utf-8")))
def test_a_mark_fits_into_an_id(account: str) -> None:
    assert 0 <= mark_of(account) < 2**24


@pytest.mark.parametrize(
    "account",
    [
        ("key", "studio"),
        ("sk-", "studio"),
        ("sk-a b", "studio"),
        ("sk-a,b", "studio"),
        ("sk-a\n", "studio"),
        ("sk-" + "a" * 201, "studio"),
        ("sk-tést", "studio"),
        ("sk-a", ""),
        ("sk-a", " "),
        ("sk-a", " studio"),
        ("sk-a", "stu\ndio"),
        ("sk-a", "stu\udcffdio"),
        ("sk-a", "s" * 41),
        ("sk-a", "sk-b"),
    ],
)
def test_an_account_that_cannot_be_is_refused_and_the_key_is_not_repeated(account: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="must") as refused:
        WorldSettings(accounts=(account,))
    assert len(account[0]) <= 3 or account[0] not in str(refused.value)


@pytest.mark.parametrize("name", ["studio", "guests"])
def test_a_key_is_in_one_account_only(name: str) -> None:
    with pytest.raises(ValueError, match="one account only"):
        WorldSettings(accounts=((KEY, "studio"), (KEY, name)))


def test_settings_show_no_key_of_an_account() -> None:
    assert SECOND not in repr(WorldSettings(accounts=STUDIO))
