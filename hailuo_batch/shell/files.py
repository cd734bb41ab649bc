"""Renames in the output folder, and whether what the ledger calls saved is really there.

Paths are relative to the output folder and come from the ledger: each is checked to stay inside before it is used.
No rename goes onto a file that exists.
"""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from hailuo_batch.core import events as ev
from hailuo_batch.core.events import Event, MoveOutcome
from hailuo_batch.core.records import Output, Snapshot


class Files:
    """The output folder of one campaign."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def move(self, index: int, source: str, target: str) -> MoveOutcome:
        """Rename output `index`."""
        try:
            start, end = self._inside(source), self._inside(target)
            end.parent.mkdir(parents=True, exist_ok=True)
            os.link(start, end)
            start.unlink()
        except FileExistsError:
            return ev.MoveFailed(f"another file is already called {target}")
        except OSError as error:
            return ev.MoveFailed(error.strerror or str(error))
        except ValueError as error:
            return ev.MoveFailed(str(error))
        return ev.FileMoved(index, target)

    def inspect(self, snapshot: Snapshot) -> Iterator[tuple[int, Event]]:
        """What a look at the disk adds to the ledger: renames that a crash cut short, and files that are gone."""
        for run in snapshot.runs:
            for output in run.outputs:
                event = self._look(output)
                if event is not None:
                    yield run.key, event

    def _look(self, output: Output) -> Event | None:
        if output.path is None:
            return None
        if output.moving_to is not None and self._has_moved(output, output.path, output.moving_to):
            return ev.FileMoved(output.index, output.moving_to)
        if not self._has(output.path):
            return ev.FileMissed(output.index)
        return None if output.moving_to is None else ev.FileMoved(output.index, output.path)

    def _has_moved(self, output: Output, source: str, target: str) -> bool:
        """Whether a rename reached its end, or can be brought there: the file at its target is ours."""
        if not self._has(target):
            return False
        if not self._has(source):
            return self._inside(target).stat().st_size == output.bytes
        if not self._inside(source).samefile(self._inside(target)):
            return False
        self._inside(source).unlink()  # one file under both names: the rename was about to end
        return True

    def _has(self, path: str) -> bool:
        try:
            return self._inside(path).is_file()
        except (OSError, ValueError):
            return False

    def _inside(self, path: str) -> Path:
        parts = PurePosixPath(path).parts
        if not parts or ".." in parts or PurePosixPath(path).is_absolute():
            raise ValueError(f"{path!r} does not lie in the output folder")
        return self._folder.joinpath(*parts)
