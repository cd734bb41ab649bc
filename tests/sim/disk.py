"""An output folder in memory, with the same rules as the real one: no name is ever written over."""

import hashlib
from collections.abc import Iterator

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Event, MoveOutcome
from hailuo_batch.core.model.runs import Output, Snapshot


class VirtualDisk:
    """Files by their paths."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def save(self, index: int, stem: str, data: bytes) -> ev.FileSaved | ev.FetchFailed:
        path = f"{stem}.mp4"
        if self.files.setdefault(path, data) != data:
            return ev.FetchFailed(f"another file is called {path}")
        return ev.FileSaved(index, path, len(data), hashlib.sha256(data).hexdigest())

    def move(self, index: int, source: str, target: str) -> MoveOutcome:
        if source not in self.files:
            return ev.MoveFailed("no such file")
        if target in self.files:
            return ev.MoveFailed(f"another file is already called {target}")
        self.files[target] = self.files.pop(source)
        return ev.FileMoved(index, target)

    def inspect(self, snapshot: Snapshot) -> Iterator[tuple[int, Event]]:
        for run in snapshot.runs:
            for output in run.outputs:
                event = self._look(output)
                if event is not None:
                    yield run.key, event

    def _look(self, output: Output) -> Event | None:
        if output.path is None:
            return None
        if output.moving_to is not None and output.moving_to in self.files:
            return ev.FileMoved(output.index, output.moving_to)
        if output.path not in self.files:
            return ev.FileMissed(output.index)
        return None if output.moving_to is None else ev.FileMoved(output.index, output.path)
