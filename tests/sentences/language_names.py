"""The manifest's language: what is required, the campaign's name and the shots' IDs."""

from tests.sentences.rule import Breakage, rule

_MANIFEST = "hailuo_batch/manifest"
_SCHEMA = "schemas/manifest.schema.json"
_IDS = "manifest/test_slugs.py"
_FILLED = "manifest/test_values_put_in.py"
_GALLERY = "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages"

RULES = (
    rule(
        "version, campaign and shots are required",
        Breakage(
            "schemas/manifest.schema.json",
            '"required": ["version", "campaign", "shots"]',
            '"required": ["campaign", "shots"]',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[nothing-required]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"required": ["version", "campaign", "shots"]',
            '"required": ["version", "shots"]',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[nothing-required]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"required": ["version", "campaign", "shots"]',
            '"required": ["version", "campaign"]',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[nothing-required]",
        ),
    ),
    rule(
        "shots must not be empty",
        Breakage(
            "schemas/manifest.schema.json",
            '"minItems": 1,\n      "maxItems": 100000,\n      "errorMessage": "must be a list of 1 to 100,000 shots',
            '"maxItems": 100000,\n      "errorMessage": "must be a list of 1 to 100,000 shots',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[no-shots]",
        ),
    ),
    rule(
        "in a shot, id and prompt are required",
        Breakage(
            "schemas/manifest.schema.json",
            '"required": ["id", "prompt"]',
            '"required": ["prompt"]',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[shot-lacks-keys]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"required": ["id", "prompt"]',
            '"required": ["id"]',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[shot-lacks-keys]",
        ),
    ),
    rule(
        "unknown keys are errors, at the top, in limits, images, defaults and in a shot",
        Breakage(
            "schemas/manifest.schema.json",
            '"additionalProperties": false,\n  "required": ["version"',
            '"required": ["version"',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[unknown-top-key]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"additionalProperties": false,\n      "examples": [{ "max_spend_usd"',
            '"examples": [{ "max_spend_usd"',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[limits-more]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"additionalProperties": false,\n      "examples": [{ "base_url"',
            '"examples": [{ "base_url"',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[images-base-url]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"additionalProperties": false,\n      "examples": [{ "takes"',
            '"examples": [{ "takes"',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[defaults-wrong]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"additionalProperties": false,\n      "required": ["id"',
            '"required": ["id"',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[misspelled-keys]",
        ),
    ),
    rule(
        "with the nearest known key suggested",
        Breakage(
            "hailuo_batch/manifest/validation/schema_errors.py",
            'return f"did you mean {quoted(meant)}?"',
            'return ""',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[misspelled-keys]",
        ),
    ),
    rule(
        "duplicate keys anywhere are errors",
        Breakage(
            "hailuo_batch/manifest/yaml/composer.py",
            "elif key.text in mapping.entries:",
            "elif key.text in mapping.entries and len(self._stack) == 1:",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[duplicate-keys]",
        ),
        Breakage(
            "hailuo_batch/manifest/yaml/composer.py",
            "elif key.text in mapping.entries:",
            "elif key.text in mapping.entries and len(self._stack) > 1:",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[duplicate-keys]",
        ),
    ),
    rule(
        "a campaign begins with a lower-case letter or a digit, and has those and - alone",
        Breakage(
            "schemas/manifest.schema.json",
            '"pattern": "^[a-z0-9][a-z0-9-]{0,62}$"',
            '"pattern": "^[A-Za-z0-9][a-z0-9-]{0,62}$"',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[several-at-once]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"pattern": "^[a-z0-9][a-z0-9-]{0,62}$"',
            '"pattern": "^[a-z0-9-][a-z0-9-]{0,62}$"',
            "manifest/test_campaign.py::test_a_campaigns_name_is_safe_as_a_files",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"pattern": "^[a-z0-9][a-z0-9-]{0,62}$"',
            '"pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"',
            "manifest/test_campaign.py::test_a_campaigns_name_is_safe_as_a_files",
        ),
    ),
    rule(
        "it has at most 63 characters",
        Breakage(
            "schemas/manifest.schema.json",
            '"pattern": "^[a-z0-9][a-z0-9-]{0,62}$"',
            '"pattern": "^[a-z0-9][a-z0-9-]*$"',
            "manifest/test_campaign.py::test_a_campaigns_name_has_at_most_63_characters",
        ),
    ),
    rule(
        "the whole text: a final line break does not pass",
        Breakage(
            "hailuo_batch/manifest/validation/fast_check.py",
            'return re.compile(re.sub(r"(?<!\\\\)\\$$", r"\\\\Z", pattern), re.ASCII)',
            "return re.compile(pattern, re.ASCII)",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[campaign-final-break]",
        ),
    ),
    rule(
        "an id is written from lower-case ASCII letters, digits, _, - and ${name}",
        Breakage(
            "hailuo_batch/manifest/expansion/shot_ids.py",
            "if ids.is_written_well(text.pattern):",
            "if True:",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[id-spelling]",
        ),
        Breakage(
            "hailuo_batch/manifest/slugs.py",
            '_LITERAL = re.compile(r"[a-z0-9_-]*", re.ASCII)',
            '_LITERAL = re.compile(r"[a-z0-9_-]*", re.ASCII | re.IGNORECASE)',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[several-at-once]",
        ),
    ),
    rule(
        "each value put into it is made a slug",
        Breakage(
            "hailuo_batch/manifest/expansion/shot_ids.py",
            "shot_id = text.pattern.filled(scope, ids.slug)",
            "shot_id = text.pattern.filled(scope)",
            "manifest/test_values_put_in.py::test_variables_work_in_every_text_of_a_shot",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/shot_ids.py",
            "shot_id = text.pattern.filled(scope, ids.slug)",
            "shot_id = ids.slug(text.pattern.filled(scope))",
            "manifest/test_slugs.py::test_only_values_are_made_slugs",
        ),
    ),
    rule(
        "a slug is NFKD",
        Breakage(
            "hailuo_batch/manifest/slugs.py",
            'unicodedata.normalize("NFKD", text)',
            'unicodedata.normalize("NFD", text)',
            "manifest/test_slugs.py::test_a_value_becomes_a_slug",
        ),
    ),
    rule(
        "a slug is lower case",
        Breakage(
            "hailuo_batch/manifest/slugs.py",
            "        return text.lower()",
            "        return text",
            "manifest/test_slugs.py::test_a_value_becomes_a_slug",
        ),
    ),
    rule(
        "every run of other characters is one -",
        Breakage(
            "hailuo_batch/manifest/slugs.py",
            '_OTHER = re.compile(r"[^a-z0-9_]+", re.ASCII)',
            '_OTHER = re.compile(r"[^a-z0-9_]", re.ASCII)',
            "manifest/test_slugs.py::test_a_value_becomes_a_slug",
        ),
    ),
    rule(
        "- is trimmed from both ends",
        Breakage(
            "hailuo_batch/manifest/slugs.py",
            'return _OTHER.sub("-", _plain_letters(value)).strip("-")',
            'return _OTHER.sub("-", _plain_letters(value)).lstrip("-")',
            "manifest/test_slugs.py::test_a_value_becomes_a_slug",
        ),
        Breakage(
            "hailuo_batch/manifest/slugs.py",
            'return _OTHER.sub("-", _plain_letters(value)).strip("-")',
            'return _OTHER.sub("-", _plain_letters(value)).rstrip("-")',
            "manifest/test_slugs.py::test_a_value_becomes_a_slug",
        ),
    ),
    rule(
        "the result has at most 100 characters, the first a letter or a digit",
        Breakage(
            "hailuo_batch/manifest/slugs.py",
            '_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}", re.ASCII)',
            '_ID = re.compile(r"[a-z0-9][a-z0-9_-]*", re.ASCII)',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[id-too-long]",
        ),
        Breakage(
            "hailuo_batch/manifest/slugs.py",
            '_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}", re.ASCII)',
            '_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,98}", re.ASCII)',
            "manifest/test_slugs.py::test_an_id_is_good",
        ),
        Breakage(
            "hailuo_batch/manifest/slugs.py",
            '_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}", re.ASCII)',
            '_ID = re.compile(r"[a-z0-9_-]{1,100}", re.ASCII)',
            "manifest/test_slugs.py::test_an_id_is_wrongly_spelled",
        ),
    ),
    rule(
        "it is matched as a whole",
        Breakage(
            "hailuo_batch/manifest/slugs.py",
            "if _ID.fullmatch(shot_id):",
            "if _ID.match(shot_id):",
            "manifest/test_slugs.py::test_an_id_is_wrongly_spelled",
        ),
    ),
    rule(
        "it is not report, superseded or a name that Windows reserves",
        Breakage(
            "hailuo_batch/manifest/slugs.py",
            '_OURS = frozenset({"report", "superseded"})',
            '_OURS = frozenset({"superseded"})',
            "manifest/test_slugs.py::test_an_id_is_reserved",
        ),
        Breakage(
            "hailuo_batch/manifest/slugs.py",
            '_OURS = frozenset({"report", "superseded"})',
            '_OURS = frozenset({"report"})',
            "manifest/test_slugs.py::test_an_id_is_reserved",
        ),
        Breakage(
            "hailuo_batch/manifest/slugs.py",
            "if shot_id in _WINDOWS:",
            "if False:",
            "manifest/test_slugs.py::test_an_id_is_reserved",
        ),
    ),
    rule(
        "it is unique in the campaign, and two shots with one ID are an error that names both places",
        Breakage(
            "hailuo_batch/manifest/expansion/shot_ids.py",
            "if number != self._start + index:",
            "if False:",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[id-twice]",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/shot_ids.py",
            'is already that of {first.place_of(number)}"',
            'is already taken"',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[id-twice]",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/shot_ids.py",
            "place = self._part.written.node if first.text.node is text.node else text.node",
            "place = first.text.node",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[id-twice]",
        ),
    ),
    rule(
        "an ID that is wrong only in its spelling gets the right one as a hint",
        Breakage(
            "hailuo_batch/manifest/expansion/shot_ids.py",
            'hint = "" if better is None else f"write {quoted(better)}"',
            'hint = ""',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[id-spelling]",
        ),
    ),
)
