"""The files that a manifest names: found from the manifest's folder, each read once.

Owns which paths may be written: relative ones, with `/`, that may lead out of the folder (`../images`). An absolute
path would work on one machine only. Knows nothing of what is in the files.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from hailuo_batch.manifest.diagnostics import Diagnostics
from hailuo_batch.manifest.files.csv_tables import MAX_BYTES, Table, read_table
from hailuo_batch.manifest.files.text_files import FileReadError, read_file
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.nodes import ScalarNode

_ABSOLUTE = re.compile(r"[/~]|[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*://")


class FileCache:
    """The files of one manifest. `contents` has the bytes of each table that was read, by its path."""

    def __init__(self, manifest: Path, diagnostics: Diagnostics) -> None:
        self.folder = _resolve_folder(manifest)
        self.contents: dict[str, bytes] = {}
        self._used_columns: Collection[str] = ()
        self._diagnostics = diagnostics
        self._tables: dict[Path, Table | None] = {}

    def keep_columns(self, names: Collection[str]) -> None:
        """Keep only the columns with these names of tables that are read from here on, to save memory."""
        self._used_columns = names

    def load_table(self, node: ScalarNode) -> Table | None:
        """The table whose path is written there; None if anything is wrong with it, which is reported."""
        if not check_path(node, "../data/products.csv", self._diagnostics):
            return None
        # rule table_path
        path = self.folder / node.text
        if path not in self._tables:
            self._tables[path] = self._load_new(path, node)
        return self._tables[path]

    def table_digests(self) -> Mapping[str, str]:
        """The SHA-256, in hex, of each table that was read, by its path."""
        return {path: hashlib.sha256(data).hexdigest() for path, data in self.contents.items()}

    def _load_new(self, path: Path, node: ScalarNode) -> Table | None:
        try:
            self.contents[str(path)] = read_file(path, MAX_BYTES)
        except FileReadError as error:
            hint = paths_hint(self.folder) if error.is_missing else ""
            self._diagnostics.error(node, f"the table {quoted(node.text)}: {error.reason}", hint)
            return None
        return read_table(self.contents[str(path)], str(path), self._used_columns, self._diagnostics)


def paths_hint(folder: Path) -> str:
    """Where paths begin, as a hint."""
    return "paths are relative to the manifest's folder" + ("" if folder == Path() else f", {folder}")


def _resolve_folder(manifest: Path) -> Path:
    """The folder that a manifest's paths begin at. A link to a manifest leads to the files beside the manifest too."""
    try:
        # rule manifest_folder
        return manifest.resolve().parent if manifest.is_symlink() else manifest.parent
    except (OSError, ValueError, RuntimeError):
        return manifest.parent


def check_path(node: ScalarNode, example: str, diagnostics: Diagnostics) -> bool:
    """Whether a path may be written in a manifest; reports why not."""
    if _ABSOLUTE.match(node.text):
        message = f"the path {quoted(node.text)} is not relative to the manifest"
        diagnostics.error(node, message, f"write it like `{example}`")
        return False
    if "\\" in node.text:
        diagnostics.error(node, f"the path {quoted(node.text)} contains `\\`", "use `/` instead")
        return False
    return True
