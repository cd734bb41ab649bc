import dataclasses

import pytest

from hailuo_batch.core.model.runs import Run, Supersession
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.report.advice import CommandBuilder, advise, combine_commands, combine_named
from hailuo_batch.report.fields import format_time
from hailuo_batch.report.model import build_report
from tests.helpers.snapshots import COST, STARTED_AT, output, record, run, snapshot, take
from tests.report.builders import every_state, report_of


def test_every_take_is_counted_once_under_its_state() -> None:
    report = report_of(*every_state())
    assert set(report.totals) == set(TakeState)
    assert sum(report.totals.values()) == len(report.takes) == len(every_state())
    assert report.totals[TakeState.DONE] == 2
    assert report.totals[TakeState.DOWNLOADING] == 1


def test_takes_keep_the_ledgers_order_and_reports_of_one_snapshot_are_equal() -> None:
    ledger = snapshot(*every_state())
    first, second = (build_report(ledger, generated_at=STARTED_AT) for _ in range(2))
    assert first == second
    assert [listed.id for listed in first.takes] == [kept.take.id for kept in ledger.takes]


def test_attempts_for_which_nothing_was_sent_are_not_listed() -> None:
    [listed] = report_of(record(take(), run(RunState.UNSENT))).takes
    assert (listed.state, listed.attempts) == (TakeState.WAITING, ())


def test_a_create_on_its_way_is_in_doubt_once_its_apply_is_gone() -> None:
    report = report_of(record(take(), run(RunState.SUBMITTING)), record(take("paid"), run(of=take("paid"))))
    [attempt] = report.takes[0].attempts
    assert (report.takes[0].state, attempt.run.state) == (TakeState.IN_DOUBT, RunState.IN_DOUBT)
    assert attempt.run.reason
    assert (report.spend.in_doubt_takes, report.spend.in_doubt_micro_usd) == (1, COST)


def test_a_create_on_its_way_is_waiting_while_its_apply_works() -> None:
    report = report_of(record(take(), run(RunState.SUBMITTING)), submitting_means=TakeState.WAITING)
    assert (report.takes[0].state, report.takes[0].attempts) == (TakeState.WAITING, ())
    assert report.spend.in_doubt_takes == 0


def test_a_create_on_its_way_can_mean_nothing_else() -> None:
    with pytest.raises(ValueError, match="not running"):
        report_of(submitting_means=TakeState.RUNNING)


def test_money_counts_every_create_and_refunds_failed_runs_only() -> None:
    replaced = take("replaced")
    report = report_of(
        record(
            replaced,
            run(of=replaced, superseded_by=Supersession.REPLACE, cost=100),
            run(of=replaced, attempt=2, cost=7),
        ),
        record(take("failed"), run(RunState.FAILED, take("failed"), cost=1000)),
        record(take("lost"), run(RunState.LOST, take("lost"), cost=20)),
        record(take("given-up"), run(RunState.ABANDONED, take("given-up"), run_id="run_x", cost=3)),
        record(take("refused"), run(RunState.REJECTED, take("refused"))),
        record(take("waits"), run(RunState.UNSENT, take("waits"))),
    )
    spend = report.spend
    assert (spend.charged_micro_usd, spend.refunded_micro_usd, spend.net_micro_usd) == (1130, 1000, 130)
    assert (spend.in_doubt_takes, spend.in_doubt_micro_usd) == (0, 0)


def test_creates_in_doubt_cost_at_most_the_newest_known_cost_superseded_ones_included() -> None:
    doubtful = take("doubtful")
    known = record(take("known"), run(of=take("known"), cost=10), run(of=take("known"), cost=12, at=STARTED_AT + 9))
    report = report_of(
        known,
        record(
            doubtful,
            run(RunState.IN_DOUBT, doubtful, superseded_by=Supersession.EDIT),
            run(RunState.IN_DOUBT, doubtful, attempt=2),
        ),
    )
    assert (report.spend.in_doubt_takes, report.spend.in_doubt_micro_usd) == (2, 24)


def test_what_is_in_doubt_has_no_price_while_none_is_known() -> None:
    assert report_of(record(take(), run(RunState.IN_DOUBT))).spend.in_doubt_micro_usd is None


def test_files_are_those_of_the_attempt_that_speaks_and_older_ones_stay_with_theirs() -> None:
    [listed] = [listed for listed in report_of(*every_state()).takes if listed.id == "replaced"]
    assert listed.outputs == ()
    assert [output.path for output in listed.attempts[0].run.outputs] == ["replaced.mp4"]
    assert listed.live == listed.attempts[1]


def test_advice_goes_to_what_needs_a_person_and_to_nothing_else() -> None:
    report = report_of(*every_state())
    advised = {listed.id for listed in report.takes for attempt in listed.attempts if attempt.advice}
    assert advised == {
        "shot-submitting",
        "shot-in-doubt",
        "shot-failed",
        "shot-rejected",
        "shot-lost",
    }


def test_a_success_without_a_file_needs_a_person() -> None:
    [listed] = report_of(record(take(), run(outputs=()))).takes
    assert listed.state is TakeState.DOWNLOADING
    assert listed.attempts[0].advice is not None
    assert "reports no file" in listed.attempts[0].advice.text


@pytest.mark.parametrize(
    ("stuck", "found"),
    [
        (run(RunState.PENDING), "has not finished"),
        (run(RunState.PROCESSING), "has not finished"),
        (run(RunState.SUCCEEDED, outputs=(output(None),)), "its video is not downloaded"),
    ],
)
def test_what_takes_longer_than_an_hour_may_need_a_person(stuck: Run, found: str) -> None:
    began_at = stuck.completed_at or stuck.submitted_at
    assert began_at is not None
    [soon] = report_of(record(take(), stuck), generated_at=began_at + 3599.0).takes
    [late] = report_of(record(take(), stuck), generated_at=began_at + 7500.0).takes
    assert soon.attempts[0].advice is None
    assert late.attempts[0].advice is not None
    assert found in late.attempts[0].advice.text
    assert "2h 5m ago" in late.attempts[0].advice.text
    assert [command.split()[1] for command in late.attempts[0].advice.commands] == ["apply", "resolve", "resolve"]
    assert late.attempts[0].advice.commands[0].endswith("--only hero")  # it must pay for nothing else
    assert not any("--run-id" in command for command in late.attempts[0].advice.commands)


def test_a_run_that_nothing_waits_for_and_never_finishes_can_only_be_given_up() -> None:
    outlived = run(RunState.PROCESSING, superseded_by=Supersession.RESUBMIT)
    later = run(attempt=2)
    [soon] = report_of(record(take(), outlived, later)).takes
    [late] = report_of(record(take(), outlived, later), generated_at=STARTED_AT + 7500.0).takes
    assert soon.attempts[0].advice is None
    assert late.attempts[0].advice is not None
    assert [command.split()[1] for command in late.attempts[0].advice.commands] == ["resolve"]
    assert late.attempts[0].advice.commands[0].endswith("--attempt 1 --abandon")


def test_many_that_are_stuck_alike_share_the_ways_out() -> None:
    takes = report_of(*(record(take(name), run(RunState.LOST, take(name))) for name in ("a", "b"))).takes
    lost = [(listed.id, advice) for listed in takes for advice in [listed.attempts[0].advice] if advice is not None]
    resolve = "hailuo-batch resolve manifests/spring.yaml"
    named = (
        "hailuo-batch apply manifests/spring.yaml --only a --only b",
        f"{resolve} a b --resubmit",
        f"{resolve} a b --abandon",
    )
    assert combine_commands(lost, is_all=False) == (named[0], f"{resolve} TAKE --run-id run_ID", *named[1:])
    assert combine_named(lost) == named
    assert combine_commands(lost[:1], is_all=False) == lost[0][1].commands
    assert combine_named(lost[:1]) == lost[0][1].commands


def test_runs_that_an_apply_still_collects_are_resolved_one_by_one() -> None:
    stuck = [(name, run(RunState.PROCESSING, take(name))) for name in ("a", "b")]
    commands = CommandBuilder("lamps.yaml", "sandbox")
    advised = [(name, advise(each, True, commands, STARTED_AT + 7500.0)) for name, each in stuck]
    combined = combine_named([(name, advice) for name, advice in advised if advice is not None])
    assert combined == ("hailuo-batch apply lamps.yaml --sandbox --only a --only b",)


def test_many_that_are_damaged_are_repaired_by_one_command() -> None:
    flawed = dataclasses.replace(output(), flaw="the video may not play")
    damaged = [(name, run(RunState.SUCCEEDED, take(name), outputs=(flawed,))) for name in ("a", "b")]
    advised = [(name, advise(each, True, CommandBuilder("lamps.yaml", "sandbox"), 0.0)) for name, each in damaged]
    commands = combine_commands([(name, advice) for name, advice in advised if advice is not None], is_all=False)
    assert commands[0] == "hailuo-batch verify lamps.yaml --sandbox --repair"


def test_advised_commands_name_the_manifest_and_stay_in_the_sandbox() -> None:
    report = report_of(record(take(), run(RunState.IN_DOUBT)), endpoint="sandbox", manifest="my lamps.yaml")
    [listed] = report.takes
    assert listed.attempts[0].advice is not None
    resolve = "hailuo-batch resolve 'my lamps.yaml' --sandbox hero"
    ways = (f"{resolve} --run-id run_ID", f"{resolve} --resubmit", f"{resolve} --abandon")
    assert listed.attempts[0].advice.commands == ways
    assert report.resume_command == "hailuo-batch apply 'my lamps.yaml' --sandbox"
    assert report.is_sandbox


@pytest.mark.parametrize("aside", ["superseded", "out of the manifest"])
def test_a_doubt_that_nothing_waits_for_is_shown_without_a_command_that_pays_again(aside: str) -> None:
    superseded_by = Supersession.EDIT if aside == "superseded" else None
    doubtful = record(
        take(), run(RunState.IN_DOUBT, superseded_by=superseded_by), in_manifest=aside != "out of the manifest"
    )
    [listed] = report_of(doubtful).takes
    assert listed.attempts[0].advice is not None
    assert len(listed.attempts[0].advice.commands) == 2
    assert not any("--resubmit" in command for command in listed.attempts[0].advice.commands)


def test_the_manifest_hash_is_the_recorded_one() -> None:
    ledger = snapshot()
    assert build_report(ledger, generated_at=0.0).manifest_sha256 == ledger.manifest_sha256


def test_a_report_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        report_of().campaign = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("epoch_s", "text"),
    [
        (None, None),
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_760_000_000.25, "2025-10-09T08:53:20.250Z"),
        (1_760_000_000.9996, "2025-10-09T08:53:21.000Z"),
        (-62_135_596_800.0, "0001-01-01T00:00:00.000Z"),
        (1e18, None),
        (float("inf"), None),
        (float("nan"), None),
    ],
)
def test_times_are_utc_with_milliseconds(epoch_s: float | None, text: str | None) -> None:
    assert format_time(epoch_s) == text
