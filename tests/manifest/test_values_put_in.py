"""Substitution: what a `${name}` becomes, and what is wrong where it becomes nothing."""

import pytest

from hailuo_batch.manifest.expansion.templates import Variable, parse_template
from hailuo_batch.manifest.yaml.nodes import ScalarNode
from tests.manifest.conftest import LoadErrors, LoadValid

HEAD = "version: 1\ncampaign: lamps\n"


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("${a} and $b", "one and two"),
        ("${a}$b", "onetwo"),
        ("$$a costs 5 $$", "$a costs 5 $"),
        ("$$${a}", "$one"),
        ("no variable", "no variable"),
        ("$a-b ${b}b", "one-b twob"),
        ("${dollar}", "${a}"),
    ],
)
def test_a_text_is_filled(text: str, becomes: str) -> None:
    template = parse_template(ScalarNode(text, 1, 1))
    variables = {"a": "one", "b": "two", "dollar": "${a}"}
    assert template.lone_dollars == ()
    assert template.substitute(variables) == becomes
    assert template.length(variables) == len(becomes)


def test_names_have_their_offsets() -> None:
    assert parse_template(ScalarNode("A ${b} and $c", 1, 1)).variables == (Variable("b", 2), Variable("c", 11))


@pytest.mark.parametrize(
    ("text", "lone"), [("5 $", (2,)), ("$5 or $6", (0, 6)), ("${", (0,)), ("${a", (0,)), ("$é", (0,))]
)
def test_a_lone_dollar_is_found(text: str, lone: tuple[int, ...]) -> None:
    assert parse_template(ScalarNode(text, 1, 1)).lone_dollars == lone


def test_variables_work_in_every_text_of_a_shot(load_valid: LoadValid) -> None:
    campaign = load_valid(
        HEAD + "vars: {scene: A Loft, file: lamp}\nshots:\n  - id: lamp-${scene}\n    prompt: In ${scene}\n"
        '    image_urls: ["https://example.com/${file}.jpg"]\n    tags: ["${scene}", "x-$file"]\n'
    )
    (take,) = campaign.takes
    assert take.id == "lamp-a-loft"
    assert take.tags == ("A Loft", "x-lamp")
    assert take.input == {"prompt": "In A Loft", "image_urls": ["https://example.com/lamp.jpg"]}


@pytest.mark.parametrize(
    "written", ["007", "no", "2024-01-31", "1:30", "1e3", "0x1F", "~", ".inf", "1.50", "True", "="]
)
def test_a_variable_keeps_its_written_form(load_valid: LoadValid, written: str) -> None:
    campaign = load_valid(HEAD + f"vars: {{x: {written}}}\nshots: [{{id: a, prompt: '>${{x}}<'}}]\n")
    assert next(campaign.takes).input["prompt"] == f">{written}<"


def test_a_value_is_not_substituted_again(load_valid: LoadValid) -> None:
    campaign = load_valid(HEAD + "vars: {a: '${b} $$', b: x}\nshots: [{id: a, prompt: '${a}'}]\n")
    assert next(campaign.takes).input["prompt"] == "${b} $$"


def test_names_are_case_sensitive(load_errors: LoadErrors) -> None:
    assert load_errors(HEAD + "vars: {Style: x}\nshots: [{id: a, prompt: '${style}'}]\n")[0].startswith(
        "4:26: error: unknown variable `style`; did you mean `${Style}`?"
    )


@pytest.mark.parametrize(
    ("prompt", "place"),
    [("A ${x} lamp", "5:15"), ("'A ${x} lamp'", "5:16"), ('"A \\t${x} lamp"', "5:13"), ("|\n      A ${x}", "5:13")],
)
def test_an_unknown_name_has_its_place_as_exactly_as_can_be(load_errors: LoadErrors, prompt: str, place: str) -> None:
    (error,) = load_errors(HEAD + f"shots:\n  - id: a\n    prompt: {prompt}\n")
    assert error.startswith(f"{place}: error: unknown variable `x`")


def test_text_that_would_grow_beyond_measure_is_refused_before_it_is_built(load_errors: LoadErrors) -> None:
    shots = "".join(f"  - {{id: s{i}, prompt: '{'${big}' * 1000}'}}\n" for i in range(100))
    (error,) = load_errors(HEAD + f"vars: {{big: {'x' * 100_000}}}\nshots:\n{shots}")
    assert error.startswith(
        "7:5: error: with its variables filled in, the manifest has more than 268,435,456 characters"
    )


def test_a_wrong_value_is_reported_once_and_not_where_it_is_used(load_errors: LoadErrors) -> None:
    (error,) = load_errors(HEAD + "vars: {x: [a]}\nshots:\n- {id: '${x}', prompt: '${x}', tags: ['${x}']}\n")
    assert error == "3:11: error: `x` must be text or a number, not a list"
