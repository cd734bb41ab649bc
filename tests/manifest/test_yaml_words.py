"""What is said of a line that is not YAML: its cause, and the line as it should read, whatever parser stumbles."""

from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hailuo_batch.manifest.diagnostics import Diagnostics, FatalDiagnostic
from hailuo_batch.manifest.yaml import parse
from hailuo_batch.manifest.yaml.quotes import meant_text, yaml_quoted
from tests.manifest.conftest import Load

LOADERS = (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
HEAD = "version: 1\ncampaign: lamps\nshots:\n"


@pytest.fixture(params=["libyaml", "pure"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pure":
        monkeypatch.setattr(parse, "_LOADER", yaml.SafeLoader)


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("below", ["", '    takes: 2\n  - id: b\n    prompt: "A vase"\n'], ids=["last", "not last"])
@pytest.mark.parametrize(
    ("line", "place", "right"),
    [
        ("prompt: *dramatic* lamp", "5:13", 'prompt: "*dramatic* lamp"'),
        ("prompt: *dramatic lamp", "5:13", 'prompt: "*dramatic lamp"'),
        ("prompt: *dramatic", "5:13", 'prompt: "*dramatic"'),
        ("prompt: & lamp", "5:13", 'prompt: "& lamp"'),
        ("prompt: ? wide", "5:13", 'prompt: "? wide"'),
        ("prompt: | wide shot", "5:15", 'prompt: "wide shot"'),
        ("prompt: >wide shot", "5:14", 'prompt: "wide shot"'),
        ("prompt: @x", "5:13", 'prompt: "@x"'),
        ("prompt: `x`", "5:13", 'prompt: "`x`"'),
        ("prompt: %x", "5:13", 'prompt: "%x"'),
        ("prompt: !important lamp", "5:13", 'prompt: "!important lamp"'),
        ("prompt: !wow! lamp", "5:13", 'prompt: "!wow! lamp"'),
        ("prompt: - a lamp", "5:13", 'prompt: "- a lamp"'),
        ("prompt: , a lamp", "5:13", 'prompt: ", a lamp"'),
        ("prompt: ] a lamp", "5:13", 'prompt: "] a lamp"'),
        ("prompt: A lamp: at night", "5:19", 'prompt: "A lamp: at night"'),
        ("prompt: A lamp: at night  # dark", "5:19", 'prompt: "A lamp: at night"'),
        ("prompt: \u201cA lamp: at night\u201d", "5:20", 'prompt: "A lamp: at night"'),
        ("prompt: [wide] lamp", "5:20", 'prompt: "[wide] lamp"'),
        ("prompt: {x} lamp", "5:17", 'prompt: "{x} lamp"'),
        ('prompt: "Hero" lamp', "5:20", "prompt: '\"Hero\" lamp'"),
        ("prompt: 'Hero' lamp", "5:20", "prompt: \"'Hero' lamp\""),
        ("prompt: 'The lamp's light'", "5:23", 'prompt: "The lamp\'s light"'),
        ('prompt: "The "Hero" lamp"', "5:19", "prompt: 'The \"Hero\" lamp'"),
        ("prompt: \"Hero\" and the 'villain'", "5:20", "prompt: '\"Hero\" and the ''villain'''"),
        ("tags: [#spring, lamp]", "5:12", 'tags: ["#spring", lamp]'),
        ("tags: [a #b, c, #d]", "5:14", 'tags: ["a #b", c, "#d"]'),
        ("tags: [a, *b*, c]", "5:15", 'tags: [a, "*b*", c]'),
        ("tags: ['a' b, c]", "5:16", "tags: [\"'a' b\", c]"),
        ("tags: [a: b: c]", "5:16", 'tags: ["a: b: c"]'),
        ("input: {look: *wild*, n: 1}", "5:19", 'input: {look: "*wild*", n: 1}'),
        ("image_urls: [a-${b}.jpg, c]", "5:21", 'image_urls: ["a-${b}.jpg", c]'),
        ("prompt:A lamp", "5:11", "prompt: A lamp"),
        ("prompt:\u00a0A lamp", "5:12", "prompt: A lamp"),
        ("prompt:\u3000A lamp", "5:12", "prompt: A lamp"),
        ("prompt\uff1aA lamp", "5:11", "prompt: A lamp"),
        ('prompt: "A lamp', "5:13", 'prompt: "A lamp"'),
        ("prompt: 'tis the season", "5:13", 'prompt: "\'tis the season"'),
        ("prompt: 'a lamp", "5:13", "prompt: 'a lamp'"),
    ],
)
def test_the_line_is_shown_as_it_should_read(load: Load, line: str, below: str, place: str, right: str) -> None:
    (found,) = [d for d in load(f"{HEAD}  - id: a\n    {line}\n{below}").diagnostics if "lacks" not in d.message]
    assert f"{found.line}:{found.column}" == place
    assert found.hint.endswith(f"`{right}`")
    assert yaml.safe_load(right)


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("  -id: a\n   prompt: A\n", "4:3 a space is missing after this `-`; write `- id: a`"),
        ("  -id: a\n    prompt: A\n", "4:3 a space is missing after this `-`; write `- id: a`"),
        (
            "  - id: a\n    prompt: A\n  -id: b\n    prompt: B\n",
            "6:3 a space is missing after this `-`; write `- id: b`",
        ),
        ("  - id:a\n    prompt: A\n", "4:7 a space is missing after this `:`; write `- id: a`"),
        ("  - {id:a, prompt: A}\n", "4:6 a space is missing after the `:` of `id:a`; write `id: a`"),
        (
            "  - id: a\n    prompt: A\n  \u00a0 takes: 2\n",
            "6:3 here is a no-break space (U+00A0), which YAML does not take for a space; write a plain space",
        ),
        (
            "  -\u00a0id: a\n    prompt: A\n",
            "4:4 here is a no-break space (U+00A0), which YAML does not take for a space; write `- id: a`",
        ),
        (
            "  - id: a\n    prompt: A\n    \u00a0takes: 2\n",
            "6:5 the key ` takes` contains a no-break space (U+00A0); write `takes`",
        ),
        (
            "  - id: a\n    prompt: \u00a0A\n    takes: [1: 2: 3]\n",
            '6:17 a `:` is not allowed here; put it in quotes: `takes: ["1: 2: 3"]`',
        ),
        ("  - id: a\n\tprompt: A\n", "5:1 a tab cannot be used for indentation; use spaces"),
        (
            "  - id: a\n   prompt: A\n",
            "5:4 the indentation does not match; start every key of a shot in the same column",
        ),
        (
            '  - id: a\n    prompt: "A\n  - id: b\n    prompt: "B"\n',
            '5:13 the quote that opens here is closed only at 7:13; close it: `prompt: "A"`',
        ),
        (
            "  - {id: a,\n     prompt: *b* c,\n     takes: 2}\n",
            '5:14 a text cannot begin with `*`; put it in quotes: `prompt: "*b* c",`',
        ),
        (
            "  - id: a\n    prompt: A\n    tags: [\n      b #1,\n      c]\n",
            '7:9 YAML takes `#1,` for a comment; put it in quotes: `"b #1",`',
        ),
        (
            "  - id: a\n    prompt: A " + "lamp: " * 40 + "\n",
            "5:19 a `:` is not allowed here; put the whole text in double quotes",
        ),
    ],
)
def test_the_cause_is_named_where_it_lies(load: Load, text: str, error: str) -> None:
    (found,) = load(HEAD + text).diagnostics
    assert f"{found.line}:{found.column} {found.message}; {found.hint}" == error


@given(st.text("ab:#-[]{}&*!|>'\"%@` \n\t,?$\u00a0\u201c\uff1a", max_size=40), st.sampled_from(LOADERS))
def test_whatever_is_written_is_explained(text: str, loader: type[yaml.SafeLoader]) -> None:
    with pytest.MonkeyPatch.context() as patch, suppress(FatalDiagnostic):
        patch.setattr(parse, "_LOADER", loader)
        parse.parse_yaml(
            f"shots:\n  - id: a\n    prompt: {text}\n".encode(), Diagnostics("m"), "shots", lambda *_: None
        )


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_in_quotes_reads_as_itself(text: str) -> None:
    written = yaml_quoted(text)
    assert "\n" not in written
    for loader in LOADERS:
        assert yaml.load(f"a: [{written}, {{b: {written}}}]", loader) == {"a": [text, {"b": text}]}


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("A lamp", '"A lamp"'),
        ('"Hero" lamp', "'\"Hero\" lamp'"),
        ("the lamp's", '"the lamp\'s"'),
        ("\"a\" and 'b'", "'\"a\" and ''b'''"),
        ("C:\\lamp", "'C:\\lamp'"),
        ('"a"\tb', '"\\"a\\"\\tb"'),
        ("", '""'),
    ],
)
def test_quotes_are_as_plain_as_the_text_allows(text: str, quoted: str) -> None:
    assert yaml_quoted(text) == quoted


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"Hero" lamp', '"Hero" lamp'),
        ('"Hero" and "Villain"', '"Hero" and "Villain"'),
        ('"The "Hero" lamp"', 'The "Hero" lamp'),
        ("'The lamp's light'", "The lamp's light"),
        ("'It''s the lamp's light'", "It's the lamp's light"),
        ("\u201cA lamp\u201d", "A lamp"),
        ('"A \\"Hero" lamp"', '"A \\"Hero" lamp"'),
        ("'", "'"),
        ("A lamp", "A lamp"),
    ],
)
def test_quotes_around_everything_are_no_part_of_the_text(written: str, meant: str) -> None:
    assert meant_text(written) == meant
