"""What a plan says of cost and time, learned from the whole workspace, and never out of thin air."""

import pytest

from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.planning.estimate import (
    Basis,
    Estimate,
    Price,
    TimeNeeded,
    describe_time,
    estimate_cost,
    estimate_time,
)
from hailuo_batch.core.planning.history import History, RunDuration
from hailuo_batch.core.planning.plan import Plan, PlanAction, PlanLine
from hailuo_batch.errors import ExitCode
from hailuo_batch.values import Limits
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import LAMPS, Shell
from tests.helpers.snapshots import take

MODEL = "hailuo/pro"


def plan_of(creates: int, resumed: int = 0) -> Plan:
    lines = [PlanLine(take(f"a-{n}", model=MODEL), PlanAction.CREATE, "new") for n in range(creates)]
    lines += [PlanLine(take(f"b-{n}", model=MODEL), PlanAction.RESUME, "resumes") for n in range(resumed)]
    return Plan(tuple(lines), (), frozenset(), frozenset())


def time_for(creates: int, *durations_s: float, resumed: int = 0, settings: Settings = Settings()) -> TimeNeeded:
    estimate = Estimate((Price(MODEL, creates, None, Basis.UNKNOWN),) if creates else ())
    experience = History({}, {MODEL: tuple(RunDuration(0.0, s) for s in durations_s)} if durations_s else {})
    return estimate_time(plan_of(creates, resumed), estimate, experience, settings)


@pytest.mark.parametrize(("creates", "least_s"), [(1, 0), (10, 0), (11, 10), (100, 90), (1_000, 990), (3_600, 3_590)])
def test_two_requests_for_each_create_have_to_fit_the_window(creates: int, least_s: float) -> None:
    assert time_for(creates) == TimeNeeded(least_s, None)


def test_runs_that_are_resumed_take_requests_too() -> None:
    assert time_for(10, resumed=20).least_s == 10


def test_the_last_run_takes_as_long_as_half_of_the_earlier_ones() -> None:
    assert time_for(1, 60, 100, 3_000).about_s == 100
    assert time_for(200, 100).about_s == 190  # two requests each
    assert time_for(200, 500).about_s == 90 + 500  # the creates, then the last run


def test_few_runs_in_flight_take_turns() -> None:
    assert time_for(10, 100, settings=Settings(max_in_flight=2)).about_s == 500


def test_nothing_to_create_takes_no_time() -> None:
    assert time_for(0, resumed=50) == TimeNeeded(0, 0)


@pytest.mark.parametrize(
    ("needed", "words"),
    [
        (TimeNeeded(0, 95), "about 1m 35s"),
        (TimeNeeded(90, 715), "about 12m"),
        (TimeNeeded(171, None), "at least 2m 51s; the time of a run is not known yet"),
        (TimeNeeded(0, None), "unknown until the first run finishes"),
    ],
)
def test_time_in_words(needed: TimeNeeded, words: str) -> None:
    assert describe_time(needed) == words


def test_another_models_price_is_not_taken_for_it() -> None:
    estimate = estimate_cost(plan_of(2), History({"other/model": (1.0, 310_000)}), Limits())
    assert estimate.prices == (Price(MODEL, 2, None, Basis.UNKNOWN),)
    assert estimate.micro_usd is None


def test_a_plan_states_the_least_that_its_creates_will_take(shell: Shell) -> None:
    shell.write(LAMPS.replace("takes: 2", "takes: 99"))
    assert "Time: at least 1m 30s; the time of a run is not known yet." in shell("plan").out
    assert shell("plan", "--json").document["duration"] == {"at_least_s": 90, "about_s": None}


def test_a_new_campaign_knows_what_another_one_of_the_workspace_has_paid(shell: Shell, start_api: StartApi) -> None:
    start_api(price_micro_usd=310_000)
    assert shell("apply").code is ExitCode.DONE
    shell.write(LAMPS.replace("campaign: lamps", "campaign: tables"))
    ended = shell("plan")
    assert "3 x $0.31, the newest price paid" in ended.out
    assert "Time: about " in ended.out
    document = shell("plan", "--json").document
    assert document["estimate"]["models"][0]["basis"] == "ledger"
    assert document["duration"]["about_s"] > 0


def test_a_rehearsal_and_another_endpoint_teach_nothing(shell: Shell, start_api: StartApi) -> None:
    start_api(price_micro_usd=310_000)
    assert shell("apply").code is ExitCode.DONE
    shell.write(LAMPS.replace("campaign: lamps", "campaign: tables"))
    assert "as the manifest expects" in shell("plan", "--sandbox").out
    start_api()
    assert "as the manifest expects" in shell("plan").out


def test_a_damaged_ledger_beside_it_is_passed_over(shell: Shell, start_api: StartApi) -> None:
    start_api()
    shell.state.mkdir()
    for name in ("other.db", "empty.db"):
        (shell.state / name).write_bytes(b"no ledger" * (name == "other.db"))
    assert "as the manifest expects" in shell("plan").out
