"""What a right manifest asks for."""

import hashlib
import re
from pathlib import Path

import pytest

from hailuo_batch.manifest import STARTER_MANIFEST, load_manifest
from hailuo_batch.values import Limits, compute_fingerprint
from tests.manifest.conftest import LoadErrors, LoadValid, WriteFile

HEAD = "version: 1\ncampaign: lamps\n"
REPOSITORY = Path(__file__).parents[2]


def test_the_smallest_manifest(load_valid: LoadValid) -> None:
    text = HEAD + "shots:\n  - id: hero\n    prompt: A lamp\n"
    campaign = load_valid(text)
    (take,) = campaign.takes
    assert (campaign.name, campaign.description, campaign.limits) == ("lamps", "", Limits())
    assert campaign.manifest_sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert (take.id, take.shot, take.number, take.model, take.tags) == ("hero", "hero", 1, "hailuo/pro", ())
    assert take.input_json == '{"prompt":"A lamp"}'
    assert take.fingerprint == compute_fingerprint("hailuo/pro", '{"prompt":"A lamp"}')
    assert take.images_sha256 is None


def test_a_campaigns_name_has_at_most_63_characters(load_valid: LoadValid, load_errors: LoadErrors) -> None:
    text = "version: 1\ncampaign: CAMPAIGN\nshots: [{id: hero, prompt: A lamp}]\n"
    assert load_valid(text.replace("CAMPAIGN", "a" * 63)).name == "a" * 63
    (error,) = load_errors(text.replace("CAMPAIGN", "a" * 64))
    assert error.startswith("2:11: error: `campaign` must be 1 to 63 lower-case letters")


@pytest.mark.parametrize("name", ["-lamps", "_lamps", "spring_lamps", "spring.lamps", "Lamps", "lámpák", "../lamps"])
def test_a_campaigns_name_is_safe_as_a_files(load_errors: LoadErrors, name: str) -> None:
    (error,) = load_errors(f"version: 1\ncampaign: {name}\nshots: [{{id: hero, prompt: A lamp}}]\n")
    assert error.startswith("2:11: error: `campaign` must be 1 to 63 lower-case letters")


def test_shots_that_are_written_elsewhere_are_judged_too(load_errors: LoadErrors) -> None:
    errors = load_errors(HEAD + "vars: {x: &s [{id: a, prompt: A, zebra: 1}]}\nshots: *s\n")
    assert [error.partition(";")[0] for error in errors] == [
        "3:11: error: `x` must be text or a number, not a list",
        "3:34: error: unknown key `zebra` in a shot",
    ]


def test_only_the_first_of_two_lists_of_shots_is_judged(load_errors: LoadErrors) -> None:
    (error,) = load_errors(HEAD + "shots: [{id: a, prompt: A}]\nshots: [{id: b, prompt: B, zebra: 1}]\n")
    assert error.startswith("4:1: error: duplicate key `shots`")


def test_images_are_part_of_the_input(load_valid: LoadValid) -> None:
    campaign = load_valid(
        HEAD + "shots:\n  - id: hero\n    prompt: A lamp\n    image_urls:\n"
        "      - https://example.com/a.jpg\n      - data:image/png;base64,aGk=\n"
    )
    assert next(campaign.takes).input == {
        "prompt": "A lamp",
        "image_urls": ["https://example.com/a.jpg", "data:image/png;base64,aGk="],
    }


def test_an_empty_list_of_images_is_not_sent(load_valid: LoadValid) -> None:
    campaign = load_valid(HEAD + "shots: [{id: hero, prompt: A lamp, image_urls: []}]\n")
    assert next(campaign.takes).input_json == '{"prompt":"A lamp"}'


def test_takes_of_a_shot_are_numbered_and_equal(load_valid: LoadValid) -> None:
    campaign = load_valid(HEAD + "shots: [{id: a, prompt: A lamp, takes: 3}, {id: b, prompt: B}]\n")
    assert [take.id for take in campaign.takes] == ["a", "a.take2", "a.take3", "b"]
    assert [take.number for take in campaign.takes] == [1, 2, 3, 1]
    assert len({take.fingerprint for take in campaign.shots[0].takes}) == 1


def test_a_hundred_takes_are_allowed(load_valid: LoadValid) -> None:
    assert len(load_valid(HEAD + "shots: [{id: a, prompt: A lamp, takes: 100}]\n").shots[0].takes) == 100


def test_limits_are_exact(load_valid: LoadValid) -> None:
    campaign = load_valid(
        HEAD + "limits:\n  max_spend_usd: 40\n  expected_cost_usd: 0.280001\n  max_attempts: 2\n"
        "  max_in_flight: 200\n  run_timeout: 45m\nshots: [{id: a, prompt: A}]\n"
    )
    assert campaign.limits == Limits(40_000_000, 280_001, 2, 200, 2700.0)


def test_limits_have_defaults(load_valid: LoadValid) -> None:
    campaign = load_valid(HEAD + "limits: {}\nshots: [{id: a, prompt: A}]\n")
    assert campaign.limits == Limits(None, None, 1, None, 3600.0)


def test_nothing_may_be_spent_at_all(load_valid: LoadValid) -> None:
    assert (
        load_valid(HEAD + "limits: {max_spend_usd: 0}\nshots: [{id: a, prompt: A}]\n").limits.max_spend_micro_usd == 0
    )


def test_defaults_give_way_to_the_shot(load_valid: LoadValid) -> None:
    campaign = load_valid(
        HEAD + "defaults: {takes: 2, tags: [spring], image_urls: ['https://example.com/a.jpg']}\nshots:\n"
        "  - {id: a, prompt: A}\n  - {id: b, prompt: B, takes: 1, tags: [], image_urls: []}\n"
    )
    a, b = campaign.shots
    assert (len(a.takes), a.takes[0].tags, "image_urls" in a.takes[0].input) == (2, ("spring",), True)
    assert (len(b.takes), b.takes[0].tags, "image_urls" in b.takes[0].input) == (1, (), False)


def test_the_nearest_model_counts(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(
        HEAD + "model: one/top\ndefaults: {model: two/defaults}\n"
        "shots: [{id: a, prompt: A}, {id: b, prompt: B, model: hailuo/pro}]\n"
    )
    campaign = load_manifest(path).campaign
    assert campaign is not None
    assert [take.model for take in campaign.takes] == ["two/defaults", "hailuo/pro"]


def test_a_model_without_a_schema_is_a_warning_only(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(HEAD + "model: kling/v2\nshots: [{id: a, prompt: A}, {id: b, prompt: B}]\n")
    loaded = load_manifest(path)
    assert loaded.campaign is not None
    (warning,) = loaded.diagnostics
    message = "hailuo-batch has no schema for the model `kling/v2`: its input is not checked [unchecked-input]"
    assert str(warning) == f"{path}:3:8: warning: {message}"


def test_a_schema_answers_only_for_its_own_model(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(HEAD + "model: Hailuo/pro\nshots: [{id: a, prompt: A}]\n")
    assert "has no schema" in str(load_manifest(path).diagnostics[0])


def test_order_comments_and_tags_do_not_change_what_is_paid_for(load_valid: LoadValid) -> None:
    plain = load_valid(HEAD + "shots:\n  - id: a\n    prompt: A\n    image_urls: ['https://e.com/a']\n")
    other = load_valid(
        HEAD + "description: x # y\nlimits: {max_attempts: 3}\n"
        "shots:\n  - image_urls: ['https://e.com/a']\n    tags: [t]\n    prompt: A # z\n    id: a\n"
    )
    assert next(plain.takes).fingerprint == next(other.takes).fingerprint


def test_a_prompt_is_trimmed_and_keeps_its_inner_breaks(load_valid: LoadValid) -> None:
    campaign = load_valid(HEAD + "shots:\n  - id: a\n    prompt: |\n\n      one\n        two\n\n      three\n\n")
    assert next(campaign.takes).input["prompt"] == "one\n  two\n\nthree"


def test_tags_are_kept_once_each(load_valid: LoadValid) -> None:
    campaign = load_valid(HEAD + "vars: {x: b}\nshots: [{id: a, prompt: A, tags: [b, a, '${x}']}]\n")
    assert next(campaign.takes).tags == ("b", "a")


def test_aliases_and_merge_keys_work(load_valid: LoadValid) -> None:
    campaign = load_valid(
        HEAD + "vars: {style: &s soft light}\nshots:\n"
        "  - &first {id: a, prompt: *s, takes: 2, tags: &t [x]}\n"
        "  - {<<: *first, id: b, takes: 1}\n"
        "  - {<<: [{takes: 3}, *first], id: c, tags: *t}\n"
    )
    assert [(shot.id, len(shot.takes), shot.takes[0].tags) for shot in campaign.shots] == [
        ("a", 2, ("x",)),
        ("b", 1, ("x",)),
        ("c", 3, ("x",)),
    ]
    assert {take.input_json for take in campaign.takes} == {'{"prompt":"soft light"}'}


def test_what_is_merged_need_not_be_an_alias(load_valid: LoadValid) -> None:
    assert load_valid(HEAD + "shots: [{id: a, prompt: A, <<: {takes: 2}}]\n").shots[0].takes[1].id == "a.take2"


def test_a_quoted_merge_sign_is_an_ordinary_key(load_errors: LoadErrors) -> None:
    (error,) = load_errors(HEAD + "shots: [{id: a, prompt: A, '<<': {takes: 2}}]\n")
    assert error.startswith("3:28: error: unknown key `<<` in a shot")


def test_a_byte_order_mark_changes_nothing(load_valid: LoadValid) -> None:
    assert load_valid(b"\xef\xbb\xbf" + (HEAD + "shots: [{id: a, prompt: A}]\n").encode()).name == "lamps"


def test_windows_line_ends_change_nothing(load_valid: LoadValid) -> None:
    text = HEAD + "shots:\n  - id: a\n    prompt: |\n      one\n      two\n"
    unix, windows = load_valid(text), load_valid(text.replace("\n", "\r\n"))
    assert next(unix.takes).fingerprint == next(windows.takes).fingerprint


def test_text_of_any_script_is_sent_as_it_is(load_valid: LoadValid) -> None:
    campaign = load_valid(HEAD + 'shots: [{id: a, prompt: "Лампа 灯 💡 \\u00e9"}]\n')
    assert next(campaign.takes).input_json == '{"prompt":"Лампа 灯 💡 é"}'


def test_the_starter_is_a_manifest(load_valid: LoadValid) -> None:
    assert STARTER_MANIFEST.startswith("# yaml-language-server: $schema=")
    assert [take.id for take in load_valid(STARTER_MANIFEST).takes] == ["hero", "hero.take2"]


def test_what_the_starter_offers_in_comments_works_too(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("products.csv", "sku,name,image\nA 1,A vase,\n")
    write_file("ideas.txt", "A kite above the sea\n")
    campaign = load_valid(re.sub("^  # ", "  ", STARTER_MANIFEST, flags=re.MULTILINE))
    assert [take.id for take in campaign.takes] == [
        "hero", "hero.take2", "hero-moving", "lamp-white-a-loft", "lamp-white-a-library", "lamp-teal-a-loft", "sku-a-1",
        "idea-001",
    ]  # fmt: skip
    assert campaign.limits.run_timeout_s == 2700


def test_the_quickstart_has_six_takes_from_text_and_from_images() -> None:
    path = REPOSITORY / "manifests" / "quickstart.yaml"
    assert path.read_text().startswith("# yaml-language-server: $schema=../schemas/manifest.schema.json\n")
    loaded = load_manifest(path)
    assert loaded.diagnostics == ()
    assert loaded.campaign is not None
    takes = list(loaded.campaign.takes)
    assert (loaded.campaign.name, len(takes), len(loaded.campaign.shots)) == ("quickstart", 6, 5)
    assert sum("image_urls" in take.input for take in takes) == 2
    assert loaded.campaign.limits.expected_cost_micro_usd == 280_000


def test_the_description_is_trimmed(load_valid: LoadValid) -> None:
    assert load_valid(HEAD + "description: |\n  one\n  two\nshots: [{id: a, prompt: A}]\n").description == "one\ntwo"
