"""How a shot's ID is spelled, and how a value or a wrong ID is brought into shape."""

import pytest

from hailuo_batch.manifest import slugs
from hailuo_batch.manifest.expansion.shot_ids import respell
from hailuo_batch.manifest.expansion.templates import parse_template
from hailuo_batch.manifest.yaml.nodes import ScalarNode
from tests.manifest.conftest import LoadErrors, LoadValid

HEAD = "version: 1\ncampaign: lamps\n"


@pytest.mark.parametrize(
    ("value", "slug"),
    [
        ("A loft", "a-loft"),
        ("  white / teal! ", "white-teal"),
        ("Crème brûlée", "creme-brulee"),
        ("ﬁne №5", "fine-no5"),
        ("İstanbul", "istanbul"),
        ("snake_case-and--dash", "snake_case-and-dash"),
        ("日本", ""),
        ("007", "007"),
    ],
)
def test_a_value_becomes_a_slug(value: str, slug: str) -> None:
    assert slugs.slug(value) == slug


@pytest.mark.parametrize("shot_id", ["a", "0", "a" * 100, "hero_1-b", "reports", "console", "com10"])
def test_an_id_is_good(shot_id: str) -> None:
    assert slugs.find_id_problem(shot_id) is None


@pytest.mark.parametrize("shot_id", ["", "-a", "_a", "A", "a.b", "a b", "a\n", "é", "a" * 101])
def test_an_id_is_wrongly_spelled(shot_id: str) -> None:
    assert slugs.find_id_problem(shot_id) is not None


@pytest.mark.parametrize(
    "shot_id", ["report", "superseded", "con", "prn", "aux", "nul", "com1", "com9", "lpt1", "lpt9"]
)
def test_an_id_is_reserved(shot_id: str) -> None:
    assert "reserve" in (slugs.find_id_problem(shot_id) or "")


@pytest.mark.parametrize(
    ("written", "better"),
    [("Hero Shot", "hero-shot"), ("Lamp ${Colour}!", "lamp-${Colour}"), ("_x", "x"), ("日本", None), ("Report", None)],
)
def test_a_wrong_id_gets_its_right_spelling(written: str, better: str | None) -> None:
    assert respell(parse_template(ScalarNode(written, 1, 1))) == better


def test_only_values_are_made_slugs(load_valid: LoadValid) -> None:
    campaign = load_valid(HEAD + "vars: {x: --A  B--}\nshots: [{id: 'a--${x}_', prompt: A}]\n")
    assert campaign.shots[0].id == "a--a-b_"


def test_a_repeated_alias_is_a_repeated_id(load_errors: LoadErrors) -> None:
    (error,) = load_errors(HEAD + "shots: [&a {id: hero, prompt: A}, *a]\n")
    assert "the ID `hero` is already used by the shot at" in error


def test_ids_from_values_can_collide(load_errors: LoadErrors) -> None:
    (error,) = load_errors(
        HEAD + "vars: {x: A b, y: a B}\nshots:\n- {id: '${x}', prompt: A}\n- {id: '${y}', prompt: A}\n"
    )
    assert error.startswith("6:8: error: the ID `a-b` is already used by the shot at ")
    assert "m.yaml:5:8; rename one" in error


def test_an_id_far_too_long_is_not_even_spelled(load_errors: LoadErrors) -> None:
    (error,) = load_errors(HEAD + f"vars: {{x: {'é' * 20_000}}}\nshots: [{{id: 'a-$x', prompt: A}}]\n")
    assert error == "4:14: error: the ID `a-$x` becomes far too long"
