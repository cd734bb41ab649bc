"""A plan on a terminal: what differs is in sight, however long it is."""

import pytest

from hailuo_batch.core.planning.estimate import Estimate, TimeNeeded
from hailuo_batch.core.planning.plan import Plan, PlanAction, PlanLine
from hailuo_batch.ui.plan import render_plan
from hailuo_batch.ui.request_text import View
from hailuo_batch.ui.text import display_width
from tests.helpers.command_line import Shell
from tests.helpers.snapshots import snapshot, take


def rendered(was: str, now: str, columns: int | None) -> list[str]:
    line = PlanLine(take(), PlanAction.CREATE, "changed: image_urls", image_urls=((was, now),))
    plan = Plan((line,), (), frozenset(), frozenset())
    text = render_plan(
        plan,
        snapshot(),
        Estimate(()),
        TimeNeeded(0, None),
        View(columns),
        cap_micro_usd=None,
        resolve="resolve",
    )
    return text.splitlines()[2:4]


@pytest.mark.parametrize("columns", [None, 80, 60, 40])
@pytest.mark.parametrize(
    "before", ["https://a.example/", f"https://a.example/{'x' * 200}/", "https://灯.example/灯灯灯灯/"]
)
@pytest.mark.parametrize("after", ["", "&expires=" + "9" * 200])
def test_what_differs_between_two_long_urls_is_shown(before: str, after: str, columns: int | None) -> None:
    was, now = rendered(f"{before}lamp.png?sig=ONE{after}", f"{before}lamp.png?sig=TWO{after}", columns)
    assert (was.partition("ONE")[0][9:], "ONE" in was) == (now.partition("TWO")[0][9:], "TWO" in now)
    assert "ONE" in was
    assert columns is None or max(map(display_width, (was, now))) <= columns


def test_what_was_added_at_the_end_of_a_long_url_is_shown() -> None:
    was, now = rendered("https://a.example/" + "x" * 200, "https://a.example/" + "x" * 200 + "?v=2", 80)
    assert (was[-1], now[-4:]) == ("x", "?v=2")


def test_an_image_that_was_not_there_before_is_none() -> None:
    assert rendered("", "https://a.example/lamp.png", 80) == [
        "    was  none",
        "    now  https://a.example/lamp.png",
    ]


def test_what_only_leaves_out_is_counted_and_listed_on_demand(shell: Shell) -> None:
    assert shell("plan", "--only", "desk").out.splitlines()[:4] == [
        "  + create  desk  new",
        "    prompt: A desk",
        "",
        "Plan: 1 to create, 2 left out by --only.",
    ]
    assert "  ◦ hold    hero        not selected by --only" in shell("plan", "--only", "desk", "-v").out
