"""Where each saved file belongs, and the renames that bring it there.

A live run's files bear its take's name; those of a superseded run keep that name until the replacement is done, then
go to `superseded/`. Where a file belongs is always derived, never stored, so that a crash between two renames
needs no repair but to ask again. No rename ever goes onto a path that is taken.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hailuo_batch.core.model.runs import Output, Run
from hailuo_batch.core.model.states import RunState

SUPERSEDED_FOLDER = "superseded"


@dataclass(frozen=True, slots=True)
class Move:
    """A rename of output `index` of the run `key`."""

    key: int
    index: int
    source: str
    target: str


def unique_stem(run: Run, index: int) -> str:
    """The path, less its extension, that no other run's file can ever have."""
    return f"{SUPERSEDED_FOLDER}/{run.take_id}.{run.run_id}{_number(index)}"


def take_stem(run: Run, index: int) -> str:
    """The path, less its extension, where a live run's output belongs."""
    return f"{run.take_id}{_number(index)}"


def are_all_in_place(runs: Iterable[Run]) -> bool:
    """Whether every saved file plainly lies where it belongs, which a look at each tells: then no rename is due."""
    return all(
        output.path is None
        or _stem(output.path) == (unique_stem if run.is_superseded else take_stem)(run, output.index)
        for run in runs
        for output in run.outputs
    )


class FileLayout:
    """The saved files of every run. It is told of each run as it changes."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._runs: dict[str, dict[int, Run]] = defaultdict(dict)
        self._take_of: dict[int, str] = {}
        self._taken: dict[str, tuple[int, int]] = {}
        self._stems: Counter[str] = Counter()
        self._takes_to_check: set[str] = set()  # takes whose files may lie elsewhere than they belong
        for run in runs:
            self.on_run_changed(run)

    def on_run_changed(self, run: Run) -> None:
        """Take a run as it stands now."""
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
        """Where a download of this output goes: where it was saved before, else home where nobody's file lies there,
        else a path of its own."""
        saved_at = run.outputs[index].moving_to or run.outputs[index].path
        if saved_at is not None:
            return _stem(saved_at)
        home = take_stem(run, index)
        return unique_stem(run, index) if run.is_superseded or self._stems[home] > 0 else home

    def next_moves(self) -> tuple[Move, ...]:
        """The renames that can be made now; those that wait for others come once those are made."""
        # rule wanted_renames
        wanted = [move for take_id in sorted(self._takes_to_check) for move in self._misplaced(take_id)]
        self._takes_to_check = {self._take_of[move.key] for move in wanted}
        # rule free_names_first
        possible = tuple(move for move in wanted if move.target not in self._taken)
        if possible or not wanted:
            return possible
        cycle = next((move for move in wanted if self._is_in_cycle(move, wanted)), None)
        # rule step_aside
        return () if cycle is None else (self._step_aside(cycle),)

    def _is_in_cycle(self, move: Move, wanted: Sequence[Move]) -> bool:
        """Whether the files that wait for each other come back to this one: a ring, which one step aside opens."""
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

    def _step_aside(self, move: Move) -> Move:
        run = self._runs[self._take_of[move.key]][move.key]
        return Move(move.key, move.index, move.source, _with_suffix(unique_stem(run, move.index), move.source))


def _target_path(run: Run, output: Output, path: str, replaced: bool) -> str:
    if not run.is_superseded:
        return _with_suffix(take_stem(run, output.index), path)
    if replaced or _stem(path) != take_stem(run, output.index):
        return _with_suffix(unique_stem(run, output.index), path)
    return path


def _paths(output: Output) -> Iterator[str]:
    if output.path is not None:
        yield output.path
    if output.moving_to is not None:
        yield output.moving_to


def _stem(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return folder + slash + (name.rsplit(".", 1)[0] if "." in name else name)


def _number(index: int) -> str:
    return "" if index == 0 else f".out{index + 1}"


def _with_suffix(stem: str, path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    return f"{stem}.{name.rsplit('.', 1)[-1]}" if "." in name else stem
