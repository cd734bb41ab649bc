"""How many takes a campaign may ask for: counted before anything is built."""

import pytest

from tests.manifest.conftest import LoadErrors, LoadValid, WriteFile

HEAD = "version: 1\ncampaign: lamps\n"


def shots(count: int) -> str:
    return "".join(f"- {{id: s{n}, prompt: A}}\n" for n in range(count))


def test_a_hundred_thousand_takes_are_allowed(load_valid: LoadValid) -> None:
    assert sum(1 for _ in load_valid(HEAD + f"defaults: {{takes: 100}}\nshots:\n{shots(1000)}").takes) == 100_000


def test_one_more_is_refused_with_the_sum(load_errors: LoadErrors) -> None:
    (error,) = load_errors(HEAD + f"defaults: {{takes: 100}}\nshots:\n{shots(1000)}- {{id: x, prompt: A, takes: 1}}\n")
    assert error == ("4:1: error: 1,001 shots make 100,001 takes; a campaign has at most 100,000; split the campaign")


def test_shots_are_counted_before_any_is_made(load_errors: LoadErrors) -> None:
    wrong = "".join(f"- {{id: s{n}, prompt: 5 $, takes: 100}}\n" for n in range(1001))
    (error,) = load_errors(HEAD + f"shots:\n{wrong}")
    assert "1,001 shots x 100 takes make 100,100 takes" in error


@pytest.mark.parametrize(
    "entries",
    ["[&a {id: a, prompt: A}, " + "*a, " * 100_000 + "]", "{" + "".join(f"k{n}: , " for n in range(100_001)) + "}"],
)
def test_too_many_entries_are_reported_once_and_not_looked_at(load_errors: LoadErrors, entries: str) -> None:
    (error,) = load_errors(HEAD + f"shots: {entries}\n")
    assert "entries; split the campaign" in error
    assert error.startswith("3:8: error: this ")


def test_one_shot_of_too_many_parts_is_not_read_on(load_errors: LoadErrors) -> None:
    parts = "[" + "x, " * 1000 + "], "
    (error,) = load_errors(HEAD + f"shots:\n- {{id: a, prompt: A, input: {{k: [{parts * 251}]}}}}\n")
    assert error == "4:3: error: the value that begins here has more than 250,000 nodes; split the campaign"


@pytest.mark.parametrize(
    ("matrix", "product"),
    [
        ("a: L, b: L, c: L, d: L", "100 x 100 x 100 x 100 combinations x 2 takes make 200,000,000 takes"),
        ("a: L, b: L, c: [1, 2, 3, 4, 5, 6], exclude: [{a: 1}]", "59,400 combinations x 2 takes make 118,800 takes"),
        ("a: L, b: L, c: L, d: L, exclude: [{a: 1}]", "100 x 100 x 100 x 100 = 100,000,000 combinations are too many"),
    ],
)
def test_combinations_are_counted_before_any_is_made(load_errors: LoadErrors, matrix: str, product: str) -> None:
    listed = "[" + ", ".join(map(str, range(100))) + "]"
    (error,) = load_errors(
        HEAD + f"shots: [{{id: 'a-$a', prompt: A, takes: 2, matrix: {{{matrix.replace('L', listed)}}}}}]\n"
    )
    assert product in error


@pytest.mark.parametrize("exclude", ["", ", exclude: [{n0: a}]"])
def test_a_product_that_nobody_could_read_is_not_written_out(load_errors: LoadErrors, exclude: str) -> None:
    axes = ", ".join(f"n{n}: [a, b, c, d, e, f, g, h, i, j]" for n in range(4400))
    (error,) = load_errors(HEAD + f"shots: [{{id: 'a-$n0', prompt: A, matrix: {{{axes}{exclude}}}}}]\n")
    assert "10 x 10 x 10 x 10 x 10 x 10 x 10 x 10 x …" in error
    assert "more than a million billion billion" in error


@pytest.mark.parametrize("takes", ["101", "100000000000", "-3", "0"])
def test_takes_that_are_wrong_are_not_multiplied_as_well(load_errors: LoadErrors, takes: str) -> None:
    (error,) = load_errors(HEAD + f"shots: [{{id: a, prompt: A, takes: {takes}}}]\n")
    assert error.startswith("3:35: error: `takes` must be a whole number from 1 to 100")


def test_rows_times_combinations_times_takes_are_counted(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("t.csv", "n\n" + "1\n" * 1001)
    shot = "{id: 's-$n-$m', prompt: A, takes: 50, rows: t.csv, matrix: {m: [1, 2]}}"
    (error,) = load_errors(HEAD + f"shots: [{shot}]\n")
    assert error.startswith("3:60: error: 1,001 rows x 2 combinations x 50 takes make 100,100 takes; a campaign has")


def test_all_shots_together_are_counted(load_errors: LoadErrors) -> None:
    shot = "{id: 's-$m', prompt: A, takes: 100, matrix: {m: [" + ", ".join(map(str, range(501))) + "]}}"
    (error,) = load_errors(HEAD + f"shots: [{shot}, {shot}]\n")
    assert error.startswith("3:1: error: 1,002 shots x 100 takes make 100,200 takes; a campaign has at most 100,000")
