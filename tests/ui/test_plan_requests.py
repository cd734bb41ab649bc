"""What a plan says of the takes that it pays for: their prompts, their images, and what changed."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from hailuo_batch.core.planning.diff import describe_difference
from hailuo_batch.core.planning.estimate import Basis, Estimate, Price, TimeNeeded
from hailuo_batch.core.planning.plan import Plan, PlanAction, PlanLine
from hailuo_batch.text import COLOURED
from hailuo_batch.ui.plan import render_plan
from hailuo_batch.ui.request_text import View
from hailuo_batch.ui.text import display_width
from hailuo_batch.values import Take, canonical_json, compute_fingerprint, mark_partial
from tests.helpers.snapshots import run, snapshot, take

PROMPT = "A white ceramic lamp in a loft, soft window light, shot on 35 mm film, gentle dolly in, no text, no people"
AT_80 = View(80)
HOSTILE = "red \x1b[31m\x1b[2J\x9b8m \u202eesrever\u2066 \x07 end\rPlan: 0 to create"


def new(of: Take, template: str = "", action: PlanAction = PlanAction.CREATE, reason: str = "new") -> PlanLine:
    return PlanLine(of, action, reason, template=template)


def changed(was: Take, now: Take, template: str = "") -> PlanLine:
    """A take that was made as it was, and is asked for as it is now."""
    why = describe_difference(run(of=was), now)
    return PlanLine(now, PlanAction.CREATE, why.reason, "", why.image_urls, why.before, template)


def with_input(of: Take, model: str = "acme/video", **parameters: Any) -> Take:
    input_json = canonical_json({**of.input, **parameters})
    return replace(of, model=model, input_json=input_json, fingerprint=compute_fingerprint(model, input_json))


def shown(*lines: PlanLine, view: View = AT_80, cost: int | None = 280_000) -> list[str]:
    """The plan's lines, but for its sentences."""
    plan = Plan(lines, (), frozenset(line.take_id for line in lines), frozenset())
    models = dict.fromkeys(line.model for line in lines)
    estimate = Estimate(
        tuple(Price(model, 1, cost, Basis.UNKNOWN if cost is None else Basis.EXPECTED) for model in models)
    )
    text = render_plan(plan, snapshot(), estimate, TimeNeeded(0, None), view, cap_micro_usd=None, resolve="resolve")
    return re.split(r"\n\n(?:\x1b\[1m)?Plan:", text)[0].splitlines()


def many(number: int, template: str = "lamp-${colour}-${scene}", **changes: Any) -> list[PlanLine]:
    return [new(take(f"lamp-{n}", prompt=f"lamp no. {n}", **changes), template) for n in range(number)]


def test_a_dozen_takes_are_shown_one_by_one_with_prompt_and_images() -> None:
    hero = take("hero", prompt=PROMPT, image_urls=["https://a.example/1.png"])
    assert shown(new(hero), new(take("desk", prompt="A desk"))) == [
        "  + create  hero  new",
        "    prompt: A white ceramic lamp in a loft, soft window light, shot on 35 mm",
        "      film, gentle dolly in, no text, no people",
        "    image: https://a.example/1.png",
        "  + create  desk  new",
        "    prompt: A desk",
    ]
    assert sum(line.startswith("  + create") for line in shown(*many(12))) == 12


def test_a_long_prompt_is_shortened_to_two_lines_and_shown_whole_on_demand() -> None:
    long = " ".join(f"word{n}" for n in range(400))
    _, *short = shown(new(take(prompt=long)))
    assert len(short) == 2
    assert short[-1].endswith("…")
    assert max(map(display_width, short)) <= 80
    whole = shown(new(take(prompt=long)), view=View(80, is_full=True))
    assert " ".join(" ".join(whole).split()).endswith(f"prompt: {long}")
    assert max(map(display_width, whole)) <= 80


def test_without_a_terminal_a_prompt_is_one_line() -> None:
    assert shown(new(take(prompt=PROMPT)), view=View())[1] == f"    prompt: {PROMPT}"
    assert len(shown(new(take(prompt="x" * 2_000)), view=View())[1]) < 520


def test_in_full_a_prompt_keeps_its_line_breaks_and_the_rest_of_the_input_is_there() -> None:
    lamp = with_input(take(prompt="First line\n\n  Second line\nThird"), seed=7, style={"of": ["a", True]})
    assert shown(new(lamp), view=View(80, is_full=True)) == [
        "  + create  hero  new",
        "    model: acme/video",
        "    prompt: First line",
        "",
        "        Second line",
        "      Third",
        "    seed: 7",
        '    style: {"of":["a",true]}',
    ]


def test_more_than_a_dozen_are_shown_by_the_template_of_their_shots() -> None:
    lines = [new(take("hero", prompt="A lamp"), "hero"), *many(48, image_urls=["https://a.example/1.png"])]
    assert shown(*lines) == [
        "  hero                     1 to create   $0.28",
        "    hero: A lamp",
        "  lamp-${colour}-${scene}  48 to create  $13.44",
        "    lamp-0: lamp no. 0",
        "    image: https://a.example/1.png",
        "  (-v shows every take with its whole prompt and its images)",
    ]


def test_a_price_that_is_not_known_is_said_to_be() -> None:
    assert shown(*many(13), cost=None)[0] == "  lamp-${colour}-${scene}  13 to create  price not known yet"


def test_models_actions_and_reasons_of_one_template_are_lines_of_their_own() -> None:
    other = [replace(line, take=replace(line.take, model="acme/video")) for line in many(2)]
    replaced = [
        replace(line, action=PlanAction.REPLACE, reason=f"--replace; the video of run_{n}")
        for n, line in enumerate(many(3))
    ]
    again = [replace(line, reason=f"attempt 1 failed and was refunded: {n}") for n, line in enumerate(many(4))]
    rows = [
        line.split("}")[-1].split()
        for line in shown(*many(13), *other, *replaced, *again, view=View(120))
        if line.startswith("  lamp")
    ]
    assert [" ".join(row) for row in rows] == [
        "13 to create $3.64 hailuo/pro",
        "2 to create $0.56 acme/video",
        "3 to replace $0.84 hailuo/pro; --replace",
        "4 to create $1.12 hailuo/pro; attempt 1 failed and was refunded",
    ]


def test_more_groups_than_a_screen_holds_are_counted() -> None:
    lines = [new(take(f"shot-{n}", prompt="A lamp"), f"shot-{n}") for n in range(40)]
    printed = shown(*lines)
    assert sum("1 to create" in line for line in printed) == 12
    assert "  ... and 28 more groups of 28 takes" in printed


def test_takes_without_a_template_are_grouped_by_their_shot() -> None:
    lines = [new(take("hero", number, prompt="A lamp")) for number in range(1, 14)]
    assert shown(*lines)[0] == "  hero  13 to create  $3.64"


@pytest.mark.deep
def test_a_thousand_takes_of_2000_characters_are_a_screen_in_short_and_all_there_in_full() -> None:
    long = "wide shot of a lamp, " * 95
    lines = [
        changed(take(f"lamp-{n}", prompt=long + "white"), take(f"lamp-{n}", prompt=long + f"teal {n}"), "lamp-${n}")
        for n in range(1_000)
    ]
    assert len(shown(*lines)) < 10
    assert sum("{+teal 999+}" in line for line in shown(*lines, view=View(80, is_full=True))) == 1


def test_changed_words_of_a_prompt_are_shown_in_their_surroundings() -> None:
    line = changed(take(prompt=PROMPT), take(prompt=PROMPT.replace("white", "teal").replace("no text", "no words")))
    assert shown(line, view=View(120)) == [
        "  + create  hero  changed: prompt",
        "    prompt: A [-white-] {+teal+} ceramic lamp in a … gentle dolly in, no [-text,-] {+words,+} no people",
    ]
    assert shown(line, view=View(200, is_full=True))[2] == (
        "    prompt: A [-white-] {+teal+} ceramic lamp in a loft, soft window light, shot on 35 mm film, gentle dolly "
        "in, no [-text,-] {+words,+} no people"
    )


def test_changed_words_are_coloured_on_a_terminal_and_each_line_ends_its_colour() -> None:
    long = " ".join(f"word{n}" for n in range(30))
    line = changed(take(prompt="A white lamp"), take(prompt=f"A {long} lamp"))
    for columns, is_full in ((60, False), (60, True)):
        printed = shown(line, view=View(columns, is_full, COLOURED))
        assert any("\x1b[31m[-white-]\x1b[0m" in text for text in printed)
        assert any("\x1b[32m{+word0" in text for text in printed)
        for text in printed:
            codes = re.findall(r"\x1b\[\d*m", text)
            assert not codes or codes[-1] == "\x1b[0m"
            assert display_width(re.sub(r"\x1b\[\d*m", "", text)) <= columns


def test_in_short_a_prompt_that_is_new_throughout_shows_both_ends_of_both() -> None:
    was, now = (" ".join(f"{word}{n}" for n in range(300)) for word in ("old", "new"))
    printed = " ".join(" ".join(shown(changed(take(prompt=was), take(prompt=now)))).split())
    assert all(word in printed for word in ("[-old0 ", "old299-]", "{+new0 ", "new299+}"))


def test_a_line_break_that_changed_is_seen() -> None:
    printed = shown(changed(take(prompt="A lamp\nat night"), take(prompt="A lamp at night")))
    assert printed[1] == r"    prompt: A lamp [-\n-] at night"


def test_changed_parameters_and_models_are_shown_as_they_were_and_as_they_are() -> None:
    was = with_input(take(), seed=1, style="film", loop=True)
    now = with_input(take(), "acme/next", seed=2, style="film", size="16:9")
    assert shown(changed(was, now))[1:] == [
        "    model: acme/video -> acme/next",
        "    prompt: a lamp on a table",
        "    loop: true -> none",
        "    seed: 1 -> 2",
        '    size: none -> "16:9"',
    ]
    assert '    style: "film"' in shown(changed(was, now), view=View(80, is_full=True))


def test_a_long_text_among_the_parameters_is_compared_by_words() -> None:
    text = "blurry, out of focus, watermark, {} hands, low resolution"
    was, now = (with_input(take(), negative_prompt=text.format(word)) for word in ("bad", "extra"))
    assert "    negative_prompt: …out of focus, watermark, [-bad-] {+extra+} hands, low resolution" in shown(
        changed(was, now), view=View(100)
    )


def test_in_full_every_image_is_there_the_changed_ones_twice() -> None:
    urls = [f"https://a.example/{n}.png" for n in range(5)]
    was, now = take(image_urls=urls), take(image_urls=[*urls[:4], "https://a.example/new.png"])
    assert shown(new(was))[2:] == [
        f"    image: {urls[0]}",
        f"    image: {urls[1]}",
        "    ... and 3 more images; -v shows them",
    ]
    assert shown(changed(was, now), view=View(80, is_full=True))[-6:] == [
        *(f"    image: {url}" for url in urls[:4]),
        f"    was  {urls[4]}",
        "    now  https://a.example/new.png",
    ]


@pytest.mark.parametrize("is_full", [False, True])
def test_of_an_image_in_the_manifest_itself_no_more_than_its_kind_is_shown(is_full: bool) -> None:
    data = "data:image/png;base64," + "iVBORw0KGgo" * 100_000
    lamp = with_input(take(image_urls=[data]), last={"frame": data})
    printed = shown(new(lamp), view=View(120, is_full))
    assert sum(map(len, printed)) < 500
    assert any(
        line.startswith("    image: data:image/png;base64,… (1,100,022 characters, SHA-256 ") for line in printed
    )


def test_of_what_was_known_only_in_part_no_difference_is_made_up() -> None:
    line = changed(take(prompt="A white lamp"), take(prompt="A teal lamp"))
    assert line.before is not None
    partly = replace(line, before=replace(line.before, input_json=mark_partial("{}")))
    assert shown(partly)[1] == "    prompt: A teal lamp"


def test_a_group_that_changed_is_shown_by_its_first_and_those_unlike_it_are_counted() -> None:
    lines = [
        changed(take(f"l{n}", prompt=f"lamp {n}, white"), take(f"l{n}", prompt=f"lamp {n}, teal"), "l${n}")
        for n in range(13)
    ]
    odd = changed(take("odd", prompt="lamp, white"), take("odd", prompt="desk, teal"), "l${n}")
    assert shown(*lines, odd)[:3] == [
        "  l${n}  14 to create  $3.92  changed: prompt",
        "    l0: lamp 0, [-white-] {+teal+}",
        "    ... and 1 of them changed in other words",
    ]
    assert "of them" not in "".join(shown(*lines))


@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("number", [1, 13])
@pytest.mark.parametrize("palette", [COLOURED, View().palette])
def test_nothing_that_a_user_wrote_speaks_to_the_terminal(is_full: bool, number: int, palette: Any) -> None:
    hostile = with_input(take(prompt=HOSTILE, image_urls=[f"https://a.example/{HOSTILE}"]), **{HOSTILE: HOSTILE})
    was = with_input(take(prompt=HOSTILE.replace("red", "blue")), **{HOSTILE: "x"})
    lines = [changed(was, hostile, "t"), *(new(hostile, "t") for _ in range(number))]
    text = "\n".join(shown(*lines, view=View(80, is_full, palette)))
    for code in palette.codes:
        text = text.replace(code, "") if code else text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text)
    assert not any(line.startswith("Plan: ") for line in text.splitlines())


def test_text_of_wide_characters_is_shortened_by_columns() -> None:
    prompt = "青い陶器の灯が窓辺に置かれている。" * 40
    for view in (View(60), View(60, is_full=True)):
        assert max(map(display_width, shown(new(take(prompt=prompt)), view=view))) <= 60
    assert "[-白-] {+青+}" in shown(changed(take(prompt="白い灯"), take(prompt="青い灯")))[1]


def test_what_is_not_paid_for_is_shown_as_before() -> None:
    kept = PlanLine(take("kept", prompt="A lamp"), PlanAction.RESUME, "resumes run_1")
    assert shown(*many(13), kept)[-1] == "  ▸ resume  kept  resumes run_1"
    assert json.dumps(shown(kept)) == json.dumps(["  ▸ resume  kept  resumes run_1"])
