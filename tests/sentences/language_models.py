"""The manifest's language: models, durations and money."""

from tests.sentences.rule import Breakage, rule

_MANIFEST = "hailuo_batch/manifest"
_SCHEMA = "schemas/manifest.schema.json"
_CAMPAIGN = "manifest/test_campaign.py"
_INPUT = "manifest/test_further_input.py"
_GALLERY = "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages"

RULES = (
    rule(
        "model is provider/name",
        Breakage(
            "schemas/manifest.schema.json",
            '"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}/[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"',
            '"pattern": "^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$"',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[model-spelling]",
        ),
    ),
    rule(
        "a model's input schema is a file in schemas/models/",
        Breakage(
            "hailuo_batch/manifest/validation/schema_errors.py",
            "f\"models/{model.replace('/', '-')}\"",
            "f\"models/{model.replace('/', '_')}\"",
            "manifest/test_further_input.py::test_it_is_checked_against_the_models_own_schema",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "elif not judge.accepts(made):",
            "elif False:",
            "manifest/test_further_input.py::test_it_is_checked_against_the_models_own_schema",
        ),
    ),
    rule(
        "hailuo-pro.schema.json ships: the vendor's prompt and image_urls",
        Breakage(
            "schemas/models/hailuo-pro.schema.json",
            '"additionalProperties": false,\n',
            "",
            "manifest/test_further_input.py::test_a_model_with_a_schema_knows_its_input",
        ),
        Breakage(
            "schemas/models/hailuo-pro.schema.json",
            '"image_urls": {',
            '"images": {',
            "manifest/test_campaign.py::test_images_are_part_of_the_input",
        ),
    ),
    rule(
        "a shot may carry input:, sent as it stands beside prompt and image_urls",
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "input_json = canonical_json(extra | made.input)",
            "input_json = canonical_json(made.input)",
            "manifest/test_further_input.py::test_it_is_sent_beside_prompt_and_images",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "input_json = canonical_json(extra | made.input)",
            'input_json = canonical_json({"more": extra} | made.input)',
            "manifest/test_further_input.py::test_it_is_sent_beside_prompt_and_images",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "input_json = canonical_json(extra | made.input)",
            'input_json = canonical_json(extra | made.input).replace("$$", "$")',
            "manifest/test_further_input.py::test_nothing_is_put_in",
        ),
    ),
    rule(
        "it is a mapping",
        Breakage(
            "schemas/manifest.schema.json",
            '"type": "object",\n      "errorMessage": "must be a mapping of parameters',
            '"errorMessage": "must be a mapping of parameters',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[input-wrong-form]",
        ),
    ),
    rule(
        "for a model without a schema the plan warns that the input is unchecked",
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            'self._report.warn(place, f"no schema ships for the model {quoted(part.model)}: its input is sent unchecked")',
            "place.line",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[warns-of-unchecked-model]",
        ),
        Breakage(
            "hailuo_batch/app/manifest_input.py",
            "    if warnings:\n",
            "    if False:\n",
            "app/test_manifest_input.py::test_a_warning_is_shown_and_stops_nothing[plan]",
        ),
    ),
    rule(
        "durations: 90s, 45m, 2h",
        Breakage(
            "hailuo_batch/values.py",
            '_UNIT_S = {"s": 1, "m": 60, "h": 3600}',
            '_UNIT_S = {"s": 1, "m": 60, "h": 60}',
            "test_values.py::test_durations_are_read_in_seconds",
        ),
        Breakage(
            "hailuo_batch/values.py",
            '_UNIT_S = {"s": 1, "m": 60, "h": 3600}',
            '_UNIT_S = {"s": 1, "m": 1, "h": 3600}',
            "test_values.py::test_durations_are_read_in_seconds",
        ),
        Breakage(
            "hailuo_batch/values.py",
            '_UNIT_S = {"s": 1, "m": 60, "h": 3600}',
            '_UNIT_S = {"s": 60, "m": 60, "h": 3600}',
            "test_values.py::test_durations_are_read_in_seconds",
        ),
        Breakage(
            "hailuo_batch/values.py",
            "match = _DURATION.fullmatch(text)",
            "match = _DURATION.search(text)",
            "test_values.py::test_what_is_no_duration_is_refused",
        ),
    ),
    rule(
        "money: a decimal number of US dollars with at most 6 places",
        Breakage(
            "hailuo_batch/values.py",
            "[0-9]{1,6}))?",
            "[0-9]{1,7}))?",
            "test_values.py::test_what_is_no_plain_amount_is_refused",
        ),
        Breakage(
            "hailuo_batch/values.py",
            "[0-9]{1,6}))?",
            "[0-9]{1,5}))?",
            "test_values.py::test_dollars_are_read_to_the_micro_dollar",
        ),
        Breakage(
            "hailuo_batch/manifest/document.py",
            "            return parse_usd(node.text)\n        except ValueError:\n            tell_wrong(",
            "            return parse_usd(node.text[:8])\n        except ValueError:\n            tell_wrong(",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[limits-notations]",
        ),
    ),
    rule(
        "kept as integer micro-USD, never as a float",
        Breakage(
            "hailuo_batch/values.py",
            'return int(whole) * MICRO + int((fraction or "").ljust(6, "0"))',
            "return int(float(text) * MICRO)",
            "test_values.py::test_dollars_are_read_to_the_micro_dollar",
        ),
        Breakage(
            "hailuo_batch/values.py",
            'return int(whole) * MICRO + int((fraction or "").ljust(6, "0"))',
            "return float(text) * MICRO",
            "test_values.py::test_dollars_are_read_to_the_micro_dollar",
        ),
    ),
)
