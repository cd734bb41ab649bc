"""Names of collected videos: one harmless part of a path each, whatever is in a table."""

import pytest

from hailuo_batch.core.picks.names import (
    LONGEST_BYTES,
    file_name,
    find_collisions,
    parse_name_template,
    safe_name,
    values_of,
)
from tests.helpers.snapshots import take


def test_a_template_is_filled_with_plain_text() -> None:
    template = parse_name_template("${sku}_${mood}-$$1${sku}")
    assert template.names == ("sku", "mood")
    assert template.fill({"sku": "A1", "mood": "${sku}"}) == "A1_${sku}-$1A1"
    with pytest.raises(KeyError):
        template.fill({"sku": "A1"})


@pytest.mark.parametrize("text", ["$", "$sku", "${sku", "a ${a{b}}", "$ {sku}"])
def test_a_dollar_sign_that_begins_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="begins no variable"):
        parse_name_template(text)


def test_what_there_is_to_name_by() -> None:
    wanted = take("hero", 2, variables={"sku": "A1", "shot": "wide"})
    assert values_of(wanted, "run_1", "lamps") == {
        "take": "hero.take2",
        "shot": "wide",  # the table's own word comes first
        "number": "2",
        "run": "run_1",
        "campaign": "lamps",
        "sku": "A1",
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A tall vase, hand-painted", "A tall vase, hand-painted"),
        ("../../etc/passwd", "etc-passwd"),
        ('a/b\\c:d*e?f"g<h>i|j', "a-b-c-d-e-f-g-h-i-j"),
        ("a\nb\x00c\x1b[31m\u202egpj", "a-b-c-[31m-gpj"),
        ("-rf", "rf"),
        (". .hidden. . ", "hidden"),
        ("s\u0065\u0301", "s\u00e9"),
        ("日本の花瓶", "日本の花瓶"),
        ("a\ud800", "a-"),
        ("con", "con-"),
        ("NUL.mp4", "NUL-.mp4"),
        ("com1 x", "com1- x"),
        ("console", "console"),
        ("...", ""),
        ("", ""),
    ],
)
def test_what_is_unsafe_becomes_a_dash(text: str, name: str) -> None:
    assert safe_name(text) == name


@pytest.mark.parametrize("sign", ["a", "é", "日", "😀"])
def test_what_is_too_long_is_cut_between_two_signs(sign: str) -> None:
    name = safe_name(sign * LONGEST_BYTES)
    assert len(name.encode()) <= LONGEST_BYTES
    assert name == (sign * LONGEST_BYTES if sign == "a" else name.rstrip("-") + "-")
    assert safe_name("a" * (LONGEST_BYTES + 1)) == "a" * (LONGEST_BYTES - 1) + "-"


def test_the_extension_and_the_number_of_the_output_are_kept() -> None:
    assert file_name("lamp", "superseded/hero.run_1.mp4", 0) == "lamp.mp4"
    assert file_name("lamp", "hero.out2.webm", 1) == "lamp.out2.webm"
    assert file_name("lamp", "hero", 0) == "lamp"


def test_names_that_some_file_system_takes_for_one_collide() -> None:
    named = [("Lamp.mp4", 1), ("lamp.mp4", 2), ("s\u00e9", 3), ("SE\u0301", 4), ("stra\u00dfe", 5), ("STRASSE", 6)]
    assert find_collisions([*named, ("other", 7)]) == {"Lamp.mp4": [1, 2], "s\u00e9": [3, 4], "stra\u00dfe": [5, 6]}
