"""The manifest's language: takes, and how much there may be."""

from tests.sentences.rule import Breakage, rule

_MANIFEST = "hailuo_batch/manifest"
_SCHEMA = "schemas/manifest.schema.json"
_MATRIX = "manifest/test_matrix.py"
_COUNTS = "manifest/test_counts.py"
_HOSTILE = "manifest/test_hostile.py"
_GALLERY = "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages"

RULES = (
    rule(
        "takes: 1 to 100",
        Breakage(
            "schemas/manifest.schema.json",
            '"minimum": 1,\n      "maximum": 100,',
            '"minimum": 0,\n      "maximum": 100,',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[takes-notations]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"minimum": 1,\n      "maximum": 100,',
            '"minimum": 1,\n      "maximum": 101,',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[takes-notations]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"minimum": 1,\n      "maximum": 100,',
            '"minimum": 1,\n      "maximum": 99,',
            "manifest/test_campaign.py::test_a_hundred_takes_are_allowed",
        ),
    ),
    rule(
        "take 1 has the shot's ID, take n is <shot>.take<n>",
        Breakage(
            "hailuo_batch/values.py",
            'return shot if number == 1 else f"{shot}.take{number}"',
            'return f"{shot}.take{number}"',
            "manifest/test_matrix.py::test_takes_multiply_and_keep_their_names",
        ),
        Breakage(
            "hailuo_batch/values.py",
            'return shot if number == 1 else f"{shot}.take{number}"',
            'return shot if number == 1 else f"{shot}-{number}"',
            "manifest/test_matrix.py::test_takes_multiply_and_keep_their_names",
        ),
    ),
    rule(
        "raising takes renames nothing",
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "Take(take_id(shot_id, number), shot_id, number,",
            "Take(take_id(shot_id, self._part.written.takes + 1 - number), shot_id, number,",
            "manifest/test_campaign.py::test_takes_of_a_shot_are_numbered_and_equal",
        ),
    ),
    rule(
        "at most 100,000 takes after expansion",
        Breakage(
            "hailuo_batch/manifest/expansion/size_limits.py",
            "MAX_TAKES = 100_000",
            "MAX_TAKES = 100_001",
            "manifest/test_counts.py::test_one_more_is_refused_with_the_sum",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/size_limits.py",
            "MAX_TAKES = 100_000",
            "MAX_TAKES = 99_999",
            "manifest/test_counts.py::test_a_hundred_thousand_takes_are_allowed",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/size_limits.py",
            "_refuse_above(total, product,",
            "_refuse_above(0, product,",
            "manifest/test_counts.py::test_one_more_is_refused_with_the_sum",
        ),
    ),
    rule(
        "counted before anything is built",
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "    count_takes(document, parts)\n"
            "    count_characters(parts, inputs)\n"
            "    expander = _Expander(inputs, pictures, report)\n"
            "    expanded = tuple(shot for part in parts for shot in expander.shots(part))\n",
            "    count_characters(parts, inputs)\n"
            "    expander = _Expander(inputs, pictures, report)\n"
            "    expanded = tuple(shot for part in parts for shot in expander.shots(part))\n"
            "    count_takes(document, parts)\n",
            "manifest/test_counts.py::test_shots_are_counted_before_any_is_made",
        ),
    ),
    rule(
        "above it, an error that gives the product",
        Breakage(
            "hailuo_batch/manifest/expansion/size_limits.py",
            "_refuse_above(part.size * part.written.takes, _formula(part), _place(part))",
            '_refuse_above(part.size * part.written.takes, "", _place(part))',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[matrix-too-many]",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/size_limits.py",
            'product = f"{shots:,} shots x {same.pop()} takes" if len(same) == 1 else f"{shots:,} shots"',
            'product = "they"',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[too-many-takes]",
        ),
    ),
    rule(
        "YAML aliases and merge keys work",
        Breakage(
            "hailuo_batch/manifest/yaml/composer.py",
            "self._add(anchored.node, place)",
            "self._add(Broken(place.line, place.column), place)",
            "manifest/test_campaign.py::test_aliases_and_merge_keys_work",
        ),
        Breakage(
            "hailuo_batch/manifest/yaml/composer.py",
            "            _merge(frame.node, frame.merged)",
            "            pass",
            "manifest/test_campaign.py::test_aliases_and_merge_keys_work",
        ),
        Breakage(
            "hailuo_batch/manifest/yaml/composer.py",
            "            mapping.entries.setdefault(key, entry)",
            "            mapping.entries[key] = entry",
            "manifest/test_campaign.py::test_aliases_and_merge_keys_work",
        ),
    ),
    rule(
        "a document of over 5,000,000 nodes is refused",
        Breakage(
            "hailuo_batch/manifest/yaml/composer.py",
            "MAX_NODES = 5_000_000",
            "MAX_NODES = 5_000_001",
            "manifest/test_hostile.py::test_five_million_nodes_are_allowed_and_no_more",
        ),
        Breakage(
            "hailuo_batch/manifest/yaml/composer.py",
            "MAX_NODES = 5_000_000",
            "MAX_NODES = 4_999_999",
            "manifest/test_hostile.py::test_five_million_nodes_are_allowed_and_no_more",
        ),
    ),
    rule(
        "as it expands, with its aliases written out",
        Breakage(
            "hailuo_batch/manifest/yaml/composer.py",
            "self._grow(place, anchored.size)",
            "self._grow(place, 1)",
            "manifest/test_hostile.py::test_an_alias_bomb[libyaml]",
        ),
    ),
    rule(
        "one that is deeper than 50 levels is refused",
        Breakage(
            "hailuo_batch/manifest/yaml/composer.py",
            "MAX_DEPTH = 50",
            "MAX_DEPTH = 51",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[yaml-nested-too-deep]",
        ),
        Breakage(
            "hailuo_batch/manifest/yaml/composer.py",
            "MAX_DEPTH = 50",
            "MAX_DEPTH = 49",
            "manifest/test_hostile.py::test_fifty_levels_are_allowed",
        ),
        Breakage(
            "hailuo_batch/manifest/yaml/composer.py",
            "self._deepen(place, anchored.height)",
            "self._deepen(place, 0)",
            "manifest/test_hostile.py::test_levels_are_counted_through_aliases[libyaml]",
        ),
    ),
    rule(
        "one that is over 64 MiB is refused",
        Breakage(
            "hailuo_batch/manifest/yaml/parse.py",
            "MAX_BYTES = 64 * MEBIBYTE",
            "MAX_BYTES = 65 * MEBIBYTE",
            "manifest/test_files.py::test_a_file_that_is_too_large_is_not_read",
        ),
        Breakage(
            "hailuo_batch/manifest/yaml/parse.py",
            "MAX_BYTES = 64 * MEBIBYTE",
            "MAX_BYTES = 64 * MEBIBYTE - 1",
            "manifest/test_files.py::test_a_file_that_is_too_large_is_not_read",
        ),
    ),
    rule(
        "before it is built",
        Breakage(
            "hailuo_batch/manifest/files/text_files.py",
            'size = check_file(path, most)\n        with path.open("rb") as file:\n            return file.read(size)',
            "data = path.read_bytes()\n        check_file(path, most)\n        return data",
            "manifest/test_hostile_sizes.py::test_a_file_of_a_gibibyte_is_not_read",
        ),
    ),
)
