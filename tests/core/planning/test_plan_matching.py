"""What decides whether a take is paid for again: which recorded run serves which wanted take."""

import pytest

from hailuo_batch.core.model.runs import Supersession
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.core.planning.plan import InDoubtPolicy, PlanAction, PlanRequest
from hailuo_batch.values import Take
from tests.core.planning_session import PlanningSession, paying, take, wants, with_images

A, B, C = take("a", prompt="first"), take("b", prompt="second"), take("c", prompt="third")
RESUBMITTING = PlanRequest(in_doubt=InDoubtPolicy.RESUBMIT)
MOVABLE = [
    RunState.IN_DOUBT, RunState.PENDING, RunState.PROCESSING, RunState.SUCCEEDED, RunState.LOST, RunState.ABANDONED,
]  # fmt: skip


def renamed(wanted: Take, shot: str) -> Take:
    return take(shot, prompt=str(wanted.input["prompt"]))


def edited(wanted: Take, prompt: str = "edited") -> Take:
    return take(wanted.shot, wanted.number, prompt=prompt)


def test_a_new_campaign_pays_for_every_take(session: PlanningSession) -> None:
    lines = session.apply_plan(wants(A, B))
    assert [(line.take_id, line.action, line.reason) for line in lines.values()] == [
        ("a", PlanAction.CREATE, "new"),
        ("b", PlanAction.CREATE, "new"),
    ]
    assert [session.live(id_).state for id_ in "ab"] == [RunState.UNSENT, RunState.UNSENT]


@pytest.mark.parametrize("state", [state for state in RunState if state is not RunState.UNSENT])
def test_the_same_take_with_the_same_request_is_never_paid_for_again(session: PlanningSession, state: RunState) -> None:
    session.apply_plan(wants(A))
    (before,) = session.finish(state)
    plan = session.plan(wants(A))
    assert plan.paying == ()
    assert plan.ledger_changes == ()
    assert session.live("a") == before


def test_order_tags_and_descriptions_do_not_count(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B))
    session.finish(RunState.SUCCEEDED)
    assert not paying(session.apply_plan(wants(B, take("a", prompt="first", tags=("night",)))))
    assert [record.take.id for record in session.snapshot.takes] == ["b", "a"]
    assert session.record_of("a").take.tags == ("night",)


def test_a_changed_prompt_is_paid_for_and_states_what_changed(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B))
    session.finish(RunState.SUCCEEDED)
    lines = session.apply_plan(wants(edited(A), B))
    assert paying(lines) == {"a"}
    assert lines["a"].reason == "changed: prompt"
    old, new = session.record_of("a").runs
    assert (old.superseded_by, new.superseded_by, new.attempt) == (Supersession.EDIT, None, 2)


def test_a_change_names_every_part_that_differs(session: PlanningSession) -> None:
    session.apply_plan(wants(A))
    session.finish(RunState.SUCCEEDED)
    changed = take("a", prompt="edited", image_urls=["https://cdn.example.com/a.jpg"], model="other/model")
    assert session.apply_plan(wants(changed))["a"].reason == "changed: model, image_urls, prompt"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [("1" * 64, "2" * 64, "changed: prompt, the bytes of an image"), (None, "2" * 64, "changed: prompt")],
)
def test_a_change_of_prompt_and_image_names_both(
    session: PlanningSession, before: str | None, after: str, text: str
) -> None:
    session.apply_plan(wants(with_images(A, before)))
    session.finish(RunState.SUCCEEDED)
    assert session.apply_plan(wants(with_images(edited(A), after)))["a"].reason == text


def test_a_change_of_images_shows_both_and_only_those_that_differ(session: PlanningSession) -> None:
    urls = [f"https://cdn.example.com/{name}.jpg?sig=1" for name in "abc"]
    session.apply_plan(wants(take("a", image_urls=urls)))
    session.finish(RunState.SUCCEEDED)
    line = session.apply_plan(wants(take("a", image_urls=[urls[0], urls[1].replace("sig=1", "sig=2")])))["a"]
    assert line.reason == "changed: image_urls"
    assert line.image_urls == ((urls[1], urls[1].replace("sig=1", "sig=2")), (urls[2], ""))


def test_a_prompt_that_is_changed_back_costs_nothing(session: PlanningSession) -> None:
    session.apply_plan(wants(A))
    (old,) = session.finish(RunState.SUCCEEDED)
    session.apply_plan(wants(edited(A)))
    (new,) = session.finish(RunState.SUCCEEDED)
    assert session.apply_plan(wants(A))["a"].action is PlanAction.KEEP
    assert session.live("a").key == old.key
    assert not paying(session.apply_plan(wants(edited(A))))
    assert session.live("a").key == new.key


def test_takes_of_a_shot_that_is_changed_back_keep_the_videos_that_each_had(session: PlanningSession) -> None:
    both = [take("a", 1, prompt="first"), take("a", 2, prompt="first")]
    session.apply_plan(wants(*both))
    session.finish(RunState.SUCCEEDED)
    had = {id_: session.live(id_).key for id_ in ("a", "a.take2")}
    session.apply_plan(wants(*(take("a", number, prompt="edited") for number in (1, 2))))
    assert not paying(lines := session.apply_plan(wants(*both)))
    assert {id_: session.live(id_).key for id_ in had} == had
    assert [line.moved_from for line in lines.values()] == ["", ""]


def test_a_prompt_that_is_changed_back_before_anything_was_sent_leaves_no_trace(session: PlanningSession) -> None:
    session.apply_plan(wants(A))
    (old,) = session.finish(RunState.SUCCEEDED)
    session.apply_plan(wants(edited(A)))
    session.apply_plan(wants(A))
    assert [run.key for run in session.snapshot.runs] == [old.key]


@pytest.mark.parametrize("state", MOVABLE)
def test_a_renamed_shot_takes_its_run_along_whatever_its_state(session: PlanningSession, state: RunState) -> None:
    session.apply_plan(wants(A))
    (before,) = session.finish(state)
    lines = session.apply_plan(wants(renamed(A, "hero")))
    assert not paying(lines)
    assert lines["hero"].moved_from == "a"
    assert (session.live("hero").key, session.live("hero").state) == (before.key, state)
    assert [record.take.id for record in session.snapshot.takes] == ["hero"]


def test_shots_that_swap_names_swap_their_runs(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B, C))
    first, second, third = session.finish(RunState.SUCCEEDED)
    ring = wants(renamed(B, "a"), renamed(C, "b"), renamed(A, "c"))
    assert not paying(session.apply_plan(ring))
    assert [session.live(id_).key for id_ in "abc"] == [second.key, third.key, first.key]


def test_a_take_may_take_over_the_run_that_an_edit_freed_elsewhere(session: PlanningSession) -> None:
    session.apply_plan(wants(A))
    (old,) = session.finish(RunState.SUCCEEDED)
    lines = session.apply_plan(wants(edited(A), renamed(A, "z")))
    assert paying(lines) == {"a"}
    assert session.live("z").key == old.key


def test_freed_runs_go_to_the_wanted_takes_in_the_manifests_order_newest_first(session: PlanningSession) -> None:
    session.apply_plan(wants(take("x", prompt="same"), take("y", prompt="same"), take("z", prompt="same")))
    _, _, newest = session.finish(RunState.SUCCEEDED)
    session.apply_plan(wants(take("q", prompt="same"), take("p", prompt="same")))
    middle = session.live("p").key
    assert session.live("q").key == newest.key
    assert [run.key for run in session.record_of("x").runs] == [newest.key - 2]
    assert middle == newest.key - 1


def test_a_run_superseded_by_an_edit_may_serve_another_take(session: PlanningSession) -> None:
    session.apply_plan(wants(A))
    (old,) = session.finish(RunState.SUCCEEDED)
    session.apply_plan(wants(edited(A)))
    session.finish(RunState.SUCCEEDED)
    assert not paying(session.apply_plan(wants(edited(A), renamed(A, "z"))))
    assert session.live("z").key == old.key


def test_a_run_superseded_by_replace_never_comes_back(session: PlanningSession) -> None:
    session.apply_plan(wants(A))
    session.finish(RunState.SUCCEEDED)
    session.apply_plan(wants(A), PlanRequest(replace=("a",)))
    (replacement,) = session.finish(RunState.SUCCEEDED)
    lines = session.apply_plan(wants(A, renamed(A, "z")))
    assert paying(lines) == {"z"}
    session.finish(RunState.SUCCEEDED)
    session.apply_plan(wants(edited(A), renamed(A, "z")))
    session.apply_plan(wants(A, renamed(A, "z")))
    assert session.live("a").key == replacement.key


@pytest.mark.parametrize("by", [Supersession.RETRY, Supersession.RESUBMIT])
def test_a_run_that_was_made_again_never_comes_back(session: PlanningSession, by: Supersession) -> None:
    state = RunState.FAILED if by is Supersession.RETRY else RunState.IN_DOUBT
    request = PlanRequest() if by is Supersession.RETRY else RESUBMITTING
    session.apply_plan(wants(A))
    session.finish(state)
    session.apply_plan(wants(A, max_attempts=2), request)
    assert paying(session.apply_plan(wants(A, renamed(A, "z")))) == {"a", "z"}


@pytest.mark.parametrize(
    ("freed", "pays"), [(RunState.LOST, set()), (RunState.SUCCEEDED, set()), (RunState.FAILED, {"b"})]
)
def test_an_attempt_that_was_granted_and_not_sent_gives_way_to_a_paid_run_and_to_no_failed_one(
    session: PlanningSession, freed: RunState, pays: set[str]
) -> None:
    first, second = (take(name, prompt="the same") for name in "ab")
    session.apply_plan(wants(first, second))
    spare, _ = session.finish(freed, RunState.FAILED)
    assert paying(session.apply_plan(wants(first, second, max_attempts=2))) >= {"b"}
    assert paying(session.apply_plan(wants(edited(first), second, max_attempts=2))) == {"a"} | pays
    assert (session.live("b").key == spare.key) == (pays == set())


def test_equal_shots_are_two_takes_with_a_run_each(session: PlanningSession) -> None:
    twins = wants(take("a", prompt="same"), take("b", prompt="same"))
    assert paying(session.apply_plan(twins)) == {"a", "b"}
    first, second = session.finish(RunState.SUCCEEDED)
    assert not paying(session.apply_plan(twins))
    assert [session.live("a").key, session.live("b").key] == [first.key, second.key]


def test_one_run_serves_one_take(session: PlanningSession) -> None:
    session.apply_plan(wants(A))
    session.finish(RunState.SUCCEEDED)
    lines = session.apply_plan(wants(renamed(A, "y"), renamed(A, "z")))
    assert paying(lines) == {"z"}


def test_raising_takes_makes_only_the_added_ones(session: PlanningSession) -> None:
    takes = [take("a", number, prompt="first") for number in (1, 2, 3)]
    session.apply_plan(wants(takes[0]))
    session.finish(RunState.SUCCEEDED)
    assert paying(session.apply_plan(wants(*takes))) == {"a.take2", "a.take3"}


def test_lowering_takes_drops_nothing_that_was_paid_for(session: PlanningSession) -> None:
    takes = [take("a", number, prompt="first") for number in (1, 2, 3)]
    session.apply_plan(wants(*takes))
    session.finish(RunState.SUCCEEDED, RunState.PENDING, RunState.UNSENT)
    lines = session.apply_plan(wants(takes[0]))
    assert lines["a.take2"].action is PlanAction.UNWANTED
    assert lines["a.take2"].reason.startswith("no longer in the manifest; resumes run_")
    left = session.record_of("a.take2")
    assert (left.in_manifest, left.state) == (False, TakeState.RUNNING)
    assert "a.take3" not in {record.take.id for record in session.snapshot.takes}, "nothing was ever sent for it"
    assert not paying(session.apply_plan(wants(*takes[:2])))


def test_a_take_that_left_the_manifest_is_still_collected(session: PlanningSession) -> None:
    session.apply_plan(wants(A, B))
    session.finish(RunState.PENDING)
    plan = session.plan(wants(A))
    assert plan.scope == {"a"}
    assert plan.followed == {"a", "b"}


def test_an_edit_leaves_a_create_in_doubt_visible_and_counted(session: PlanningSession) -> None:
    session.apply_plan(wants(A))
    (doubtful,) = session.finish(RunState.IN_DOUBT)
    assert paying(session.apply_plan(wants(edited(A)))) == {"a"}
    old = session.record_of("a").runs[0]
    assert (old.key, old.state, old.superseded_by) == (doubtful.key, RunState.IN_DOUBT, Supersession.EDIT)


DIGESTS = ["1" * 64, "2" * 64, None]


@pytest.mark.parametrize("before", DIGESTS)
@pytest.mark.parametrize("after", DIGESTS)
def test_local_images_count_only_where_both_sides_have_them(
    session: PlanningSession, before: str | None, after: str | None
) -> None:
    session.apply_plan(wants(with_images(A, before)))
    session.finish(RunState.SUCCEEDED)
    lines = session.apply_plan(wants(with_images(A, after)))
    assert paying(lines) == ({"a"} if None not in {before, after} and before != after else set())
    assert lines["a"].reason == ("changed: the bytes of an image" if paying(lines) else "done")


def test_an_image_that_is_changed_back_costs_nothing(session: PlanningSession) -> None:
    session.apply_plan(wants(with_images(A, DIGESTS[0])))
    (old,) = session.finish(RunState.SUCCEEDED)
    session.apply_plan(wants(with_images(A, DIGESTS[1])))
    session.finish(RunState.SUCCEEDED)
    assert not paying(session.apply_plan(wants(with_images(A, DIGESTS[0]))))
    assert session.live("a").key == old.key


def test_a_new_attempt_carries_what_was_wanted_when_it_was_made(session: PlanningSession) -> None:
    session.apply_plan(wants(with_images(A, DIGESTS[0])))
    new = session.live("a")
    assert (new.model, new.input_json, new.fingerprint) == (A.model, A.input_json, A.fingerprint)
    assert new.images_sha256 == DIGESTS[0]


def test_a_failed_run_that_gave_way_to_a_paid_one_may_serve_another_take(session: PlanningSession) -> None:
    first, second = (take(name, prompt="the same") for name in "ab")
    session.apply_plan(wants(with_images(first, "1" * 64), second))
    in_doubt, failed = session.finish(RunState.IN_DOUBT, RunState.FAILED)
    edit = wants(with_images(first, "2" * 64), second)
    lines = session.apply_plan(edit)
    assert (session.live("b").key, session.live("a").key) == (in_doubt.key, failed.key)
    assert not paying(lines)
    assert session.plan(edit).ledger_changes == ()
