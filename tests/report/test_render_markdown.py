import re

import pytest

from hailuo_batch.core.model.runs import Supersession
from hailuo_batch.core.model.states import RunState
from hailuo_batch.report.render_markdown import LISTED, escape, render_markdown
from tests.helpers.snapshots import record, run, take
from tests.report.builders import HOSTILE, LONG, every_state, report_of

CELL = re.compile(r"(?<!\\)\|")


def test_counts_and_money_come_first() -> None:
    text = render_markdown(report_of(record(take(), run()), record(take("b"), run(RunState.FAILED, take("b")))))
    assert text.startswith("# spring-lamps\n\nSpring catalogue\n\n**1 of 2 takes done** · 1 failed\n\n")
    assert "Charged $0.56 · refunded $0.28 · net $0.28\n" in text


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (True, "1 request got no answer; up to $0.28 may have been charged"),
        (False, "1 request got no answer; an unknown amount may have been charged"),
    ],
)
def test_money_at_risk_is_reported(known: bool, words: str) -> None:
    others = (record(take("paid"), run(of=take("paid"))),) if known else ()
    assert words in render_markdown(report_of(record(take(), run(RunState.IN_DOUBT)), *others))


def test_a_rehearsal_states_that_no_money_is_real() -> None:
    assert "no real money" in render_markdown(report_of(endpoint="sandbox"))
    assert "no real money" not in render_markdown(report_of())


def test_what_needs_a_person_stands_above_the_rest_with_its_command() -> None:
    text = render_markdown(report_of(*every_state()))
    assert text.index("## Needs attention") < text.index("## Not done") < text.index("## Done")
    assert "`hailuo-batch resolve manifests/spring.yaml shot-in-doubt --resubmit`" in text
    assert "because failed" in text


@pytest.mark.parametrize("state", [RunState.LOST, RunState.IN_DOUBT])
def test_what_may_have_been_paid_for_and_is_nowhere_is_never_cut_off(state: RunState) -> None:
    failed = [record(take(f"f{n}"), run(RunState.FAILED, take(f"f{n}"))) for n in range(LISTED + 3)]
    text = render_markdown(report_of(*failed, record(take("astray"), run(state, take("astray")))))
    first = text.split("| --- | --- | --- | --- |\n")[1].splitlines()[0]
    assert first.startswith("| astray |")


def test_every_take_is_in_one_table_and_every_row_has_its_cells() -> None:
    text = render_markdown(report_of(*every_state(), record(take("evil", prompt=HOSTILE), run(of=take("evil")))))
    ids = [kept.take.id for kept in every_state()] + ["evil"]
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [sum(row.startswith(f"| {take_id} |") for row in rows) for take_id in ids] == [1] * len(ids)
    assert {len(CELL.findall(row)) for row in rows} == {5}


def test_hostile_text_is_inert_and_on_one_line() -> None:
    text = render_markdown(report_of(record(take(prompt=HOSTILE), run()), description=HOSTILE))
    assert not re.search(r"<(?!br>)", text)
    assert "\u202e" not in text
    assert "\u2028" not in text
    assert "\x00" not in text
    assert "U+202E" in text
    assert not re.search(r"(?<!\\)[\]\[`]", text.replace("`hailuo-batch apply manifests/spring.yaml`", ""))
    assert "http://" not in text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain, text (with) signs!", "plain, text (with) signs!"),
        ("a|b", "a&#124;b"),
        ("a\\|b", "a\\\\&#124;b"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("*bold* _it_ `code` [l](u) ~s~ $m$", r"\*bold\* \_it\_ \`code\` \[l\](u) \~s\~ \$m\$"),
        ("https://x.test www.x.test", "https:&#47;/x.test www&#46;x.test"),
        ("# no heading", "&#35; no heading"),
        ("- no item", "&#45; no item"),
        ("1. no item", "&#49;. no item"),
        ("two\n\n  lines", "two lines"),
        ("\u200bzero", "U+200Bzero"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
    ],
)
def test_escaping(text: str, escaped: str) -> None:
    assert escape(text) == escaped


def test_long_prompts_are_cut() -> None:
    text = render_markdown(report_of(record(take(prompt=LONG), run()), description=LONG))
    assert len(text) < 1000
    assert "…" in text


def test_a_large_campaign_still_fits_a_summary() -> None:
    done = [record(take(f"s{n}", prompt=LONG), run(of=take(f"s{n}"))) for n in range(LISTED + 20)]
    failed = [record(take(f"f{n}"), run(RunState.FAILED, take(f"f{n}"), reason=LONG)) for n in range(LISTED + 3)]
    text = render_markdown(report_of(*done, *failed))
    assert "And 20 more" in text
    assert "And 3 more" in text
    assert len(text.encode()) < 100_000


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.FAILED, RunState.PENDING])
@pytest.mark.few(1)
def test_five_thousand_takes_fit_a_summary(state: RunState) -> None:
    takes = [record(take(f"s{n}", prompt=LONG), run(state, take(f"s{n}"), reason=LONG)) for n in range(5000)]
    text = render_markdown(report_of(*takes, description=LONG))
    assert f"And {5000 - LISTED:,} more" in text
    assert len(text.encode()) < 20_000


def test_a_row_states_what_a_person_asks_of_a_take() -> None:
    doubtful, going, made = take("doubtful"), take("going", prompt="a going lamp"), take("made", prompt="a made lamp")
    unsure = run(RunState.IN_DOUBT, doubtful, attempt=2, superseded_by=Supersession.EDIT, reason="cut off")
    lost = run(RunState.LOST, run_id="run_lost", reason="not known")
    text = render_markdown(
        report_of(
            record(take(), lost),
            record(doubtful, unsure),
            record(going, run(RunState.PENDING, going, run_id="run_1")),
            record(made, run(of=made, cost=1_300_000)),
        )
    )
    assert "| hero | lost | not known (run\\_lost) | " in text
    doubt = "since 2025-10-09 08:53:20Z: cut off<br>prompt: a lamp on a table"
    assert f"| doubtful (attempt 2) | in doubt | {doubt} | " in text
    assert (
        "| going | running | run\\_1 | a going lamp |\n\nTo continue: `hailuo-batch apply manifests/spring.yaml`"
        in text
    )
    assert "| made | $1.30 | made.mp4 | a made lamp |" in text
    assert "\n\nWritten 2025-10-09T08:53:20.250Z. The videos are in report.html, every detail in report.json.\n" in text


def test_a_manifests_odd_name_stays_inside_its_command() -> None:
    text = render_markdown(report_of(record(take(), run(RunState.FAILED)), manifest="a`b|<i>.yaml"))
    assert "<code>hailuo-batch apply 'a\\`b&#124;&lt;i&gt;.yaml' --only hero</code>" in text
