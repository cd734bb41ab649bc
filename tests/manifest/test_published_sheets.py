"""Lists and sheets as people publish them: they go in as they are, or end in a message whose advice works.

Small ones of our own making, in the shapes that spreadsheets, data sets and lists on the web have.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from hailuo_batch.manifest import LoadedManifest, Severity, load_manifest

HEAD = "version: 1\ncampaign: sheet\nshots:\n"


def by_column(id_: str, prompt: str, rows: str, more: str = "") -> str:
    return f"{HEAD}  - id: {id_}\n    prompt: {prompt}\n    rows: {rows}\n{more}"


@dataclass(frozen=True)
class Sheet:
    """A file with the manifest that its owner would write; what comes of it; and, if it is an error, what it advises
    and the file or the manifest once that is done."""

    name: str
    data: bytes
    manifest: str
    takes: int
    advice: str = ""
    mended_data: bytes = b""
    mended_manifest: str = ""


GERMAN = "Artikel-Nr.;Größe;Beschreibung;Bild\r\n4711;groß;Eine Lampe, warm;https://e.com/1.jpg\r\n4712;klein;Krug;\r\n"
CHINESE = "编号,提示词,图片\n1,一盏台灯缓缓旋转,https://e.com/1.jpg\n2,一个陶罐在窗边,\n"
CHINESE_MENDED = CHINESE.replace("编号,提示词,图片", "number,prompt,image")
IMAGE = "    image_urls: ['${image}']\n"

SHEETS = {
    "a list of prompts, one a line": Sheet(
        "prompts.txt",
        b"A kite over the sea, cinematic\n\nA paper boat\n",
        by_column("p-${row}", "${prompt}", "prompts.txt"),
        2,
    ),
    "Excel, German, CSV UTF-8: semicolons, mark, CRLF": Sheet(
        "artikel.csv",
        b"\xef\xbb\xbf" + GERMAN.encode(),
        by_column("nr-${artikel_nr}", "${beschreibung}", "artikel.csv", "    image_urls: ['${bild}']\n"),
        2,
    ),
    "Excel, German, CSV of Windows": Sheet(
        "artikel.csv",
        GERMAN.encode("cp1252"),
        by_column("nr-${artikel_nr}", "${beschreibung}", "artikel.csv"),
        2,
        "this is not UTF-8; save the file as UTF-8 (in Excel: Save As, `CSV UTF-8 (Comma delimited)`)",
        GERMAN.encode(),
    ),
    "Excel, Unicode text": Sheet(
        "artikel.txt",
        "\ufeffSKU\tName\r\nA1\tLamp\r\n".encode("utf-16-le"),
        by_column("${sku}", "A ${name}", "artikel.txt"),
        1,
        "the file is UTF-16; save it as UTF-8",
        b"SKU\tName\r\nA1\tLamp\r\n",
    ),
    "Excel workbook": Sheet(
        "products.xlsx",
        b"PK\x03\x04\x14\0\x06\0[Content_Types].xml xl/workbook.xml",
        by_column("${sku}", "A ${name}", "products.xlsx"),
        1,
        "this is an Excel file, not a CSV file; save it as CSV",
        b"sku,name\nA1,lamp\n",
    ),
    "Google Sheets, CSV: tick boxes, empty rows and columns": Sheet(
        "shots - Sheet1.csv",
        b'Shot,Shot Description,Done,,\n1,A lamp at dusk,FALSE,,\n2,"A jug, wide",TRUE,,\n,,FALSE,,\n,,FALSE,,\n',
        by_column("shot-${Shot}", "${shot_description}", "shots - Sheet1.csv"),
        2,
    ),
    "Google Sheets, TSV": Sheet(
        "sheet.tsv",
        b"sku\tprompt\timage\r\nA1\tA lamp, warm\t\r\nA2\tA jug\thttps://e.com/2.jpg",
        by_column("${sku}", "${prompt}", "sheet.tsv", IMAGE),
        2,
    ),
    "LibreOffice: every text quoted": Sheet(
        "lamps.csv",
        b'"SKU","Product Name"\n"A-1","tall ""Ming"" vase"\n',
        by_column("${SKU}", "A ${product_name}", "lamps.csv"),
        1,
    ),
    "Chinese headers": Sheet(
        "qingdan.csv",
        CHINESE.encode(),
        by_column("p-${row}", "${提示词}", "qingdan.csv", IMAGE.replace("image}", "图片}")),
        2,
        "rename it in the table's header, with the letters a to z",
        CHINESE_MENDED.encode(),
        by_column("p-${row}", "${prompt}", "qingdan.csv", IMAGE),
    ),
    "Excel, Chinese, GBK": Sheet(
        "qingdan.csv",
        CHINESE_MENDED.encode("gbk"),
        by_column("p-${number}", "${prompt}", "qingdan.csv", IMAGE),
        2,
        "this is not UTF-8; save the file as UTF-8 (in Excel: Save As, `CSV UTF-8 (Comma delimited)`)",
        CHINESE_MENDED.encode(),
    ),
    "a data set as JSON lines": Sheet(
        "train.jsonl",
        b'{"id": 17, "caption": "A lamp", "image": null}\n'
        b'{"id": 18, "caption": "A jug", "image": "https://e.com/2.jpg", "split": "x"}\n',
        by_column("v-${id}", "${caption}", "train.jsonl", IMAGE),
        2,
    ),
    "JSON lines that are called CSV": Sheet(
        "train.csv",
        b'{"id": 17, "caption": "A lamp"}\n',
        by_column("v-${id}", "${caption}", "train.csv"),
        1,
        "give the file a name that ends with `.jsonl`",
        b"id,caption\n17,A lamp\n",
    ),
    "a CSV without a header": Sheet(
        "prompts.csv",
        b'"A lamp, warm light"\n"A jug"\n',
        by_column("p-${row}", "${prompt}", "prompts.csv"),
        2,
        "if it is no row of names, put one above it",
        b'prompt\n"A lamp, warm light"\n"A jug"\n',
    ),
    "Airtable: attachments with their names": Sheet(
        "grid.csv",
        b"Name,Notes,Attachments\nlamp,A lamp,lamp.jpg (https://e.com/lamp.jpg)\n",
        by_column("${Name}", "${Notes}", "grid.csv", "    image_urls: ['${Attachments}']\n"),
        1,
        "write the URL alone",
        b"Name,Notes,Attachments\nlamp,A lamp,https://e.com/lamp.jpg\n",
    ),
    "two images in one cell": Sheet(
        "grid.csv",
        b'sku,name,images\nA1,lamp,"https://e.com/1.jpg, https://e.com/2.jpg"\n',
        by_column("${sku}", "A ${name}", "grid.csv", "    accept: [several-images]\n    image_urls: ['${images}']\n"),
        1,
        "write two items, from a table of two columns",
        b"sku,name,image,second\nA1,lamp,https://e.com/1.jpg,https://e.com/2.jpg\n",
        by_column(
            "${sku}",
            "A ${name}",
            "grid.csv",
            "    accept: [several-images]\n    image_urls: ['${image}', '${second}']\n",
        ),
    ),
}


def read(folder: Path, name: str, data: bytes, manifest: str) -> LoadedManifest:
    (folder / name).write_bytes(data)
    (folder / "m.yaml").write_text(manifest, encoding="utf-8")
    return load_manifest(folder / "m.yaml")


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS)
def test_a_sheet_goes_in_or_its_message_helps(sheet: Sheet, tmp_path: Path) -> None:
    loaded = read(tmp_path, sheet.name, sheet.data, sheet.manifest)
    if sheet.advice:
        errors = [str(found) for found in loaded.diagnostics if found.severity is Severity.ERROR]
        assert any(error.partition(": error: ")[2].endswith(sheet.advice) or sheet.advice in error for error in errors)
        loaded = read(tmp_path, sheet.name, sheet.mended_data, sheet.mended_manifest or sheet.manifest)
    assert loaded.campaign is not None, loaded.diagnostics
    assert len(list(loaded.campaign.takes)) == sheet.takes
    assert {str(found.code) for found in loaded.diagnostics} <= {"blank-rows"}
