"""Why a take is paid for, in words: what differs between the run on record and the take that is wanted."""

from hailuo_batch.core.planning.diff import Difference, describe_difference
from tests.helpers.snapshots import run, take


def test_a_run_of_the_very_same_request_is_no_change() -> None:
    assert describe_difference(run(), take()) == Difference("new")


def test_each_part_of_the_request_that_differs_is_named() -> None:
    wanted = take(prompt="a desk", model="hailuo/next")
    assert describe_difference(run(), wanted) == Difference("changed: model, prompt")


def test_image_urls_are_shown_as_they_were_and_as_they_are() -> None:
    before = run(of=take(image_urls=["https://a.example/1.png", "https://a.example/2.png"]))
    wanted = take(image_urls=["https://a.example/1.png"])
    assert describe_difference(before, wanted).image_urls == (("https://a.example/2.png", ""),)
