"""Which manifests a change of files concerns: those that changed, and those that read a table that changed.

What is a manifest is told from its text, so that one with a wrong line counts, and another program's YAML does not.
"""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hailuo_batch.manifest.files.text_files import MEBIBYTE, FileReadError, read_file
from hailuo_batch.manifest.load import load_manifest

_YAML_SUFFIXES = frozenset({".yaml", ".yml"})
_MAX_BYTES = 64 * MEBIBYTE
# keys at the top of a document: nothing stands before them in their line but a mark of the encoding, or a brace
_TOP_KEY = re.compile(rb"^(?:\xef\xbb\xbf)?\{?[\"']?(version|campaign|shots)[\"']?[ \t]*:(?=\s)", re.MULTILINE)


def find_concerned(changed: Iterable[Path], list_yaml_files: Callable[[], Iterable[Path]]) -> Sequence[Path]:
    """The manifests to check after these files changed, in the order of the files.

    `list_yaml_files` lists the files among which manifests are looked for that read a changed table.
    """
    found: dict[str, Path] = {}
    tables: dict[str, bytes] = {}
    for path in changed:
        if path.suffix.lower() not in _YAML_SUFFIXES:
            tables[os.path.realpath(path)] = os.fsencode(path.name)
        elif is_manifest(path):
            found[os.path.realpath(path)] = path
    for path in list_yaml_files() if tables else ():
        if os.path.realpath(path) not in found and _reads_any(path, tables):
            found[os.path.realpath(path)] = path
    return tuple(found.values())


def is_manifest(path: Path) -> bool:
    """Whether a YAML file is meant to be a manifest: it has `shots` at its top, and `campaign` or `version`."""
    keys = set(_TOP_KEY.findall(_read(path)))
    return b"shots" in keys and len(keys) > 1


def _reads_any(path: Path, tables: dict[str, bytes]) -> bool:
    """Whether a file is a manifest that reads one of these tables, by their real paths with their names."""
    data = _read(path)
    # most manifests name none of them, and need not be expanded to know that; `é` has several spellings
    if not any(name in data or not name.isascii() for name in tables.values()) or not is_manifest(path):
        return False
    loaded = load_manifest(path)
    return any(os.path.realpath(table) in tables for table in (*loaded.tables, *loaded.missing_tables))


def _read(path: Path) -> bytes:
    try:
        return read_file(path, _MAX_BYTES)
    except FileReadError:
        return b""  # deleted, or nothing that could be read as a manifest either
