"""Nothing is sent that the author cannot have meant: what is warned of, where, and what is not."""

from pathlib import Path

import pytest

from hailuo_batch.manifest import LoadedManifest, Severity, load_manifest
from hailuo_batch.warning_codes import WarningCode
from tests.manifest.conftest import Load, WriteFile

HEAD = "version: 1\ncampaign: t\n"
ROWS = HEAD + "shots:\n  - id: sku-${sku}\n    prompt: ${name} on a plinth\n    rows: p.csv\n"
REPOSITORY = Path(__file__).parents[2]


def shown(loaded: LoadedManifest) -> list[str]:
    """The warnings of a campaign without errors, each as `file:line:column: message [code]`."""
    assert loaded.campaign is not None, loaded.diagnostics
    assert all(found.severity is Severity.WARNING for found in loaded.diagnostics)
    return [f"{Path(found.path).name}:{found.line}:{found.column}: {found.text}" for found in loaded.diagnostics]


def one_shot(prompt: str, more: str = "") -> str:
    return HEAD + f"{more}shots:\n  - id: a\n    prompt: {prompt}\n"


def test_an_empty_value_in_a_prompt(load: Load, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,name\nA1,\nA2,A lamp\nA3, \n")
    assert shown(load(ROWS))[0] == "p.csv:2:4: `name` is empty, and for 1 more [empty-value]"
    (found,) = shown(load(one_shot("A lamp, ${style}", "vars: {style: }\n")))
    assert found == "m.yaml:3:15: `style` is empty [empty-value]"
    (found,) = shown(load(one_shot("A lamp ${n}\n    matrix: {n: ['']}")))
    assert found == "m.yaml:6:18: `n` is empty [empty-value]"


def test_a_value_that_yaml_takes_for_a_comment_is_one_finding(load: Load) -> None:
    (found,) = load(one_shot("A ${c} lamp", "vars:\n  c: #FF6600\n")).diagnostics
    assert (found.line, found.code) == (4, "dropped-text")


def test_a_var_that_is_empty_where_another_uses_it(load: Load) -> None:
    (found,) = shown(load(one_shot("A lamp, ${style}", "vars: {light: '', style: '${light} window'}\n")))
    assert found == "m.yaml:3:15: `light` is empty [empty-value]"


def test_an_empty_value_in_a_part_of_an_image_reference(load: Load, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,name,image\nA1,A lamp,\nA2,A vase,b\n")
    (found,) = shown(load(ROWS + "    image_urls: ['https://e.com/${image}.jpg']\n"))
    assert found == "p.csv:2:11: `image` is empty [empty-value]"


@pytest.mark.parametrize("written", ["~", "null", "NULL"])
def test_what_yaml_means_as_nothing_is_sent_as_a_text(load: Load, written: str) -> None:
    (found,) = shown(load(one_shot("A lamp, ${style}", f"vars: {{style: {written}}}\n")))
    assert found == f"m.yaml:3:15: `style` is `{written}`, which is sent as a text [machine-value]"


def test_a_misspelled_variable_in_a_value(load: Load, write_file: WriteFile) -> None:
    text = one_shot("A lamp, ${style}", "vars: {light: soft, style: '${lihgt} window'}\naccept: [unused-name]\n")
    (found,) = load(text).diagnostics
    assert (found.message, found.hint) == (
        "`${lihgt}` is sent as it stands: there is no such variable",
        "did you mean `${light}`?",
    )
    write_file("p.csv", "sku,name\nA1,A ${name_}\nA2,A ${zebra}\n")
    (found,) = load(ROWS).diagnostics
    assert (found.line, found.code) == (2, "unfilled-variable")


def test_strict_shows_as_much_as_without(tmp_path: Path, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,name\nA1,A lamp\n,\n")
    path = tmp_path / "m.yaml"
    path.write_text(ROWS.replace("shots:", "vars: {idle: x}\nshots:"))
    lenient, strict = load_manifest(path), load_manifest(path, Severity.ERROR)
    assert [found.code for found in strict.diagnostics] == [found.code for found in lenient.diagnostics]
    assert len(strict.diagnostics) == 2


def test_what_yaml_drops_of_a_prompt_is_one_finding(load: Load, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,name\nA1,A lamp\nA2,A vase\n")
    text = ROWS.replace("${name} on a plinth", "Scene #3 with ${name}, ${style}").replace(
        "shots:", "vars: {style: x}\nshots:"
    )
    assert [found.code for found in load(text).diagnostics] == ["dropped-text"]


def test_an_empty_value_elsewhere_is_no_matter(load: Load, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,name,image,tag,takes,unused\nA1,A lamp,,,,\nA2,A vase,,,,\n")
    more = "    image_urls: ['${image}']\n    tags: ['${tag}']\n    takes: ${takes}\n"
    assert shown(load(ROWS + more)) == []


@pytest.mark.parametrize(
    ("cell", "is_odd"),
    [
        *[(each, True) for each in ("#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!", "None", "nan", "NULL", "NaN")],
        *[(each, True) for each in ("#VALUE", "Err:502", "undefined", r"\N")],
        *[(each, True) for each in ("#BEZUG!", "#NV", "#WERT!", "=B2", " #REF! ")],
        *[(each, False) for each in ("None of them", "#1 lamp", "nana", "A = B", "#spring", "null", "none", "nothing")],
    ],
)
def test_what_a_machine_left_in_a_cell(load: Load, write_file: WriteFile, cell: str, is_odd: bool) -> None:
    write_file("p.csv", f"sku,name,unused\nA1,A lamp,#REF!\nA2,{cell},x\n")
    expected = f"p.csv:3:4: `name` is `{cell}`, which a program left there [machine-value]"
    assert shown(load(ROWS)) == ([expected] if is_odd else [])


def test_a_formula_is_named_whole(load: Load, write_file: WriteFile) -> None:
    write_file("p.csv", 'sku,name\nA1,"=B2&"" lamp"""\n')
    assert shown(load(ROWS)) == ['p.csv:2:4: `name` is `=B2&" lamp"`, which a program left there [machine-value]']


def test_a_variable_that_nobody_fills_in(load: Load, write_file: WriteFile) -> None:
    write_file("p.csv", 'sku,name\nA1,"A lamp, ${style}"\nA2,"$${style} ${foreign} $5"\n')
    text = ROWS.replace("plinth", "plinth, ${style}").replace("shots:", "vars: {style: film}\nshots:")
    assert shown(load(text)) == [
        "p.csv:2:4: `${style}` is sent as it stands: values are not filled in again [unfilled-variable]"
    ]


def test_a_var_that_uses_one_below_it(load: Load) -> None:
    text = one_shot("A lamp, ${a}, ${b}", "vars: {a: '${b} $${b}', b: '${a}'}\n")
    assert shown(load(text)) == [
        "m.yaml:3:11: `${b}` is sent as it stands: values are not filled in again [unfilled-variable]"
    ]


def test_a_var_that_stands_above_the_one_it_uses_is_told_to_stand_below(load: Load) -> None:
    (found,) = load(one_shot("A lamp, ${a}, ${b}", "vars: {a: '${b} light', b: soft}\n")).diagnostics
    assert found.hint == "in `vars`, put `a` below `b`"


def test_a_value_of_a_matrix_is_not_filled_in(load: Load) -> None:
    text = one_shot("A lamp, ${c} ${d}\n    matrix: {c: [x], d: ['${c}']}")
    assert shown(load(text)) == [
        "m.yaml:6:26: `${c}` is sent as it stands: values are not filled in again [unfilled-variable]"
    ]


@pytest.mark.parametrize(
    "written",
    ["{{ product }}", "{{product}}", "{product}", "__product__", "<product>", "%product%", "{Product}", "{ PRODUCT }"],
)
def test_another_programs_notation_of_a_known_name(load: Load, written: str) -> None:
    (found,) = load(one_shot(f'"A {written} lamp, ${{product}}"', "vars: {product: x}\n")).diagnostics
    assert f"{found.line}:{found.column}: {found.text}" == f"6:16: `{written}` is sent as it stands [other-notation]"
    assert found.hint == "did you mean `${product}`?"


@pytest.mark.parametrize(
    "written", ["{{ other }}", "{other}", "__init__", "<3", "50 % product", "product", "${product}", "{}"]
)
def test_another_text_in_brackets_is_no_matter(load: Load, written: str) -> None:
    assert shown(load(one_shot(f'"A {written} lamp, ${{product}}"', "vars: {product: x}\n"))) == []


def test_another_programs_notation_in_a_cell_of_a_column_with_a_blank(load: Load, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,name,Shot Description\nA1,A {Shot Description},x\n")
    (found,) = load(ROWS.replace("plinth", "plinth, ${shot_description}")).diagnostics
    assert (found.line, found.column) == (2, 4)
    assert found.hint.startswith("write the text itself, or `${shot_description}` in the prompt")


def test_values_that_are_not_sent_are_not_looked_at(load: Load, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,name,tag\nA1,A lamp,{name} ${sku}\n")
    assert shown(load(ROWS + "    tags: ['${tag}']\n")) == []


def test_a_var_that_nothing_uses(load: Load) -> None:
    more = (
        "vars: {used: x, through: y, chain: '${through}', idle: z, tag: t}\nmodel: acme/v\naccept: [unchecked-input]\n"
    )
    text = one_shot("A ${used}\n    tags: ['${tag}']\n    input: {n: '${chain}'}", more)
    assert shown(load(text)) == ["m.yaml:3:50: nothing uses the variable `idle` [unused-name]"]


def test_a_matrix_name_that_makes_no_difference_is_one_finding(load: Load) -> None:
    text = HEAD + "shots:\n  - {id: 'a-${n}', prompt: A lamp, matrix: {n: [1, 2, 3]}}\n"
    message = "`n` is used in no more than the ID, so that its values make no difference [unused-name]"
    assert shown(load(text)) == [f"m.yaml:4:45: {message}"]


def test_rows_with_equal_input(load: Load, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,name\n1,A lamp\n2,A vase\n3,A lamp\n4,A lamp\n")
    (found,) = shown(load(ROWS))
    assert found.startswith("p.csv:4:3: 3 rows have the same input, first the row at ")
    assert found.endswith("p.csv:2:3 [equal-input]")


def test_combinations_with_equal_input(load: Load) -> None:
    text = HEAD + "shots:\n  - {id: 'a-${n}', prompt: A lamp, tags: ['${n}'], matrix: {n: [x, y, z]}}\n"
    (found,) = shown(load(text))
    assert found == "m.yaml:4:5: 3 combinations have the same input, first n `x` [equal-input]"


def test_two_shots_with_equal_input(load: Load) -> None:
    text = HEAD + "shots:\n  - {id: a, prompt: A lamp, takes: 2}\n  - {id: b, prompt: 'A lamp '}\n"
    (found,) = shown(load(text))
    assert found.startswith("m.yaml:5:5: the same input as the shot at ")
    assert found.endswith("m.yaml:4:5 [equal-input]")


def test_a_long_prompt_for_hailuo_only(load: Load, write_file: WriteFile) -> None:
    write_file("p.csv", f"sku,name\n1,{'x' * 2000}\n2,{'ü' * 1989}\n3,{'y' * 1990}\n")
    message = (
        "the prompt has 2,012 characters; Hailuo takes at most 2,000, as MiniMax documents it; Runbase does not say"
    )
    (found,) = shown(load(ROWS))
    assert found.startswith(f"m.yaml:5:13: {message}, for the row at ")
    assert found.endswith("p.csv:2:1, and for 2 more [long-prompt]")
    assert shown(load(ROWS.replace("shots:", "model: acme/v\naccept: [unchecked-input]\nshots:"))) == []


def test_several_images_for_hailuo_only(load: Load) -> None:
    text = one_shot("A lamp\n    image_urls: [https://e.com/a.jpg, https://e.com/b.jpg]")
    message = "2 images; Hailuo starts from one, as MiniMax documents it; Runbase does not say [several-images]"
    assert shown(load(text)) == [f"m.yaml:6:39: {message}"]
    assert shown(load(text.replace("shots:", "model: acme/v\naccept: [unchecked-input]\nshots:"))) == []


@pytest.mark.parametrize(
    ("brackets", "is_odd"),
    [
        *[(each, False) for each in ("[Truck left]", "[pan right, tilt up, zoom in]", "[Static shot]", "[Push  in]")],
        *[(each, False) for each in ("[0-3s]", "[1]", "[a very long description in brackets]", "[]")],
        *[(each, True) for each in ("[dolly in]", "[Pan up]", "[Truck left, orbit]", "[shake, shake, shake, shake]")],
    ],
)
def test_a_camera_command_that_hailuo_is_not_known_to_take(load: Load, brackets: str, is_odd: bool) -> None:
    found = shown(load(one_shot(f'"{brackets} A lamp"')))
    assert ["camera-command" in each for each in found] == ([True] if is_odd else [])


def test_the_fifteen_camera_commands_are_known(load: Load) -> None:
    moves = "truck left,truck right,pan left,pan right,push in,pull out,pedestal up,pedestal down"
    commands = f"{moves},tilt up,tilt down,zoom in,zoom out,shake,tracking shot,static shot".split(",")
    assert len(commands) == 15
    assert shown(load(one_shot('"' + "".join(f"[{command}]" for command in commands) + ' A lamp"'))) == []


def test_a_warning_can_be_accepted_for_all_or_for_a_shot(load: Load) -> None:
    two = HEAD + "shots:\n  - {id: a, prompt: '[orbit] A'}\n  - {id: b, prompt: '[orbit] B'}\n"
    (found,) = load(two).diagnostics
    assert found.more == 1
    (found,) = load(two.replace("A'", "A', accept: [camera-command]")).diagnostics
    assert (found.line, found.more) == (5, 0)
    assert load(two.replace("shots:", "accept: [camera-command]\nshots:")).diagnostics == ()


def test_with_warnings_as_errors_there_is_no_campaign(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(one_shot('"[orbit] A"'))
    loaded = load_manifest(path, Severity.ERROR)
    assert loaded.campaign is None
    assert [(found.severity, found.code) for found in loaded.diagnostics] == [("error", WarningCode.CAMERA_COMMAND)]


@pytest.mark.parametrize(
    "path", sorted([*REPOSITORY.glob("manifests/*.yaml"), *REPOSITORY.glob("docs/*.yaml")]), ids=str
)
def test_the_manifests_of_this_repository_have_no_warning(path: Path) -> None:
    assert load_manifest(path).diagnostics == ()


def test_every_kind_of_warning_has_a_code_that_the_schema_knows() -> None:
    from hailuo_batch.manifest.validation.schema_errors import manifest_schema

    assert manifest_schema()["$defs"]["accept"]["items"]["enum"] == [*WarningCode]
