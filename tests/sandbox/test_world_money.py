"""What a world takes and gives back."""

from tests.sandbox.requests import KEY, body_of, create_run, error_of, world_of


def test_a_create_is_charged_at_once() -> None:
    world = world_of(balance_micro_usd=1_000_000)
    create_run(world, 0)
    assert world.balances[KEY] == 720_000
    assert world.stats.charged_micro_usd == 280_000


def test_a_balance_too_low_refuses_creates_and_lets_reads_go_on() -> None:
    world = world_of(balance_micro_usd=560_000)
    run_id = create_run(world, 0)
    create_run(world, 0)
    assert error_of(world.create(0, KEY, body_of())) == (402, "insufficient_balance")
    assert world.read(0, KEY, run_id).status == 200
    assert (world.balances[KEY], world.stats.charged_micro_usd, len(world.created)) == (0, 560_000, 2)


def test_a_failed_run_is_refunded_in_full_when_it_fails_and_not_before() -> None:
    world = world_of(balance_micro_usd=280_000, fail_rate=1)
    facts = world.facts(create_run(world, 0))
    assert facts is not None
    world.pay_refunds(facts.completed_ms / 1000 - 0.002)
    assert (world.balances[KEY], world.stats.refunded_micro_usd) == (0, 0)
    world.pay_refunds(facts.completed_ms / 1000)
    world.pay_refunds(facts.completed_ms / 1000 + 100)
    assert (world.balances[KEY], world.stats.refunded_micro_usd) == (280_000, 280_000)


def test_a_refund_makes_room_for_the_next_create_without_anyone_asking() -> None:
    world = world_of(balance_micro_usd=280_000, fail_rate=1)
    create_run(world, 0)
    assert world.create(1, KEY, body_of()).status == 402
    assert world.create(10_000, KEY, body_of()).status == 200


def test_the_spend_limit_is_each_key_s_own_and_refuses_creates_only() -> None:
    world = world_of(spend_limit_micro_usd=300_000)
    run_id = create_run(world, 0)
    assert error_of(world.create(0, KEY, body_of())) == (403, "api_key_spend_limit_exceeded")
    assert world.read(0, KEY, run_id).status == 200
    assert world.create(0, "sk-another", body_of()).status == 200


def test_a_balance_topped_up_is_spent_again() -> None:
    world = world_of(balance_micro_usd=0)
    assert world.create(0, KEY, body_of()).status == 402
    world.balances[KEY] = 280_000
    assert world.create(0, KEY, body_of()).status == 200


def test_a_price_rise_counts_for_creates_after_it() -> None:
    world = world_of()
    before = create_run(world, 0)
    world.prices["hailuo/pro"] = 300_000
    after = create_run(world, 0)
    assert [world.read(0, KEY, run).body["costUsd"] for run in (before, after)] == [280_000, 300_000]


def test_each_model_has_its_price_and_takes_its_own_input() -> None:
    world = world_of(other_prices=(("other/one", 40_000),))
    answer = world.create(0, KEY, b'{"model": "other/one", "input": {"text": 1}}')
    assert (answer.body["model"], answer.body["costUsd"]) == ("other/one", 40_000)
    read = world.read(1e6, KEY, str(answer.body["id"])).body
    assert (read["model"], read["costUsd"]) == ("other/one", 40_000)


def test_a_new_world_begins_with_its_full_balance() -> None:
    world = world_of(balance_micro_usd=280_000)
    run_id = create_run(world, 0)
    later = world_of(balance_micro_usd=280_000)
    assert later.read(1, KEY, run_id).status == 200
    assert later.balances[KEY] == 280_000
