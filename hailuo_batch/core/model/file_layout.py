"""Where each saved file belongs, and the renames that bring it there.

A live run's files are named after its take; those of a superseded run keep that name until the replacement is done, and
then go to `superseded/`. Where a file belongs is always derived and never stored, so that after a crash between two
renames it is enough to ask again. A rename never goes to a path that is taken: every file here was paid for.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hailuo_batch.core.model.runs import Output, OutputKey, Run
from hailuo_batch.core.model.states import RunState

SUPERSEDED_FOLDER = "superseded"
STILLS_FOLDER = "posters"
"""Where the stills of videos and images lie. They are named by content, so that a video keeps its still under any name
and never shows another's."""

_NAMED_BY = 24  # hexadecimal digits: by chance no two of a billion files share them


@dataclass(frozen=True, slots=True)
class Move:
    """A rename of output `index` of the run `key`."""

    key: int
    index: int
    source: str
    target: str


def unique_stem(run: Run, index: int) -> str:
    """The path, without its extension, that no other run's file can ever have."""
    return f"{SUPERSEDED_FOLDER}/{run.take_id}.{run.run_id}{_number(index)}"


def take_stem(run: Run, index: int) -> str:
    """The path, without its extension, where a live run's output belongs."""
    return f"{run.take_id}{_number(index)}"


def poster_name(sha256: str) -> str:
    """The name of the still of the video with this SHA-256, in the folder of stills."""
    return f"{sha256[:_NAMED_BY]}.jpg"


def thumbnail_name(sha256: str) -> str:
    """The name of the small picture of the image with this SHA-256, in the folder of stills."""
    return f"{sha256[:_NAMED_BY]}.thumb.jpg"


def are_all_in_place(runs: Iterable[Run]) -> bool:
    """Whether every saved file is where it belongs, so that no rename is due. A quick check of each file alone."""
    return all(
        output.path is None
        or _stem(output.path) == (unique_stem if run.is_superseded else take_stem)(run, output.index)
        for run in runs
        for output in run.outputs
    )


class FileLayout:
    """The saved files of all runs. `on_run_changed` must be called with each run as it changes."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._runs: dict[str, dict[int, Run]] = defaultdict(dict)
        self._take_of: dict[int, str] = {}
        self._taken: dict[str, OutputKey] = {}
        self._stems: Counter[str] = Counter()
        self._takes_to_check: set[str] = set()  # takes whose files may not be where they belong
        for run in runs:
            self.on_run_changed(run)

    def on_run_changed(self, run: Run) -> None:
        """Update the layout with the run as it is after a change."""
        before = self._runs[self._take_of.get(run.key, run.take_id)].pop(run.key, None)
        for output in before.outputs if before is not None else ():
            for path in _paths(output):
                self._taken.pop(path, None)
                self._stems[_stem(path)] -= 1
        self._runs[run.take_id][run.key] = run
        self._take_of[run.key] = run.take_id
        for output in run.outputs:
            for path in _paths(output):
                self._taken[path] = (run.key, output.index)
                self._stems[_stem(path)] += 1
        if run.outputs:
            self._takes_to_check.add(run.take_id)

    def download_stem(self, run: Run, index: int) -> str:
        """Path, without its extension, of a download: where the output was saved before, or else its take's name if
        that is free, or else the unique path."""
        saved_at = run.outputs[index].moving_to or run.outputs[index].path
        if saved_at is not None:
            return _stem(saved_at)
        home = take_stem(run, index)
        return unique_stem(run, index) if run.is_superseded or self._stems[home] > 0 else home

    def next_moves(self) -> tuple[Move, ...]:
        """The renames that can be made now. Those whose target is taken follow once the others are made."""
        # rule wanted_renames
        wanted = [move for take_id in sorted(self._takes_to_check) for move in self._misplaced(take_id)]
        self._takes_to_check = {self._take_of[move.key] for move in wanted}
        # rule free_names_first
        possible = tuple(move for move in wanted if move.target not in self._taken)
        if possible or not wanted:
            return possible
        cycle = next((move for move in wanted if self._is_in_cycle(move, wanted)), None)
        # rule step_aside
        if cycle is None:
            return ()
        # files that swap names wait for each other: one of them moves to its unique path, which frees the others' way
        run = self._runs[self._take_of[cycle.key]][cycle.key]
        aside = _with_suffix(unique_stem(run, cycle.index), cycle.source)
        return (Move(cycle.key, cycle.index, cycle.source, aside),)

    def _is_in_cycle(self, move: Move, wanted: Sequence[Move]) -> bool:
        """Whether the chain of files that this one waits for leads back to it."""
        movers = {(other.key, other.index): other for other in wanted}
        seen: set[str] = set()
        step: Move | None = move
        while step is not None and step.target not in seen:
            seen.add(step.target)
            step = movers.get(self._taken[step.target])
        return step is not None and step.target == move.target

    def _misplaced(self, take_id: str) -> Iterator[Move]:
        runs = self._runs[take_id].values()
        replaced = any(not run.is_superseded and run.state is RunState.SUCCEEDED and run.outputs_saved for run in runs)
        for run in runs:
            for output in run.outputs:
                if output.path is None or output.moving_to is not None:
                    continue
                target = _target_path(run, output, output.path, replaced)
                if target != output.path:
                    yield Move(run.key, output.index, output.path, target)


def _target_path(run: Run, output: Output, path: str, replaced: bool) -> str:
    if not run.is_superseded:
        return _with_suffix(take_stem(run, output.index), path)
    if replaced or _stem(path) != take_stem(run, output.index):
        return _with_suffix(unique_stem(run, output.index), path)
    return path


def _paths(output: Output) -> Iterator[str]:
    return filter(None, (output.path, output.moving_to))


def _stem(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return folder + slash + (name.rsplit(".", 1)[0] if "." in name else name)


def _number(index: int) -> str:
    return "" if index == 0 else f".out{index + 1}"


def _with_suffix(stem: str, path: str) -> str:
    return stem + path[len(_stem(path)) :]
