"""report.html: the contact sheet, one self-contained file.

Owns how the page is put together: the model goes in as inert JSON, and the page's own script shows it with
`textContent` only. A content policy admits exactly that script and style, by their hashes, and media from where the
page lies; nothing is ever fetched from a network.
"""

import base64
import hashlib
import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hailuo_batch.report.model import Report
from hailuo_batch.report.render_json import document, encode

_HERE = Path(__file__).parent
_MARKER = re.compile(r"\{\{([a-z]+)\}\}")
_INERT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_LONG_DATA_URI = 200


def render_html(report: Report) -> str:
    """The text of report.html."""
    style, script = _asset("page.css"), _asset("page.js")
    parts = {
        "policy": _policy(style, script),
        "title": html.escape(f"{report.campaign} · hailuo-batch"),
        "style": style,
        "model": embed(_page_model(report)),
        "script": script,
    }
    return _MARKER.sub(lambda match: parts[match[1]], _asset("template.html"))


def embed(value: Any) -> str:
    """JSON that is inert inside a script element: it holds no character that could end the element or a line."""
    return re.sub("[<>&\u2028\u2029]", lambda match: _INERT[match[0]], encode(value))


def _asset(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    rules = (
        "default-src 'none'",
        f"script-src {_source(script)}",
        f"style-src {_source(style)}",
        "media-src 'self' file:",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(rules)


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def _page_model(report: Report) -> dict[str, Any]:
    """The report's document, with images that are written out as data cut to what a person can use."""
    page = document(report)
    for take in page["takes"]:
        take["input"] = _shortened(take["input"])
    return page


def _shortened(taken: Mapping[str, Any]) -> dict[str, Any]:
    images = taken.get("image_urls")
    if not isinstance(images, list):
        return dict(taken)
    return dict(taken) | {"image_urls": [_short(image) for image in images]}


def _short(image: Any) -> Any:
    if isinstance(image, str) and image.startswith("data:") and len(image) > _LONG_DATA_URI:
        return f"{image[:40]}… ({len(image):,} characters)"
    return image
