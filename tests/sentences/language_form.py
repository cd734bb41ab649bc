"""The manifest's language: how a manifest is written, and what judges it."""

from tests.sentences.rule import Breakage, rule

_PACKAGE = "hailuo_batch"
_MANIFEST = "hailuo_batch/manifest"
_SCHEMA = "schemas/manifest.schema.json"
_CAMPAIGN = "manifest/test_campaign.py"
_GALLERY = "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages"

RULES = (
    rule(
        "a scalar has the type that YAML 1.1 gives it",
        Breakage(
            "hailuo_batch/manifest/yaml/nodes.py",
            "return self.tag or _implicit_type(self.text)",
            'return self.tag or "str"',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[texts-without-quotes]",
        ),
    ),
    rule(
        "no tag that builds an object is read",
        Breakage(
            "hailuo_batch/manifest/yaml/composer.py",
            "        else:\n            return self._refuse_tag(event)",
            '        else:\n            tag = "str"',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[yaml-object-tags]",
        ),
    ),
    rule(
        "a manifest is UTF-8",
        Breakage(
            "hailuo_batch/manifest/files/text_files.py",
            'text = data[begin:end].decode("utf-8")',
            'text = data[begin:end].decode("latin-1")',
            "manifest/test_files.py::test_bytes_that_are_no_utf_8_have_their_place",
        ),
        Breakage(
            "hailuo_batch/manifest/files/text_files.py",
            "if data.startswith(_UTF_16) or data[:2].count(0) == 1:",
            "if False:",
            "manifest/test_files.py::test_utf_16",
        ),
    ),
    rule(
        "a byte order mark may begin it",
        Breakage(
            "hailuo_batch/manifest/files/text_files.py",
            "if data.startswith(_UTF_16) or",
            'if data.startswith((*_UTF_16, b"\\xef\\xbb\\xbf")) or',
            "manifest/test_campaign.py::test_a_byte_order_mark_changes_nothing",
        ),
    ),
    rule(
        "it is one document",
        Breakage(
            "hailuo_batch/manifest/yaml/composer.py",
            "elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:",
            "elif isinstance(event, yaml.DocumentStartEvent) and self.root is event:",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[yaml-two-documents]",
        ),
    ),
    rule(
        "the JSON Schema is schemas/manifest.schema.json, and is what judges",
        Breakage(
            "schemas/manifest.schema.json",
            '"pattern": "^[a-z0-9][a-z0-9-]{0,62}$"',
            '"pattern": "^[a-z0-9][a-z0-9-]{0,61}$"',
            "manifest/test_campaign.py::test_a_campaigns_name_has_at_most_63_characters",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            "https://json-schema.org/draft/2020-12/schema",
            "http://json-schema.org/draft-07/schema#",
            "manifest/test_schema.py::test_a_schema_is_one[manifest]",
        ),
    ),
    rule(
        "it has titles, descriptions, examples and defaults",
        Breakage(
            "schemas/manifest.schema.json",
            '"title": "Takes",\n',
            "",
            "manifest/test_schema.py::test_every_named_part_is_explained_and_has_an_example[manifest]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"description": "Default: no limit but the request rate.",\n',
            "",
            "manifest/test_schema.py::test_every_named_part_is_explained_and_has_an_example[manifest]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"examples": ["45m", "90s", "2h"],\n',
            "",
            "manifest/test_schema.py::test_every_named_part_is_explained_and_has_an_example[manifest]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"default": "60m",\n',
            "",
            "manifest/test_schema.py::test_defaults_are_those_of_the_program",
        ),
    ),
    rule(
        "what a schema cannot say is checked after it, in the same run",
        Breakage(
            "hailuo_batch/manifest/load.py",
            "if document is not None:",
            "if document is not None and not self.report.has_errors:",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[several-at-once]",
        ),
    ),
    rule(
        "and with the same kind of message: place, what is wrong, what to write",
        Breakage(
            "hailuo_batch/manifest/expansion/shot_ids.py",
            "self._report.error(text.node, message, hint)",
            'self._report.error(text.node, message, "")',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[id-spelling]",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/row_faults.py",
            "self._report.error(group.place, fault.message, fault.hint)",
            'self._report.error(group.place, fault.message, "")',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[blank-texts]",
        ),
    ),
    rule(
        "the first line of a manifest tells an editor its schema",
        Breakage(
            "hailuo_batch/manifest/starter.py",
            "# yaml-language-server: $schema=manifest.schema.json\n",
            "",
            "manifest/test_campaign.py::test_the_starter_is_a_manifest",
        ),
    ),
    rule(
        "version is 1",
        Breakage(
            "schemas/manifest.schema.json",
            '"const": 1,',
            '"const": 2,',
            "manifest/test_campaign.py::test_the_smallest_manifest",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"const": 1,',
            '"enum": [1, 2],',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[version-two]",
        ),
    ),
)
