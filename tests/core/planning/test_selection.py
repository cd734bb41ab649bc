"""Which takes a pattern of --only chooses."""

import pytest

from hailuo_batch.core.planning.selection import chooses
from tests.helpers.snapshots import take

HERO = take("hero", tags=("spring", "social cut"))


@pytest.mark.parametrize(
    ("pattern", "is_chosen"),
    [
        ("hero", True),
        ("h*", True),
        ("spring", False),
        ("tag:spring", True),
        ("tag:s*", True),
        ("tag:social*", True),
        ("tag:*", True),
        ("tag:hero", False),
        ("tag:Spring", False),
        ("tag:", False),
        ("*:spring", False),
        ("TAG:spring", False),
    ],
)
def test_a_take_is_chosen_by_its_id_or_by_a_tag(pattern: str, is_chosen: bool) -> None:
    assert chooses(("other", pattern), HERO) is is_chosen


def test_a_take_without_tags_is_chosen_by_none() -> None:
    assert not chooses(("tag:*",), take())
