"""The manifest's language: what is put in for a name, and how values are read."""

from tests.sentences.rule import Breakage, rule

_MANIFEST = "hailuo_batch/manifest"
_SCHEMA = "schemas/manifest.schema.json"
_FILLED = "manifest/test_values_put_in.py"
_GALLERY = "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages"

RULES = (
    rule(
        "substitution is string.Template's: ${name} and $name",
        Breakage(
            "hailuo_batch/manifest/expansion/substitution.py",
            'name = match["named"] or match["braced"]',
            'name = match["named"]',
            "manifest/test_values_put_in.py::test_a_text_is_filled",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/substitution.py",
            'name = match["named"] or match["braced"]',
            'name = match["braced"]',
            "manifest/test_values_put_in.py::test_a_text_is_filled",
        ),
    ),
    rule(
        "$$ is a dollar sign",
        Breakage(
            "hailuo_batch/manifest/expansion/substitution.py",
            'parts.append("$")',
            'parts.append("$$")',
            "manifest/test_values_put_in.py::test_a_text_is_filled",
        ),
    ),
    rule(
        "it works in id, prompt, image_urls and tags",
        Breakage(
            "hailuo_batch/manifest/expansion/shot_ids.py",
            "shot_id = text.pattern.filled(scope, ids.slug)",
            "shot_id = ids.slug(text.node.text)",
            "manifest/test_values_put_in.py::test_variables_work_in_every_text_of_a_shot",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "filled = text.pattern.filled(scope).strip()",
            "filled = text.node.text.strip()",
            "manifest/test_values_put_in.py::test_variables_work_in_every_text_of_a_shot",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            "picture = self._pictures.find(text.pattern.filled(scope), text.node)",
            "picture = self._pictures.find(text.node.text, text.node)",
            "manifest/test_values_put_in.py::test_variables_work_in_every_text_of_a_shot",
        ),
        Breakage(
            "hailuo_batch/manifest/expansion/expand.py",
            'tags = [self._filled(text, "a tag is blank", "remove it", scope, index) for text in self._texts.tags]',
            "tags = [text.node.text for text in self._texts.tags if text]",
            "manifest/test_values_put_in.py::test_variables_work_in_every_text_of_a_shot",
        ),
    ),
    rule(
        "the row is looked up before vars",
        Breakage(
            "hailuo_batch/manifest/expansion/variables.py",
            "scope[name] = values[row]",
            "scope.setdefault(name, values[row])",
            "manifest/test_rows.py::test_the_row_comes_before_the_vars",
        ),
    ),
    rule(
        "the matrix is looked up before vars",
        Breakage(
            "hailuo_batch/manifest/expansion/variables.py",
            "scope.update(zip(names, combination, strict=True))",
            "scope.update({k: v for k, v in zip(names, combination) if k not in self.variables})",
            "manifest/test_matrix.py::test_the_matrix_comes_before_vars",
        ),
    ),
    rule(
        "an unknown name is an error",
        Breakage(
            "hailuo_batch/manifest/expansion/templates.py",
            "unknown = [] if names is None else [name for name in pattern.names if name.name not in names]",
            "unknown = []",
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[unknown-variables]",
        ),
    ),
    rule(
        "with its place",
        Breakage(
            "hailuo_batch/manifest/expansion/templates.py",
            'report.error(node.spot(name.offset), f"unknown',
            'report.error(node.spot(0), f"unknown',
            "manifest/test_values_put_in.py::test_an_unknown_name_has_its_place_as_exactly_as_can_be",
        ),
    ),
    rule(
        "values are not substituted again",
        Breakage(
            "hailuo_batch/manifest/expansion/substitution.py",
            "spell(scope[part.name]) for part in self.parts)",
            "parse_pattern(spell(scope[part.name])).filled(scope) for part in self.parts)",
            "manifest/test_values_put_in.py::test_a_value_is_not_substituted_again",
        ),
    ),
    rule(
        "in vars any scalar is used as it was written",
        Breakage(
            "hailuo_batch/manifest/document.py",
            "return {name: value.text if isinstance(value, Scalar) else name for",
            "return {name: str(data_of(value, 0)) if isinstance(value, Scalar) else name for",
            "manifest/test_values_put_in.py::test_a_variable_keeps_its_written_form",
        ),
        Breakage(
            "hailuo_batch/manifest/validation/check.py",
            '        case "vars", Mapping():\n            return written_data_of(value, 1)\n',
            "",
            "manifest/test_values_put_in.py::test_a_variable_keeps_its_written_form",
        ),
    ),
    rule(
        "in matrix any scalar is used as it was written",
        Breakage(
            "hailuo_batch/manifest/expansion/matrix.py",
            "return tuple(item.text for item in scalars) if len(scalars)",
            'return tuple(item.text.lstrip("0") for item in scalars) if len(scalars)',
            "manifest/test_matrix.py::test_values_stay_as_they_are_written",
        ),
        Breakage(
            "hailuo_batch/manifest/validation/check.py",
            "            return written_data_of(value, 3)",
            "            return data_of(value, 3)",
            "manifest/test_matrix.py::test_values_stay_as_they_are_written",
        ),
    ),
    rule(
        "id, prompt and tags must be strings",
        Breakage(
            "schemas/manifest.schema.json",
            '"type": "string",\n          "minLength": 1,\n          "examples": ["hero", "lamp-${colour}"]',
            '"examples": ["hero", "lamp-${colour}"]',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[texts-without-quotes]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"type": "string",\n          "minLength": 1,\n          "examples": ["A cinematic',
            '"examples": ["A cinematic',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[texts-without-quotes]",
        ),
        Breakage(
            "schemas/manifest.schema.json",
            '"items": { "type": "string", "minLength": 1, "examples": ["catalogue"]',
            '"items": { "examples": ["catalogue"]',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[texts-without-quotes]",
        ),
    ),
    rule(
        "the error says to put it in quotes",
        Breakage(
            "hailuo_batch/manifest/validation/schema_errors.py",
            'return f\'put it in quotes: "{node.text}"\' if len(node.text) <= 60 else "put it in quotes"',
            'return ""',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[texts-without-quotes]",
        ),
    ),
    rule(
        "numbers are read from their written text as plain decimals: 1:30, 010 and .inf are errors",
        Breakage(
            "hailuo_batch/manifest/yaml/nodes.py",
            'case "int" if _INTEGER.fullmatch(node.text):\n            return int(node.text)',
            'case "int":\n            return yaml.safe_load(node.text)',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[takes-notations]",
        ),
        Breakage(
            "hailuo_batch/manifest/yaml/nodes.py",
            'case "int" | "float" if _DECIMAL.fullmatch(node.text):\n            return Decimal(node.text)',
            'case "int" | "float":\n            return yaml.safe_load(node.text)',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[limits-notations]",
        ),
    ),
    rule(
        "a lone $ is an error",
        Breakage(
            "hailuo_batch/manifest/expansion/substitution.py",
            "lone.append(match.start())",
            'parts.append("$")',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[lone-dollars]",
        ),
    ),
    rule(
        "that says to write $$",
        Breakage(
            "hailuo_batch/manifest/expansion/templates.py",
            '"a lone `$` begins no variable", "write `$$` for a dollar sign")',
            '"a lone `$` begins no variable", "")',
            "manifest/test_gallery.py::test_a_wrong_manifest_gets_its_messages[lone-dollars]",
        ),
    ),
)
