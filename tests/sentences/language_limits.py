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
            _SCHEMA,
            '"minimum": 1,\n      "maximum": 100,',
            '"minimum": 0,\n      "maximum": 100,',
            f"{_GALLERY}[takes-notations]",
        ),
        Breakage(
            _SCHEMA,
            '"minimum": 1,\n      "maximum": 100,',
            '"minimum": 1,\n      "maximum": 101,',
            f"{_GALLERY}[takes-notations]",
        ),
        Breakage(
            _SCHEMA,
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
            f"{_MATRIX}::test_takes_multiply_and_keep_their_names",
        ),
        Breakage(
            "hailuo_batch/values.py",
            'return shot if number == 1 else f"{shot}.take{number}"',
            'return shot if number == 1 else f"{shot}-{number}"',
            f"{_MATRIX}::test_takes_multiply_and_keep_their_names",
        ),
    ),
    rule(
        "raising takes renames nothing",
        Breakage(
            f"{_MANIFEST}/expand.py",
            "Take(take_id(shot_id, number), shot_id, number,",
            "Take(take_id(shot_id, self._part.written.takes + 1 - number), shot_id, number,",
            "manifest/test_campaign.py::test_takes_of_a_shot_are_numbered_and_equal",
        ),
    ),
    rule(
        "at most 100,000 takes after expansion",
        Breakage(
            f"{_MANIFEST}/counting.py",
            "MAX_TAKES = 100_000",
            "MAX_TAKES = 100_001",
            f"{_COUNTS}::test_one_more_is_refused_with_the_sum",
        ),
        Breakage(
            f"{_MANIFEST}/counting.py",
            "MAX_TAKES = 100_000",
            "MAX_TAKES = 99_999",
            f"{_COUNTS}::test_a_hundred_thousand_takes_are_allowed",
        ),
        Breakage(
            f"{_MANIFEST}/counting.py",
            "_refuse_above(total, product,",
            "_refuse_above(0, product,",
            f"{_COUNTS}::test_one_more_is_refused_with_the_sum",
        ),
    ),
    rule(
        "counted before anything is built",
        Breakage(
            f"{_MANIFEST}/expand.py",
            "    count_takes(document, parts)\n"
            "    count_characters(parts, inputs)\n"
            "    expander = _Expander(inputs, pictures, report)\n"
            "    expanded = tuple(shot for part in parts for shot in expander.shots(part))\n",
            "    count_characters(parts, inputs)\n"
            "    expander = _Expander(inputs, pictures, report)\n"
            "    expanded = tuple(shot for part in parts for shot in expander.shots(part))\n"
            "    count_takes(document, parts)\n",
            f"{_COUNTS}::test_shots_are_counted_before_any_is_made",
        ),
    ),
    rule(
        "above it, an error that gives the product",
        Breakage(
            f"{_MANIFEST}/counting.py",
            "_refuse_above(part.size * part.written.takes, _formula(part), _place(part))",
            '_refuse_above(part.size * part.written.takes, "", _place(part))',
            f"{_GALLERY}[matrix-too-many]",
        ),
        Breakage(
            f"{_MANIFEST}/counting.py",
            'product = f"{shots:,} shots x {same.pop()} takes" if len(same) == 1 else f"{shots:,} shots"',
            'product = "they"',
            f"{_GALLERY}[too-many-takes]",
        ),
    ),
    rule(
        "YAML aliases and merge keys work",
        Breakage(
            f"{_MANIFEST}/compose.py",
            "self._add(anchored.node, place)",
            "self._add(Broken(place.line, place.column), place)",
            "manifest/test_campaign.py::test_aliases_and_merge_keys_work",
        ),
        Breakage(
            f"{_MANIFEST}/compose.py",
            "            _merge(frame.node, frame.merged)",
            "            pass",
            "manifest/test_campaign.py::test_aliases_and_merge_keys_work",
        ),
        Breakage(
            f"{_MANIFEST}/compose.py",
            "            mapping.entries.setdefault(key, entry)",
            "            mapping.entries[key] = entry",
            "manifest/test_campaign.py::test_aliases_and_merge_keys_work",
        ),
    ),
    rule(
        "a document of over 5,000,000 nodes is refused",
        Breakage(
            f"{_MANIFEST}/compose.py",
            "MAX_NODES = 5_000_000",
            "MAX_NODES = 5_000_001",
            f"{_HOSTILE}::test_five_million_nodes_are_allowed_and_no_more",
        ),
        Breakage(
            f"{_MANIFEST}/compose.py",
            "MAX_NODES = 5_000_000",
            "MAX_NODES = 4_999_999",
            f"{_HOSTILE}::test_five_million_nodes_are_allowed_and_no_more",
        ),
    ),
    rule(
        "as it expands, with its aliases written out",
        Breakage(
            f"{_MANIFEST}/compose.py",
            "self._grow(place, anchored.size)",
            "self._grow(place, 1)",
            f"{_HOSTILE}::test_an_alias_bomb[libyaml]",
        ),
    ),
    rule(
        "one that is deeper than 50 levels is refused",
        Breakage(f"{_MANIFEST}/compose.py", "MAX_DEPTH = 50", "MAX_DEPTH = 51", f"{_GALLERY}[yaml-nested-too-deep]"),
        Breakage(
            f"{_MANIFEST}/compose.py", "MAX_DEPTH = 50", "MAX_DEPTH = 49", f"{_HOSTILE}::test_fifty_levels_are_allowed"
        ),
        Breakage(
            f"{_MANIFEST}/compose.py",
            "self._deepen(place, anchored.height)",
            "self._deepen(place, 0)",
            f"{_HOSTILE}::test_levels_are_counted_through_aliases[libyaml]",
        ),
    ),
    rule(
        "one that is over 64 MiB is refused",
        Breakage(
            f"{_MANIFEST}/source.py",
            "MAX_BYTES = 64 * MEBIBYTE",
            "MAX_BYTES = 65 * MEBIBYTE",
            "manifest/test_files.py::test_a_file_that_is_too_large_is_not_read",
        ),
        Breakage(
            f"{_MANIFEST}/source.py",
            "MAX_BYTES = 64 * MEBIBYTE",
            "MAX_BYTES = 64 * MEBIBYTE - 1",
            "manifest/test_files.py::test_a_file_that_is_too_large_is_not_read",
        ),
    ),
    rule(
        "before it is built",
        Breakage(
            f"{_MANIFEST}/reading.py",
            'size = check_file(path, most)\n        with path.open("rb") as file:\n            return file.read(size)',
            "data = path.read_bytes()\n        check_file(path, most)\n        return data",
            "manifest/test_hostile_sizes.py::test_a_file_of_a_gibibyte_is_not_read",
        ),
    ),
)
