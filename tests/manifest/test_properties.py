"""Manifests nobody would think of: loading never raises, and what it accepts expands to what the rules say."""

import csv
import io
import itertools
import json
import operator
import re
import string
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hailuo_batch import cli
from hailuo_batch.errors import ExitCode
from hailuo_batch.manifest import LoadedManifest, Severity, load_manifest
from hailuo_batch.values import compute_fingerprint
from tests.manifest import reference_expansion as rules
from tests.manifest.reference_expansion import PLAIN

KEYS = [
    "version",
    "campaign",
    "shots",
    "vars",
    "limits",
    "defaults",
    "id",
    "prompt",
    "takes",
    "tags",
    "image_urls",
    "matrix",
    "exclude",
    "include",
    "rows",
    "input",
    "images",
    "base_url",
    "dir",
    "<<",
]
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates() | st.binary(max_size=3)
)
TREES = st.recursive(
    SCALARS,
    lambda child: (
        st.lists(child, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), child, max_size=6)
    ),
    max_leaves=20,
)
WORDS = st.text(string.ascii_letters + string.digits + " -_é灯'\":#,[]{}", max_size=30)
SLUGS = st.from_regex(r"\A[a-z0-9][a-z0-9_-]{0,12}\Z").filter(lambda name: name not in {"report", "nul", "con", "aux"})


WHOLE = """\
version: 1
campaign: spring
vars: {style: soft light}
images:
  base_url: https://cdn.example.com/spring/
  dir: .
defaults: {takes: 2, tags: [spring]}
shots:
  - id: lamp-${colour}-${scene}
    prompt: A ${colour} lamp in ${scene}, ${style}
    matrix:
      colour: [white, teal]
      scene: [a loft, a library]
      exclude:
        - {colour: teal, scene: a library}
      include:
        - {colour: brass, scene: a workshop}
  - id: sku-${sku}
    prompt: ${name} on a plinth
    image_urls: ["${image}"]
    rows: t.csv
"""
TABLE = b'sku,name,image\n1,"Lamp, tall",https://e.example/a.jpg\n2,Vase,https://e.example/b.jpg\n'


@contextmanager
def written(data: bytes, tables: Mapping[str, bytes]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {**tables, "m.yaml": data}.items():
            (Path(folder) / name).write_bytes(content)
        yield Path(folder) / "m.yaml"


def load_bytes(data: bytes, tables: Mapping[str, bytes] = MappingProxyType({})) -> LoadedManifest:
    with written(data, tables) as path:
        loaded = load_manifest(path)
    assert (loaded.campaign is None) == any(found.severity is Severity.ERROR for found in loaded.diagnostics)
    assert all(found.line >= 1 and found.column >= 1 and "\n" not in found.message for found in loaded.diagnostics)
    return loaded


def validate_bytes(data: bytes, tables: Mapping[str, bytes]) -> None:
    """The whole command: it ends with 0 or 2, and reports everything or nothing."""
    output = io.StringIO()
    with written(data, tables) as path, redirect_stdout(output), redirect_stderr(output):
        code = cli.run(("validate", str(path)))
    assert (code, "error: " in output.getvalue()) in {(ExitCode.DONE, False), (ExitCode.USAGE, True)}
    assert "this is a bug" not in output.getvalue()


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"\xef\xbb\xbf")
@example(b"\x00")
@example(b"--- >\n")
@example(b"? <<: {a: *b}\n")
def test_no_file_makes_it_raise(data: bytes) -> None:
    assert load_bytes(data).campaign is None


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.sampled_from(KEYS), TREES, max_size=6))
def test_no_document_makes_it_raise(tree: dict[str, Any]) -> None:
    load_bytes(yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass"))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_typing_mistake_makes_it_raise(data: st.DataObject) -> None:
    text = WHOLE
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        until = data.draw(st.integers(at, min(len(text), at + 10)))
        text = (
            text[:at]
            + data.draw(
                st.sampled_from(["", "\t", "'", '"', "[", "{", "${", "&a ", "*a ", "- ", ": ", "!x ", "\n", "0"])
            )
            + text[until:]
        )
    validate_bytes(text.encode(), {"t.csv": TABLE})


@settings(deadline=None, max_examples=40)
@given(
    shots=st.lists(
        st.tuples(SLUGS, WORDS.filter(str.strip), st.integers(1, 5)), min_size=1, max_size=6, unique_by=lambda s: s[0]
    ),
    value=WORDS,
)
def test_what_is_accepted_expands_to_what_was_written(shots: list[tuple[str, str, int]], value: str) -> None:
    written = [{"id": name, "prompt": f"{text} ${{x}}", "takes": takes} for name, text, takes in shots]
    document = {"version": 1, "campaign": "c", "vars": {"x": value}, "shots": written}
    loaded = load_bytes(yaml.safe_dump(document, allow_unicode=True, sort_keys=False).encode())
    assert not [found for found in loaded.diagnostics if found.severity is Severity.ERROR]
    assert loaded.campaign is not None
    expected = [
        (name if n == 1 else f"{name}.take{n}", f"{text} {value}".strip())
        for name, text, takes in shots
        for n in range(1, takes + 1)
    ]
    assert [(take.id, take.input["prompt"]) for take in loaded.campaign.takes] == expected
    for take in loaded.campaign.takes:
        assert take.fingerprint == compute_fingerprint(take.model, take.input_json)
        assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*(\.take[0-9]+)?", take.id)


NAMES_IN_TEXT = ["a", "b", "c", "v"]
VALUES = st.text(PLAIN + "AB _-/.", min_size=1, max_size=6).filter(str.strip) | st.sampled_from(["007", "no", "1:30"])
IMAGE_VALUES = st.text(PLAIN, min_size=1, max_size=5)


@st.composite
def matrices(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    """Matrices that leave something over."""
    axes = {name: draw(st.lists(VALUES, min_size=1, max_size=3, unique=True)) for name in names}
    matrix: dict[str, Any] = dict(axes)
    listed = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    if draw(st.booleans()):
        dropped = draw(st.lists(st.sampled_from(listed), min_size=1, max_size=3))
        matrix["exclude"] = [
            {key: each[key] for key in draw(st.sets(st.sampled_from(names), min_size=1))} for each in dropped
        ]
    if draw(st.booleans()):
        matrix["include"] = [dict.fromkeys(names, f"more {n}") for n in range(draw(st.integers(1, 2)))]
    keys = draw(st.permutations(list(matrix)))
    return {key: matrix[key] for key in keys}


@st.composite
def manifests(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, list[dict[str, str]]]]:
    """Manifests of the whole language that can only be wrong in that two shots have one ID, or all is excluded."""
    tables: dict[str, list[dict[str, str]]] = {}
    shots = []
    for number in range(draw(st.integers(1, 3))):
        split = draw(st.integers(0, 3))
        columns, axes = NAMES_IN_TEXT[:split], NAMES_IN_TEXT[split:3]
        shot: dict[str, Any] = {}
        if columns:
            shot["rows"] = f"t{number}.csv"
            tables[shot["rows"]] = draw(
                st.lists(st.fixed_dictionaries(dict.fromkeys(columns, VALUES)), min_size=1, max_size=3)
            )
        known = [*columns, "v"]
        if len(axes) > 0 and draw(st.booleans()):
            shot["matrix"] = draw(matrices(axes))
            known += axes
        used = draw(st.permutations(known))
        shot["id"] = f"s{number}" + "".join(f"-${{{name}}}" for name in used)
        shot["prompt"] = "A $$ lamp, " + " ".join(
            draw(st.lists(st.sampled_from([f"${name}" for name in known]), max_size=3))
        )
        for key, values in {
            "takes": st.integers(1, 3),
            "tags": st.lists(st.sampled_from(["x", "$v", "y ${v}", " x "]), max_size=3),
            "image_urls": st.lists(st.sampled_from(["a.jpg", "b/${w}.jpg", "https://e.example/${w}"]), max_size=3),
        }.items():
            if draw(st.booleans()):
                shot[key] = draw(values)
        shots.append(shot)
    document = {"version": 1, "campaign": "c", "vars": {"v": draw(VALUES), "w": draw(IMAGE_VALUES), "a": "unused"}}
    document["images"] = {"base_url": draw(st.sampled_from(["https://cdn.example/x", "https://cdn.example/x/"]))}
    document["defaults"] = {"takes": draw(st.integers(1, 2)), "tags": ["from defaults"]}
    return {**document, "shots": shots}, tables


@settings(deadline=None, max_examples=50)
@given(manifests())
def test_the_whole_language_expands_to_what_the_rules_state(
    written: tuple[dict[str, Any], dict[str, list[dict[str, str]]]],
) -> None:
    manifest, tables = written
    loaded = load_bytes(json.dumps(manifest).encode(), {name: csv_of(table) for name, table in tables.items()})
    remaining = [len(list(rules.combinations(shot["matrix"]))) for shot in manifest["shots"] if "matrix" in shot]
    added = [len(shot["matrix"].get("include", [])) for shot in manifest["shots"] if "matrix" in shot]
    expected = None if any(map(operator.eq, remaining, added)) else rules.takes(manifest, tables)
    if expected is None:
        assert loaded.campaign is None
    else:
        assert [str(found) for found in loaded.diagnostics if found.severity is Severity.ERROR] == []
        assert loaded.campaign is not None
        assert [(take.id, take.input_json, take.tags) for take in loaded.campaign.takes] == expected


def csv_of(table: list[dict[str, str]]) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(table[0]), quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(table)
    return file.getvalue().encode()


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=60) | st.text('ab,"\n\r; é', max_size=60).map(str.encode))
@example(b'a,b\n1,"')
@example(b"\xef\xbb\xbf")
@example(b"a\n\r\n\r\r1")
def test_no_table_makes_it_raise(data: bytes) -> None:
    manifest = b"version: 1\ncampaign: c\nshots: [{id: 's-$a', prompt: '$b', rows: t.csv}]\n"
    validate_bytes(manifest, {"t.csv": data})


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"])), min_size=2, max_size=2),
        min_size=1,
        max_size=5,
    )
)
def test_a_table_is_read_as_it_was_written(rows: list[list[str]]) -> None:
    table = [{"n": str(number), "a": row[0], "b": row[1]} for number, row in enumerate(rows)]
    manifest = b"version: 1\ncampaign: c\nshots: [{id: 's-$n', prompt: '>$a<>$b<', rows: t.csv}]\n"
    loaded = load_bytes(manifest, {"t.csv": csv_of(table)})
    assert loaded.campaign is not None
    assert [take.input["prompt"] for take in loaded.campaign.takes] == [f">{a}<>{b}<" for a, b in rows]
