"""What a file is that is no table of text: named, with what to do about it.

Looks at the first bytes alone. Knows nothing of what a table is used for.
"""

import re

# rule save_as_csv
_AS_CSV = "save it as CSV, and name that file here"
_STARTS: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (re.compile(rb"PK\x03\x04(?=.*?(?:xl/|\[Content_Types\]))", re.DOTALL), "an Excel file", _AS_CSV),
    (re.compile(rb"PK\x03\x04(?=.*?opendocument\.spreadsheet)", re.DOTALL), "an OpenDocument sheet", _AS_CSV),
    (re.compile(rb"PK\x03\x04(?=.*?(?:Index/|\.iwa))", re.DOTALL), "a Numbers file", "export it as CSV, and name that"),
    (re.compile(rb"PK\x03\x04"), "a zip file", "unpack it, and name the table in it"),
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an Excel file of an old kind", _AS_CSV),
    (re.compile(rb"\x1f\x8b"), "a gzip file", "unpack it, and name the table in it"),
    (re.compile(rb"%PDF-"), "a PDF file", "copy its table into a sheet, and save that as CSV"),
    (re.compile(rb"PAR1"), "a Parquet file", _AS_CSV),
    (re.compile(rb"SQLite format 3\x00"), "an SQLite database", _AS_CSV),
    (re.compile(rb"\{\\rtf"), "a document in rich text", "save it as plain text"),
    (
        re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body|table)\b", re.IGNORECASE | re.DOTALL),
        "a web page",
        "download the table itself, as CSV",
    ),
    (re.compile(rb"\s*<\?xml\b"), "an XML file", _AS_CSV),
    (
        re.compile(rb"\s*\[\s*(?:[\[{]|\]\s*\Z)"),
        "a JSON list",
        "write one object a line, without the brackets and commas around them, in a file whose name ends with `.jsonl`",
    ),
    (
        re.compile(rb'\s*\{\s*"(?:[^"\\\n]|\\.)*"\s*:'),
        "JSON lines",
        "give the file a name that ends with `.jsonl`",
    ),
)
_LOOKED_AT = 64 * 1024
BOM = b"\xef\xbb\xbf"


def name_other_format(data: bytes) -> tuple[str, str] | None:
    """What a file is instead of CSV, and what to do; None if nothing is known against it."""
    start = data[:_LOOKED_AT].removeprefix(BOM)
    return next(((name, hint) for pattern, name, hint in _STARTS if pattern.match(start)), None)
