"""A manifest made of Python's values: the text that the loader reads, exactly as if somebody had written it.

So everything that holds for a manifest holds for it: the schema, the templates, the fingerprints of what is paid for.
Each shot, and each row, is a line of its own: a finding's place leads to it.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from hailuo_batch.adapters.local.fs import write_durably
from hailuo_batch.app.workspace import CampaignLocation
from hailuo_batch.errors import ManifestError, OutputError, UsageError
from hailuo_batch.manifest import ManifestText

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
_HEADING = "# Made by hailuo_batch.Campaign.from_shots, which writes it anew. To change it by hand, copy it first."
_LISTED = ("shots", "rows")


def manifest_place(workspace: Path, name: str) -> Path:
    """Where the manifest is kept once it is applied, so that every command of the program works on it, too."""
    stem = name if _NAME.fullmatch(name) else "campaign"
    return workspace / "manifests" / f"{stem}.shots.yaml"


def render_manifest(document: Mapping[str, Any], name: str) -> ManifestText:
    """The manifest's text. Raises ManifestError for a value that no manifest can hold."""
    lines = [_HEADING]
    for key, value in document.items():
        if key in _LISTED:
            lines += [f"{key}:", *(line for entry in value for line in _entry_lines(entry))]
        elif value is not None:
            lines.append(f"{key}: {_flow(value, key)}")
    return ManifestText(f"<campaign {name}>", "\n".join([*lines, ""]).encode("utf-8", "replace"))


def keep_manifest(where: CampaignLocation) -> None:
    """Keep the manifest as a file. Raises UsageError where somebody else's stands in its place, and OutputError."""
    if where.text is None:
        return
    path = where.manifest
    try:
        before = path.read_bytes() if path.exists() else b""
        if before and not before.startswith(_HEADING.encode("ascii")):
            raise UsageError(
                f"{path}: this file was not made by Campaign.from_shots, and is not replaced. Nothing was sent, "
                "nothing was paid. Rename it, or give the campaign another name."
            )
        if before != where.text.data:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, where.text.data)
    except OSError as error:
        raise OutputError(
            f"{path}: the manifest cannot be kept there ({error.strerror}). Nothing was sent, nothing was paid."
        ) from error


def listed(shots: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The shots or rows, each as a mapping with texts for names. Raises ManifestError for anything else."""
    found: list[dict[str, Any]] = []
    for number, shot in enumerate(shots, 1):
        if not isinstance(shot, Mapping):
            raise ManifestError(
                f"shot {number} is {_kind(shot)}, not a mapping of names to values. Nothing was sent. Of a pandas data "
                'frame, give `df.to_dict("records")`.'
            )
        found.append({str(name): value for name, value in shot.items()})
    return found


def without_blanks(shot: Mapping[str, Any]) -> dict[str, Any]:
    """A shot without the keys that have no value: a table has every column in every row."""
    return {name: value for name, value in shot.items() if not _is_blank(value)}


def _entry_lines(entry: Mapping[str, Any]) -> Iterator[str]:
    rows = entry.get("rows")
    if not isinstance(rows, list):
        yield f"- {_flow(entry, 'shot')}"
        return
    first = True
    for key, value in entry.items():
        if key != "rows":
            yield f"{'- ' if first else '  '}{_flow(key, key)}: {_flow(value, key)}"
            first = False
    yield "  rows:"
    # whatever stands there unquoted would be a value as it is written, `null` too
    yield from (f"  - {_flow({n: '' if _is_blank(v) else v for n, v in row.items()}, 'row')}" for row in rows)


def _flow(value: object, what: str) -> str:
    """The value as it stands in YAML, in one line. Raises ManifestError for one that cannot."""
    if hasattr(value, "tolist"):
        value = value.tolist()  # numpy's scalars and arrays
    if _is_blank(value):
        return "null"
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _quoted(value)
        case int():
            return str(int(value))
        case float() | Decimal():
            return _number(value, what)
        case PathLike():
            return _quoted(fspath(value))
        case Mapping():
            pairs = (f"{_quoted(str(name))}: {_flow(item, str(name))}" for name, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        case list() | tuple():
            return f"[{', '.join(_flow(item, what) for item in value)}]"
    raise ManifestError(f"{what!r} is {_kind(value)}, which no manifest can hold. Nothing was sent.")


def _number(value: float | Decimal, what: str) -> str:
    """In plain digits, and a whole number without a point: a column of a data frame that has a gap has no others."""
    if not math.isfinite(value):
        raise ManifestError(f"{what!r} is {value}, which is no number that can be sent. Nothing was sent.")
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    return str(int(exact)) if exact == exact.to_integral_value() else format(exact, "f")


def _is_blank(value: object) -> bool:
    """Whether it is None, or what stands for that in a data frame."""
    if value is None:
        return True
    if isinstance(value, float | Decimal):
        return math.isnan(value)
    return type(value).__name__ in {"NAType", "NaTType"}


def _quoted(text: str) -> str:
    """The text between quotes, with an escape for whatever YAML would not take as it is."""
    return re.sub(r"[^ -~]", _escaped, json.dumps(text, ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    sign = found[0]
    if sign.isprintable():
        return sign
    number = ord(sign)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def _kind(value: object) -> str:
    return f"a value of type {type(value).__name__}"
