"""Text that YAML drops: warned of where it is a part of what is sent, and only there."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hailuo_batch.manifest import Severity, load_manifest
from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.yaml import parse
from hailuo_batch.manifest.yaml.dropped_text import DroppedTexts
from hailuo_batch.manifest.yaml.nodes import MappingNode, ScalarNode
from hailuo_batch.manifest.yaml.parse import parse_yaml
from tests.manifest.conftest import Load

HEAD = "version: 1\ncampaign: lamps\n"


@pytest.fixture(params=["libyaml", "pure"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pure":
        monkeypatch.setattr(parse, "_LOADER", yaml.SafeLoader)


def dropped(load: Load, text: str) -> list[str]:
    """The findings about dropped text, each as `line:column message; hint`."""
    found = load(HEAD + text).diagnostics
    return [f"{d.line}:{d.column} {d.message}; {d.hint}" for d in found if d.code == "dropped-text"]


def comment(place: str, text: str, right: str, more: str = "") -> str:
    return f"{place} YAML takes `{text}` for a comment, so it is not sent{more}; put it in quotes: `{right}`"


@pytest.mark.parametrize(
    ("prompt", "column", "text", "right"),
    [
        ("Scene #3 - a lamp", 19, "#3 - a lamp", '"Scene #3 - a lamp"'),
        ("A lamp in colour #FF6600, glowing", 30, "#FF6600, glowing", '"A lamp in colour #FF6600, glowing"'),
        ("A lamp ##3", 20, "##3", '"A lamp ##3"'),
        ('A "Hero" lamp #3', 27, "#3", "'A \"Hero\" lamp #3'"),
        ("A lamp's light #3  # the third", 28, "#3", '"A lamp\'s light #3"'),
        ("Une scène été #3", 27, "#3", '"Une scène été #3"'),
    ],
)
def test_what_follows_a_number_sign_is_not_lost_silently(
    load: Load, prompt: str, column: int, text: str, right: str
) -> None:
    found = dropped(load, f"shots:\n  - id: a\n    prompt: {prompt}\n")
    assert found == [comment(f"5:{column}", text, f"prompt: {right}")]


def test_nor_after_a_tab(load: Load) -> None:
    """PyYAML's own parser refuses the tab."""
    assert load(HEAD + "shots:\n  - id: a\n    prompt: A lamp\t#3\n").diagnostics


@pytest.mark.parametrize(
    "text",
    [
        "shots:\n  - id: a\n    prompt: A lamp  # a comment\n    takes: 2   # two\n",
        "shots:\n  - id: a\n    prompt: A lamp ## a comment\n  #  - id: b\n",
        "shots:\n  - id: a\n    prompt: A lamp #\n",
        "shots:\n  - id: a\n    prompt: A lamp\n    #takes: 3\n      #takes: 4\n",
        "shots:\n  - id: a #1\n    prompt: A lamp\n    takes: 2   #two\n    tags:\n      - spring   #later: summer\n",
        "description: Lamps #3\nx-note: a #b\nshots: #all\n  - id: a\n    x-note: c #d\n    prompt: A lamp\n",
        "limits: #none\n  max_attempts: 2 #two\nshots: [{id: a, prompt: A lamp}]\n",
        "shots:\n  - id: a\n    prompt: 'A lamp #3'\n  - id: b\n    prompt: \"A lamp #4\" #b\n",
        "shots:\n  - id: a\n    prompt: >\n      A lamp #3\n  - id: b\n    prompt: | #c\n      A lamp #4\n",
        "shots:\n  - id: a\n    prompt: A lamp#3 and C# music\n",
    ],
)
def test_a_comment_is_no_lost_text(load: Load, text: str) -> None:
    assert dropped(load, text) == []
    assert load(HEAD + text).campaign is not None


def test_every_text_that_is_sent_is_looked_at(load: Load) -> None:
    text = (
        "model: acme/video\nvars:\n  glow: warm #1\ndefaults:\n  input:\n    mood: calm #2\nshots:\n"
        "  - id: a-${colour}\n    prompt: A ${colour} lamp, ${glow}\n    image_urls:\n"
        "      - https://example.com/a.jpg #3\n    matrix:\n      colour:\n        - teal #4\n      include:\n"
        "        - colour: brass #5\n  - id: b-${n}\n    prompt: ${n} on a plinth #8\n    rows:\n      - n: one #6\n"
        "    input:\n      deep: [{mood: calm}, {mood: wild #7\n        }]\n"
    )
    (found,) = dropped(load, text)
    assert found == comment("5:14", "#1", 'glow: "warm #1"', ", and for 7 more")


def test_a_text_of_several_lines_loses_the_rest_of_the_last(load: Load) -> None:
    found = dropped(load, "shots:\n  - id: a\n    prompt: A lamp\n      on a table #3\n")
    assert found == ["6:18 YAML takes `#3` for a comment, so it is not sent; put the whole text in quotes"]


def test_a_word_is_not_swallowed_as_an_anchor(load: Load) -> None:
    found = dropped(load, "shots:\n  - id: a\n    prompt: &hero wide shot of a lamp\n")
    hint = 'put it in quotes: `prompt: "&hero wide shot of a lamp"`'
    assert found == [f"5:13 YAML takes `&hero` for an anchor, so it is not sent; {hint}"]


def test_a_sign_is_not_swallowed_as_a_tag(load: Load) -> None:
    text = "shots:\n  - {id: a, prompt: ! a lamp}\n  - {id: b, prompt: ! 12}\n  - {id: c, prompt: !!str a vase}\n"
    assert [found.split(";")[0] for found in dropped(load, text)] == [
        "4:21 YAML takes `!` for a tag, so it is not sent"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "shots:\n  - id: a\n    prompt: &hero wide shot\n  - id: b\n    prompt: *hero\n",
        "vars: {look: &look soft}\nshots:\n  - {id: a, prompt: A lamp, input: {style: *look}}\n",
        "shots:\n  - &first\n    id: a\n    prompt: &hero 'wide shot'\n",
    ],
)
def test_an_anchor_that_is_used_is_one(load: Load, text: str) -> None:
    assert dropped(load, text) == []


def test_a_text_that_is_used_twice_is_one_finding(load: Load) -> None:
    text = "shots:\n  - id: a\n    prompt: &hero A lamp #3\n  - id: b\n    prompt: *hero\n"
    (found,) = dropped(load, f"{text}  - <<: {{prompt: *hero}}\n    id: c\n")
    assert found.startswith("5:26 YAML takes `#3` for a comment, so it is not sent; ")


@pytest.mark.parametrize(("top", "shot", "left"), [(True, False, 0), (False, True, 1), (False, False, 2)])
def test_dropped_text_is_accepted_where_it_is_meant(load: Load, top: bool, shot: bool, left: int) -> None:
    text = (
        ("accept: [dropped-text]\n" if top else "")
        + "shots:\n  - id: a\n    prompt: A lamp #3\n"
        + ("    accept: [dropped-text]\n" if shot else "")
        + "  - id: b\n    prompt: A vase #4\n"
    )
    found = [d for d in load(HEAD + text).diagnostics if d.code == "dropped-text"]
    assert sum(1 + d.more for d in found) == left


def test_dropped_text_is_an_error_where_warnings_are(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(HEAD + "shots:\n  - id: a\n    prompt: A lamp #3\n")
    assert load_manifest(path).campaign is not None
    assert load_manifest(path, Severity.ERROR).campaign is None


def test_a_value_that_is_all_comment_is_one_finding(load: Load) -> None:
    found = load(HEAD + "shots:\n  - id: a\n    prompt: #1 shot\n").diagnostics
    assert [f"{d.line}:{d.column} {d.message}; {d.hint}" for d in found] == [
        '5:12 `prompt` is empty: YAML takes `#1 shot` for a comment; put it in quotes: `prompt: "#1 shot"`'
    ]


BLANKS = st.sampled_from([" ", "  "])
BREAKS = st.sampled_from(["\n", "\r\n", "\r", "\u2028"])
WORDS = st.text("aé日#", min_size=1, max_size=4).filter(lambda word: word[0] != "#")


@given(st.lists(st.tuples(WORDS, BLANKS, st.sampled_from(["#x", "# x", "#", "##", "##y", ""])), max_size=6), BREAKS)
def test_the_places_are_those_of_the_parser(items: list[tuple[str, str, str]], line_break: str) -> None:
    data = "".join(f"- {word}{blank}{rest}{line_break}" for word, blank, rest in items).encode()
    found = DroppedTexts(data)
    root = parse_yaml(b"a:\n" + data, Diagnostics("m.yaml"), "shots", lambda *_: None, DroppedTexts(b"a:\n" + data))
    assert root is None or isinstance(root, MappingNode)
    for number, (word, blank, rest) in enumerate(items, 1):
        found.note_scalar((number, 3), (number, 3 + len(word)))
        place = found.find(ScalarNode(word, number, 3))
        assert (place is not None) == (rest in {"#x", "##y"})
        assert place is None or (place.place.line, place.place.column) == (number, 3 + len(word + blank))
