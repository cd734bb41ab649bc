"""From a file to YAML nodes with their places: reading, decoding, parsing.

Owns the limits on a file (size, encoding, characters). Knows nothing of the manifest's language. Uses libyaml's
parser where PyYAML was built with it, else PyYAML's own; both give the same nodes.
"""

import re
import stat
from pathlib import Path

import yaml

from hailuo_batch.manifest.compose import UNPRINTABLE, Composer
from hailuo_batch.manifest.diagnostics import START, Refused, Report, Spot
from hailuo_batch.manifest.explain import explained
from hailuo_batch.manifest.nodes import Node
from hailuo_batch.manifest.quoting import quoted

MAX_BYTES = 64 * 1024 * 1024

_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def read_source(path: Path) -> bytes:
    """The file's bytes. Raises Refused where it cannot be read, is no regular file or is over 64 MiB."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise Refused(START, "this is not a file", "name a manifest, such as manifests/quickstart.yaml")
        if status.st_size > MAX_BYTES:
            raise Refused(START, f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB", "split the campaign")
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except FileNotFoundError:
        raise Refused(START, "there is no such file", "`hailuo-batch init` writes a first manifest") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise Refused(START, f"the file cannot be read: {reason}") from None


def parse_source(data: bytes, report: Report) -> Node | None:
    """The root of the one YAML document in `data`, None where it is empty. Raises Refused where it is not YAML."""
    text = _decode(data)
    try:
        return Composer(report).compose(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        raise explained(error, text) from None
    except yaml.YAMLError as error:
        raise Refused(START, f"this is not YAML: {quoted(str(error))}") from None


def _decode(data: bytes) -> str:
    if data.startswith(_UTF_16) or data[:2].count(0) == 1:
        raise Refused(START, "the file is UTF-16", "save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8")
        raise Refused(_spot_at(before, len(before)), "this is not UTF-8", "save the file as UTF-8") from None
    odd = UNPRINTABLE.search(text)
    if odd is not None:
        message = f"the character U+{ord(odd[0]):04X} is not allowed in a manifest"
        raise Refused(_spot_at(text, odd.start()), message, "remove it")
    return text


def _spot_at(text: str, index: int) -> Spot:
    line, begin = 1, 0
    for line_break in _BREAK.finditer(text, 0, index):
        line, begin = line + 1, line_break.end()
    return Spot(line, index - begin + 1)
