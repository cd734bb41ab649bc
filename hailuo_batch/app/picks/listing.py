"""collected.csv: which file in a folder of collected videos is which take, for whoever gets the folder.

It is written anew each time. Rows of files that an earlier collection brought, and that are still there, are kept, so
that several collections into one folder have one list.
"""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.adapters.local.fs import open_to_read, write_durably
from hailuo_batch.core.picks.picks import Pick
from hailuo_batch.errors import OutputError, UsageError
from hailuo_batch.report.render_csv import VARIABLE, cell
from hailuo_batch.values import Take

NAME = "collected.csv"
COLUMNS = ("file", "campaign", "take", "shot", "number", "run_id", "note", "sha256", "bytes")
_MOST_BYTES = 1 << 26


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file that was collected."""

    name: str
    campaign: str
    take: Take
    pick: Pick
    sha256: str
    bytes: int


Row = Mapping[str, str]


def read_listing(folder: Path) -> tuple[Row, ...]:
    """The rows of files that are still in the folder, none without a list.

    Raises UsageError where something else has the list's name, so that nothing of anybody's is overwritten.
    """
    path = folder / NAME
    if not os.path.lexists(path):
        return ()
    try:
        with open_to_read(path) as file:
            data = file.read(_MOST_BYTES + 1)
        rows = _parse(data)
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(
            f"{path}: this is not a list that `collect` made, so it is not replaced. Nothing was copied. Rename it, or "
            "collect into another folder."
        ) from error
    return tuple(row for row in rows if _file_of(folder, row) is not None)


def write_listing(folder: Path, kept: Sequence[Row], files: Sequence[ListedFile]) -> None:
    """Write the list of these files and of those that were kept. Raises OutputError."""
    rows = {row["file"]: row for row in (*kept, *map(_row, files))}
    names = sorted({name for row in rows.values() for name in row} - {*COLUMNS})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow((*COLUMNS, *names))
    for _, row in sorted(rows.items()):
        writer.writerow(row.get(name, "") for name in (*COLUMNS, *names))
    try:
        write_durably(folder / NAME, text.getvalue().encode("utf-8"))
    except OSError as error:
        raise OutputError(
            f"{folder / NAME}: the list cannot be written ({error.strerror}). The videos are collected."
        ) from error


def _parse(data: bytes) -> list[Row]:
    """The rows of a list. Raises ValueError or csv.Error for anything else."""
    if len(data) > _MOST_BYTES:
        raise ValueError("it is too large")
    lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    if not lines or tuple(lines[0][: len(COLUMNS)]) != COLUMNS:
        raise ValueError("it has other columns")
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def _file_of(folder: Path, row: Row) -> Path | None:
    """The file that a row is about, None where it is gone. The cell may have been made harmless."""
    for name in (row["file"], row["file"].removeprefix("'")):
        if name and Path(name).name == name and "\0" not in name and (folder / name).is_file():
            return folder / name
    return None


def _row(file: ListedFile) -> Row:
    take = file.take
    fixed = (file.name, file.campaign, take.id, take.shot, str(take.number), file.pick.run_id, file.pick.note)
    variables = {cell(f"{VARIABLE}{name}"): cell(value) for name, value in take.variables.items()}
    return dict(zip(COLUMNS, (*map(cell, fixed), file.sha256, str(file.bytes)), strict=True)) | variables
