"""From a manifest's file to YAML nodes with their places: reading and parsing.

Owns the limit on a manifest's size. Knows nothing of the manifest's language. Uses libyaml's parser where PyYAML was
built with it, else PyYAML's own; both give the same nodes.
"""

from pathlib import Path

import yaml

from hailuo_batch.manifest.diagnostics import START, Refused, Report
from hailuo_batch.manifest.files.lines import Breaks
from hailuo_batch.manifest.files.text_files import MEBIBYTE, NO_FILE, Unreadable, read_file, text_fault
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.composer import Composer, Watch
from hailuo_batch.manifest.yaml.errors import explained, nesting_explained
from hailuo_batch.manifest.yaml.nodes import Node

# rule most_bytes
MAX_BYTES = 64 * MEBIBYTE

_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_source(path: Path) -> bytes:
    """The file's bytes. Raises Refused where it cannot be read, is no regular file or is over 64 MiB."""
    try:
        return read_file(path, MAX_BYTES)
    except Unreadable as unreadable:
        raise Refused(START, unreadable.what, _hint(unreadable)) from None


def parse_source(data: bytes, report: Report, watched: str, watch: Watch) -> Node | None:
    """The root of the one YAML document in `data`, None where it is empty. Raises Refused where it is not YAML.

    What `watch` is given, and what it is for, Composer says.
    """
    fault = text_fault(data, Breaks.YAML)
    if fault is not None:
        raise Refused(fault.spot, fault.message, fault.hint)
    composer = Composer(report, watched, watch)
    try:
        return composer.compose(yaml.parse(data, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        raise nesting_explained(error, data, composer) or explained(error, data) from None
    except yaml.YAMLError as error:
        raise Refused(START, f"this is not YAML: {quoted(str(error))}") from None


def _hint(unreadable: Unreadable) -> str:
    if unreadable.is_missing:
        return "`hailuo-batch init` writes a first manifest"
    if unreadable.is_too_large:
        return "split the campaign"
    return "name a manifest, such as manifests/quickstart.yaml" if unreadable.what == NO_FILE else ""
