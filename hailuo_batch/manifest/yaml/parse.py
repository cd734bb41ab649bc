"""From a manifest's file to YAML nodes with their places: reading and parsing.

Owns the limit on a manifest's size. Knows nothing of the manifest's language. Uses libyaml's parser if PyYAML was
built with it, else PyYAML's own; both give the same nodes.
"""

import re
from pathlib import Path

import yaml

from hailuo_batch.manifest.diagnostics import FILE_START, Diagnostics, FatalDiagnostic
from hailuo_batch.manifest.file_names import similar_name_hint
from hailuo_batch.manifest.files.formats import name_other_format
from hailuo_batch.manifest.files.lines import LineBreaks
from hailuo_batch.manifest.files.text_files import MEBIBYTE, NO_FILE, FileReadError, check_text, read_file
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.composer import Composer, OnItem
from hailuo_batch.manifest.yaml.dropped_text import DroppedTexts
from hailuo_batch.manifest.yaml.errors import explain, explain_nesting
from hailuo_batch.manifest.yaml.nodes import Node

# rule most_bytes
MAX_BYTES = 64 * MEBIBYTE

_TABLES = frozenset({".csv", ".tsv"})
_PICKS = re.compile(rb'"schema"\s*:\s*"hailuo-batch/picks"')
_LOOKED_AT = 1024

_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_manifest_file(path: Path) -> bytes:
    """The file's bytes. Raises FatalDiagnostic if it cannot be read, is not a regular file or is over 64 MiB, and for
    a table, a sheet or a file of picks, which are often named in a manifest's place."""
    try:
        data = read_file(path, MAX_BYTES)
    except FileReadError as error:
        hint = ""
        if error.is_missing:
            near = similar_name_hint(path, (".yaml", ".yml"), cutoff=0.8)  # the ending alone is half of a name
            hint = near or "`hailuo-batch init` writes a starter manifest"
        elif error.is_too_large:
            hint = "split the campaign"
        elif error.reason == NO_FILE:
            inside = path / "manifest.yaml"
            hint = f"name {inside}" if inside.is_file() else "name a manifest, such as manifests/lamps.yaml"
        raise FatalDiagnostic(FILE_START, error.reason, hint) from None
    if path.suffix.lower() in _TABLES:
        hint = f"name the manifest that reads it with `rows: {path.name}`"
        raise FatalDiagnostic(FILE_START, "this is a table, not a manifest", hint)
    other = name_other_format(data) if b"\0" in data[:_LOOKED_AT] else None
    if other is not None:
        hint = "name the manifest; a sheet of its rows is saved as CSV, and named there with `rows:`"
        raise FatalDiagnostic(FILE_START, f"this is {other[0]}, not a manifest", hint)
    if data[:_LOOKED_AT].lstrip().startswith(b"{") and _PICKS.search(data, 0, _LOOKED_AT):
        raise FatalDiagnostic(
            FILE_START, "this is a file of picks, not a manifest", "the manifest comes first on the command line"
        )
    return data


def parse_yaml(
    data: bytes, diagnostics: Diagnostics, watched_key: str, on_item: OnItem, dropped: DroppedTexts | None = None
) -> Node | None:
    """The root of the one YAML document in `data`; None if it is empty. Raises FatalDiagnostic if it is not YAML.

    The rest is that of Composer.
    """
    check_text(data, LineBreaks.YAML)
    composer = Composer(diagnostics, watched_key, on_item, DroppedTexts(data) if dropped is None else dropped)
    try:
        # as `yaml.parse` does it, which goes through two more calls for each of many events
        return composer.compose(iter(_LOADER(data).get_event, None))
    except yaml.MarkedYAMLError as error:
        raise explain_nesting(error, data, composer) or explain(error, composer) from None
    except yaml.YAMLError as error:
        raise FatalDiagnostic(FILE_START, f"this is not YAML: {quoted(str(error))}") from None
