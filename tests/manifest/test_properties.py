"""Manifests nobody would think of: loading never raises, and what it accepts expands to what the rules say."""

import re
import string
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hailuo_batch.manifest import STARTER, Loaded, Severity, load_manifest
from hailuo_batch.values import fingerprint

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


def load_bytes(data: bytes) -> Loaded:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.yaml"
        path.write_bytes(data)
        loaded = load_manifest(path)
    assert (loaded.campaign is None) == any(found.severity is Severity.ERROR for found in loaded.diagnostics)
    assert all(found.line >= 1 and found.column >= 1 and "\n" not in found.message for found in loaded.diagnostics)
    return loaded


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"\xef\xbb\xbf")
@example(b"\x00")
@example(b"--- >\n")
@example(b"? <<: {a: *b}\n")
def test_no_file_makes_it_raise(data: bytes) -> None:
    assert load_bytes(data).campaign is None


@given(st.dictionaries(st.sampled_from(KEYS), TREES, max_size=6))
def test_no_document_makes_it_raise(tree: dict[str, Any]) -> None:
    load_bytes(yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass"))


@given(st.data())
def test_no_slip_of_the_keyboard_makes_it_raise(data: st.DataObject) -> None:
    text = STARTER
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
    load_bytes(text.encode())


@settings(deadline=None)
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
    assert loaded.diagnostics == ()
    assert loaded.campaign is not None
    expected = [
        (name if n == 1 else f"{name}.take{n}", f"{text} {value}".strip())
        for name, text, takes in shots
        for n in range(1, takes + 1)
    ]
    assert [(take.id, take.input["prompt"]) for take in loaded.campaign.takes] == expected
    for take in loaded.campaign.takes:
        assert take.fingerprint == fingerprint(take.model, take.input_json)
        assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*(\.take[0-9]+)?", take.id)
