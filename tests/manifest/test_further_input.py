"""`input`: what a shot adds for another model, sent as it stands."""

import json
from pathlib import Path

import pytest

from hailuo_batch import resources
from hailuo_batch.manifest import Severity, load_manifest
from hailuo_batch.values import Take
from tests.manifest.conftest import Load, LoadErrors

HEAD = "version: 1\ncampaign: lamps\nmodel: kling/v2\n"


def take_of(load: Load, input_: str, more: str = "") -> Take:
    loaded = load(HEAD + more + f"shots:\n- {{id: a, prompt: A, image_urls: ['https://e.com/a'], input: {input_}}}\n")
    assert [found.severity for found in loaded.diagnostics] == [Severity.WARNING]
    assert "its input is not checked" in loaded.diagnostics[0].message
    assert loaded.campaign is not None
    return next(loaded.campaign.takes)


def test_it_is_sent_beside_prompt_and_images(load: Load) -> None:
    take = take_of(load, "{seed: 7, camera: {zoom: 1.5, moves: [pan, true, null, -2]}}")
    assert take.input == {
        "prompt": "A",
        "image_urls": ["https://e.com/a"],
        "seed": 7,
        "camera": {"zoom": 1.5, "moves": ["pan", True, None, -2]},
    }


def test_nothing_is_put_in(load: Load) -> None:
    assert take_of(load, "{negative: '${x} $$ $'}").input["negative"] == "${x} $$ $"


def test_it_is_part_of_what_is_paid_for(load: Load) -> None:
    one, other, plain = (take_of(load, text) for text in ("{seed: 7}", "{seed: 8}", "{}"))
    assert len({one.fingerprint, other.fingerprint, plain.fingerprint}) == 3


def test_defaults_give_way_to_the_shot_as_a_whole(load: Load) -> None:
    loaded = load(
        HEAD + "defaults: {input: {seed: 7, fps: 24}}\nshots:\n"
        "- {id: a, prompt: A}\n- {id: b, prompt: B, input: {seed: 8}}\n"
    )
    assert loaded.campaign is not None
    a, b = loaded.campaign.takes
    assert (a.input["seed"], a.input["fps"]) == (7, 24)
    assert b.input == {"prompt": "B", "seed": 8}


@pytest.mark.parametrize("key", ["prompt", "image_urls"])
def test_what_the_shot_states_is_not_written_again(load_errors: LoadErrors, key: str) -> None:
    error = load_errors(HEAD + f"shots: [{{id: a, prompt: A, input: {{{key}: x}}}}]\n")[-1]
    assert error == f"4:36: error: the key `{key}` belongs next to `input`, not in it"


@pytest.mark.parametrize(
    "value", ["010", "1:30", "0x1F", ".inf", ".nan", "2024-01-31", "1_000", "0.12345678901234567", "="]
)
def test_a_value_of_doubtful_meaning_is_an_error(load_errors: LoadErrors, value: str) -> None:
    errors = load_errors(HEAD + f"shots: [{{id: a, prompt: A, input: {{deep: [{{x: {value}}}]}}}}]\n")
    assert any(one.startswith("4:47: error: ") for one in errors)


def test_a_model_with_a_schema_knows_its_input(load_errors: LoadErrors) -> None:
    errors = load_errors(HEAD.replace("kling/v2", "hailuo/pro") + "shots: [{id: a, prompt: A, input: {sed: 7}}]\n")
    assert errors == ["4:36: error: unknown key `sed` in the input of `hailuo/pro`; known: `prompt`, `image_urls`"]


def test_it_is_checked_against_the_models_own_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "manifest.schema.json").write_text(resources.load_schema_text("manifest"))
    schema = {
        "x-model": "with/seed",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "prompt": {"type": "string"},
            "seed": {"type": "integer", "multipleOf": 2, "errorMessage": "must be an even number; write 8"},
        },
    }
    (tmp_path / "models" / "with-seed.schema.json").write_text(json.dumps(schema))
    monkeypatch.setattr(resources, "_PACKAGED", tmp_path)
    path = tmp_path / "m.yaml"
    head = HEAD.replace("kling/v2", "with/seed")
    path.write_text(head + "shots: [{id: a, prompt: A, input: {seed: 8}}]\n")
    assert load_manifest(path).diagnostics == ()
    path.write_text(head + "shots: [{id: a, prompt: A, input: {seed: 7, sed: 1}}]\n")
    assert [str(found).removeprefix(f"{path}:") for found in load_manifest(path).diagnostics] == [
        "4:42: error: `seed` must be an even number, not `7`; write 8",
        "4:45: error: unknown key `sed` in the input of `with/seed`; remove it: `seed` is there already",
    ]


def test_an_alias_in_it_is_written_out_once_for_all(load: Load) -> None:
    take = take_of(load, "{a: &x {k: [1, 2]}, b: *x}")
    assert take.input["b"] == {"k": [1, 2]}


def test_a_large_input_for_many_shots_is_refused_before_it_is_built(load_errors: LoadErrors) -> None:
    big = "x" * 100_000
    shots = "".join(f"- {{id: 'a{n}-${{i}}', prompt: A, input: *x, matrix: *m}}\n" for n in range(30))
    (error,) = load_errors(
        HEAD + f"shots:\n- {{id: x, prompt: A, input: &x {{text: {big}}}}}\n"
        f"- {{id: 'b-${{i}}', prompt: A, matrix: &m {{i: [{', '.join(map(str, range(100)))}]}}}}\n" + shots
    )
    assert "more than 268,435,456 characters" in error
