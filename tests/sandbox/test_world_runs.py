"""A run's life in virtual time: what a create answers, what reads see, and what outlives the world."""

import re
from datetime import datetime

import pytest

from hailuo_batch.sandbox.world import World
from tests.sandbox.requests import FILES, KEY, body_of, create_run, world_of

STARTS = [0.0, 1e9, 1_783_000_000.123, -86_400.5]


def statuses(world: World, run_id: str, times: list[float]) -> list[str]:
    return [str(world.read(now, KEY, run_id).body["status"]) for now in times]


def test_a_create_answers_at_once_with_a_pending_run_and_its_cost() -> None:
    answer = world_of().create(0, KEY, body_of())
    assert answer.status == 200
    assert re.fullmatch(r"run_[a-z2-7]{40}", str(answer.body["id"]))
    assert {**answer.body, "id": ""} == {"id": "", "model": "hailuo/pro", "status": "pending", "costUsd": 280_000}


@pytest.mark.parametrize("start", STARTS)
def test_a_run_is_pending_then_processing_then_succeeded_from_any_start(start: float) -> None:
    world = world_of()
    run_id = create_run(world, start)
    facts = world.facts(run_id)
    assert facts is not None
    assert facts.created_ms < facts.started_ms < facts.completed_ms
    times = [start, facts.started_ms / 1000, facts.completed_ms / 1000 - 0.002, facts.completed_ms / 1000]
    assert statuses(world, run_id, times) == ["pending", "processing", "processing", "succeeded"]


def test_a_succeeded_run_has_a_link_and_its_times_in_utc_milliseconds() -> None:
    world = world_of()
    run_id = create_run(world, 1_783_000_000.25)
    facts = world.facts(run_id)
    assert facts is not None
    body = world.read(1_783_001_000, KEY, run_id).body
    assert body["output"] == {"urls": [f"{FILES}/{run_id.removeprefix('run_')}.mp4"]}
    assert re.fullmatch(r"2026-\d\d-\d\dT\d\d:\d\d:\d\d\.250Z", body["createdAt"])
    assert datetime.fromisoformat(body["completedAt"]).timestamp() == pytest.approx(facts.completed_ms / 1000)


def test_an_unfinished_run_shows_neither_times_nor_output() -> None:
    world = world_of()
    run_id = create_run(world, 0)
    assert set(world.read(10, KEY, run_id).body) == {"id", "model", "status", "costUsd"}


def test_a_failed_run_states_why_as_text_or_as_an_object_and_has_no_output() -> None:
    world = world_of(fail_rate=1)
    errors = [world.read(1e6, KEY, create_run(world, 0)).body for _ in range(2)]
    assert {body["status"] for body in errors} == {"failed"}
    assert not any("output" in body for body in errors)
    assert {type(body["error"]) for body in errors} == {str, dict}


def test_runs_that_fail_for_what_they_show_say_so_also_in_a_later_world() -> None:
    first = world_of(seed=3, sensitive_rate=0.5)
    runs = [create_run(first, now) for now in range(200)]
    second = world_of(seed=3)
    errors = [second.read(1e6, KEY, run).body.get("error") for run in runs]
    assert [error for error in errors if error is not None] == [error for error in errors if isinstance(error, dict)]
    assert {error["code"] for error in errors if isinstance(error, dict)} == {1026}
    assert 70 < sum(error is not None for error in errors) < 130


def test_durations_are_log_normal_around_the_median_and_never_under_the_minimum() -> None:
    world = world_of()
    seconds = sorted(facts.duration_ms / 1000 for run in range(4000) if (facts := world.facts(create_run(world, run))))
    assert seconds[0] >= 20
    assert seconds[2000] == pytest.approx(90, rel=0.03)
    assert seconds[int(4000 * 0.8413)] == pytest.approx(90 * 2.718281828**0.35, rel=0.04)


def test_about_as_many_runs_fail_as_the_rate_states() -> None:
    world = world_of(fail_rate=0.25)
    failed = sum(facts.failed for run in range(2000) if (facts := world.facts(create_run(world, run))))
    assert 430 < failed < 570


def test_the_same_seed_gives_the_same_answers_and_another_seed_gives_others() -> None:
    def history(seed: int) -> list[object]:
        world = world_of(seed=seed, fail_rate=0.3)
        runs = [create_run(world, now) for now in range(30)]
        return [world.read(90, KEY, run).body for run in runs]

    assert history(7) == history(7)
    assert history(7) != history(8)


def test_fate_depends_on_the_number_of_the_create_and_not_on_its_time() -> None:
    early, late = world_of(fail_rate=0.5), world_of(fail_rate=0.5)
    for number in range(20):
        one, other = early.facts(create_run(early, number)), late.facts(create_run(late, 1e6 + 17 * number))
        assert one is not None
        assert other is not None
        assert (one.duration_ms, one.failed, one.pending_parts) == (
            other.duration_ms,
            other.failed,
            other.pending_parts,
        )


def test_a_world_made_later_with_the_same_seed_knows_the_runs_of_the_first() -> None:
    first = world_of(seed=3, fail_rate=0.5)
    runs = [create_run(first, now) for now in range(20)]
    # other odds, other prices, other durations: what was decided stays so
    second = world_of(seed=3, fail_rate=0, price_micro_usd=1, median_s=1)
    for now in (30.0, 90.0, 1000.0):
        assert [first.read(now, KEY, run) for run in runs] == [second.read(now, KEY, run) for run in runs]


def test_a_world_with_another_seed_does_not_know_them() -> None:
    run_id = create_run(world_of(seed=3), 0)
    assert world_of(seed=4).read(1, KEY, run_id).status == 404


def test_made_lists_every_run_with_its_input() -> None:
    world = world_of()
    run_id = str(world.create(0, KEY, body_of("a lamp", image_urls=["https://a.test/b.jpg"])).body["id"])
    world.create(0, KEY, b"no json")
    assert world.created == {run_id: {"prompt": "a lamp", "image_urls": ["https://a.test/b.jpg"]}}


def test_every_kind_of_image_reference_that_a_manifest_admits_is_taken() -> None:
    world = world_of()
    images = ["https://a.test/b.jpg", "http://127.0.0.1:1/b.jpg", "data:image/png;base64,AA==", "DATA:Image/PNG,x"]
    assert world.create(0, KEY, body_of(image_urls=images)).status == 200


def test_runs_made_in_the_same_millisecond_are_distinguished() -> None:
    world = world_of()
    assert len({create_run(world, 5) for _ in range(500)}) == 500


def test_a_provider_with_places_for_two_works_first_come_first_served() -> None:
    free, narrow = world_of(), world_of(max_processing=2)
    alone = [free.facts(create_run(free, 0)) for _ in range(6)]
    queued = [narrow.facts(create_run(narrow, 0)) for _ in range(6)]
    places = [0, 0]
    for work, run in zip(alone, queued, strict=True):
        assert work is not None
        assert run is not None
        begins = places.index(min(places))
        places[begins] += work.duration_ms
        assert run.completed_ms == places[begins]
        assert run.started_ms >= (places[begins] - work.duration_ms) * 0.99
