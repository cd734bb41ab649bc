"""Several API keys: each has its own window, its own runs and its own troubles, and the campaign is one."""

from collections import Counter
from dataclasses import replace

import pytest

from hailuo_batch.core.engine.stop_reasons import StopScope
from hailuo_batch.core.model import actions as act
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.api_keys import ApiKey
from hailuo_batch.core.model.events import Outcome, Refusal
from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.settings import Settings
from hailuo_batch.core.model.states import RunState
from hailuo_batch.errors import ExitCode
from tests.core.engine.by_hand import SUCCESS, ManualEngine, unsent
from tests.helpers.snapshots import STARTED_AT, run, take

A, B = ApiKey(1, "a1a1"), ApiKey(2, "b2b2")
BOTH = Settings(api_keys=(A, B))
EARLIER = STARTED_AT - 600.0
DISABLED = ev.ReadRefused(Refusal.ACCOUNT, "invalid_api_key", "this API key is disabled")
REFUSED = ev.CreateRefused(Refusal.ACCOUNT, "invalid_api_key", "this API key is disabled")
BROKE = ev.CreateRefused(Refusal.BALANCE, "insufficient_balance", "top up")


def opened(shot: str, api_key: int | None, number: int = 1) -> Run:
    """A run under way that this key made, the `number`-th of all."""
    return replace(run(RunState.PENDING, take(shot), at=EARLIER, api_key=api_key), create_number=number)


def opened_by(maker: int | None, count: int) -> list[Run]:
    return [opened(f"s{number}", maker, number) for number in range(1, count + 1)]


def read_on(hand: ManualEngine, api_key: int, outcomes: dict[int, Outcome] | None = None) -> Counter[str]:
    """Let time pass until nothing more is asked: every read by this key finds the run, by any other one a 404. Returns
    how often each run was read, with which key."""
    asked: Counter[str] = Counter()
    for _ in range(300):
        for read in hand.reads():
            asked[f"{read.run.take_id} with {read.api_key}"] += 1
            known = (outcomes or {}).get(read.api_key, SUCCESS if read.api_key == api_key else ev.RunMissing())
            hand.answer(read, known)
        save_all(hand)
        if hand.engine.is_finished or hand.engine.wake_at(hand.now) == float("inf"):
            hand.decide()
            break
        hand.sleep()
    return asked


def save_all(hand: ManualEngine) -> None:
    for fetch in [each for each in hand.under_way if isinstance(each, act.FetchFile)]:
        hand.answer(fetch, ev.FileSaved(fetch.index, f"{fetch.stem}.mp4", 1, "0" * 64))


# --- the work is shared ---


def test_creates_go_to_every_key_and_each_run_is_read_with_the_key_that_made_it() -> None:
    hand = ManualEngine(unsent(40), replace(BOTH, rate_limit=4))
    creates = hand.creates()
    assert [create.api_key for create in creates] == [1, 2, 1]  # as many as may be under way until the first answer
    for create in creates:
        hand.created(create)
    for create in hand.creates():
        hand.created(create)
    made = Counter(known.api_key for known in hand.runs.values() if known.run_id)
    assert made == {1: 4, 2: 4}
    reads: list[act.ReadRun] = []
    while not reads:
        hand.sleep()
        for request in hand.decide():
            if isinstance(request, act.CreateRun):
                hand.created(request)
            elif isinstance(request, act.ReadRun):
                reads.append(request)
    assert all(hand.runs[read.run.key].api_key == read.api_key for read in reads)


def test_a_key_that_the_api_slows_down_leaves_the_creates_to_the_other() -> None:
    hand = ManualEngine(unsent(40), BOTH)
    for create in hand.creates():
        refused = create.api_key == 1
        hand.answer(
            create, ev.CreateRefused(Refusal.RATE, "RATE_LIMITED", "wait") if refused else ev.RunCreated("r", 1)
        )
    assert {create.api_key for create in hand.creates()} == {2}
    [notice] = [text for text in hand.notices if "Somebody else" in text]
    assert notice.startswith("API key 1 (…a1a1): Somebody else uses this API key")


def test_the_bound_on_creates_without_an_answer_is_the_campaigns() -> None:
    hand = ManualEngine(unsent(40), BOTH)
    creates = hand.creates()
    assert len(creates) == 3
    for create in creates:
        hand.answer(create, ev.CreateUnanswered("timed out"))
    assert hand.creates(after_s=100.0) == []
    assert hand.engine.stop_scope is StopScope.CREATES


def test_an_outage_is_reported_once_and_given_up_only_if_no_key_is_answered() -> None:
    hand = ManualEngine([opened("a", 1), opened("b", 2)], BOTH)
    for _ in range(60):
        for read in hand.reads(after_s=10.0):
            hand.answer(read, ev.ReadUnanswered("timed out") if read.api_key == 1 else ev.RunStarted())
    assert hand.engine.stop_scope is StopScope.NONE
    assert len([text for text in hand.notices if "No answer from the API" in text]) == 1
    while not hand.engine.is_finished:
        for read in hand.reads(after_s=10.0):
            hand.answer(read, ev.ReadUnanswered("timed out"))
    assert hand.exit_codes() == [ExitCode.UNFINISHED]
    assert len([text for text in hand.notices if "the API has not answered for" in text]) == 1


def test_whether_the_api_is_there_at_all_is_asked_with_one_key() -> None:
    hand = ManualEngine(unsent(9), BOTH, proven=False)
    [check] = hand.decide()
    assert hand.decide(1.0) == []
    hand.answer(check, ev.RunMissing())
    assert {create.api_key for create in hand.creates()} == {1, 2}


# --- what halts a key halts that key ---


def test_an_empty_balance_halts_the_creates_of_that_key_alone() -> None:
    hand = ManualEngine([*unsent(9), opened("old", 1)], BOTH)
    for create in hand.creates():
        hand.answer(create, BROKE if create.api_key == 1 else ev.RunCreated(f"r{create.run.key}", 1))
    assert {create.api_key for create in hand.creates()} == {2}
    assert hand.engine.stop_scope is StopScope.NONE
    [notice] = [text for text in hand.notices if "creates no more runs" in text]
    assert notice.startswith("API key 1 (…a1a1) creates no more runs: the balance of its account is too low")
    [asked] = [each for each in hand.under_way if isinstance(each, act.ReadRun)]
    assert (asked.run.take_id, asked.api_key) == ("old", 1)


def test_when_the_last_key_has_stopped_every_reason_is_told_and_the_apply_stops() -> None:
    hand = ManualEngine([*unsent(9), opened("old", 1), opened("older", 2)], BOTH)
    for create in sorted(hand.creates(), key=lambda each: -each.api_key):
        hand.answer(create, BROKE if create.api_key == 1 else REFUSED)
    assert (hand.engine.stop_scope, hand.exit_codes()) == (StopScope.CREATES, [ExitCode.ACCOUNT])
    [reason] = hand.engine.stop_reasons
    assert "key 1 (…a1a1): the balance of its account is too low for another run" in reason.text
    assert "key 2 (…b2b2): the API refuses it (the API says: this API key is disabled, invalid_api_key)" in reason.text
    assert reason.remedy == "top up the balance"
    hand.answer(hand.wait_for_read(), DISABLED)
    assert (hand.engine.stop_scope, hand.decide(1000.0)) == (StopScope.REQUESTS, [])


def test_a_wrong_address_stops_all_keys() -> None:
    hand = ManualEngine(unsent(9), BOTH)
    hand.answer(hand.creates()[0], ev.CreateRefused(Refusal.ADDRESS, "", "HTTP 404"))
    assert hand.engine.stop_scope is StopScope.REQUESTS
    assert "the address does not answer like the API" in hand.notices[-1]


def test_two_keys_that_are_refused_for_their_rate_for_long_end_the_apply_and_not_as_an_account() -> None:
    hand = ManualEngine([opened("a", 1), opened("b", 2)], replace(BOTH, run_timeout_s=100.0))
    while not hand.engine.is_finished:
        for read in hand.reads():
            hand.answer(read, ev.ReadRefused(Refusal.RATE, "RATE_LIMITED", "wait"))
        hand.sleep()
    assert ExitCode.UNFINISHED in hand.exit_codes()
    assert ExitCode.ACCOUNT not in hand.exit_codes()


# --- runs whose key is missing or refused ---


def test_the_runs_of_a_refused_key_are_asked_about_once_with_the_others_and_never_lost() -> None:
    hand = ManualEngine([opened("a", 1), opened("b", 2)], BOTH)
    asked: Counter[str] = Counter()
    while hand.decide() or not hand.engine.is_finished:
        for read in [each for each in hand.under_way if isinstance(each, act.ReadRun)]:
            asked[f"{read.run.take_id} with {read.api_key}"] += 1
            own = DISABLED if read.api_key == 1 else SUCCESS if read.run.take_id == "b" else ev.RunMissing()
            hand.answer(read, own)
        save_all(hand)
    assert asked == {"a with 1": 1, "a with 2": 1, "b with 2": 1}
    assert {known.take_id: known.state for known in hand.runs.values()}["a"] is RunState.PENDING
    assert hand.exit_codes() == []
    [missing] = [text for text in hand.notices if "can only be read with" in text]
    assert missing.startswith(
        "1 run of a can only be read with key 1 (…a1a1), which is refused, and no other key knows"
    )


def test_a_key_of_the_same_account_takes_over_what_it_knows() -> None:
    gone = run(RunState.LOST, take("gone"), at=EARLIER, api_key=3)
    hand = ManualEngine([*opened_by(3, 6), gone, opened("own", 2, 9)], BOTH)
    asked = read_on(hand, 2)
    assert {known.api_key for known in hand.runs.values()} == {2}
    assert {known.state for known in hand.runs.values()} == {RunState.SUCCEEDED}
    assert all(count == 1 for count in asked.values())
    assert (
        sum(count for who, count in asked.items() if who.endswith("with 1")) <= 3
    )  # then it counts as another account's


def test_runs_that_an_expected_key_does_not_know_are_asked_about_with_the_next() -> None:
    hand = ManualEngine([*opened_by(None, 4), opened("own", 1, 9)], BOTH)
    known_to = {"own": 1, "s1": 1, "s2": 2, "s3": 1, "s4": 2}
    for _ in range(50):
        for read in hand.reads():
            hand.answer(read, SUCCESS if known_to[read.run.take_id] == read.api_key else ev.RunMissing())
        if len({known.state for known in hand.runs.values()}) == 1:
            break
        hand.sleep()
    assert {known.take_id: known.api_key for known in hand.runs.values()} == known_to


def test_of_a_run_whose_maker_is_not_on_record_that_is_told() -> None:
    hand = ManualEngine([opened("gone", None), opened("own", 1, 9)], BOTH)
    hand.answer(next(read for read in hand.reads() if read.run.take_id == "gone"), ev.RunMissing())
    hand.answer(next(read for read in hand.reads() if read.run.take_id == "gone"), ev.RunMissing())
    hand.decide()
    [missing] = [text for text in hand.notices if "can only be read with" in text]
    assert "1 run of gone can only be read with the key that made it, which is not on record" in missing


def test_a_question_that_was_not_answered_is_asked_again() -> None:
    hand = ManualEngine([opened("a", 3), opened("own", 1, 9)], Settings(api_keys=(A,)))
    first = next(read for read in hand.reads() if read.run.take_id == "a")
    hand.answer(first, ev.ReadUnanswered("timed out"))
    again = hand.wait_for_read()
    assert again.run.take_id == "a"
    hand.answer(again, ev.RunStarted())
    assert hand.runs[again.run.key].api_key == 1
    assert len(hand.engine._requests._lanes[1].polling) == 2


def test_a_missing_key_is_told_and_nothing_waits_for_it() -> None:
    hand = ManualEngine([opened("gone", 3), *unsent(1)], Settings(api_keys=(A,), max_in_flight=1))
    hand.engine._requests._lanes.key_check.is_established = True  # key 1 has made other runs
    read_on(hand, 0)
    creates = [each for each in hand.under_way if isinstance(each, act.CreateRun)]
    assert len(creates) == 1  # a run that nobody can see the end of holds no place
    [missing] = [text for text in hand.notices if "can only be read with" in text]
    assert "key 3 (…), which is not among the given ones" in missing
    assert "not lost" in missing


@pytest.mark.parametrize("state", [RunState.LOST, RunState.SUCCEEDED])
def test_a_finished_run_that_no_key_knows_is_asked_about_once_with_each(state: RunState) -> None:
    gone = run(state, take("gone"), at=EARLIER, api_key=3, outputs=())
    hand = ManualEngine([gone, opened("own", 1, 9)], BOTH)
    asked = read_on(hand, 1, {1: ev.RunMissing(), 2: ev.RunMissing()})
    assert (asked["gone with 1"], asked["gone with 2"]) == (1, 1)
    assert hand.runs[gone.key].state is state


def test_none_of_several_keys_is_the_right_one() -> None:
    hand = ManualEngine([*opened_by(3, 5), *unsent(2)], BOTH)
    asked = read_on(hand, 0)
    assert sum(asked.values()) == 6  # three runs, with each key
    assert hand.exit_codes() == [ExitCode.ACCOUNT]
    assert "none of these API keys (key 1 (…a1a1), key 2 (…b2b2)) made the campaign's runs" in hand.notices[-1]
    assert not any(isinstance(each, act.CreateRun) for each in hand.under_way)


@pytest.mark.parametrize("answered", range(3))
def test_a_key_that_knows_no_run_pays_for_nothing_when_the_other_one_is_refused(answered: int) -> None:
    hand = ManualEngine([*opened_by(3, 5), *unsent(2)], BOTH)
    asked: Counter[int] = Counter()
    while hand.decide() or hand.under_way:
        assert all(isinstance(each, act.ReadRun) for each in hand.under_way)
        read = min((each for each in hand.under_way if isinstance(each, act.ReadRun)), key=lambda each: each.api_key)
        asked[read.api_key] += 1
        is_refused = read.api_key == 2 and asked[2] > answered
        hand.answer(read, DISABLED if is_refused else ev.RunMissing())
    assert asked == {1: 3, 2: answered + 1}
    assert hand.exit_codes() == [ExitCode.ACCOUNT]


def test_the_late_answer_of_a_key_that_was_refused_meanwhile_still_counts() -> None:
    hand = ManualEngine([opened("a", 1), opened("b", 1, 2), opened("own", 2, 9)], BOTH)
    first, second = [read for read in hand.reads() if read.api_key == 1][:2]
    hand.answer(first, DISABLED)
    hand.answer(second, SUCCESS)
    assert hand.runs[second.run.key].state is RunState.SUCCEEDED
    asked = read_on(hand, 2)
    assert asked[f"{second.run.take_id} with 2"] == 0
    assert hand.runs[first.run.key].api_key == 2


def test_the_late_refusal_of_a_key_does_not_end_the_question_to_another() -> None:
    hand = ManualEngine([opened("a", 1), opened("b", 1, 2), opened("own", 2, 9)], BOTH)
    first, second = [read for read in hand.reads() if read.api_key == 1][:2]
    hand.answer(first, DISABLED)
    questions = Counter(read.run.take_id for read in hand.reads() if read.run.take_id != "own")
    assert questions == {"a": 1, "b": 1}
    hand.answer(second, DISABLED)
    assert [read.run.take_id for read in hand.reads() if read.run.take_id != "own"] == []


def test_a_key_that_does_not_know_a_run_is_not_asked_again_when_the_one_that_knew_it_is_refused() -> None:
    hand = ManualEngine([opened("a", None), opened("own", 1, 9)], BOTH)
    [first] = [read for read in hand.reads() if read.run.take_id == "a"]
    hand.answer(first, ev.RunMissing())
    [second] = [read for read in hand.reads() if read.run.take_id == "a"]
    hand.answer(second, ev.RunStarted())
    assert (first.api_key, second.api_key, hand.runs[first.run.key].api_key) == (2, 1, 1)
    own = next(each for each in hand.under_way if isinstance(each, act.ReadRun))
    hand.answer(own, DISABLED)
    assert read_on(hand, 2)["a with 2"] == 0


def test_a_run_that_a_refused_key_has_just_made_is_looked_for_with_the_others() -> None:
    hand = ManualEngine([*unsent(1), opened("own", 2, 9), opened("other", 1, 8)], BOTH)
    [create] = hand.creates()
    for read in [each for each in hand.under_way if isinstance(each, act.ReadRun)]:
        hand.answer(read, DISABLED if read.api_key == create.api_key else ev.RunStarted())
    if hand.engine._requests._lanes[create.api_key].may_send:
        hand.answer(next(read for read in hand.reads(60.0) if read.api_key == create.api_key), DISABLED)
    hand.created(create)
    other = 3 - create.api_key
    asked = read_on(hand, other)
    assert asked[f"{create.run.take_id} with {other}"] == 1
    assert hand.runs[create.run.key].api_key == other


def test_what_a_refused_key_made_last_is_read_with_the_key_that_knows_its_other_runs() -> None:
    hand = ManualEngine([*unsent(1), opened("own", 2, 9), opened("other", 1, 8)], BOTH)
    [create] = hand.creates()
    assert create.api_key == 1
    reads = {each.run.take_id: each for each in hand.under_way if isinstance(each, act.ReadRun)}
    hand.answer(reads["other"], DISABLED)
    [asked] = hand.reads()
    assert (asked.run.take_id, asked.api_key) == ("other", 2)
    hand.answer(asked, ev.RunStarted())
    hand.created(create)
    assert len(hand.engine._requests._lanes[2].polling) == 3


# --- the windows that processes share ---


def test_only_the_windows_by_which_something_is_to_be_sent_are_shared() -> None:
    hand = ManualEngine([opened("a", 2)], BOTH)
    assert [number for number, _ in hand.engine.windows_to_share(hand.now)] == [2]
    assert hand.engine.decide(hand.now, ()) == []
    assert len(hand.engine.decide(hand.now, {2})) == 1
