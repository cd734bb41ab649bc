"""Manifests of great size made to do harm: refused in two seconds of the processor's time and 200 MiB.

In a process of their own, where time and the peak of memory are those of loading alone.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.cpu_limits import within
from tests.manifest.load_in_process import load_in_subprocess

MEBIBYTE = 1024 * 1024
HEAD = "version: 1\ncampaign: lamps\n"
GOOD = "shots: [{id: a, prompt: A}]\n"


def bomb() -> str:
    lines = ["vars:", "  a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    return HEAD + "\n".join(lines) + "\n" + GOOD


def shots(keys: str) -> str:
    return HEAD + "shots:\n" + "".join(f"- {{id: s{n}, {keys}}}\n" for n in range(99_000))


def pairs_of_one_id() -> str:
    numbers = ", ".join(map(str, range(50_000)))
    return HEAD + f"shots: [{{id: 'x-$n-$e', prompt: A, matrix: {{n: [{numbers}], e: [x, 'x?']}}}}]\n"


SHAPES: dict[str, tuple[Callable[[], str], str]] = {
    "an alias bomb": (bomb, "with its aliases expanded, the manifest has more than 5,000,000 nodes"),
    "a million open lists": (lambda: "[" * MEBIBYTE, "nested deeper than 50 levels here"),
    "64 MiB of nested lists": (
        lambda: HEAD + f"description: [{'[[[[]]]],' * (7 * MEBIBYTE)}]\n",
        "the value that begins here has more than 250,000 nodes",
    ),
    "one line of 60 MiB": (
        lambda: f"{HEAD}{GOOD}#{'x' * (60 * MEBIBYTE)}\0",
        "the character U+0000 is not allowed here",
    ),
    "an unknown key in each shot": (
        lambda: shots("prompt: A, zebra: 1"),
        "the check stopped after the first 1,000 shots: 1,000 of them are wrong",
    ),
    "a shot that is wrong in every way": (lambda: shots("takes: 0, tags: 1"), "the check stopped after the first"),
    "one ID for each two combinations": (pairs_of_one_id, "and for 49,999 more"),
    "values put in over and over": (
        lambda: HEAD + f"vars: {{a: {'x' * MEBIBYTE}}}\nshots: [{{id: a, prompt: '{'$a ' * 10_000}'}}]\n",
        "the manifest has more than 268,435,456 characters of text",
    ),
}


@pytest.mark.deep
def test_every_manifest_is_refused_quickly_and_in_little_memory(tmp_path: Path) -> None:
    manifests = []
    for number, (make, _) in enumerate(SHAPES.values()):
        manifests.append(tmp_path / f"{number}.yaml")
        manifests[-1].write_text(make())
    for (name, (_, expected)), result in zip(SHAPES.items(), load_in_subprocess(*manifests), strict=True):
        assert expected in result.diagnostics[-1], name
        assert within(result.seconds, 2), name
        assert result.peak_bytes < 200 * MEBIBYTE, name


def test_a_file_of_a_gibibyte_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "m.yaml").open("wb") as file:
        file.truncate(1024 * MEBIBYTE)
    (result,) = load_in_subprocess(tmp_path / "m.yaml")
    assert result.diagnostics == [
        f"{tmp_path / 'm.yaml'}:1:1: error: the file is larger than 64 MiB; split the campaign"
    ]
    assert result.peak_bytes < 64 * MEBIBYTE
