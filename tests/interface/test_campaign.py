"""A campaign from Python: planned, agreed to, applied, looked at, without a word on any stream."""

import pickle
import signal
import threading
from pathlib import Path

import pytest

from hailuo_batch import (
    Abandon,
    BusyError,
    Campaign,
    ConsentMissingError,
    Created,
    Downloaded,
    Event,
    ExitCode,
    Failed,
    Finished,
    HailuoBatchError,
    InDoubt,
    ManifestError,
    Money,
    NameRun,
    Notice,
    Planned,
    Resubmit,
    Stopped,
    UnfinishedError,
    UsageError,
)
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import KEY, SLOW
from tests.helpers.misbehaving_api import lost_answers
from tests.helpers.picks import write_picks
from tests.interface.conftest import SHOTS, MakeCampaign, StartApi


def all_handlers() -> dict[signal.Signals, object]:
    return {number: signal.getsignal(number) for number in signal.Signals}


def test_what_is_agreed_to_is_made_and_nothing_is_printed(
    api: SandboxServer, campaign: Campaign, capfd: pytest.CaptureFixture[str]
) -> None:
    plan = campaign.plan()
    assert [(take.id, take.action) for take in plan.takes] == [
        ("hero", "create"),
        ("hero.take2", "create"),
        ("desk", "create"),
    ]
    assert plan.pays
    assert plan.creates == 3
    handlers, during, events = all_handlers(), [], list[Event]()

    def on_event(event: Event) -> None:
        events.append(event)
        during.append(all_handlers())

    result = campaign.apply(consent=plan, on_event=on_event)
    result.raise_for_unfinished()
    assert result.exit_code is ExitCode.DONE
    assert result.created == 3 == api.world.stats.creates
    assert result.spending.net == Money(3 * 280_000)
    assert str(result.spending.net.usd) == "0.84"
    assert all(file.is_file() for take in result.takes for file in take.files)
    assert result.page is not None
    assert result.page.is_file()
    assert all(each == handlers for each in [*during, all_handlers()])
    assert isinstance(events[0], Planned)
    kinds = [type(event) for event in events if getattr(event, "take_id", "") == "desk"]
    assert kinds == [Created, Finished, Downloaded]
    assert campaign.status().is_done
    assert not campaign.plan().pays
    assert {path.name for path in campaign.report().values()} >= {"report.html", "report.json"}
    assert capfd.readouterr() == ("", "")


def test_without_consent_what_would_pay_is_refused_before_anything_is_sent(
    api: SandboxServer, campaign: Campaign, tmp_path: Path
) -> None:
    with pytest.raises(ConsentMissingError, match=r"would pay for 3 runs.*Nothing was sent.*campaign\.plan\(\)"):
        campaign.apply()
    assert api.world.stats.creates == 0
    assert not list((tmp_path / "work").rglob("*.db"))
    assert not list((tmp_path / "work").rglob("*.yaml"))


def test_what_pays_nothing_needs_no_consent(start_api: StartApi, make_campaign: MakeCampaign) -> None:
    api = start_api()
    campaign = make_campaign(api)
    with campaign.stream(consent=True) as stream:
        created = [event for event in stream if isinstance(event, Created)][:3]
    assert len(created) == 3
    (campaign.status().take("desk").files[0]).unlink()
    events = list[Event]()
    assert campaign.apply(on_event=events.append).is_done
    assert [event.take_id for event in events if isinstance(event, Downloaded)] == ["desk"]
    assert api.world.stats.creates == 3


def test_a_plan_that_is_out_of_date_pays_for_nothing(
    api: SandboxServer, campaign: Campaign, make_campaign: MakeCampaign
) -> None:
    plan = campaign.plan()
    changed = make_campaign(api, shots=(*SHOTS, {"id": "more", "prompt": "One more"}))
    with pytest.raises(UsageError, match=r"out of date: the manifest changed.*Nothing was sent.*`campaign\.plan\(\)`"):
        changed.apply(consent=plan)
    assert campaign.apply(consent=True, only="desk").is_done
    with pytest.raises(UsageError, match="something else changed the ledger"):
        campaign.apply(consent=plan)
    with pytest.raises(UsageError, match="only cannot be given with it"):
        campaign.apply(consent=plan, only="desk")
    assert api.world.stats.creates == 1


def test_a_plan_agreed_to_can_be_applied_again_and_pays_once(api: SandboxServer, campaign: Campaign) -> None:
    plan = pickle.loads(pickle.dumps(campaign.plan()))  # as a scheduler hands it on
    assert campaign.apply(consent=plan).is_done
    assert campaign.apply(consent=plan).is_done
    assert api.world.stats.creates == 3


def test_a_changed_plan_is_no_consent(api: SandboxServer, campaign: Campaign) -> None:
    plan = campaign.plan()
    plan.document["takes"][0]["input"]["prompt"] = "Another lamp"
    with pytest.raises(UsageError, match="was changed since it was made"):
        campaign.apply(consent=plan)
    [shown] = [event for event in campaign.stream(limit=0) if isinstance(event, Planned)]
    with pytest.raises(UsageError, match="came with an event"):
        campaign.apply(consent=shown.plan)
    assert api.world.stats.creates == 0


def test_the_key_is_told_to_nobody(
    api: SandboxServer, campaign: Campaign, make_campaign: MakeCampaign, tmp_path: Path
) -> None:
    assert KEY not in repr(campaign)
    assert KEY not in repr(vars(campaign))
    result = campaign.apply(consent=True)
    assert KEY not in repr(result)
    kept = (path for path in tmp_path.rglob("*") if path.is_file())
    assert not any(KEY.encode() in path.read_bytes() for path in kept)
    wrong = "sk-" + "x" * 20 + " and more"
    with pytest.raises(HailuoBatchError) as raised:
        make_campaign(api, "other", api_key=wrong).apply(consent=True)
    assert wrong not in str(raised.value)


def test_an_exception_of_the_listener_stops_in_good_order(api: SandboxServer, campaign: Campaign) -> None:
    def on_event(event: Event) -> None:
        if type(event) is Created:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        campaign.apply(consent=True, on_event=on_event)
    status = campaign.status()
    assert not status.running
    assert {take.run_id for take in status.takes if take.run_id is not None} == set(api.world.created)
    assert campaign.apply(consent=True).is_done
    assert len(api.world.created) == 3


def test_a_stream_can_be_closed_at_any_time(start_api: StartApi, make_campaign: MakeCampaign) -> None:
    api = start_api(speed=SLOW)
    campaign = make_campaign(api)
    never_begun = campaign.stream(consent=True)
    never_begun.close()
    assert list(never_begun) == []
    with pytest.raises(UsageError, match="closed before anything was begun"):
        _ = never_begun.result
    with campaign.stream(consent=True) as early:
        assert isinstance(next(early), Planned)
        with pytest.raises(UsageError, match="not at its end"):
            _ = early.result
    with campaign.stream(consent=True) as stream:
        for event in stream:
            if isinstance(event, Created):
                break
    assert stream.result.exit_code is ExitCode.SIGINT
    assert stream.result.stopped == ("Stopped, as was asked for.",)
    assert list(stream) == []
    status = campaign.status()
    assert {take.run_id for take in status.takes if take.run_id is not None} == set(api.world.created)
    assert not status.counts["in_doubt"]
    with pytest.raises(UnfinishedError) as raised:
        stream.result.raise_for_unfinished()
    assert raised.value.exit_code is ExitCode.SIGINT


def test_a_stream_that_is_thrown_away_has_stopped(start_api: StartApi, make_campaign: MakeCampaign) -> None:
    campaign = make_campaign(start_api(speed=SLOW))
    for event in campaign.stream(consent=True):
        if isinstance(event, Created):
            break
    assert not campaign.status().running


def test_two_applies_of_one_campaign_do_not_pay_twice(start_api: StartApi, make_campaign: MakeCampaign) -> None:
    api = start_api(speed=SLOW)
    campaign = make_campaign(api)
    with campaign.stream(consent=True) as stream:
        next(event for event in stream if isinstance(event, Created))
        with pytest.raises(BusyError, match=r"hailuo-batch apply \(process .*`campaign\.status\(\)`"):
            campaign.apply(consent=True)
        assert "hailuo-batch apply" in campaign.status().running
        with pytest.raises(BusyError):
            campaign.retry()
    assert len(api.world.created) <= 3


def test_what_the_account_refuses_is_in_the_result(start_api: StartApi, make_campaign: MakeCampaign) -> None:
    campaign = make_campaign(start_api(balance_micro_usd=280_000))
    events = list[Event]()
    result = campaign.apply(consent=True, on_event=events.append)
    assert result.exit_code is ExitCode.ACCOUNT
    [stopped] = [event for event in events if isinstance(event, Stopped)]
    assert "the balance is too low" in stopped.reason
    assert result.stopped == (stopped.reason,)
    assert len(result.unfinished) == 2
    with pytest.raises(UnfinishedError, match="2 takes are unfinished, and everything that was paid for is recorded"):
        result.raise_for_unfinished()


def test_without_a_key_nothing_begins(tmp_path: Path) -> None:
    with pytest.raises(HailuoBatchError, match="There is no API key") as raised:
        Campaign.from_shots("lamps", SHOTS, workspace=tmp_path).apply(consent=True)
    assert raised.value.exit_code is ExitCode.ACCOUNT


def test_a_request_without_an_answer_is_decided_about(api: SandboxServer, make_campaign: MakeCampaign) -> None:
    campaign = make_campaign(api, shots=SHOTS[1:])
    events = list[Event]()
    with lost_answers(api):
        result = campaign.apply(consent=True, on_event=events.append)
    assert [event.take_id for event in events if isinstance(event, InDoubt)] == ["desk"]
    assert [take.id for take in result.in_doubt] == ["desk"]
    with pytest.raises(ConsentMissingError, match="pays for it again, and consent=True is missing"):
        campaign.resolve("desk", by=Resubmit())
    with pytest.raises(ConsentMissingError, match="consent=True is missing"):
        campaign.resolve("desk", by=Resubmit(consent="no"))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="by is NameRun, Resubmit or Abandon"):
        campaign.resolve("desk", by=Abandon)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="goes with one take"):
        campaign.resolve(by=NameRun("run_1"))
    [run_id] = api.world.created
    assert f"desk is now run {run_id}" in campaign.resolve("desk", by=NameRun(run_id))
    assert campaign.apply().is_done
    assert api.world.stats.creates == 1
    with lost_answers(api):
        campaign.apply(consent=True, replace="*")
    assert "abandoned" in campaign.resolve(by=Abandon())


def test_a_failed_take_gets_another_attempt(start_api: StartApi, make_campaign: MakeCampaign) -> None:
    campaign = make_campaign(start_api(fail_rate=1.0), shots=SHOTS[1:])
    events = list[Event]()
    result = campaign.apply(consent=True, on_event=events.append)
    assert [event.state for event in events if isinstance(event, Failed)] == ["failed"]
    assert result.spending.net == Money(0)
    assert any('`campaign.retry("desk")`' in note or "`campaign.retry('desk')`" in note for note in result.notes)
    assert campaign.retry("desk").takes == ("desk",)
    assert campaign.plan().paying[0].id == "desk"


def test_settings_are_checked(campaign: Campaign) -> None:
    with pytest.raises(UsageError, match="There is no argument 'all_takes'"):
        campaign.plan(all_takes="desk")  # type: ignore[call-arg]
    with pytest.raises(UsageError, match=r"only 'dusk' matches no take.*Did you mean desk"):
        campaign.plan(only="dusk")
    with pytest.raises(UsageError, match="limit: -1"):
        campaign.apply(limit=-1)
    with pytest.raises(UsageError, match="formats"):
        campaign.report("pdf")
    assert campaign.plan(only=["tag:x", "desk"][1:], max_spend=0.28, limit=1).cap == Money(280_000)


@pytest.mark.parametrize("name", ["limit", "max_in_flight"])
@pytest.mark.parametrize("given", [float("nan"), 1.5, "1", True, -1])
def test_a_bound_that_would_not_hold_is_refused_before_anything_is_sent(
    api: SandboxServer, make_campaign: MakeCampaign, name: str, given: object
) -> None:
    campaign = make_campaign(api, shots=SHOTS[1:])
    with pytest.raises(UsageError, match=f"{name}: .*Nothing was sent"):
        campaign.apply(consent=True, **{name: given})  # type: ignore[arg-type]
    assert api.world.stats.creates == 0


def test_a_practice_run_needs_neither_key_nor_consent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hailuo_batch.app.api_target._SANDBOX_SPEED", 1000.0)
    campaign = Campaign.from_shots("lamps", SHOTS, workspace=tmp_path, sandbox=True)
    assert campaign.apply().is_done
    assert not (tmp_path / "state" / "lamps.db").exists()


def test_errors_about_shots_are_raised_as_one(tmp_path: Path) -> None:
    campaign = Campaign.from_shots("lamps", [{"id": "a", "prompt": "x", "colour": "red"}], workspace=tmp_path)
    validation = campaign.validate()
    assert not validation.is_valid
    [found] = validation.errors
    assert (found.severity, found.path, found.code) == ("error", "<campaign lamps>", None)
    assert "unknown key `colour`" in found.text
    for ask in (campaign.plan, campaign.apply, campaign.status):
        with pytest.raises(ManifestError, match="unknown key `colour`"):
            ask()


def test_whoever_stops_waiting_for_another_apply_is_not_told_that_it_runs(
    start_api: StartApi, make_campaign: MakeCampaign
) -> None:
    campaign = make_campaign(start_api(speed=SLOW))
    with campaign.stream(consent=True) as first:
        next(event for event in first if isinstance(event, Created))
        with campaign.stream(consent=True, wait="2h") as second:
            waiting = next(second)
            assert isinstance(waiting, Notice)
            assert "Waiting up to 2h for hailuo-batch apply" in waiting.text
        with pytest.raises(UsageError, match="closed before anything was begun"):
            _ = second.result


def test_a_plan_says_what_speaks_against_images(tmp_path: Path) -> None:
    shots = [{"id": "a", "prompt": "A", "image_urls": ["data:image/png;base64,bm8gaW1hZ2U="]}]
    campaign = Campaign.from_shots("lamps", shots, workspace=tmp_path)
    assert any("data:image/png" in note and "(a)" in note for note in campaign.plan().notes)


def test_without_a_thread_nothing_begins(
    api: SandboxServer, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(HailuoBatchError, match=r"No thread could be started.*Nothing was sent"):
            campaign.apply(consent=True)
    assert api.world.stats.creates == 0


def test_what_a_file_of_picks_marks_is_made_again(api: SandboxServer, campaign: Campaign, tmp_path: Path) -> None:
    assert campaign.apply(consent=True).is_done
    run_id = campaign.status().take("desk").run_id
    assert run_id is not None
    picks = write_picks(tmp_path / "picks.json", [{"take": "desk", "run_id": run_id, "mark": "reroll"}])
    plan = campaign.plan(replace_from=picks)
    assert [take.id for take in plan.paying] == ["desk"]
    assert campaign.apply(consent=plan).is_done
    assert api.world.stats.creates == 4
