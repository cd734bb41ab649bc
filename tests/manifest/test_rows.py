"""Rows of a table: the shots they make, and what is wrong with a table, at its place in the table itself."""

from pathlib import Path

import pytest

from hailuo_batch.manifest import load_manifest
from hailuo_batch.manifest.files import text_files
from tests.manifest.conftest import Load, LoadErrors, LoadValid, WriteFile

HEAD = "version: 1\ncampaign: lamps\n"
ROWS = HEAD + "shots:\n  - id: sku-${sku}\n    prompt: ${name} on a plinth\n    rows: products.csv\n"


def test_one_shot_for_every_row(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("products.csv", "sku,name,unused\nB 2,A lamp,x\n007,A vase,\n")
    campaign = load_valid(ROWS)
    assert [shot.id for shot in campaign.shots] == ["sku-b-2", "sku-007"]
    assert [take.input["prompt"] for take in campaign.takes] == ["A lamp on a plinth", "A vase on a plinth"]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "\n", "\n\n"])
def test_how_a_file_was_saved_changes_nothing(
    load_valid: LoadValid, write_file: WriteFile, mark: bytes, line_end: str, last: str
) -> None:
    text = 'sku,name\nA1,"Lamp, ""big""\nand tall"\n\nB2,Väse' + last
    write_file("products.csv", mark + text.replace("\n", line_end).encode())
    prompts = [take.input["prompt"] for take in load_valid(ROWS).takes]
    assert prompts == ['Lamp, "big"\nand tall on a plinth', "Väse on a plinth"]


def test_values_stay_as_they_are_written(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("products.csv", 'sku,name\n1,007\n2,no\n3,${sku} $$ $\n4,1:30\n5, "x" \n')
    text = ROWS.replace("${name} on a plinth", '">${name}<"')
    assert [take.input["prompt"] for take in load_valid(text).takes] == [
        ">007<", ">no<", ">${sku} $$ $<", ">1:30<", '> "x" <',
    ]  # fmt: skip


def test_the_row_comes_before_the_vars(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("products.csv", "sku,name\n1,from the row\n")
    text = ROWS.replace("shots:", "vars: {name: from vars, more: too}\nshots:").replace("plinth", "${more}")
    assert next(load_valid(text).takes).input["prompt"] == "from the row on a too"


def test_every_row_times_every_combination(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("products.csv", "sku,name\nA,Lamp\nB,Vase\n")
    campaign = load_valid(
        HEAD + "shots:\n  - id: ${sku}-${where}\n    prompt: ${name} in ${where}\n    rows: products.csv\n"
        "    takes: 2\n    matrix: {where: [loft, den, hall], exclude: [{where: den}]}\n"
    )
    assert [shot.id for shot in campaign.shots] == ["a-loft", "a-hall", "b-loft", "b-hall"]
    assert campaign.shots[3].takes[1].input["prompt"] == "Vase in hall"


def test_a_name_in_both_is_an_error(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("products.csv", "sku,name\nA,Lamp\n")
    (error,) = load_errors(ROWS + "    matrix: {name: [x]}\n")
    assert error == "7:14: error: `name` is also a column of products.csv; rename one of them"


def test_one_table_may_serve_many_shots(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("products.csv", "sku,name,other\nA,Lamp,x\n")
    campaign = load_valid(ROWS + "  - id: other-${other}\n    prompt: ${other}\n    rows: ./products.csv\n")
    assert [shot.id for shot in campaign.shots] == ["sku-a", "other-x"]


def test_a_table_may_lie_elsewhere(tmp_path: Path) -> None:
    for name in ("data", "manifests", "elsewhere/deep"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data" / "products.csv").write_text("sku,name\nA,Lamp\n")
    manifest = tmp_path / "manifests" / "m.yaml"
    manifest.write_text(ROWS.replace("rows: products.csv", "rows: ../data/products.csv"))
    link = tmp_path / "elsewhere" / "deep" / "link.yaml"
    link.symlink_to(manifest)
    assert load_manifest(manifest).campaign is not None
    assert load_manifest(link).campaign is not None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/tmp/products.csv", "is not relative to the manifest"),
        ("C:/products.csv", "is not relative to the manifest"),
        ("~/products.csv", "is not relative to the manifest"),
        ("https://example.com/products.csv", "is a link, not a file; download it beside the manifest"),
        ("a\\products.csv", "contains `\\`"),
        ("none.csv", "there is no such file"),
        (".", "this is not a file"),
        ("${sku}.csv", "there is no such file"),
    ],
)
def test_paths_that_are_refused(load_errors: LoadErrors, write_file: WriteFile, path: str, expected: str) -> None:
    write_file("products.csv", "sku,name\nA,Lamp\n")
    (error,) = load_errors(ROWS.replace("rows: products.csv", f"rows: '{path}'"))
    assert error.startswith("6:11: error: ")
    assert expected in error


def test_no_more_is_read_than_a_file_reports_to_have(
    load_errors: LoadErrors, write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some files of a system, such as those about a process, look empty and hold secrets."""
    decoy = write_file("products.csv", "sku,name\nsecret\n")
    monkeypatch.setattr(text_files, "check_file", lambda path, _: 0 if path == decoy else path.stat().st_size)
    (error,) = load_errors(ROWS)
    assert error.endswith("1:1: error: the table is empty; begin it with a row of names, such as `sku,name,image`")


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("", "1:1: error: the table is empty"),
        ("\n\n", "1:1: error: the table is empty"),
        ("sku,name\n", "1:1: error: the table has no rows"),
        ("sku,,name\n1,2,3\n", "1:5: error: column 2 of the header has no name"),
        ("sku, ,name\n1,2,3\n", "1:5: error: column 2 of the header has no name"),
        ("sku,name,sku\n1,2,3\n", "1:10: error: the header has `sku` twice, first at 1:1"),
        ("sku,name\n1,2\n3\n", "3:1: error: this row has 1 field, but the header has 2; add `name`"),
        ("sku,name\n1,2,3\n", "2:5: error: this row has 3 fields, but the header has 2"),
        ('sku,name\n"a\nb",x\n1,2,3\n', "4:5: error: this row has 3 fields, but the header has 2"),
        ('sku,name\n"a\nb",x,y\n', "3:6: error: this row has 3 fields, but the header has 2"),
        ('sku,name\n1,"Lamp\n2,Vase\n', "2:3: error: the quote that opens here is never closed"),
        ('sku,name\n1,"La"mp\n', "2:3: error: there is text after the closing quote of this field"),
        ("sku,name\n1," + "x" * 131_073 + "\n", "2:1: error: a field of this row is longer"),
        ("sku,name\n1,La\0mp\n", "2:5: error: the character U+0000 is not allowed here"),
        ("sku,name\n1,Lämp".encode("latin-1"), "2:4: error: this is not UTF-8"),
        ("sku,name\n1,Lamp".encode("utf-16"), "1:1: error: the file is UTF-16"),
    ],
)
def test_a_wrong_table_is_reported_at_its_place(
    load_errors: LoadErrors, write_file: WriteFile, table: str | bytes, expected: str
) -> None:
    write_file("products.csv", table)
    (error,) = load_errors(ROWS)
    assert error.startswith(f"products.csv:{expected}")


def test_rows_with_one_cause_are_one_error(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("products.csv", "sku,name\n" + "x\n" * 1000)
    (error,) = load_errors(ROWS)
    message = "this row has 1 field, but the header has 2, and for 999 more; add `name`; a value may be empty"
    assert error == f"products.csv:2:1: error: {message}"


def test_what_is_wrong_for_one_row_names_its_cell(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("products.csv", 'sku,extra,name\n1,,Lamp\n2,"a\nb", \n')
    (error,) = load_errors(ROWS.replace(" on a plinth", ""))
    assert error == ("5:13: error: `prompt` is blank, for the row at products.csv:4:4; say what the video shows")


def test_what_is_wrong_for_every_row_is_reported_once(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("products.csv", "sku,name\n" + "".join(f"{n}, \n" for n in range(10_000)))
    (error,) = load_errors(ROWS.replace(" on a plinth", ""))
    assert error == (
        "5:13: error: `prompt` is blank, for the row at products.csv:2:3, and for 9,999 more; say what the video shows"
    )


def test_what_is_wrong_for_many_rows_is_counted(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("products.csv", "sku,name\n" + "".join(f"{n}, \n" for n in range(100)) + "x,Lamp\n")
    (error,) = load_errors(ROWS.replace(" on a plinth", ""))
    assert "products.csv:2:3, and for 99 more" in error


def test_two_rows_with_one_id_are_both_named(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("products.csv", "sku,name\nA1,Lamp\nB2,Vase\na1,Bowl\n")
    (error,) = load_errors(ROWS)
    assert (
        "the ID `sku-a1`, used for the row at products.csv:2:1, is repeated, for the row at products.csv:4:1" in error
    )


def test_an_id_without_a_column_is_reported_once(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("products.csv", "sku,name\nA1,Lamp\nB2,Vase\nC3,Bowl\n")
    (error,) = load_errors(ROWS.replace("sku-${sku}", "product"))
    assert error == "4:9: error: the ID `product` is the same for several rows; add `${sku}` to it"


def test_an_unknown_column_is_reported_once_and_the_columns_are_named(
    load_errors: LoadErrors, write_file: WriteFile
) -> None:
    write_file("products.csv", "sku,title\nA1,Lamp\nB2,Vase\n")
    (error,) = load_errors(ROWS)
    assert error == "5:13: error: unknown variable `name`; known: `${sku}`, `${title}`, `${row}`"


def test_a_column_may_have_any_name_but_be_put_in_only_by_a_plain_one(
    load_valid: LoadValid, load_errors: LoadErrors, write_file: WriteFile
) -> None:
    write_file("products.csv", "sku,name,Price (EUR)\nA1,Lamp,5\n")
    load_valid(ROWS)
    (error,) = load_errors(ROWS.replace("plinth", "${Price (EUR)}"))
    assert "the column `Price (EUR)` cannot be written like that" in error
    assert error.endswith("write `${price_eur}`")


def test_equal_rows_are_as_many_takes(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("products.csv", "sku,name\n1,Lamp\n2,Lamp\n")
    first, second = load_valid(ROWS).takes
    assert first.fingerprint == second.fingerprint
    assert first.id != second.id


def test_the_table_that_was_read_is_known_by_its_hash(load: Load, write_file: WriteFile) -> None:
    path = write_file("products.csv", "sku,name\n1,Lamp\n")
    before = load(ROWS).tables
    path.write_text("sku,name\n1,Vase\n")
    after = load(ROWS).tables
    assert before.keys() == after.keys() == {str(path)}
    assert before != after
