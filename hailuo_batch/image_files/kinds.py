"""What a file is that is no PNG, JPEG, WebP or GIF, by its first bytes."""

import re

WEB_PAGE = "web page"
PDF = "PDF"
BAD_BASE64 = "no base64"
"""What cannot be decoded, so that nobody knows what it is."""

_BOM = b"\xef\xbb\xbf"
_OTHER_IMAGES: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("AVIF", re.compile(rb".{4}ftyp(?:avi[fs]|(?:mif1|msf1).{4}(?:.{4}){0,8}avi[fs])", re.DOTALL)),
    ("HEIC", re.compile(rb".{4}ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)),
    ("BMP", re.compile(rb"BM.{4}\0\0\0\0", re.DOTALL)),
    ("TIFF", re.compile(rb"II\*\0|MM\0\*", re.DOTALL)),
)
_SVG = re.compile(rb"<svg[\s>]")
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|title|body|script|meta)\b", re.IGNORECASE)
_SKIPPED = ((b"<?xml", b"?>"), (b"<!--", b"-->"), (b"<!DOCTYPE svg", b">"))


def name_other_image(start: bytes) -> str:
    """The kind of an image that is none of the common ones: `AVIF`, `HEIC`, `BMP`, `TIFF` or `SVG`; empty for none."""
    kind = next((kind for kind, pattern in _OTHER_IMAGES if pattern.match(start)), "")
    return kind or ("SVG" if _SVG.match(_first_element(start)) else "")


def name_no_image(start: bytes) -> str:
    """What a file is that is no image at all: `PDF` or `web page`; empty where that is unknown."""
    if start.startswith(b"%PDF-"):
        return PDF
    return WEB_PAGE if _HTML.match(_first_element(start)) else ""


def _first_element(start: bytes) -> bytes:
    """What follows the declaration and the comments that a page or a drawing may begin with."""
    rest = start[:4096].removeprefix(_BOM).lstrip()
    while True:
        end = next((end for begin, end in _SKIPPED if rest.startswith(begin)), None)
        if end is None or end not in rest:
            return rest
        rest = rest.partition(end)[2].lstrip()
