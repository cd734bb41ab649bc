"""Documents made to do harm: refused at once, with one clear message, whatever parser reads them."""

import time
from collections.abc import Iterator

import pytest
import yaml

from hailuo_batch.manifest.diagnostics import Diagnostics, FatalDiagnostic
from hailuo_batch.manifest.yaml import parse
from hailuo_batch.manifest.yaml.parse import parse_yaml
from tests.helpers.cpu_limits import within
from tests.manifest.conftest import Load, LoadErrors, LoadValid

HEAD = "version: 1\ncampaign: lamps\n"
GOOD = "shots: [{id: a, prompt: A}]\n"


@pytest.fixture(params=["libyaml", "pure"], autouse=True)
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.param == "pure":
        monkeypatch.setattr(parse, "_LOADER", yaml.SafeLoader)
    began_at = time.process_time()
    yield
    assert within(time.process_time() - began_at, 5)


def bomb(levels: int) -> str:
    lines = ["vars:", "  a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return HEAD + "\n".join(lines) + "\n" + GOOD


def test_an_alias_bomb(load_errors: LoadErrors) -> None:
    (error,) = load_errors(bomb(30))
    assert error.endswith("error: with its aliases expanded, the manifest has more than 5,000,000 nodes")


def test_a_bomb_in_text_is_never_written_out(load_errors: LoadErrors) -> None:
    text = f"vars: {{a: &a {'x' * 200_000}}}\nshots: [{{id: a, prompt: [{', '.join(['*a'] * 20_000)}]}}]\n"
    assert load_errors(HEAD + text) == ["4:25: error: `prompt` must be text, not a list"]


def test_a_bomb_below_the_limit_is_not_unfolded(load_errors: LoadErrors) -> None:
    errors = load_errors(bomb(5) + "description: *a4\nzebra: *a4\ndefaults: {tags: *a3}\nlimits: {max_attempts: *a4}\n")
    assert len(errors) == 5 + 4


def test_a_bomb_of_merge_keys(load_errors: LoadErrors) -> None:
    lines = ["vars:", "  a0: &a0 {x: x}"] + [
        f"  a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)
    ]
    assert "more than 5,000,000 nodes" in load_errors(HEAD + "\n".join(lines) + "\n" + GOOD)[0]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[" * 10_000, "1:51"),
        ("{a: " * 10_000, "1:201"),
        ("- " * 10_000, "1:101"),
        ("? " * 10_000, "1:101"),
        ("[" * 10_000 + "]" * 10_000, "1:51"),
        ('a: {b: [[\'[[]\', "]\\"{"], \n ' + "[" * 10_000, "2:49"),
        ("a: {b: [['[[]', \"]\\\"{\"], é, '[[', [[]], " + "[" * 10_000, "1:88"),
    ],
    ids=["lists", "mappings", "items", "keys", "closed", "line after", "brackets before"],
)
def test_ten_thousand_nested_lists(load_errors: LoadErrors, text: str, place: str) -> None:
    assert load_errors(text) == [f"{place}: error: lists and mappings are nested deeper than 50 levels here"]


def test_levels_are_counted_through_aliases(load_errors: LoadErrors) -> None:
    chain = "\n".join(f"- &a{n} [[[[*a{n - 1}]]]]" for n in range(1, 20))
    (error,) = load_errors(f"- &a0 x\n{chain}\n")
    assert "deeper than 50 levels" in error


def read(document: str) -> Diagnostics:
    diagnostics = Diagnostics("m.yaml")
    parse_yaml(document.encode(), diagnostics, "shots", lambda *_: None)
    return diagnostics


def test_five_million_nodes_are_allowed_and_no_more() -> None:
    many = f"- &a [{'x, ' * 998}]\n- &b [{'*a, ' * 1000}]\n- *b\n- *b\n- *b\n- *b\n"
    left = 5_000_000 - (1 + 999 + 5 * (1 + 1000 * 999))
    assert not read(many + "- x\n" * left).has_errors
    with pytest.raises(FatalDiagnostic, match="more than 5,000,000 nodes"):
        read(many + "- x\n" * (left + 1))


def test_fifty_levels_are_allowed(load: Load) -> None:
    loaded = load(HEAD + f"description: {'[' * 49}{']' * 49}\n" + GOOD)
    assert [found.message for found in loaded.diagnostics] == ["`description` must be text, not a list"]


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system [echo]",
        "!!python/name:os.system",
        "!!binary aGk=",
        "!x y",
        "!!set {a}",
        "!!omap []",
    ],
)
def test_tags_that_build_objects(load_errors: LoadErrors, tag: str) -> None:
    (error,) = load_errors(HEAD + f"description: {tag}\n" + GOOD)
    assert error.startswith("3:14: error: the YAML tag `!")


def test_tags_of_plain_types_are_read(load_valid: LoadValid) -> None:
    campaign = load_valid(HEAD + "limits: !!map {max_attempts: !!int 3}\nshots: !!seq [{id: !!str 12, prompt: ! no}]\n")
    assert (campaign.limits.max_attempts, campaign.shots[0].id) == (3, "12")


@pytest.mark.parametrize("value", ["!!bool maybe", "!!int abc", "!!float x", "!!null x"])
def test_tags_that_do_not_fit_are_wrong_values(load_errors: LoadErrors, value: str) -> None:
    (error,) = load_errors(HEAD + f"limits: {{max_attempts: {value}}}\n" + GOOD)
    assert error.startswith("3:24: error: `max_attempts` must be a whole number")


@pytest.mark.parametrize("escape", ["\\0", "\\a", "\\ud800", "\\x7f", "\\uFFFF"])
def test_escapes_that_are_no_characters(load_errors: LoadErrors, escape: str) -> None:
    (error,) = load_errors(HEAD + f'shots:\n  - {{id: a, prompt: "A {escape}"}}\n')
    assert error.startswith("4:")


def test_a_number_without_end(load_errors: LoadErrors) -> None:
    errors = load_errors(
        HEAD + f"limits: {{max_spend_usd: {'9' * 200_000}}}\nshots: [{{id: {'7' * 200_000}, prompt: A}}]\n"
    )
    assert [len(error) < 300 for error in errors] == [True, True]


def test_a_flood_of_diagnostics_ends(load: Load) -> None:
    loaded = load(HEAD + "".join(f"zebra{n}: 1\n" for n in range(2000)) + GOOD)
    assert len(loaded.diagnostics) == 1001
    assert loaded.campaign is None


def test_the_file_is_mended_from_the_top(load: Load) -> None:
    places = [
        (found.line, found.column) for found in load("a: 1\nversion: 2\nshots: [{id: '', zebra: 1}]\n").diagnostics
    ]
    assert places == sorted(places)
    assert len(places) == 6


def test_a_text_of_dollars(load_errors: LoadErrors) -> None:
    (error,) = load_errors(HEAD + f"shots: [{{id: a, prompt: '{'$a ' * 10_001}'}}]\n")
    assert error == "3:25: error: this text has more than 10,000 `$`; shorten it"


def test_a_flood_of_wrong_urls_ends(load: Load) -> None:
    urls = ", ".join(f"http://a{n}.example/b.png" for n in range(5_000))
    assert len(load(HEAD + f"shots: [{{id: a, prompt: A, image_urls: [{urls}]}}]\n").diagnostics) == 1001
