"""The schemas themselves: valid, explained, and true in their examples."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hailuo_batch import resources
from hailuo_batch.manifest import load_manifest
from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.validation import schema_errors, suggestions
from hailuo_batch.manifest.yaml.nodes import MappingNode, ScalarNode
from hailuo_batch.values import DEFAULT_MODEL, Limits, parse_duration

NAMES = ["manifest", "models/hailuo-pro"]


def parts(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema within a schema."""
    yield node
    for keyword in ("properties", "$defs"):
        for child in node.get(keyword, {}).values():
            yield from parts(child)
    for keyword in ("items", "additionalProperties", "propertyNames"):
        if isinstance(node.get(keyword), dict):
            yield from parts(node[keyword])


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one(name: str) -> None:
    document = json.loads(resources.load_schema_text(name))
    jsonschema.Draft202012Validator.check_schema(document)
    assert document["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$schema"]


@pytest.mark.parametrize("name", NAMES)
def test_every_example_and_default_is_valid(name: str) -> None:
    document = json.loads(resources.load_schema_text(name))
    for part in parts(document):
        checker = jsonschema.Draft202012Validator({"$defs": document.get("$defs", {}), **part})
        for example in [*part.get("examples", []), *([part["default"]] if "default" in part else [])]:
            checker.validate(example)


@pytest.mark.parametrize("name", NAMES)
def test_every_named_part_is_explained_and_has_an_example(name: str) -> None:
    for part in parts(json.loads(resources.load_schema_text(name))):
        for key, child in {**part.get("properties", {}), **part.get("$defs", {})}.items():
            if "$ref" not in child:
                assert {"title", "description", "examples", "errorMessage"} - child.keys() in (
                    set(),
                    {"errorMessage"},
                ), key
                assert child.get("errorMessage") or name.startswith("models/"), key


def test_defaults_are_those_of_the_program() -> None:
    limits = schema_errors.leaf_schema("limits")["properties"]
    assert limits["max_attempts"]["default"] == Limits().max_attempts
    assert parse_duration(limits["run_timeout"]["default"]) == Limits().run_timeout_s
    assert schema_errors.manifest_schema()["$defs"]["model"]["default"] == DEFAULT_MODEL


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        *[("promt", "prompt"), ("image-urls", "image_urls"), ("Tags", "tags"), ("imageurls", "image_urls")],
        *[("PROMPT", "prompt"), ("ID", "id"), ("\u201ctags\u201d", "tags"), ("zebra", None)],
    ],
)
def test_the_nearest_key_is_found(word: str, meant: str | None) -> None:
    assert suggestions.closest_match(word, ["id", "prompt", "image_urls", "takes", "tags", "model"]) == meant


def test_a_model_may_be_refused_by_its_own_schema() -> None:
    checker = schema_errors.model_checker("hailuo/pro")
    assert checker is not None
    diagnostics = Diagnostics("m.yaml")
    prompt = ScalarNode("A", 5, 7)
    schema_errors.report_schema_errors(
        checker.validator, {"prompt": 3}, MappingNode(4, 3, {"prompt": (prompt, prompt)}), "the input", diagnostics
    )
    assert [str(found) for found in diagnostics.in_order()] == ["m.yaml:5:7: error: `prompt` must be text, not `A`"]


@pytest.mark.parametrize("model", ["kling/v2", "Hailuo/pro", "hailuo/PRO", "no/such"])
def test_a_model_without_a_schema_has_no_checker(model: str) -> None:
    assert schema_errors.model_checker(model) is None


def test_a_schema_is_not_taken_for_another_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where file names ignore case, or two models share one, the file found may be another model's."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a-b-c.schema.json").write_text('{"x-model": "a/b-c"}')
    monkeypatch.setattr(resources, "_PACKAGED", tmp_path)
    assert schema_errors.model_checker("a/b-c") is not None
    assert schema_errors.model_checker("a-b/c") is None


def test_a_models_own_schema_checks_each_raw_shot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "manifest.schema.json").write_text(resources.load_schema_text("manifest"))
    (tmp_path / "models" / "short-texts.schema.json").write_text(
        json.dumps(
            {
                "x-model": "short/texts",
                "properties": {
                    "prompt": {"maxLength": 5, "errorMessage": "must be short; write less"},
                    "image_urls": {"items": {"maxLength": 15, "errorMessage": "must be a short URL"}},
                },
            }
        )
    )
    monkeypatch.setattr(resources, "_PACKAGED", tmp_path)
    path = tmp_path / "m.yaml"
    path.write_text(
        "version: 1\ncampaign: c\nmodel: short/texts\ndefaults:\n  image_urls:\n    - https://e.com\n"
        "    - https://example.com\nshots:\n  - id: a\n    takes: 2\n    prompt: A lamp\n"
    )
    assert [str(found).removeprefix(str(path)) for found in load_manifest(path).diagnostics] == [
        ":7:7: error: item 2 of `image_urls` must be a short URL, not `https://example.com`",
        ":11:13: error: `prompt` must be short, not `A lamp`; write less",
    ]
