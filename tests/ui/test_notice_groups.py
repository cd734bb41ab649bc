"""Many notices with the same words: told at once, then together, none left untold."""

from hailuo_batch.core.engine import notices
from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.model.states import RunState
from hailuo_batch.ui.notice_groups import NoticeGroups
from tests.helpers.snapshots import run, take


def refused(number: int, reason: str = "the prompt is not allowed") -> Notice:
    return notices.rejected(run(RunState.REJECTED, take(f"lamp-{number}"), reason=reason))


def test_the_first_is_shown_at_once_and_those_like_it_together_each_by_its_name() -> None:
    groups = NoticeGroups()
    assert groups.add(refused(1), 0.0) == [
        (
            "lamp-1: rejected by the API, nothing was paid: the prompt is not allowed. Change it, or allow one more "
            "attempt: `hailuo-batch retry MANIFEST lamp-1`."
        )
    ]
    for number in (2, 3, 4):
        assert groups.add(refused(number), 1.0) == []
    assert groups.due(9.9) == []
    [text] = groups.due(10.0)
    assert text == (
        "3 more takes were rejected by the API, nothing was paid: the prompt is not allowed. Change them, or allow "
        "all failed or rejected takes one more attempt: `hailuo-batch retry MANIFEST`. These are "
        "lamp-2, lamp-3, lamp-4."
    )
    assert groups.due(100.0) == groups.flush() == []


def test_what_is_still_held_at_the_end_is_shown() -> None:
    groups = NoticeGroups()
    for number in (1, 2, 3):
        groups.add(refused(number), 0.0)
    assert ["These are lamp-2, lamp-3." in text for text in groups.flush()] == [True]
    assert groups.flush() == []


def test_what_is_summed_up_at_the_end_is_not_shown_just_before() -> None:
    groups = NoticeGroups()
    for number in (1, 2, 3):
        groups.add(notices.in_doubt(run(RunState.IN_DOUBT, take(f"lamp-{number}"), reason="timed out")), 0.0)
    assert groups.flush() == []


def test_one_alone_keeps_the_words_for_one() -> None:
    groups = NoticeGroups()
    groups.add(refused(1), 0.0)
    groups.add(refused(2), 1.0)
    assert groups.due(10.0) == [refused(2).text]


def test_each_reason_is_gathered_by_itself() -> None:
    groups = NoticeGroups()
    assert len(groups.add(refused(1), 0.0)) == 1
    assert len(groups.add(refused(2, "the image is too large"), 0.0)) == 1
    groups.add(refused(3), 0.0)
    assert ["lamp-3" in text for text in groups.due(10.0)] == [True]


def test_the_longer_it_goes_on_the_fewer_texts_come_of_it() -> None:
    groups = NoticeGroups()
    printed = [text for second in range(1000) for text in (*groups.add(refused(second), second), *groups.due(second))]
    printed += groups.flush()
    assert len(printed) <= 10
    assert all(any(f"lamp-{number}" in text for text in printed) for number in range(1000))


def test_what_can_be_claimed_of_one_only_is_always_shown_at_once() -> None:
    groups = NoticeGroups()
    assert [groups.add(notices.key_in_use(), 0.0) for _ in range(2)] == [[notices.key_in_use().text]] * 2


def test_what_befell_a_run_names_the_run_of_each_take() -> None:
    alike = [notices.failed(run(RunState.FAILED, take(name), run_id=f"run_{name}"), then="x") for name in ("a", "b")]
    assert alike[0].text.startswith("a: run_a failed and is refunded: ")
    assert notices.render_group(alike).endswith("; x. These are a (run_a), b (run_b).")
