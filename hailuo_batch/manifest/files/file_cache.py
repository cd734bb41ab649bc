"""The files that a manifest names: found from the manifest's folder, each read once.

Owns which paths may be written: relative ones, with `/`, that may lead out of the folder (`../images`). An absolute
path would work on one machine only. Owns how a table is read, by the end of its file's name and by its first line.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from hailuo_batch.manifest.diagnostics import FILE_START, Diagnostics, FatalDiagnostic
from hailuo_batch.manifest.file_names import AmbiguousNameError, find_file, similar_name_hint
from hailuo_batch.manifest.files.csv_tables import read_csv
from hailuo_batch.manifest.files.formats import name_other_format
from hailuo_batch.manifest.files.json_lines import read_json_lines
from hailuo_batch.manifest.files.lines import LineBreaks
from hailuo_batch.manifest.files.other_tables import read_inline, read_prompts
from hailuo_batch.manifest.files.separators import COMMA, TAB, Dialect, find_dialect, read_header
from hailuo_batch.manifest.files.tables import MAX_ROW_BYTES, Table
from hailuo_batch.manifest.files.text_files import MEBIBYTE, FileReadError, TextError, check_text, read_file
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.manifest.yaml.nodes import ScalarNode, SequenceNode

MAX_BYTES = 64 * MEBIBYTE
_LOOKED_AT = 1024
_IN_EXCEL = " (in Excel: Save As, `CSV UTF-8 (Comma delimited)`)"
_ABSOLUTE = re.compile(r"[/~]|[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*://")
_LINK = re.compile(r"https?://", re.IGNORECASE)

IsHeader = Callable[[Collection[str]], bool]
"""Whether these names are the header of the table that a shot needs."""


class FileCache:
    """The files of one manifest. `contents` has the bytes of each table that was read, by its path; `not_text` are the
    paths of those that are no text, of which no line can be shown, `missing` those of tables that are not there."""

    def __init__(self, manifest: Path, diagnostics: Diagnostics) -> None:
        self.folder = _resolve_folder(manifest)
        self.contents: dict[str, bytes] = {}
        self.not_text: set[str] = set()
        self.missing: set[str] = set()
        self._used_columns: Collection[str] = ()
        self._diagnostics = diagnostics
        self._tables: dict[tuple[Path, bool], Table | None] = {}
        self._inline: dict[int, tuple[SequenceNode, Table | None]] = {}

    def keep_columns(self, names: Collection[str]) -> None:
        """Keep only the columns with these names of tables that are read from here on, to save memory."""
        self._used_columns = names

    def load_table(self, node: ScalarNode | SequenceNode, is_header: IsHeader) -> Table | None:
        """The table that is written there, or whose path is; None if anything is wrong with it, which is reported.

        `is_header` decides whether a `.txt` file is a table or a list of prompts.
        """
        if isinstance(node, SequenceNode):
            if id(node) not in self._inline:
                self._inline[id(node)] = (node, read_inline(node, self._diagnostics.path, self._used_columns))
            return self._inline[id(node)][1]
        if not check_path(node, "../data/products.csv", self._diagnostics):
            return None
        path = self._find(node)
        if path is None or (str(path) not in self.contents and not self._read(path, node)):
            return None
        data = self.contents[str(path)]
        is_list = path.suffix.lower() == ".txt" and not is_header(_names_of(data))
        if (path, is_list) not in self._tables:
            self._tables[path, is_list] = self._parse(data, path, is_list)
        return self._tables[path, is_list]

    def table_digests(self) -> Mapping[str, str]:
        """The SHA-256, in hex, of each table that was read, by its path."""
        return {path: hashlib.sha256(data).hexdigest() for path, data in self.contents.items()}

    def _find(self, node: ScalarNode) -> Path | None:
        """The path of a table, found however the accents of its name are stored; None if it is not clear which."""
        try:
            # rule table_path
            return find_file(self.folder, tuple(node.text.split("/")))
        except AmbiguousNameError:
            message = f"the table {quoted(node.text)}: several files look the same under this name"
            self._diagnostics.error(node, message, "rename all but one")
            return None
        except (OSError, ValueError):
            return self.folder / node.text  # reading it says why

    def _read(self, path: Path, node: ScalarNode) -> bool:
        try:
            self.contents[str(path)] = read_file(path, MAX_BYTES)
        except FileReadError as error:
            if error.is_missing:
                self.missing.add(str(path))
            hint = (similar_name_hint(path) or paths_hint(self.folder)) if error.is_missing else ""
            self._diagnostics.error(node, f"the table {quoted(node.text)}: {error.reason}", hint)
            return False
        return True

    def _parse(self, data: bytes, path: Path, is_list: bool) -> Table | None:
        shown = str(path)
        try:
            if path.suffix.lower() != ".jsonl":
                self._check_format(data, shown)
            check_text(data, LineBreaks.CSV)
            # rule prompt_list
            if is_list:
                return read_prompts(data, shown)
            # rule json_lines
            if path.suffix.lower() == ".jsonl":
                return read_json_lines(data, shown, self._used_columns)
            # rule tab_tables
            dialect = find_dialect(data, TAB if path.suffix.lower() == ".tsv" else COMMA)
            return read_csv(data, shown, dialect, self._used_columns, self._diagnostics)
        except FatalDiagnostic as fatal:
            hint = f"{fatal.hint}{_IN_EXCEL}" if isinstance(fatal, TextError) and "UTF-8" in fatal.hint else fatal.hint
            self._diagnostics.error(fatal.place, fatal.message, hint, path=shown)
            return None

    def _check_format(self, data: bytes, path: str) -> None:
        """Raise FatalDiagnostic for a file that is known to be no table of text."""
        other = name_other_format(data)
        # rule other_format
        if other is not None:
            if not data[:_LOOKED_AT].isascii() or b"\0" in data[:_LOOKED_AT]:
                self.not_text.add(path)
            name, hint = other
            raise FatalDiagnostic(FILE_START, f"this is {name}, not a CSV file", hint)


def _names_of(data: bytes) -> list[str]:
    """The names in the first line of a file, read as CSV."""
    dialect: Dialect = find_dialect(data)
    text = data[dialect.offset : dialect.offset + MAX_ROW_BYTES].decode("utf-8", "replace")
    return read_header(text, dialect.separator)


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
    # rule download_link
    if _LINK.match(node.text):
        hint = f"download it beside the manifest, and write its path, such as `{example}`"
        diagnostics.error(node, f"the path {quoted(node.text)} is a link, not a file", hint)
        return False
    if _ABSOLUTE.match(node.text):
        message = f"the path {quoted(node.text)} is not relative to the manifest"
        diagnostics.error(node, message, f"write it like `{example}`")
        return False
    if "\\" in node.text:
        diagnostics.error(node, f"the path {quoted(node.text)} contains `\\`", "use `/` instead")
        return False
    return True
