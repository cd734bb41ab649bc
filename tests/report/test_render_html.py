import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from hailuo_batch.core.model.clip_facts import ClipFacts
from hailuo_batch.core.model.file_layout import poster_name
from hailuo_batch.core.model.runs import Supersession
from hailuo_batch.core.model.states import RunState
from hailuo_batch.report.attention import attention_kinds
from hailuo_batch.report.model import Stills
from hailuo_batch.report.render_html import embed, render_html
from hailuo_batch.report.render_json import report_document
from tests.helpers.snapshots import output, record, run, take
from tests.report.builders import HOSTILE, LONG, every_state, report_of


class Page(HTMLParser):
    """What a browser would find: the elements in order, and the text of each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self.raw.append((tag, ""))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem in {"script", "style"}:
            tag, text = self.raw[-1]
            self.raw[-1] = (tag, text + data)

    @property
    def model(self) -> Any:
        return json.loads(self.model_text)

    @property
    def model_text(self) -> str:
        return self.raw[1][1]

    @property
    def policy(self) -> str:
        [content] = [a["content"] for _, a in self.elements if a.get("http-equiv") == "Content-Security-Policy"]
        assert content is not None
        return content


def test_the_model_in_the_page_is_the_report() -> None:
    report = report_of(*every_state())
    model = Page(render_html(report)).model
    for each in outputs_in(model):
        assert [each.pop(name) for name in ("length_s", "width", "height", "poster")] == [None] * 4
    assert model == report_document(report) | {"pictures": [], "attention": attention_kinds(report)}


def outputs_in(model: Any) -> list[Any]:
    """Every output in the page, those of takes and those of their runs."""
    takes = model["takes"]
    return [output for take in takes for part in (take, *take["runs"]) for output in part["outputs"]]


def test_the_page_knows_of_each_video_what_the_file_says_and_its_still() -> None:
    old = run(superseded_by=Supersession.REPLACE, outputs=(output("superseded/hero.run_1.mp4"),))
    report = report_of(record(take(), old, run(attempt=2, outputs=(output(), output("hero.out2.mp4", 1)))))
    clips = {"hero.mp4": ClipFacts(5.875, 1366, 768), "superseded/hero.run_1.mp4": ClipFacts(6.0)}
    stills = Stills(frozenset({poster_name(output().sha256 or "")}))
    model = Page(render_html(replace(report, clips=clips, stills=stills))).model
    poster = f"posters/{(output().sha256 or '')[:24]}.jpg"
    known, unknown = (5.875, 1366, 768, poster), (None, None, None, None)
    assert [tuple(each[name] for name in ("length_s", "width", "height", "poster")) for each in outputs_in(model)] == [
        *(known, unknown),
        *((6.0, None, None, None), known, unknown),
    ]


def test_hostile_text_adds_no_element_and_comes_back_as_it_was() -> None:
    plain = Page(render_html(report_of(record(take(), run(RunState.FAILED, reason="no")))))
    wanted = take(prompt=HOSTILE + LONG, tags=(HOSTILE,), variables={HOSTILE: HOSTILE})
    hostile = Page(render_html(report_of(record(wanted, run(RunState.FAILED, reason=HOSTILE)), description=HOSTILE)))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in plain.elements]
    [listed] = hostile.model["takes"]
    assert listed["input"]["prompt"] == HOSTILE + LONG
    assert listed["tags"] == [HOSTILE]
    assert listed["variables"] == {HOSTILE: HOSTILE}
    assert listed["runs"][0]["error"] == HOSTILE
    assert hostile.model["description"] == HOSTILE


def test_nothing_in_the_embedded_json_can_end_its_element() -> None:
    text = Page(render_html(report_of(record(take(prompt=HOSTILE), run())))).model_text
    assert not re.search("[<>&\u2028\u2029]", text)


def test_a_lone_surrogate_can_be_written() -> None:
    page = render_html(report_of(record(take(), run(RunState.FAILED, reason="half \ud83d"))))
    assert Page(page.encode("utf-8").decode("utf-8")).model["takes"][0]["runs"][0]["error"] == "half \ud83d"


def test_embedding_keeps_the_value() -> None:
    assert json.loads(embed({"a": "<&>\u2028\u2029é"})) == {"a": "<&>\u2028\u2029é"}


def test_the_policy_admits_this_script_and_this_style_and_no_network() -> None:
    page = Page(render_html(report_of()))
    [style] = [text for tag, text in page.raw if tag == "style"]
    script = page.raw[2][1]
    rules = dict(rule.split(" ", 1) for rule in page.policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == _hash(script)
    assert rules["style-src"] == _hash(style)
    assert not re.search(r"https?:|\*|unsafe", page.policy)


def test_the_page_refers_to_nothing_outside_itself() -> None:
    page = Page(render_html(report_of(*every_state())))
    links = [a[name] for _, a in page.elements for name in ("src", "href") if a.get(name)]
    assert links == ["data:,", "#shots"]
    assert "url(" not in page.raw[0][1]
    assert "@import" not in page.raw[0][1]


def test_the_script_never_makes_markup_of_text() -> None:
    script = Page(render_html(report_of())).raw[2][1]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|DOMParser|fetch\(", script)


def images_in_the_page(*references: str) -> tuple[list[Any], list[str]]:
    model = Page(render_html(report_of(record(take(image_urls=references), run())))).model
    return model["takes"][0]["input"]["image_urls"], model["pictures"]


def test_an_image_that_is_written_out_stands_in_the_page_once() -> None:
    dot, link = "data:image/png;base64,AAAA", "https://cdn.test/a.png"
    assert images_in_the_page(dot, link, dot) == ([{"picture": 0}, link, {"picture": 0}], [dot])


@pytest.mark.parametrize("kind", ["image/png", "text/html"])
def test_what_is_too_large_or_no_image_is_cut_in_the_page_only(kind: str) -> None:
    data = f"data:{kind};base64," + "A" * 500_000
    shown, pictures = images_in_the_page(data)
    assert shown == [f"{data[:40]}… ({len(data):,} characters)"]
    assert pictures == []
    report = report_of(record(take(image_urls=[data]), run()))
    assert report_document(report)["takes"][0]["input"]["image_urls"] == [data]


def test_the_page_stays_small_however_many_images_there_are() -> None:
    images = [f"data:image/png;base64,{n:04d}" + "A" * 399_000 for n in range(40)]
    shown, pictures = images_in_the_page(*images)
    assert sum(map(len, pictures)) <= 8_000_000
    assert [isinstance(image, dict) for image in shown] == [True] * 20 + [False] * 20


def test_an_image_with_a_small_picture_is_both_a_picture_and_a_link() -> None:
    link, other, dot = "https://cdn.test/a.png", "https://cdn.test/b.png", "data:image/png;base64,AAAA"
    report = report_of(record(take(image_urls=[link, other, dot, link]), run()))
    small = {"a.jpg": "data:image/jpeg;base64,B"}
    stills = Stills(references={"hero": ("a.jpg", "b.jpg", "", "a.jpg")}, pictures=small)
    model = Page(render_html(replace(report, stills=stills))).model
    shown = {"picture": 0, "url": link}
    assert model["takes"][0]["input"]["image_urls"] == [shown, other, {"picture": 1}, shown]
    assert model["pictures"] == [*small.values(), dot]


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
