"""What a schema does not accept, in plain words: what it is called, what to write instead, one finding per cause."""

import time
from typing import Any

import pytest

from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.validation import schema_errors
from hailuo_batch.manifest.yaml.nodes import to_data
from hailuo_batch.manifest.yaml.parse import parse_yaml
from hailuo_batch.warning_codes import WarningCode
from tests.helpers.cpu_limits import within
from tests.manifest.conftest import Load, LoadErrors

HEAD = "version: 1\ncampaign: c\n"
KEYS = "known: `id`, `prompt`, `image_urls`, `takes`, `tags`, `model`, `matrix`, `rows`, `input`, `accept`"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("0", "`0`"),
        ("101", "`101`"),
        ("-1", "`-1`"),
        ("many", "`many`; write it in plain digits, such as 3"),
        ("1e3", "`1e3`; write it in plain digits, such as 3"),
        ("3.0", "`3.0`; write it in plain digits, such as 3"),
        ("[3]", "a list; write it in plain digits, such as 3"),
        ("010", "`010`, which YAML reads as a number in another notation; write it in plain digits, such as 3"),
        ("1:30", "`1:30`, which YAML reads as a number in another notation; write it in plain digits, such as 3"),
        ("0x10", "`0x10`, which YAML reads as a number in another notation; write it in plain digits, such as 3"),
        ("+3", "`+3`, which YAML reads as a number in another notation; write it in plain digits, such as 3"),
        ("yes", "`yes`, which YAML reads as true or false; write it in plain digits, such as 3"),
        ('"3"', "the text `3`; remove the quotes"),
    ],
)
def test_a_number_that_is_none_is_called_what_it_is(load_errors: LoadErrors, written: str, found: str) -> None:
    (error,) = load_errors(f"{HEAD}shots:\n  - id: a\n    prompt: A\n    takes: {written}\n")
    assert error == f"6:12: error: `takes` must be a whole number from 1 to 100, not {found}"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("2024-01-31", '`2024-01-31`, which YAML reads as a date; put it in quotes: "2024-01-31"'),
        ("1:30", '`1:30`, which YAML reads as a number in another notation; put it in quotes: "1:30"'),
        ("~", '`~`, which YAML reads as nothing; put it in quotes: "~"'),
        ("off", '`off`, which YAML reads as true or false; put it in quotes: "off"'),
        ("1.5", '`1.5`; put it in quotes: "1.5"'),
        ("\n      A lamp: at night", 'a mapping; put it in quotes: "A lamp: at night"'),
    ],
)
def test_a_text_that_is_none_is_called_what_it_is(load_errors: LoadErrors, written: str, found: str) -> None:
    (error,) = load_errors(f"{HEAD}shots:\n  - id: a\n    prompt: {written}\n")
    assert error.split(": error: ")[1] == f"`prompt` must be text, not {found}"


@pytest.mark.parametrize(
    ("key", "written", "right"),
    [
        ("tags", "spring", "[spring]"),
        ("tags", "spring, new lamp", "[spring, new lamp]"),
        ("tags", "no, 2024", '["no", "2024"]'),
        ("image_urls", "https://example.com/a,b.jpg", '["https://example.com/a,b.jpg"]'),
    ],
)
def test_a_text_instead_of_a_list_is_shown_as_one(load_errors: LoadErrors, key: str, written: str, right: str) -> None:
    (error,) = load_errors(f"{HEAD}shots:\n  - id: a\n    prompt: A\n    {key}: {written}\n")
    assert error.endswith(f"; write `{right}`")


def test_one_mistake_in_many_shots_is_one_finding(load_errors: LoadErrors) -> None:
    shots = "".join(
        f"  - id: s{n}\n    prompt: A lamp {n}\n    takes: x{n}\n    act: {n}\n    image_urls: ['', [b], {{c: d}}]\n"
        for n in range(45)
    )
    assert [error.split(": error: ")[1] for error in load_errors(f"{HEAD}shots:\n{shots}    scene: 1\n")] == [
        "`takes` must be a whole number from 1 to 100, not `x0`, and for 44 more; write it in plain digits, such as 3",
        f"unknown key `act` in a shot, and for 44 more; {KEYS}",
        "item 1 of `image_urls` is empty, and for 44 more; write it like `https://example.com/lamp.jpg`",
        "item 2 of `image_urls` must be a URL, not a list, and for 89 more; write it like `https://example.com/lamp.jpg`",
        f"unknown key `scene` in a shot; {KEYS}",
    ]


def test_mistakes_with_different_remedies_are_different_findings(load_errors: LoadErrors) -> None:
    shots = "".join(
        f"  - {{id: s{n}, prompt: A {n}, takes: {takes}}}\n" for n, takes in enumerate(["x", "0", '"3"', ""])
    )
    assert [error.rpartition("; ")[2] for error in load_errors(f"{HEAD}shots:\n{shots}")] == [
        "write it in plain digits, such as 3",
        "5:34: error: `takes` must be a whole number from 1 to 100, not `0`",
        "remove the quotes",
        "write it in plain digits, such as 3",
    ]


def test_the_same_key_at_the_top_and_in_a_shot_is_two_mistakes(load_errors: LoadErrors) -> None:
    errors = load_errors(f"{HEAD}model: x\ndefaults: {{model: y}}\nshots:\n  - {{id: a, prompt: A, model: z}}\n")
    assert [error.split(":")[0] for error in errors] == ["3", "4", "6"]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        *[(code.replace("-", "_"), f"did you mean `{code}`?") for code in WarningCode],
        *[(f"{code}s", f"did you mean `{code}`?") for code in WarningCode],
        *[(code.upper(), f"did you mean `{code}`?") for code in WarningCode],
    ],
)
def test_a_misspelled_code_is_known(load_errors: LoadErrors, written: str, hint: str) -> None:
    (error,) = load_errors(f"{HEAD}accept: [{written}]\nshots: [{{id: a, prompt: A}}]\n")
    assert error.split(": error: ")[1] == f"item 1 of `accept` must be the code of a warning, not `{written}`; {hint}"


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("act", "1", "known: "),  # no list of codes
        ("image_url", "1", "did you mean `image_urls`?"),  # so near that it is meant all the same
        ("images", "[https://example.com/a.jpg]", "did you mean `image_urls`?"),
        ("take", "2", "remove it: `takes` is there already"),
        ("x_notes", "1", "write `x-notes`: keys of your own begin with `x-`"),
        ("X-notes", "1", "write `x-notes`: keys of your own begin with `x-`"),
        ("x_tags", "[a]", "did you mean `tags`?"),
    ],
)
def test_an_unknown_key_is_taken_for_one_that_can_be_meant(
    load_errors: LoadErrors, key: str, value: str, hint: str
) -> None:
    errors = load_errors(f"{HEAD}shots:\n  - id: a\n    takes: 1\n    {key}: {value}\n    prompt: A\n")
    assert [error.split("; ")[1].startswith(hint) for error in errors] == [True]


LITTLE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "patternProperties": {"^x-": {}},
    "properties": {
        "rows": {
            "errorMessage": "must be a file or a list of rows; write it like `p.csv`",
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "object", "errorMessage": "must be a row; write `{a: b}`"}},
            ],
        },
        "takes": {
            "type": ["integer", "string"],
            "minimum": 1,
            "pattern": "^[$]n$",
            "errorMessage": "must be a number or a variable; write it like 3",
        },
    },
}


@pytest.mark.parametrize(
    ("written", "errors"),
    [
        ("rows: p.csv\nx-a: 1\ntakes: $n", []),
        ("rows: 12", ["1:7: error: `rows` must be a file or a list of rows, not `12`; write it like `p.csv`"]),
        ("rows: [{a: b}, c]", ["1:16: error: item 2 of `rows` must be a row, not `c`; write `{a: b}`"]),
        ("rows: {a: b}", ["1:7: error: `rows` must be a file or a list of rows, not a mapping; write it like `p.csv`"]),
        ("takes: 0", ["1:8: error: `takes` must be a number or a variable, not `0`"]),
        ("takes: '3'", ["1:8: error: `takes` must be a number or a variable, not the text `3`; remove the quotes"]),
        ("takes: x", ["1:8: error: `takes` must be a number or a variable, not `x`; write it like 3"]),
        ("x_b: 1", ["1:1: error: unknown key `x_b` in it; write `x-b`: keys of your own begin with `x-`"]),
        ("x-takes: 1\ntakez: 1", ["2:1: error: unknown key `takez` in it; did you mean `takes`?"]),
    ],
)
def test_alternatives_and_patterns_of_keys_are_put_into_words(written: str, errors: list[str]) -> None:
    diagnostics = Diagnostics("m.yaml")
    root = parse_yaml(f"{written}\n".encode(), diagnostics, "", lambda *_: None)
    assert root is not None
    checker = schema_errors.SchemaChecker(LITTLE)
    schema_errors.report_schema_errors(checker.validator, to_data(root, 3), root, "it", diagnostics)
    assert [str(found).removeprefix("m.yaml:") for found in diagnostics.in_order()] == errors
    assert checker.accepts(to_data(root, 3)) == (not errors)


@pytest.mark.parametrize("shot", ["{id: a, prompt: A, takes: x}", "{id: a, prompt: A, act: 1}", "{id: [], prompt: A}"])
def test_a_hundred_thousand_wrong_shots_end_after_a_thousand(load: Load, shot: str) -> None:
    began_at = time.process_time()
    first, last = load(f"{HEAD}shots:\n" + f"  - {shot}\n" * 100_000).diagnostics
    assert first.more == 999
    assert last.message == "the check stopped after the first 1,000 shots: 1,000 of them are wrong"
    assert last.line == 1003
    assert within(time.process_time() - began_at, 5)


def test_a_wrong_shot_is_one_finding_however_often_it_is_repeated(load_errors: LoadErrors) -> None:
    shots = "  - &a {id: a, prompt: A, takes: x}\n" + "  - *a\n" * 5_000
    assert len([error for error in load_errors(f"{HEAD}shots:\n{shots}") if "takes" in error]) == 1
