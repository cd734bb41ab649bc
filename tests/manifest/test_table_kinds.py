"""The tables that people have: separators, other formats, lists of prompts, rows in the manifest, odd headers."""

import json
import time

import pytest

from hailuo_batch.manifest import Severity
from tests.helpers.cpu_limits import within
from tests.manifest.conftest import Load, LoadErrors, LoadValid, WriteFile

HEAD = "version: 1\ncampaign: t\nshots:\n"


def shot(rows: str, id_: str = "sku-${sku}", prompt: str = "${name} on a plinth", more: str = "") -> str:
    return f"{HEAD}  - {{id: '{id_}', prompt: '{prompt}', rows: {rows}{more}}}\n"


def prompts(load_valid: LoadValid, text: str) -> dict[str, str]:
    return {take.id: take.input["prompt"] for take in load_valid(text).takes}


GOOD = {"sku-a1": "A lamp, warm on a plinth", "sku-b2": "A vase on a plinth"}


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("p.csv", 'sku,name\nA1,"A lamp, warm"\nB2,A vase\n'),
        ("p.csv", "sku;name\nA1;A lamp, warm\nB2;A vase\n"),
        ("p.csv", "sku\tname\nA1\tA lamp, warm\nB2\tA vase\n"),
        ("p.csv", "sep=;\nsku;name\nA1;A lamp, warm\nB2;A vase\n"),
        ("p.csv", "\ufeffsep=|\r\nsku|name\r\nA1|A lamp, warm\r\nB2|A vase\r\n"),
        ("p.csv", 'sep=,\nsku,name\nA1,"A lamp, warm"\nB2,A vase\n'),
        ("p.csv", 'sku,name,"wide; tall"\nA1,"A lamp, warm",\nB2,A vase,\n'),
        ("p.tsv", "sku\tname\nA1\tA lamp, warm\nB2\tA vase\n"),
        ("p.tsv", "sku\tname\tsize, cm\nA1\tA lamp, warm\t9\nB2\tA vase\t8\n"),
        ("P.TSV", 'sku\tname\nA1\t"A lamp, warm"\nB2\tA vase\n'),
        ("p.tsv", 'sku,name\nA1,"A lamp, warm"\nB2,A vase\n'),
        ("p.jsonl", '{"sku": "A1", "name": "A lamp, warm"}\n\n{"name": "A vase", "sku": "B2"}\n'),
        ("p.txt", 'sku,name\nA1,"A lamp, warm"\nB2,A vase\n'),
        ("p.dat", 'sku,name\nA1,"A lamp, warm"\nB2,A vase\n'),
    ],
)
def test_a_table_is_read_whatever_wrote_it(load_valid: LoadValid, write_file: WriteFile, name: str, table: str) -> None:
    write_file(name, table)
    assert prompts(load_valid, shot(name)) == GOOD


def test_rows_may_stand_in_the_manifest(load_valid: LoadValid) -> None:
    text = shot("[{sku: A1, name: 'A lamp, warm'}, {name: A vase, sku: B2, other: no}]")
    assert prompts(load_valid, text) == GOOD


def test_values_of_inline_rows_stay_as_they_are_written(load_valid: LoadValid) -> None:
    text = shot("[{sku: 007, name: no}, {sku: 1:30, name: 1.50}]", prompt="<${name}>")
    assert prompts(load_valid, text) == {"sku-007": "<no>", "sku-1-30": "<1.50>"}


def test_numbers_of_json_lines_stay_as_they_are_written(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("p.jsonl", '{"sku": 10, "name": 7.50}\n{"sku": 11, "name": true}\n{"sku": 12, "name": 1e3}\n')
    assert list(prompts(load_valid, shot("p.jsonl", prompt="<${name}>")).values()) == ["<7.50>", "<true>", "<1e3>"]


def test_a_key_that_a_line_lacks_and_null_are_blank(load: Load, write_file: WriteFile) -> None:
    rows = '{"sku": "A1"}\n{"sku": "A2", "name": null}\n{"sku": "A3", "name": "A vase"}\n{"sku": "A4"}\n'
    write_file("p.jsonl", rows)
    loaded = load(shot("p.jsonl"))
    assert loaded.campaign is not None
    assert [take.input["prompt"] for take in loaded.campaign.takes] == [
        "on a plinth",
        "on a plinth",
        "A vase on a plinth",
        "on a plinth",
    ]
    empty, _equal = loaded.diagnostics
    assert (empty.line, empty.code, empty.more) == (1, "empty-value", 2)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("", "1:1: error: the file has no rows"),
        ("\n \n", "1:1: error: the file has no rows"),
        ("[1]\n", "1:1: error: a row must be an object"),
        ('{"sku": "A1", "name": "x"}\n{"sku": "A1", \n', "2:14: error: this is not JSON"),
        ('{"sku": "A1", "sku": "A2"}\n', "1:1: error: the key `sku` is in this row twice"),
        ('{"sku": "A1", "name": ["x"]}\n', "1:15: error: `name` must be text or a number"),
        ('{"sku": "A1", "name": NaN}\n', "1:1: error: NaN is not a value"),
        ('{"sku": "A1", "name": "a\\u001b[31mb"}\n', "1:15: error: `name` holds a control character"),
        ('{"sku": "A1", "name": "\\ud800"}\n', "1:15: error: `name` holds a control character or an incomplete one"),
        ('{"": "A1"}\n', "1:2: error: a key has no name"),
        ("[" * 100_000 + "\n", "1:1: error: this row is nested too deeply"),
        (json.dumps({f"k{n}": "" for n in range(1001)}), "1:1: error: there are more than 1,000 different keys"),
    ],
)
def test_wrong_json_lines_are_reported_at_their_place(
    load_errors: LoadErrors, write_file: WriteFile, table: str, expected: str
) -> None:
    write_file("p.jsonl", table)
    (error,) = load_errors(shot("p.jsonl"))
    assert error.startswith(f"p.jsonl:{expected}")


def test_a_text_file_is_a_list_of_prompts(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("p.txt", "\ufeffA lamp, warm\r\n\r\n  A vase\r\n")
    text = shot("p.txt", "p-${row}", "${prompt}, ${style}").replace("shots:", "vars: {style: film}\nshots:")
    assert prompts(load_valid, text) == {"p-001": "A lamp, warm, film", "p-003": "A vase, film"}


def test_a_text_file_with_the_header_that_the_shot_needs_is_a_table(
    load_valid: LoadValid, write_file: WriteFile
) -> None:
    write_file("p.txt", "Prompt Text;Style\nA lamp;film\n")
    text = shot("p.txt", "p-${row}", "${prompt_text}, ${style}")
    assert prompts(load_valid, text) == {"p-001": "A lamp, film"}
    write_file("p.txt", "prompt\nA lamp\n")
    assert prompts(load_valid, shot("p.txt", "p-${row}", "${prompt}")) == {"p-001": "A lamp"}


def test_a_text_file_that_lacks_a_name_is_a_list_of_prompts(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("p.txt", "prompt,style\nA lamp,film\n")
    (error,) = load_errors(shot("p.txt", "p-${row}", "${prompt} ${light}"))
    assert error.endswith("unknown variable `light`; known: `${prompt}`, `${row}`")


def test_a_var_called_prompt_makes_no_header_of_a_first_prompt(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("p.txt", "A lamp\nA vase\n")
    text = shot("p.txt", "p-${row}", "${prompt}").replace("shots:", "vars: {prompt: unused}\nshots:")
    assert prompts(load_valid, text) == {"p-001": "A lamp", "p-002": "A vase"}


@pytest.mark.parametrize(
    ("start", "named"),
    [
        (b"PK\x03\x04....xl/workbook.xml", "an Excel file, not a CSV file; save it as CSV"),
        (b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "an OpenDocument sheet"),
        (b"PK\x03\x04........Index/Document.iwa", "a Numbers file"),
        (b"PK\x03\x04........", "a zip file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel file of an old kind"),
        (b"%PDF-1.7", "a PDF file"),
        (b"\x1f\x8b\x08", "a gzip file"),
        (b'[\n  {"sku": "A1"}]', "a JSON list, not a CSV file; write one object a line"),
        (b'{"sku": "A1"}\n', "JSON lines, not a CSV file; give the file a name that ends with `.jsonl`"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"<?xml version='1.0'?>", "an XML file"),
    ],
)
def test_another_format_is_named(load_errors: LoadErrors, write_file: WriteFile, start: bytes, named: str) -> None:
    write_file("p.csv", start)
    (error,) = load_errors(shot("p.csv"))
    assert error.startswith(f"p.csv:1:1: error: this is {named}")


@pytest.mark.parametrize("header", ["Shot Description", "shot-description", "SHOT  DESCRIPTION!", "Shöt Description"])
def test_a_header_is_named_by_its_slug(load_valid: LoadValid, write_file: WriteFile, header: str) -> None:
    write_file("p.csv", f'sku,"{header}"\nA1,A lamp\n')
    assert prompts(load_valid, shot("p.csv", prompt="${shot_description}")) == {"sku-a1": "A lamp"}


def test_exact_names_beat_every_slug(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,Style,Name,name\nA1,slug,wrong,right\n")
    text = shot("p.csv", prompt="${style} ${name}").replace("shots:", "vars: {style: exact}\nshots:")
    assert prompts(load_valid, text) == {"sku-a1": "exact right"}
    text = shot("p.csv", "${sku}-${style}", "${style} ${name}", ", matrix: {style: [exact]}")
    assert prompts(load_valid, text) == {"a1-exact": "exact right"}


def test_a_slug_of_two_headers_is_an_error_where_it_is_used(
    load_valid: LoadValid, load_errors: LoadErrors, write_file: WriteFile
) -> None:
    write_file("p.csv", "sku,Name,NAME,Shot A,Shot-A\nA1,x,y,z,w\n")
    assert prompts(load_valid, shot("p.csv", prompt="${Name} ${NAME}")) == {"sku-a1": "x y"}
    (error,) = load_errors(shot("p.csv", prompt="${shot_a}"))
    assert (
        error
        == "4:32: error: `${shot_a}` could be the column `Shot A` or `Shot-A`; rename one of them in the table's header"
    )


def test_the_row_has_a_number_of_three_digits_or_more(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("p.csv", "name\n\nA lamp\n,\n".replace(",", '""') + "A vase\n")
    assert prompts(load_valid, shot("p.csv", "p-${row}")) == {
        "p-002": "A lamp on a plinth",
        "p-004": "A vase on a plinth",
    }
    write_file("p.csv", "name\n" + "".join(f"lamp {n}\n" for n in range(1000)))
    ids = list(prompts(load_valid, shot("p.csv", "p-${row}")))
    assert (ids[0], ids[-1]) == ("p-0001", "p-1000")


def test_a_column_a_matrix_or_a_var_called_row_is_not_the_number(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("p.csv", "row,name\nfirst,A lamp\n")
    assert list(prompts(load_valid, shot("p.csv", "p-${row}"))) == ["p-first"]
    write_file("p.csv", "Row,name\nfirst,A lamp\n")
    assert list(prompts(load_valid, shot("p.csv", "p-${row}"))) == ["p-first"]
    write_file("p.csv", "name\nA lamp\n")
    assert list(prompts(load_valid, shot("p.csv", "p-${row}", more=", matrix: {row: [x]}"))) == ["p-x"]
    text = shot("p.csv", "p-${row}").replace("shots:", "vars: {row: y}\nshots:")
    assert list(prompts(load_valid, text)) == ["p-y"]


def test_without_rows_there_is_no_row_number(load_errors: LoadErrors) -> None:
    (error,) = load_errors(f"{HEAD}  - {{id: a, prompt: 'Lamp ${{row}}'}}\n")
    assert "unknown variable `row`; add it to `vars`" in error


def test_columns_and_fields_without_name_and_value_are_none(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,,name,,\nA1,,A lamp,,\nB2, ,A vase,,,,\n")
    assert list(prompts(load_valid, shot("p.csv")).values()) == ["A lamp on a plinth", "A vase on a plinth"]


def test_a_column_without_a_name_but_with_a_value_is_an_error(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,,name\nA1,,A lamp\nB2,x,A vase\nC3,y,A bowl\n")
    (error,) = load_errors(shot("p.csv"))
    assert error == "p.csv:1:5: error: column 2 of the header has no name, but a value at 3:4; give it a name"


@pytest.mark.parametrize(
    ("table", "line", "more"),
    [
        ("sku,name\nA1,A lamp\n,\n", 3, "this row is blank, and skipped"),
        ("sku,name\nA1,A lamp\n, \n ,\n", 3, "this row and 1 more are blank, and skipped"),
        ("sku,name,done\nA1,A lamp,TRUE\n,,FALSE\n", 3, "this row is blank in the columns that the shot uses"),
    ],
)
def test_ghost_rows_are_skipped_with_one_warning(
    load: Load, write_file: WriteFile, table: str, line: int, more: str
) -> None:
    write_file("p.csv", table)
    loaded = load(shot("p.csv"))
    assert loaded.campaign is not None
    assert [take.id for take in loaded.campaign.takes] == ["sku-a1"]
    (found,) = loaded.diagnostics
    assert (found.path.endswith("p.csv"), found.line, found.code) == (True, line, "blank-rows")
    assert found.message.startswith(more)


def test_a_table_of_ghost_rows_is_an_error(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,name\n,\n,\n")
    (error,) = load_errors(shot("p.csv"))
    assert error.startswith("p.csv:2:1: error: every row is blank in the columns that the shot uses")


def test_a_shot_that_uses_no_column_skips_no_row(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,name\n,\n,\n")
    assert list(prompts(load_valid, shot("p.csv", "p-${row}", "A lamp"))) == ["p-001", "p-002"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ('A1, "A lamp, warm"', "2:4: error: this row has 3 fields, but the header has 2: the blank before this quote"),
        ("A1,“A lamp, warm”", "2:4: error: this row has 3 fields, but the header has 2: curly quotes do not hold"),
        ("A1,„Eine Lampe, warm“", "2:4: error: this row has 3 fields, but the header has 2: curly quotes do not hold"),
        ("A1,A lamp, warm", "2:11: error: this row has 3 fields, but the header has 2; put text with a comma"),
    ],
)
def test_why_a_row_has_too_many_fields(load_errors: LoadErrors, write_file: WriteFile, row: str, expected: str) -> None:
    write_file("p.csv", f"sku,name\n{row}\n")
    (error,) = load_errors(shot("p.csv"))
    assert error.startswith(f"p.csv:{expected}")


@pytest.mark.parametrize("rows", ["[]", "{a: b}", "[x]", "[{a: [1]}]", "[[]]", "[{}]"])
def test_rows_that_are_none_are_reported_once(load_errors: LoadErrors, rows: str) -> None:
    (error,) = load_errors(shot(rows))
    assert ": error: " in error
    assert Severity.ERROR in error


COMPOSED, DECOMPOSED = "k\u00f6nig.csv", "ko\u0308nig.csv"


@pytest.mark.parametrize(("stored", "written"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED), (COMPOSED, COMPOSED)])
def test_a_table_is_found_however_its_accents_are_stored(
    load_valid: LoadValid, write_file: WriteFile, stored: str, written: str
) -> None:
    write_file(stored, "sku,name\nA1,A lamp\n")
    assert prompts(load_valid, shot(written)) == {"sku-a1": "A lamp on a plinth"}


def test_lines_above_the_header_are_told_from_a_comma(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("p.csv", "Our products\nsku,name\nA1,A lamp\nB2,A vase\n")
    (error,) = load_errors(shot("p.csv"))
    assert error.endswith("and for 2 more; delete the lines above the header, or name every column in it")


def test_a_header_in_other_words_is_named_with_both_ways_out(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("p.csv", "Artikelnr;Größe;Bild\n1;klein;\n")
    (error,) = load_errors(shot("p.csv"))
    assert error == (
        "p.csv:1:1: error: the columns are called `Artikelnr`, `Größe` and `Bild`, but the shot uses `sku` and `name`; "
        "rename the columns in this row, or write `${artikelnr}` in the manifest; if it is no row of names, put one "
        "above it"
    )


def test_only_one_name_of_a_column_is_proposed(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("p.csv", "SKU,Product Name,Größe\nA1,A lamp,klein\n")
    (error,) = load_errors(shot("p.csv", prompt="${zebra}"))
    assert error.endswith("known: `${SKU}`, `${product_name}`, `${grosse}`, `${row}`")
    (error,) = load_errors(shot("p.csv", prompt="${name}"))
    assert error.endswith("did you mean `${product_name}`?")


@pytest.mark.parametrize(
    ("there", "hint"),
    [("products.csv", "did you mean `products.csv`?"), ("P.CSV", "did you mean `P.CSV`? capitals count")],
)
def test_a_table_that_is_not_there_may_have_another_name(
    load_errors: LoadErrors, write_file: WriteFile, there: str, hint: str
) -> None:
    write_file(there, "sku,name\nA1,A lamp\n")
    (error,) = load_errors(shot("product.csv" if there == "products.csv" else "p.csv"))
    assert error.endswith(f"there is no such file; {hint}")


def test_no_line_is_shown_of_a_file_that_is_no_text(load: Load, write_file: WriteFile) -> None:
    write_file("p.csv", b"PK\x03\x04\x14\x00xl/workbook.xml\x00\xff")
    (found,) = load(shot("p.csv")).diagnostics
    assert (found.message, found.source) == ("this is an Excel file, not a CSV file", "")


@pytest.mark.parametrize(
    ("table", "sign", "hint"),
    [
        ("sku|name\na|b\n", "|", "make `sep=|` the first line of the file, or save it as CSV"),
        ("sku;name,x\na;b,c\n", ";", "make `sep=;` the first line of the file, or save it as CSV"),
        ("sku;Preis, EUR;name\na;12,50;A lamp\n", ";", "make `sep=;` the first line of the file, or save it as CSV"),
        ("| sku | name |\n| --- | --- |\n| A1 | A lamp |\n", "|", "save it as CSV"),
        ("sep=;\nsku,name\na,b\n", ",", "make `sep=,` the first line of the file, or save it as CSV"),
        ("sku\uff0cname\na\uff0cb\n", "\uff0c", "save it as CSV"),
    ],
)
def test_another_separator_is_named_and_leads_to_no_payment(
    load_errors: LoadErrors, write_file: WriteFile, table: str, sign: str, hint: str
) -> None:
    write_file("p.csv", table)
    (error,) = load_errors(shot("p.csv"))
    assert error == f"p.csv:1:1: error: the columns seem to be separated by `{sign}`; {hint}"


def test_a_column_of_json_lines_that_nobody_uses_may_hold_anything(
    load_valid: LoadValid, write_file: WriteFile
) -> None:
    write_file("p.jsonl", '{"sku": "A1", "name": "A lamp", "meta": {"a": [1]}}\n')
    assert prompts(load_valid, shot("p.jsonl")) == {"sku-a1": "A lamp on a plinth"}


@pytest.mark.parametrize("cell", [" " * 60_000, ", " * 30_000, ".jpg " * 20_000])
def test_a_cell_of_separators_takes_no_time(load: Load, write_file: WriteFile, cell: str) -> None:
    write_file("p.csv", f'sku,name,image\nA1,A lamp,"{cell}"\n')
    text = shot("p.csv", more=", image_urls: ['${image}']").replace(
        "shots:", "images: {base_url: 'https://e.com/'}\nshots:"
    )
    began_at = time.process_time()
    load(text)
    assert within(time.process_time() - began_at, 2)
