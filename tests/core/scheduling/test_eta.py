"""How much longer a campaign takes: as foretold, and as it then is."""

from math import inf
from random import Random

import pytest

from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.engine.stop_reasons import StopReason, StopScope
from hailuo_batch.core.scheduling.eta import RemainingWork, TimeLeft, sample_runs, time_left
from hailuo_batch.core.scheduling.queue_model import ObservedRun, QueueModel
from hailuo_batch.errors import ExitCode
from hailuo_batch.values import DEFAULT_MODEL
from tests.benchmarks.engine_client import EngineClient
from tests.benchmarks.remaining import MARKS, Watched, errors, typical, watch
from tests.benchmarks.rows import engine
from tests.benchmarks.scenarios import Scenario, log_normal, two_humped
from tests.benchmarks.simulate import simulate

PER_SECOND = 2.0
WITHIN = 0.15


def queue_model(known: int = 200) -> QueueModel:
    """Of runs that last about 90 s, as many of which are known."""
    rng, learned = Random(1), QueueModel()
    for _ in range(known):
        learned.add_duration(log_normal(rng))
    return learned


def left(
    creates: int, opened: int = 0, *, now: float = 0.0, most_open: int | None = None, per_second: float = PER_SECOND
) -> float:
    learned = queue_model()
    lines = [learned.add_run(0.0) for _ in range(opened)]
    estimates = time_left([RemainingWork(learned, creates, opened, sample_runs(lines))], now, per_second, most_open)
    assert estimates is not None
    return estimates


@pytest.mark.parametrize(
    ("scenario", "seeds"),
    [
        pytest.param(Scenario(20), 10, id="20 runs"),
        pytest.param(Scenario(100), 5, id="100 runs"),
        pytest.param(Scenario(80, places=8), 3, id="80 runs, 8 at once", marks=pytest.mark.deep),
    ],
)
@pytest.mark.few(1)
def test_the_end_is_foretold_within_fifteen_percent_after_the_first_tenth(scenario: Scenario, seeds: int) -> None:
    campaigns = [watch(scenario, seed) for seed in range(seeds)]
    estimates = [errors(campaigns, mark, by_takes=by_takes) for by_takes in (False, True) for mark in MARKS]
    assert max(error.of_whole for error in estimates if error is not None) <= WITHIN
    assert None not in estimates[-4:]  # from a quarter of the takes on


@pytest.mark.deep
def test_a_second_hump_of_durations_does_not_keep_the_end_from_being_foretold_most_of_the_time() -> None:
    estimates = typical([watch(Scenario(20, two_humped), seed) for seed in range(10)])
    assert estimates is not None
    assert estimates.of_whole <= WITHIN


@pytest.mark.deep
def test_where_requests_decide_what_is_left_is_foretold_too() -> None:
    campaigns = [watch(Scenario(200, limit=4), seed) for seed in range(3)]
    estimates = [errors(campaigns, mark, by_takes=True) for mark in MARKS]
    assert max(error.of_left for error in estimates if error is not None) <= WITHIN
    assert None not in estimates[1:]  # with exactly a tenth finished it still learns


def test_it_learns_until_more_than_a_tenth_is_finished() -> None:
    for done, estimates in ((0, False), (2, False), (3, True)):
        learned = queue_model(known=done)
        work = RemainingWork(learned, 20 - done, 0, ())
        answer = time_left([work], 0.0, PER_SECOND, None)
        assert answer is not None
        assert (answer < inf) is estimates


@pytest.mark.parametrize(
    ("slow", "age", "estimates"),
    [(12, 1.3, False), (12, 1.2, True), (10, 1.3, True), (1, 3.0, True)],
    ids=["many beyond the longest", "none far beyond it", "less than a tenth", "one alone"],
)
def test_many_runs_far_older_than_any_that_finished_are_of_an_unknown_kind(
    slow: int, age: float, estimates: bool
) -> None:
    learned = QueueModel()
    for number in range(100):
        learned.add_duration(60.0 + number / 5)
    seen_at = age * 79.8  # the longest
    lines = [ObservedRun(turn, 0.0, seen_at) for turn in range(slow)]
    answer = time_left([RemainingWork(learned, 0, slow, lines)], seen_at, PER_SECOND, None)
    assert answer is not None
    assert (answer < inf) is estimates


def test_where_requests_decide_runs_of_an_unknown_kind_do_not_matter() -> None:
    learned = queue_model(known=100)
    lines = [ObservedRun(turn, 0.0, 400.0) for turn in range(2000)]
    assert time_left([RemainingWork(learned, 0, 2000, sample_runs(lines))], 400.0, PER_SECOND, None) == pytest.approx(
        2000 / PER_SECOND
    )


def test_a_run_that_nobody_asked_about_for_long_is_not_of_an_unknown_kind() -> None:
    learned = queue_model()
    lines = [learned.add_run(0.0) for _ in range(200)]
    answer = time_left([RemainingWork(learned, 0, 200, sample_runs(lines))], 1000.0, PER_SECOND, None)
    assert answer == pytest.approx(200 / PER_SECOND)


def test_a_model_of_which_nothing_is_left_has_nothing_to_teach() -> None:
    estimates = time_left(
        [RemainingWork(queue_model(), 1, 0, ()), RemainingWork(QueueModel(), 0, 0, ())], 0.0, PER_SECOND, None
    )
    assert estimates is not None
    assert estimates < inf


def test_many_runs_take_two_requests_each() -> None:
    assert left(creates=5000) == pytest.approx(2 * 5000 / PER_SECOND)


def test_where_all_runs_are_surely_finished_only_their_reads_are_left() -> None:
    assert left(0, opened=10, now=10_000.0) == pytest.approx(10 / PER_SECOND)


def test_few_runs_take_as_long_as_the_longest() -> None:
    alone, ten = left(creates=1, per_second=100.0), left(creates=10, per_second=100.0)
    assert alone == pytest.approx(90, rel=0.1)
    assert ten == pytest.approx(150, rel=0.1)


def test_an_open_run_has_only_the_rest_to_go() -> None:
    assert left(0, opened=1, now=60.0) < left(0, opened=1) - 25


def test_a_bound_on_runs_in_flight_makes_it_longer() -> None:
    assert left(creates=40, most_open=2) == pytest.approx(20 * 95, rel=0.1)


def test_a_sample_of_the_open_runs_states_what_all_of_them_state() -> None:
    learned = queue_model()
    lines = [learned.add_run(float(number)) for number in range(1000)]
    whole = time_left([RemainingWork(learned, 0, 1000, lines)], 1000.0, 50.0, None)
    sampled = time_left([RemainingWork(learned, 0, 1000, sample_runs(lines))], 1000.0, 50.0, None)
    assert whole is not None
    assert len(sample_runs(lines)) <= 64
    assert sampled == pytest.approx(whole, rel=0.1)


def test_a_provider_with_few_places_is_distinguished_from_one_without_a_limit() -> None:
    for places in (None, 16):
        campaign = Scenario(80, places=places)
        learned = QueueModel()
        free_at = [0.0] * (places or campaign.runs)
        lines = [learned.add_run(0.0) for _ in range(campaign.runs)]
        ends = []
        for number, duration in enumerate(campaign.durations(3)):
            begin = min(free_at)
            free_at[free_at.index(begin)] = begin + duration
            ends.append((begin + duration, number))
        for end, number in sorted(ends)[:60]:
            learned.on_finished(lines[number], end + 1.0, end)
        assert max(learned.best_fits, key=lambda item: item[0])[1].places == places


def engine_client(max_in_flight: int | None = None) -> EngineClient:
    known = {DEFAULT_MODEL: Scenario(0, known=100).known_durations(0)}
    return EngineClient(Settings(known_durations=known, max_in_flight=max_in_flight), 100)


def test_the_engine_counts_what_it_may_create() -> None:
    free, held = engine_client(), engine_client(max_in_flight=5)
    estimates = [client.engine.progress(0.0).time_left_s for client in (free, held)]
    assert estimates[0] is not None
    assert estimates[1] is not None
    assert estimates[1] > 5 * estimates[0]


def test_once_creating_stops_only_open_runs_count() -> None:
    client = engine_client()
    assert client.engine.progress(0.0).time_left_s
    client.engine.stop(StopReason(StopScope.CREATES, ExitCode.ACCOUNT, "Stopped creating."))
    assert client.engine.progress(0.0).time_left_s is None


def test_nothing_is_reported_to_be_left_once_the_last_run_is_done() -> None:
    scenario = Scenario(5)
    client = engine(scenario, 1)
    watched = Watched(client, scenario.runs)
    end_s = simulate(watched, scenario.provider(1), scenario.runs).campaign_s
    assert watched.looks[-1].left_s
    assert client.engine.progress(end_s).time_left_s is None


def test_an_estimate_is_kept_for_a_while_and_counts_down() -> None:
    answers = iter([100.0, 80.0, None])
    remaining = TimeLeft()
    assert remaining.get(0.0, "a", lambda: next(answers)) == 100.0
    assert remaining.get(0.5, "a", lambda: next(answers)) == 99.5
    assert remaining.get(0.75, "b", lambda: next(answers)) == 80.0
    assert remaining.get(20.0, "b", lambda: next(answers)) is None
