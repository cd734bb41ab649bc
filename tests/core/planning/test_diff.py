"""Why a take is paid for, in words: what differs between the run on record and the take that is wanted."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.planning.diff import Change, Difference, RecordedRequest, describe_difference, diff_words
from hailuo_batch.values import Take, mark_partial
from tests.helpers.snapshots import run, take


def test_a_run_of_the_very_same_request_is_no_change() -> None:
    assert describe_difference(run(), take()) == Difference("new")


def test_each_part_of_the_request_that_differs_is_named() -> None:
    wanted = take(prompt="a desk", model="hailuo/next")
    before = run()
    assert describe_difference(before, wanted) == Difference(
        "changed: model, prompt", before=RecordedRequest(before.model, before.input_json)
    )


def test_image_urls_are_shown_as_they_were_and_as_they_are() -> None:
    before = run(of=take(image_urls=["https://a.example/1.png", "https://a.example/2.png"]))
    wanted = take(image_urls=["https://a.example/1.png"])
    assert describe_difference(before, wanted).image_urls == (("https://a.example/2.png", ""),)


def test_what_the_recorded_run_was_made_from_is_at_hand_where_the_request_is_another() -> None:
    before = run(of=take(prompt="a white lamp"))
    found = describe_difference(before, take(prompt="a teal lamp")).before
    assert found is not None
    assert (found.model, found.input, found.is_whole) == ("hailuo/pro", {"prompt": "a white lamp"}, True)


def test_other_bytes_under_the_same_url_are_no_other_request() -> None:
    changed = describe_difference(with_images(take(), "a" * 64), replace(take(), images_sha256="b" * 64))
    assert changed == Difference("changed: the bytes of an image")


def test_of_what_is_known_only_in_part_that_is_said() -> None:
    before = replace(run(), input_json=mark_partial("{}"))
    found = describe_difference(before, take(prompt="a teal lamp")).before
    assert found is not None
    assert not found.is_whole


def test_an_input_that_uses_the_name_of_the_images_for_something_else_has_none() -> None:
    before = replace(run(), input_json='{"image_urls":5}')
    assert describe_difference(before, take(image_urls=["https://a.example/1.png"])).image_urls == (
        ("", "https://a.example/1.png"),
    )


def with_images(of: Take, digest: str) -> Run:
    return replace(run(of=of), images_sha256=digest)


def shown(was: str, now: str) -> str:
    """The pieces as a reader sees them."""
    brackets = {Change.KEPT: "{}", Change.REMOVED: "[-{}-]", Change.ADDED: "{{+{}+}}"}
    return "".join(brackets[piece.change].format(piece.text) for piece in diff_words(was, now))


@pytest.mark.parametrize(
    ("was", "now", "pieces"),
    [
        ("a white lamp", "a teal lamp", "a [-white -]{+teal +}lamp"),
        ("a lamp", "a lamp", "a lamp"),
        ("", "a lamp", "{+a lamp+}"),
        ("a lamp", "", "[-a lamp-]"),
        ("a lamp", "a lamp in a loft", "a lamp {+in a loft+}"),
        ("a lamp\nat night", "a lamp at night", "a lamp [-\n-]at night"),
        ("a lamp \nat night", "a lamp\nat night", "a [-lamp -]{+lamp+}\nat night"),
        ("白い灯", "青い灯", "[-白-]{+青+}い灯"),
        ("one two three four", "one 2 three 4", "one [-two -]{+2 +}three [-four-]{+4+}"),
    ],
)
def test_two_texts_word_by_word(was: str, now: str, pieces: str) -> None:
    assert shown(was, now) == pieces


TEXTS = st.text(alphabet="ab \n灯\t", max_size=60)


@given(TEXTS, TEXTS)
def test_the_pieces_make_both_texts_but_for_a_blank_after_a_word(was: str, now: str) -> None:
    pieces = diff_words(was, now)
    made = ["".join(p.text for p in pieces if p.change in {Change.KEPT, own}) for own in (Change.REMOVED, Change.ADDED)]
    assert made[1] == now
    assert made[0].replace(" ", "") == was.replace(" ", "")
    assert (was != now) == any(piece.change is not Change.KEPT for piece in pieces)


def test_texts_whose_words_are_all_alike_are_not_compared_for_long() -> None:
    was, now = "start " + "a b " * 5_000 + "end", "start " + "b a " * 5_000 + "end"
    assert [piece.change for piece in diff_words(was, now)] == [
        Change.KEPT,
        Change.REMOVED,
        Change.ADDED,
        Change.KEPT,
    ]
