"""What decides whether a take is paid for again: which recorded run serves which wanted take."""

import pytest

from hailuo_batch.core.model.runs import Supersession
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.core.planning.plan import InDoubtPolicy, PlanAction, PlanRequest
from hailuo_batch.values import Take
from tests.core.planning_session import PlanningSession, paying, take, wants, with_images

A, B, C = take("a", prompt="first"), take("b", prompt="second"), take("c", prompt="third")
WISH_RESUBMIT = PlanRequest(in_doubt=InDoubtPolicy.RESUBMIT)
MOVABLE = [
    RunState.IN_DOUBT, RunState.PENDING, RunState.PROCESSING, RunState.SUCCEEDED, RunState.LOST, RunState.ABANDONED,
]  # fmt: skip


def renamed(wanted: Take, shot: str) -> Take:
    return take(shot, prompt=str(wanted.input["prompt"]))


def edited(wanted: Take, prompt: str = "edited") -> Take:
    return take(wanted.shot, wanted.number, prompt=prompt)


def test_a_new_campaign_pays_for_every_take(desk: PlanningSession) -> None:
    lines = desk.apply_plan(wants(A, B))
    assert [(line.take_id, line.action, line.reason) for line in lines.values()] == [
        ("a", PlanAction.CREATE, "new"),
        ("b", PlanAction.CREATE, "new"),
    ]
    assert [desk.live(id_).state for id_ in "ab"] == [RunState.UNSENT, RunState.UNSENT]


@pytest.mark.parametrize("state", [state for state in RunState if state is not RunState.UNSENT])
def test_the_same_take_with_the_same_request_is_never_paid_for_again(desk: PlanningSession, state: RunState) -> None:
    desk.apply_plan(wants(A))
    (before,) = desk.finish(state)
    plan = desk.plan(wants(A))
    assert plan.paying == ()
    assert plan.ledger_changes == ()
    assert desk.live("a") == before


def test_order_tags_and_descriptions_do_not_count(desk: PlanningSession) -> None:
    desk.apply_plan(wants(A, B))
    desk.finish(RunState.SUCCEEDED)
    assert not paying(desk.apply_plan(wants(B, take("a", prompt="first", tags=("night",)))))
    assert [record.take.id for record in desk.snapshot.takes] == ["b", "a"]
    assert desk.record_of("a").take.tags == ("night",)


def test_a_changed_prompt_is_paid_for_and_says_what_changed(desk: PlanningSession) -> None:
    desk.apply_plan(wants(A, B))
    desk.finish(RunState.SUCCEEDED)
    lines = desk.apply_plan(wants(edited(A), B))
    assert paying(lines) == {"a"}
    assert lines["a"].reason == "changed: prompt"
    old, new = desk.record_of("a").runs
    assert (old.superseded_by, new.superseded_by, new.attempt) == (Supersession.EDIT, None, 2)


def test_a_change_names_every_part_that_differs(desk: PlanningSession) -> None:
    desk.apply_plan(wants(A))
    desk.finish(RunState.SUCCEEDED)
    changed = take("a", prompt="edited", image_urls=["https://cdn.example.com/a.jpg"], model="other/model")
    assert desk.apply_plan(wants(changed))["a"].reason == "changed: model, image_urls, prompt"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [("1" * 64, "2" * 64, "changed: prompt, the bytes of an image"), (None, "2" * 64, "changed: prompt")],
)
def test_a_change_of_prompt_and_image_names_both(
    desk: PlanningSession, before: str | None, after: str, said: str
) -> None:
    desk.apply_plan(wants(with_images(A, before)))
    desk.finish(RunState.SUCCEEDED)
    assert desk.apply_plan(wants(with_images(edited(A), after)))["a"].reason == said


def test_a_change_of_images_shows_both_and_only_those_that_differ(desk: PlanningSession) -> None:
    urls = [f"https://cdn.example.com/{name}.jpg?sig=1" for name in "abc"]
    desk.apply_plan(wants(take("a", image_urls=urls)))
    desk.finish(RunState.SUCCEEDED)
    line = desk.apply_plan(wants(take("a", image_urls=[urls[0], urls[1].replace("sig=1", "sig=2")])))["a"]
    assert line.reason == "changed: image_urls"
    assert line.image_urls == ((urls[1], urls[1].replace("sig=1", "sig=2")), (urls[2], ""))


def test_a_prompt_that_is_changed_back_costs_nothing(desk: PlanningSession) -> None:
    desk.apply_plan(wants(A))
    (old,) = desk.finish(RunState.SUCCEEDED)
    desk.apply_plan(wants(edited(A)))
    (new,) = desk.finish(RunState.SUCCEEDED)
    assert desk.apply_plan(wants(A))["a"].action is PlanAction.KEEP
    assert desk.live("a").key == old.key
    assert not paying(desk.apply_plan(wants(edited(A))))
    assert desk.live("a").key == new.key


def test_a_prompt_that_is_changed_back_before_anything_was_sent_leaves_no_trace(desk: PlanningSession) -> None:
    desk.apply_plan(wants(A))
    (old,) = desk.finish(RunState.SUCCEEDED)
    desk.apply_plan(wants(edited(A)))
    desk.apply_plan(wants(A))
    assert [run.key for run in desk.snapshot.runs] == [old.key]


@pytest.mark.parametrize("state", MOVABLE)
def test_a_renamed_shot_takes_its_run_along_whatever_its_state(desk: PlanningSession, state: RunState) -> None:
    desk.apply_plan(wants(A))
    (before,) = desk.finish(state)
    lines = desk.apply_plan(wants(renamed(A, "hero")))
    assert not paying(lines)
    assert lines["hero"].moved_from == "a"
    assert (desk.live("hero").key, desk.live("hero").state) == (before.key, state)
    assert [record.take.id for record in desk.snapshot.takes] == ["hero"]


def test_shots_that_swap_names_swap_their_runs(desk: PlanningSession) -> None:
    desk.apply_plan(wants(A, B, C))
    first, second, third = desk.finish(RunState.SUCCEEDED)
    ring = wants(renamed(B, "a"), renamed(C, "b"), renamed(A, "c"))
    assert not paying(desk.apply_plan(ring))
    assert [desk.live(id_).key for id_ in "abc"] == [second.key, third.key, first.key]


def test_a_take_may_take_over_the_run_that_an_edit_freed_elsewhere(desk: PlanningSession) -> None:
    desk.apply_plan(wants(A))
    (old,) = desk.finish(RunState.SUCCEEDED)
    lines = desk.apply_plan(wants(edited(A), renamed(A, "z")))
    assert paying(lines) == {"a"}
    assert desk.live("z").key == old.key


def test_freed_runs_go_to_the_wanted_takes_in_the_manifests_order_newest_first(desk: PlanningSession) -> None:
    desk.apply_plan(wants(take("x", prompt="same"), take("y", prompt="same"), take("z", prompt="same")))
    _, _, newest = desk.finish(RunState.SUCCEEDED)
    desk.apply_plan(wants(take("q", prompt="same"), take("p", prompt="same")))
    middle = desk.live("p").key
    assert desk.live("q").key == newest.key
    assert [run.key for run in desk.record_of("x").runs] == [newest.key - 2]
    assert middle == newest.key - 1


def test_a_run_superseded_by_an_edit_may_serve_another_take(desk: PlanningSession) -> None:
    desk.apply_plan(wants(A))
    (old,) = desk.finish(RunState.SUCCEEDED)
    desk.apply_plan(wants(edited(A)))
    desk.finish(RunState.SUCCEEDED)
    assert not paying(desk.apply_plan(wants(edited(A), renamed(A, "z"))))
    assert desk.live("z").key == old.key


def test_a_run_superseded_by_replace_never_comes_back(desk: PlanningSession) -> None:
    desk.apply_plan(wants(A))
    desk.finish(RunState.SUCCEEDED)
    desk.apply_plan(wants(A), PlanRequest(replace=("a",)))
    (replacement,) = desk.finish(RunState.SUCCEEDED)
    lines = desk.apply_plan(wants(A, renamed(A, "z")))
    assert paying(lines) == {"z"}
    desk.finish(RunState.SUCCEEDED)
    desk.apply_plan(wants(edited(A), renamed(A, "z")))
    desk.apply_plan(wants(A, renamed(A, "z")))
    assert desk.live("a").key == replacement.key


@pytest.mark.parametrize("by", [Supersession.RETRY, Supersession.RESUBMIT])
def test_a_run_that_was_made_again_never_comes_back(desk: PlanningSession, by: Supersession) -> None:
    state = RunState.FAILED if by is Supersession.RETRY else RunState.IN_DOUBT
    wishes = PlanRequest() if by is Supersession.RETRY else WISH_RESUBMIT
    desk.apply_plan(wants(A))
    desk.finish(state)
    desk.apply_plan(wants(A, max_attempts=2), wishes)
    assert paying(desk.apply_plan(wants(A, renamed(A, "z")))) == {"a", "z"}


@pytest.mark.parametrize(
    ("freed", "pays"), [(RunState.LOST, set()), (RunState.SUCCEEDED, set()), (RunState.FAILED, {"b"})]
)
def test_an_attempt_that_was_granted_and_not_sent_gives_way_to_a_paid_run_and_to_no_failed_one(
    desk: PlanningSession, freed: RunState, pays: set[str]
) -> None:
    first, second = (take(name, prompt="the same") for name in "ab")
    desk.apply_plan(wants(first, second))
    spare, _ = desk.finish(freed, RunState.FAILED)
    assert paying(desk.apply_plan(wants(first, second, max_attempts=2))) >= {"b"}
    assert paying(desk.apply_plan(wants(edited(first), second, max_attempts=2))) == {"a"} | pays
    assert (desk.live("b").key == spare.key) == (pays == set())


def test_equal_shots_are_two_takes_with_a_run_each(desk: PlanningSession) -> None:
    twins = wants(take("a", prompt="same"), take("b", prompt="same"))
    assert paying(desk.apply_plan(twins)) == {"a", "b"}
    first, second = desk.finish(RunState.SUCCEEDED)
    assert not paying(desk.apply_plan(twins))
    assert [desk.live("a").key, desk.live("b").key] == [first.key, second.key]


def test_one_run_serves_one_take(desk: PlanningSession) -> None:
    desk.apply_plan(wants(A))
    desk.finish(RunState.SUCCEEDED)
    lines = desk.apply_plan(wants(renamed(A, "y"), renamed(A, "z")))
    assert paying(lines) == {"z"}


def test_raising_takes_makes_only_the_added_ones(desk: PlanningSession) -> None:
    takes = [take("a", number, prompt="first") for number in (1, 2, 3)]
    desk.apply_plan(wants(takes[0]))
    desk.finish(RunState.SUCCEEDED)
    assert paying(desk.apply_plan(wants(*takes))) == {"a.take2", "a.take3"}


def test_lowering_takes_drops_nothing_that_was_paid_for(desk: PlanningSession) -> None:
    takes = [take("a", number, prompt="first") for number in (1, 2, 3)]
    desk.apply_plan(wants(*takes))
    desk.finish(RunState.SUCCEEDED, RunState.PENDING, RunState.UNSENT)
    lines = desk.apply_plan(wants(takes[0]))
    assert lines["a.take2"].action is PlanAction.UNWANTED
    assert lines["a.take2"].reason.startswith("no longer in the manifest; resumes run_")
    left = desk.record_of("a.take2")
    assert (left.in_manifest, left.state) == (False, TakeState.RUNNING)
    assert "a.take3" not in {record.take.id for record in desk.snapshot.takes}, "nothing was ever sent for it"
    assert not paying(desk.apply_plan(wants(*takes[:2])))


def test_a_take_that_left_the_manifest_is_still_collected(desk: PlanningSession) -> None:
    desk.apply_plan(wants(A, B))
    desk.finish(RunState.PENDING)
    plan = desk.plan(wants(A))
    assert plan.scope == {"a"}
    assert plan.followed == {"a", "b"}


def test_an_edit_leaves_a_create_in_doubt_visible_and_counted(desk: PlanningSession) -> None:
    desk.apply_plan(wants(A))
    (doubtful,) = desk.finish(RunState.IN_DOUBT)
    assert paying(desk.apply_plan(wants(edited(A)))) == {"a"}
    old = desk.record_of("a").runs[0]
    assert (old.key, old.state, old.superseded_by) == (doubtful.key, RunState.IN_DOUBT, Supersession.EDIT)


DIGESTS = ["1" * 64, "2" * 64, None]


@pytest.mark.parametrize("before", DIGESTS)
@pytest.mark.parametrize("after", DIGESTS)
def test_local_images_count_only_where_both_sides_have_them(
    desk: PlanningSession, before: str | None, after: str | None
) -> None:
    desk.apply_plan(wants(with_images(A, before)))
    desk.finish(RunState.SUCCEEDED)
    lines = desk.apply_plan(wants(with_images(A, after)))
    assert paying(lines) == ({"a"} if None not in {before, after} and before != after else set())
    assert lines["a"].reason == ("changed: the bytes of an image" if paying(lines) else "done")


def test_an_image_that_is_changed_back_costs_nothing(desk: PlanningSession) -> None:
    desk.apply_plan(wants(with_images(A, DIGESTS[0])))
    (old,) = desk.finish(RunState.SUCCEEDED)
    desk.apply_plan(wants(with_images(A, DIGESTS[1])))
    desk.finish(RunState.SUCCEEDED)
    assert not paying(desk.apply_plan(wants(with_images(A, DIGESTS[0]))))
    assert desk.live("a").key == old.key


def test_a_new_attempt_carries_what_was_wanted_when_it_was_made(desk: PlanningSession) -> None:
    desk.apply_plan(wants(with_images(A, DIGESTS[0])))
    new = desk.live("a")
    assert (new.model, new.input_json, new.fingerprint) == (A.model, A.input_json, A.fingerprint)
    assert new.images_sha256 == DIGESTS[0]


def test_a_failed_run_that_gave_way_to_a_paid_one_may_serve_another_take(desk: PlanningSession) -> None:
    first, second = (take(name, prompt="the same") for name in "ab")
    desk.apply_plan(wants(with_images(first, "1" * 64), second))
    in_doubt, failed = desk.finish(RunState.IN_DOUBT, RunState.FAILED)
    edit = wants(with_images(first, "2" * 64), second)
    lines = desk.apply_plan(edit)
    assert (desk.live("b").key, desk.live("a").key) == (in_doubt.key, failed.key)
    assert not paying(lines)
    assert desk.plan(edit).ledger_changes == ()
