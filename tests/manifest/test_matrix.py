"""A matrix: which shots it makes, in which order, and what is wrong with one."""

import pytest

from hailuo_batch.values import CampaignSpec
from tests.manifest.conftest import Load, LoadErrors, LoadValid

HEAD = "version: 1\ncampaign: lamps\n"


def matrix(body: str, shot: str = "id: ${a}-${b}, prompt: '${a} and ${b}'") -> str:
    """A manifest with one shot whose matrix is written in braces."""
    return HEAD + f"shots:\n- {{{shot.replace('id: ${a}-${b}', 'id: ' + repr('${a}-${b}'))}, matrix: {{{body}}}}}\n"


def ids(campaign: CampaignSpec) -> list[str]:
    return [shot.id for shot in campaign.shots]


def test_every_combination_in_the_order_written(load_valid: LoadValid) -> None:
    campaign = load_valid(matrix("a: [y, x], b: [2, 1, 3]"))
    assert ids(campaign) == ["y-2", "y-1", "y-3", "x-2", "x-1", "x-3"]
    assert [take.input["prompt"] for take in campaign.takes][:2] == ["y and 2", "y and 1"]


def test_an_exclusion_drops_what_matches_all_of_its_keys(load_valid: LoadValid) -> None:
    campaign = load_valid(matrix("a: [x, y, z], b: [1, 2, 3], exclude: [{a: x, b: 2}, {b: 3}, {a: z}]"))
    assert ids(campaign) == ["x-1", "y-1", "y-2"]


def test_an_added_combination_comes_after_the_exclusions(load_valid: LoadValid) -> None:
    campaign = load_valid(matrix("include: [{b: 9, a: w}, {a: x, b: 1}], a: [x, y], b: [1], exclude: [{a: x}]"))
    assert ids(campaign) == ["y-1", "w-9", "x-1"]


@pytest.mark.parametrize("written", ["007", "no", "2024-01-31", "1:30", "0x1F", "1.50", "~", ".inf", "On", "=", "'1'"])
def test_values_stay_as_they_are_written(load_valid: LoadValid, written: str) -> None:
    campaign = load_valid(matrix(f"a: [{written}]", "id: a, prompt: '>${a}<'"))
    assert next(campaign.takes).input["prompt"] == f">{written.strip(chr(39))}<"


def test_exclusions_compare_what_is_written(load_valid: LoadValid) -> None:
    assert ids(load_valid(matrix("a: [007, '7'], b: [no, yes], exclude: [{a: '007', b: 'no'}]"))) == [
        "007-yes",
        "7-no",
        "7-yes",
    ]


def test_a_value_becomes_a_slug_in_the_id_only(load_valid: LoadValid) -> None:
    (shot,) = load_valid(matrix("a: [Crème brûlée], b: [A loft!]")).shots
    assert shot.id == "creme-brulee-a-loft"
    assert shot.takes[0].input["prompt"] == "Crème brûlée and A loft!"


def test_values_are_put_into_images_and_tags_too(load_valid: LoadValid) -> None:
    shot = "id: 'i-${a}', prompt: A, tags: ['${a}', all], image_urls: ['https://e.com/${a}.jpg']"
    takes = list(load_valid(matrix("a: [x, y]", shot)).takes)
    assert [take.tags for take in takes] == [("x", "all"), ("y", "all")]
    assert [take.input["image_urls"] for take in takes] == [["https://e.com/x.jpg"], ["https://e.com/y.jpg"]]


def test_a_value_is_not_substituted_again(load_valid: LoadValid) -> None:
    campaign = load_valid(matrix("a: ['${b} $$ $'], b: [x]", "id: a, prompt: '${a}'"))
    assert next(campaign.takes).input["prompt"] == "${b} $$ $"


def test_the_matrix_comes_before_vars(load_valid: LoadValid) -> None:
    text = matrix("a: [x]", "id: a, prompt: '${a} ${v}'").replace("shots:", "vars: {a: from vars, v: too}\nshots:")
    assert next(load_valid(text).takes).input["prompt"] == "x too"


def test_takes_multiply_and_keep_their_names(load_valid: LoadValid) -> None:
    campaign = load_valid(matrix("a: [x, y]", "id: 'a-${a}', prompt: '${a}', takes: 2"))
    assert [take.id for take in campaign.takes] == ["a-x", "a-x.take2", "a-y", "a-y.take2"]


def test_a_matrix_may_be_shared_through_an_alias(load_valid: LoadValid) -> None:
    text = "shots:\n- {id: 'a-${x}', prompt: A, matrix: &m {x: [1, 2]}}\n- {id: 'b-${x}', prompt: B, matrix: *m}\n"
    assert ids(load_valid(HEAD + text)) == ["a-1", "a-2", "b-1", "b-2"]


@pytest.mark.parametrize(
    "body",
    ["", "a: []", "a: [x], exclude: []", "a: [x], include: []", "a: [x], exclude: [{}]", "exclude: [{a: x}]"],
)
def test_what_is_empty_is_an_error(load_errors: LoadErrors, body: str) -> None:
    (error,) = load_errors(matrix(body, "id: a, prompt: A"))
    assert "empty" in error or "has no list of values" in error


def test_excluding_everything_is_an_error_whatever_is_added(load_errors: LoadErrors) -> None:
    (error,) = load_errors(matrix("a: [x, y], exclude: [{a: x}, {a: y}], include: [{a: z}]", "id: '${a}', prompt: A"))
    assert error.startswith("4:47: error: every combination of the matrix is excluded")


def test_an_exclusion_that_drops_nothing_is_a_warning(load: Load) -> None:
    loaded = load(matrix("a: [white], b: [x, y], exclude: [{a: withe}]"))
    assert loaded.campaign is not None
    (found,) = loaded.diagnostics
    assert str(found).endswith("`withe` is not among the values of `a` [useless-exclusion]; did you mean `white`?")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a: [x], b: [y], exclude: [{c: x}]", "`c` is not a name of this matrix"),
        ("a: [x], b: [y], include: [{a: z, b: z, c: z}]", "`c` is not a name of this matrix"),
        ("a: [x], b: [y], include: [{a: z}]", "missing: `b`"),
        ("a: [x, z, x], b: [y]", "`x` is in this list twice"),
        ("a: [x], b: [y], include: [{a: x, b: y}]", "this combination is already in the matrix"),
        ("a: [x], b: [y], include: [{a: z, b: y}, {a: z, b: y}]", "this combination is already in the matrix"),
    ],
)
def test_what_cannot_be_meant_is_reported_once(load_errors: LoadErrors, body: str, expected: str) -> None:
    (error,) = load_errors(matrix(body))
    assert expected in error


def test_an_id_that_lacks_a_name_is_reported_once(load_errors: LoadErrors) -> None:
    (error,) = load_errors(matrix("a: [x, y], b: [1, 2, 3]", "id: 'i-${a}', prompt: A"))
    assert error == "4:8: error: the ID `i-${a}` is the same for several combinations; add `${b}` to it"


def test_a_name_of_one_value_need_not_be_in_the_id(load_valid: LoadValid) -> None:
    assert ids(load_valid(matrix("a: [x, y], b: [1]", "id: 'i-${a}', prompt: A"))) == ["i-x", "i-y"]


def test_two_combinations_with_one_id_are_both_named(load_errors: LoadErrors) -> None:
    (error,) = load_errors(matrix("a: [A loft, a library, a-loft]", "id: 'i-${a}', prompt: A"))
    assert error.startswith("4:8: error: the ID `i-a-loft`, used for a `A loft`, is repeated, for a `a-loft`")


def test_an_id_that_another_shot_has_names_both_places(load_errors: LoadErrors) -> None:
    text = HEAD + "shots:\n- {id: a-2, prompt: A}\n- {id: 'a-${n}', prompt: A, matrix: {n: [1, 2]}}\n"
    (error,) = load_errors(text)
    assert error.startswith("5:8: error: the ID `a-2` is already used by the shot at m.yaml:4:8, for n `2`")


def test_the_first_of_two_equal_ids_may_be_a_combination(load_errors: LoadErrors) -> None:
    text = HEAD + "shots:\n- {id: 'a-${n}', prompt: 'A ${n}', matrix: {n: [1, 2]}}\n- {id: a-2, prompt: B}\n"
    (error,) = load_errors(text)
    assert error.startswith("5:8: error: the ID `a-2` is already used by the shot at m.yaml:4:8, for n `2`; rename")


def test_a_text_that_is_wrong_for_every_combination_is_reported_once(load_errors: LoadErrors) -> None:
    (error,) = load_errors(
        matrix("a: [x, y], b: [1, 2]", "id: '${a}-${b}', prompt: '${v}'").replace("shots:", "vars: {v: ' '}\nshots:")
    )
    assert "`prompt` is blank, for a `x`, b `1`, and for 3 more; " in error


def test_an_unknown_variable_is_reported_once_for_all(load_errors: LoadErrors) -> None:
    (error,) = load_errors(matrix("colour: [x, y, z]", "id: '${colour}', prompt: '${color}'"))
    assert "unknown variable `color`; did you mean `${colour}`?" in error


def test_a_wrong_matrix_makes_no_noise_where_its_names_are_used(load_errors: LoadErrors) -> None:
    (error,) = load_errors(matrix("a: white, b: [x]"))
    assert "`a` must be a list" in error
