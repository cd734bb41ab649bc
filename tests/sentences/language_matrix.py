"""The manifest's language: matrix and rows."""

from tests.sentences.rule import Breakage, rule

_MANIFEST = "hailuo_batch/manifest"
_SCHEMA = "schemas/manifest.schema.json"
_MATRIX = "manifest/test_matrix.py"
_ROWS = "manifest/test_rows.py"
_GALLERY = "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages"

RULES = (
    rule(
        "a matrix has lists of scalars",
        Breakage(
            "schemas/manifest.schema.json",
            '"items": {\n          "type": ["string", "number", "boolean", "null"],\n          "errorMessage": "must be a single text or number"\n        }',
            '"items": {}',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[matrix-wrong-form]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"additionalProperties": {\n        "type": "array",\n',
            '"additionalProperties": {\n',
            "manifest/test_matrix.py::test_a_wrong_matrix_makes_no_noise_where_its_names_are_used",
        ),
    ),
    rule(
        "exclude drops combinations that match all keys given",
        Breakage(
            "hailuo_batch/manifest/expansion/matrix.py",
            "return (combination for combination in candidates if not self.is_excluded(combination))",
            "return candidates",
            "manifest/test_matrix.py::test_an_exclusion_drops_what_matches_all_of_its_keys",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/matrix.py",
            "return any(tuple(combination[at] for at in places) in dropped for places, dropped in self.excluded)",
            "return any(combination[at] in {each[n] for each in dropped} for places, dropped in self.excluded for n, at in enumerate(places))",
            "manifest/test_matrix.py::test_an_exclusion_drops_what_matches_all_of_its_keys",
        ),
    ),
    rule(
        "include adds whole combinations",
        Breakage(
            "hailuo_batch/manifest/expansion/matrix.py",
            "missing = [name for name in known if name not in entry]",
            "missing: list[str] = []",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[matrix-include]",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/matrix.py",
            "return itertools.chain(self.remaining(), self.included)",
            "return iter(self.remaining())",
            "manifest/test_matrix.py::test_an_added_combination_comes_after_the_exclusions",
        ),
    ),
    rule(
        "after the exclusions, which do not touch them",
        Breakage(
            "hailuo_batch/manifest/expansion/matrix.py",
            "return itertools.chain(self.remaining(), self.included)",
            "return itertools.chain(self.included, self.remaining())",
            "manifest/test_matrix.py::test_an_added_combination_comes_after_the_exclusions",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/matrix.py",
            "return itertools.chain(self.remaining(), self.included)",
            "return itertools.chain(self.remaining(), (each for each in self.included if not self.is_excluded(each)))",
            "manifest/test_matrix.py::test_an_added_combination_comes_after_the_exclusions",
        ),
    ),
    rule(
        "an empty list is an error",
        Breakage(
            "schemas/manifest.schema.json",
            '"minItems": 1,\n        "maxItems": 100000,\n        "errorMessage": "must be a list of 1 to 100,000 values',
            '"maxItems": 100000,\n        "errorMessage": "must be a list of 1 to 100,000 values',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[matrix-empty]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"minItems": 1,\n          "maxItems": 10000,',
            '"maxItems": 10000,',
            "manifest/test_matrix.py::test_what_is_empty_is_an_error",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"minItems": 1,\n          "maxItems": 100000,',
            '"maxItems": 100000,',
            "manifest/test_matrix.py::test_what_is_empty_is_an_error",
        ),
    ),
    rule(
        "an exclusion of everything is an error",
        Breakage(
            "hailuo_batch/manifest/expansion/matrix.py",
            "if remaining == 0:",
            "if remaining == 0 and not matrix.included:",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[matrix-excludes-everything]",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/matrix.py",
            "if remaining == 0:",
            "if False:",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[matrix-excludes-everything]",
        ),
    ),
    rule(
        "rows and matrix may be combined: every row times every combination",
        Breakage(
            "hailuo_batch/manifest/expansion/variables.py",
            "return self._rows * self._combinations\n\n    @property\n    def names",
            "return max(self._rows, self._combinations)\n\n    @property\n    def names",
            "manifest/test_rows.py::test_every_row_times_every_combination",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/variables.py",
            "            for combination in combinations:\n",
            "            for combination in combinations[:1]:\n",
            "manifest/test_rows.py::test_every_row_times_every_combination",
        ),
    ),
    rule(
        "a name in both is an error",
        Breakage(
            "hailuo_batch/manifest/expansion/variables.py",
            "both = [name for name in matrix.names if name in table.names]",
            "both = []",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[rows-times-matrix]",
        ),
    ),
    rule(
        "a CSV header has unique names",
        Breakage(
            "hailuo_batch/manifest/files/csv_tables.py",
            "elif name in first:",
            "elif False:",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[rows-header]",
        ),
    ),
    rule(
        "and non-empty ones",
        Breakage(
            "hailuo_batch/manifest/files/csv_tables.py",
            "            if not name:\n",
            "            if False:\n",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[rows-header]",
        ),
    ),
    rule(
        "a row with too few or too many fields is an error",
        Breakage(
            "hailuo_batch/manifest/files/csv_tables.py",
            "if len(row) != len(names):",
            "if len(row) > len(names):",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[rows-fields]",
        ),
        Breakage(
            "hailuo_batch/manifest/files/csv_tables.py",
            "if len(row) != len(names):",
            "if len(row) < len(names):",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[rows-fields]",
        ),
    ),
    rule(
        "with its place",
        Breakage(
            "hailuo_batch/manifest/files/csv_tables.py",
            "spots[min(len(names), len(spots) - 1)])",
            "spots[0])",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[rows-fields]",
        ),
        Breakage(
            "hailuo_batch/manifest/files/csv_tables.py",
            'f"add {missing}; a value may be empty", spots[-1])',
            'f"add {missing}; a value may be empty", Spot(1, 1))',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[rows-fields]",
        ),
    ),
)
