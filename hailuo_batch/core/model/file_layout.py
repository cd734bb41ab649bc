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

SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Move:
    """A rename of output `index` of the run `key`."""

    key: int
    index: int
    source: str
    target: str


def own_stem(run: Run, index: int) -> str:
    """The path, less its extension, that no other run's file can ever have."""
    return f"{SUPERSEDED}/{run.take_id}.{run.run_id}{_number(index)}"


def home_stem(run: Run, index: int) -> str:
    """The path, less its extension, where a live run's output belongs."""
    return f"{run.take_id}{_number(index)}"


def all_in_place(runs: Iterable[Run]) -> bool:
    """Whether every saved file plainly lies where it belongs, which a look at each tells: then no rename is due."""
    return all(
        output.path is None or _stem(output.path) == (own_stem if run.superseded else home_stem)(run, output.index)
        for run in runs
        for output in run.outputs
    )


class Shelf:
    """The saved files of every run. It is told of each run as it changes."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._runs: dict[str, dict[int, Run]] = defaultdict(dict)
        self._take_of: dict[int, str] = {}
        self._taken: dict[str, tuple[int, int]] = {}
        self._stems: Counter[str] = Counter()
        self._astray: set[str] = set()  # takes whose files may lie elsewhere than they belong
        for run in runs:
            self.hear(run)

    def hear(self, run: Run) -> None:
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
            self._astray.add(run.take_id)

    def landing_stem(self, run: Run, index: int) -> str:
        """Where a download of this output goes: where it was saved before, else home where nobody's file lies there,
        else a path of its own."""
        saved_at = run.outputs[index].moving_to or run.outputs[index].path
        if saved_at is not None:
            return _stem(saved_at)
        home = home_stem(run, index)
        return own_stem(run, index) if run.superseded or self._stems[home] > 0 else home

    def next_moves(self) -> tuple[Move, ...]:
        """The renames that can be made now; those that wait for others come once those are made."""
        # rule wanted_renames
        wanted = [move for take_id in sorted(self._astray) for move in self._misplaced(take_id)]
        self._astray = {self._take_of[move.key] for move in wanted}
        # rule free_names_first
        possible = tuple(move for move in wanted if move.target not in self._taken)
        if possible or not wanted:
            return possible
        ring = next((move for move in wanted if self._is_in_ring(move, wanted)), None)
        # rule step_aside
        return () if ring is None else (self._aside(ring),)

    def _is_in_ring(self, move: Move, wanted: Sequence[Move]) -> bool:
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
        replaced = any(not run.superseded and run.state is RunState.SUCCEEDED and run.outputs_saved for run in runs)
        for run in runs:
            for output in run.outputs:
                if output.path is None or output.moving_to is not None:
                    continue
                target = _home(run, output, output.path, replaced)
                if target != output.path:
                    yield Move(run.key, output.index, output.path, target)

    def _aside(self, move: Move) -> Move:
        run = self._runs[self._take_of[move.key]][move.key]
        return Move(move.key, move.index, move.source, _with_suffix(own_stem(run, move.index), move.source))


def _home(run: Run, output: Output, path: str, replaced: bool) -> str:
    if not run.superseded:
        return _with_suffix(home_stem(run, output.index), path)
    if replaced or _stem(path) != home_stem(run, output.index):
        return _with_suffix(own_stem(run, output.index), path)
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
