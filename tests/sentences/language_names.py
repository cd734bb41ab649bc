"""The manifest's language: what is required, the campaign's name and the shots' IDs."""

from tests.sentences.rule import Breakage, rule

_MANIFEST = "hailuo_batch/manifest"
_SCHEMA = "schemas/manifest.schema.json"
_IDS = "manifest/test_ids.py"
_FILLED = "manifest/test_values_put_in.py"
_GALLERY = "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages"

RULES = (
    rule(
        "version, campaign and shots are required",
        Breakage(
            _SCHEMA,
            '"required": ["version", "campaign", "shots"]',
            '"required": ["campaign", "shots"]',
            f"{_GALLERY}[nothing-required]",
        ),
        Breakage(
            _SCHEMA,
            '"required": ["version", "campaign", "shots"]',
            '"required": ["version", "shots"]',
            f"{_GALLERY}[nothing-required]",
        ),
        Breakage(
            _SCHEMA,
            '"required": ["version", "campaign", "shots"]',
            '"required": ["version", "campaign"]',
            f"{_GALLERY}[nothing-required]",
        ),
    ),
    rule(
        "shots must not be empty",
        Breakage(
            _SCHEMA,
            '"minItems": 1,\n      "maxItems": 100000,\n      "errorMessage": "must be a list of 1 to 100,000 shots',
            '"maxItems": 100000,\n      "errorMessage": "must be a list of 1 to 100,000 shots',
            f"{_GALLERY}[no-shots]",
        ),
    ),
    rule(
        "in a shot, id and prompt are required",
        Breakage(_SCHEMA, '"required": ["id", "prompt"]', '"required": ["prompt"]', f"{_GALLERY}[shot-lacks-keys]"),
        Breakage(_SCHEMA, '"required": ["id", "prompt"]', '"required": ["id"]', f"{_GALLERY}[shot-lacks-keys]"),
    ),
    rule(
        "unknown keys are errors, at the top, in limits, images, defaults and in a shot",
        Breakage(
            _SCHEMA,
            '"additionalProperties": false,\n  "required": ["version"',
            '"required": ["version"',
            f"{_GALLERY}[unknown-top-key]",
        ),
        Breakage(
            _SCHEMA,
            '"additionalProperties": false,\n      "examples": [{ "max_spend_usd"',
            '"examples": [{ "max_spend_usd"',
            f"{_GALLERY}[limits-more]",
        ),
        Breakage(
            _SCHEMA,
            '"additionalProperties": false,\n      "examples": [{ "base_url"',
            '"examples": [{ "base_url"',
            f"{_GALLERY}[images-base-url]",
        ),
        Breakage(
            _SCHEMA,
            '"additionalProperties": false,\n      "examples": [{ "takes"',
            '"examples": [{ "takes"',
            f"{_GALLERY}[defaults-wrong]",
        ),
        Breakage(
            _SCHEMA,
            '"additionalProperties": false,\n      "required": ["id"',
            '"required": ["id"',
            f"{_GALLERY}[misspelled-keys]",
        ),
    ),
    rule(
        "with the nearest known key suggested",
        Breakage(
            f"{_MANIFEST}/schema.py",
            'return f"did you mean {quoted(meant)}?"',
            'return ""',
            f"{_GALLERY}[misspelled-keys]",
        ),
    ),
    rule(
        "duplicate keys anywhere are errors",
        Breakage(
            f"{_MANIFEST}/compose.py",
            "elif key.text in mapping.entries:",
            "elif key.text in mapping.entries and len(self._stack) == 1:",
            f"{_GALLERY}[duplicate-keys]",
        ),
        Breakage(
            f"{_MANIFEST}/compose.py",
            "elif key.text in mapping.entries:",
            "elif key.text in mapping.entries and len(self._stack) > 1:",
            f"{_GALLERY}[duplicate-keys]",
        ),
    ),
    rule(
        "a campaign begins with a lower-case letter or a digit, and has those and - alone",
        Breakage(
            _SCHEMA,
            '"pattern": "^[a-z0-9][a-z0-9-]{0,62}$"',
            '"pattern": "^[A-Za-z0-9][a-z0-9-]{0,62}$"',
            f"{_GALLERY}[several-at-once]",
        ),
        Breakage(
            _SCHEMA,
            '"pattern": "^[a-z0-9][a-z0-9-]{0,62}$"',
            '"pattern": "^[a-z0-9-][a-z0-9-]{0,62}$"',
            "manifest/test_campaign.py::test_a_campaigns_name_is_safe_as_a_files",
        ),
        Breakage(
            _SCHEMA,
            '"pattern": "^[a-z0-9][a-z0-9-]{0,62}$"',
            '"pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"',
            "manifest/test_campaign.py::test_a_campaigns_name_is_safe_as_a_files",
        ),
    ),
    rule(
        "it has at most 63 characters",
        Breakage(
            _SCHEMA,
            '"pattern": "^[a-z0-9][a-z0-9-]{0,62}$"',
            '"pattern": "^[a-z0-9][a-z0-9-]*$"',
            "manifest/test_campaign.py::test_a_campaigns_name_has_at_most_63_characters",
        ),
    ),
    rule(
        "the whole text: a final line break does not pass",
        Breakage(
            f"{_MANIFEST}/accepting.py",
            'return re.compile(re.sub(r"(?<!\\\\)\\$$", r"\\\\Z", pattern), re.ASCII)',
            "return re.compile(pattern, re.ASCII)",
            f"{_GALLERY}[campaign-final-break]",
        ),
    ),
    rule(
        "an id is written from lower-case ASCII letters, digits, _, - and ${name}",
        Breakage(
            f"{_MANIFEST}/naming.py", "if ids.is_written_well(text.pattern):", "if True:", f"{_GALLERY}[id-spelling]"
        ),
        Breakage(
            f"{_MANIFEST}/ids.py",
            '_LITERAL = re.compile(r"[a-z0-9_-]*", re.ASCII)',
            '_LITERAL = re.compile(r"[a-z0-9_-]*", re.ASCII | re.IGNORECASE)',
            f"{_GALLERY}[several-at-once]",
        ),
    ),
    rule(
        "each value put into it is made a slug",
        Breakage(
            f"{_MANIFEST}/naming.py",
            "shot_id = text.pattern.filled(scope, ids.slug)",
            "shot_id = text.pattern.filled(scope)",
            f"{_FILLED}::test_variables_work_in_every_text_of_a_shot",
        ),
        Breakage(
            f"{_MANIFEST}/naming.py",
            "shot_id = text.pattern.filled(scope, ids.slug)",
            "shot_id = ids.slug(text.pattern.filled(scope))",
            f"{_IDS}::test_only_values_are_made_slugs",
        ),
    ),
    rule(
        "a slug is NFKD",
        Breakage(
            f"{_MANIFEST}/ids.py",
            'unicodedata.normalize("NFKD", text)',
            'unicodedata.normalize("NFD", text)',
            f"{_IDS}::test_a_value_becomes_a_slug",
        ),
    ),
    rule(
        "a slug is lower case",
        Breakage(
            f"{_MANIFEST}/ids.py",
            "        return text.lower()",
            "        return text",
            f"{_IDS}::test_a_value_becomes_a_slug",
        ),
    ),
    rule(
        "every run of other characters is one -",
        Breakage(
            f"{_MANIFEST}/ids.py",
            '_OTHER = re.compile(r"[^a-z0-9_]+", re.ASCII)',
            '_OTHER = re.compile(r"[^a-z0-9_]", re.ASCII)',
            f"{_IDS}::test_a_value_becomes_a_slug",
        ),
    ),
    rule(
        "- is trimmed from both ends",
        Breakage(
            f"{_MANIFEST}/ids.py",
            'return _OTHER.sub("-", _plain_letters(value)).strip("-")',
            'return _OTHER.sub("-", _plain_letters(value)).lstrip("-")',
            f"{_IDS}::test_a_value_becomes_a_slug",
        ),
        Breakage(
            f"{_MANIFEST}/ids.py",
            'return _OTHER.sub("-", _plain_letters(value)).strip("-")',
            'return _OTHER.sub("-", _plain_letters(value)).rstrip("-")',
            f"{_IDS}::test_a_value_becomes_a_slug",
        ),
    ),
    rule(
        "the result has at most 100 characters, the first a letter or a digit",
        Breakage(
            f"{_MANIFEST}/ids.py",
            '_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}", re.ASCII)',
            '_ID = re.compile(r"[a-z0-9][a-z0-9_-]*", re.ASCII)',
            f"{_GALLERY}[id-too-long]",
        ),
        Breakage(
            f"{_MANIFEST}/ids.py",
            '_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}", re.ASCII)',
            '_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,98}", re.ASCII)',
            f"{_IDS}::test_an_id_is_good",
        ),
        Breakage(
            f"{_MANIFEST}/ids.py",
            '_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}", re.ASCII)',
            '_ID = re.compile(r"[a-z0-9_-]{1,100}", re.ASCII)',
            f"{_IDS}::test_an_id_is_wrongly_spelled",
        ),
    ),
    rule(
        "it is matched as a whole",
        Breakage(
            f"{_MANIFEST}/ids.py",
            "if _ID.fullmatch(shot_id):",
            "if _ID.match(shot_id):",
            f"{_IDS}::test_an_id_is_wrongly_spelled",
        ),
    ),
    rule(
        "it is not report, superseded or a name that Windows reserves",
        Breakage(
            f"{_MANIFEST}/ids.py",
            '_OURS = frozenset({"report", "superseded"})',
            '_OURS = frozenset({"superseded"})',
            f"{_IDS}::test_an_id_is_reserved",
        ),
        Breakage(
            f"{_MANIFEST}/ids.py",
            '_OURS = frozenset({"report", "superseded"})',
            '_OURS = frozenset({"report"})',
            f"{_IDS}::test_an_id_is_reserved",
        ),
        Breakage(f"{_MANIFEST}/ids.py", "if shot_id in _WINDOWS:", "if False:", f"{_IDS}::test_an_id_is_reserved"),
    ),
    rule(
        "it is unique in the campaign, and two shots with one ID are an error that names both places",
        Breakage(f"{_MANIFEST}/naming.py", "if number != self._start + index:", "if False:", f"{_GALLERY}[id-twice]"),
        Breakage(
            f"{_MANIFEST}/naming.py",
            'is already that of {first.place_of(number)}"',
            'is already taken"',
            f"{_GALLERY}[id-twice]",
        ),
        Breakage(
            f"{_MANIFEST}/naming.py",
            "place = self._part.written.node if first.text.node is text.node else text.node",
            "place = first.text.node",
            f"{_GALLERY}[id-twice]",
        ),
    ),
    rule(
        "an ID that is wrong only in its spelling gets the right one as a hint",
        Breakage(
            f"{_MANIFEST}/naming.py",
            'hint = "" if better is None else f"write {quoted(better)}"',
            'hint = ""',
            f"{_GALLERY}[id-spelling]",
        ),
    ),
)
