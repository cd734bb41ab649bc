"""report.html: the contact sheet, one self-contained file.

The report goes into the page as inert JSON, and the page's own script shows it with `textContent` only. A content
security policy admits exactly that script and style, by their hashes, embedded images, and videos and their stills from
the page's folder: nothing is ever fetched from a network.
"""

import base64
import hashlib
import html
import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from hailuo_batch.core.model.clip_facts import ClipFacts
from hailuo_batch.core.model.file_layout import STILLS_FOLDER, poster_name
from hailuo_batch.report.attention import attention_kinds
from hailuo_batch.report.encoding import encode
from hailuo_batch.report.model import Report, Stills
from hailuo_batch.report.render_json import report_document

_PAGE = Path(__file__).parent / "page"
_STYLES = ("base", "head", "tools", "sheet", "film", "small", "bar", "compare", "overlay")
_SCRIPTS = (
    *("base/dom", "base/say", "base/keys", "base/store", "base/takes", "base/variables", "base/film"),
    *("review/picks", "review/notes", "review/exchange", "review/tables"),
    *("sheet/density", "sheet/cards", "sheet/shots", "sheet/attention", "sheet/head", "sheet/matrix", "sheet/sheet"),
    *("sheet/current", "sheet/search", "sheet/find", "review/viewer", "review/keys", "review/sync", "review/tiles"),
    *("review/compare", "review/reopen", "review/exporter", "review/importer", "sheet/bar", "sheet/live", "sheet/main"),
)
"""In the order in which they depend on each other; they share one scope."""

_MARKER = re.compile(r"\{\{([a-z]+)\}\}")
_INERT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_LONG_DATA_URI = 200
_LARGEST_PICTURE = 400_000
_MOST_PICTURES = 8_000_000


def render_html(report: Report) -> str:
    """The text of report.html."""
    style, script = _style(), _script()
    parts = {
        "policy": _policy(style, script),
        "title": html.escape(f"{report.campaign} · hailuo-batch"),
        "style": style,
        "model": embed(_page_model(report)),
        "script": script,
    }
    return _MARKER.sub(lambda match: parts[match[1]], _asset("template.html"))


def embed(value: Any) -> str:
    """JSON that is inert inside a script element: no character in it could end the element or a line."""
    return re.sub("[<>&\u2028\u2029]", lambda match: _INERT[match[0]], encode(value))


@cache
def _asset(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


def _style() -> str:
    return "\n".join(_asset(f"styles/{name}.css") for name in _STYLES)


def _script() -> str:
    parts = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _policy(style: str, script: str) -> str:
    rules = (
        "default-src 'none'",
        f"script-src {_source(script)}",
        f"style-src {_source(style)}",
        "media-src 'self' file:",
        "img-src data: 'self' file:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(rules)


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def _page_model(report: Report) -> dict[str, Any]:
    """The report's document, with what the page alone shows.

    Each video has its facts and its still, and each embedded image is there once, in `pictures`, as far as there is
    room. Where a variable is such an image, it is shortened.
    """
    page = report_document(report)
    pictures = _Pictures(report.stills)
    for take in page["takes"]:
        for outputs in (take["outputs"], *(run["outputs"] for run in take["runs"])):
            for output in outputs:
                output.update(_clip_fields(report, output))
        take["input"] = _with_pictures(take["input"], pictures, report.stills.references.get(take["id"], ()))
        take["variables"] = {name: _shorten(value) for name, value in take["variables"].items()}
    return page | {"pictures": pictures.listed, "attention": attention_kinds(report)}


def _clip_fields(report: Report, output: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a video: seconds, pixels, and the still's path; each null where there is none."""
    facts = report.clips.get(output["path"], ClipFacts()) if output["path"] is not None else ClipFacts()
    name = poster_name(output["sha256"] or "")
    poster = f"{STILLS_FOLDER}/{name}" if name in report.stills.posters else None
    return {"length_s": facts.length_s, "width": facts.width, "height": facts.height, "poster": poster}


class _Pictures:
    """The images embedded in the page, each once."""

    def __init__(self, stills: Stills) -> None:
        self.listed: list[str] = []
        self._stills = stills
        self._places: dict[str, int] = {}
        self._room = _MOST_PICTURES

    def place(self, image: Any) -> Any:
        """What replaces the image in an input: its index in the list, or a text short enough to read."""
        if not isinstance(image, str) or not image.startswith("data:"):
            return image
        if image not in self._places:
            if len(image) > min(self._room, _LARGEST_PICTURE) or not image.startswith("data:image/"):
                return _shorten(image)
            self._room -= len(image)
        return {"picture": self._listed(image)}

    def place_copy(self, image: Any, still: str) -> Any:
        """The same for an image that has a copy on this machine, of which there may be a small picture."""
        address = self._stills.pictures.get(still)
        return self.place(image) if address is None else {"picture": self._listed(address), "url": image}

    def _listed(self, address: str) -> int:
        if address not in self._places:
            self._places[address] = len(self.listed)
            self.listed.append(address)
        return self._places[address]


def _shorten(text: str) -> str:
    """The text; of one that is an embedded image, what is short enough to read."""
    is_long = text.startswith("data:") and len(text) > _LONG_DATA_URI
    return f"{text[:40]}… ({len(text):,} characters)" if is_long else text


def _with_pictures(taken: Mapping[str, Any], pictures: _Pictures, stills: Sequence[str]) -> dict[str, Any]:
    images = taken.get("image_urls")
    if not isinstance(images, list):
        return dict(taken)
    named = zip_longest(images, stills[: len(images)], fillvalue="")
    return dict(taken) | {"image_urls": [pictures.place_copy(image, still) for image, still in named]}
