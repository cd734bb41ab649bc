"""Where saved files belong, and the renames that bring them there without ever losing one."""

from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.file_layout import FileLayout, Move, are_all_in_place, take_stem, unique_stem
from hailuo_batch.core.model.runs import Output, Run, Supersession, fold
from hailuo_batch.core.model.states import RunState
from tests.helpers.snapshots import STARTED_AT, output, run, take

A, B, C = take("a"), take("b"), take("c")


class FakeFolder:
    """A shelf, the runs it knows, and the folder it speaks of: which run's output really lies where."""

    def __init__(self, *runs: Run) -> None:
        self.runs = {known.key: known for known in runs}
        self.layout = FileLayout(runs)
        self.folder = {o.path: (known.key, o.index) for known in runs for o in known.outputs if o.path is not None}

    def record(self, key: int, *events: ev.Event) -> None:
        for event in events:
            self.runs[key] = fold(self.runs[key], event, STARTED_AT)
            self.layout.on_run_changed(self.runs[key])

    def move(self, move: Move) -> None:
        """Carry one rename out as a disk would, recording it before and after."""
        assert move.source != move.target
        assert move.target not in self.folder, f"{move} would destroy a file"
        assert self.folder[move.source] == (move.key, move.index)
        self.record(move.key, ev.FileMoving(move.index, move.target))
        self.folder[move.target] = self.folder.pop(move.source)
        self.record(move.key, ev.FileMoved(move.index, move.target))

    def move_all(self) -> int:
        """Carry out renames until none is left. Returns how many."""
        made = 0
        while moves := self.layout.next_moves():
            assert len({move.target for move in moves}) == len(moves), "two renames onto one path"
            for move in moves:
                self.move(move)
                made += 1
            assert made <= 3 * len(self.folder), "the renames come to no end"
        return made

    def paths(self) -> dict[str, int]:
        return {path: key for path, (key, _) in self.folder.items()}


def saved(of: str, path: str, *, superseded_by: Supersession | None = None, attempt: int = 1) -> Run:
    """A finished run of that take, whose one file lies at that path."""
    return run(of=take(of), outputs=(output(path),), superseded_by=superseded_by, attempt=attempt)


def test_a_file_at_home_stays_there() -> None:
    assert FakeFolder(saved("a", "a.mp4"), saved("a.take2", "a.take2.webm")).move_all() == 0


def test_further_outputs_are_numbered_and_every_run_has_a_path_of_its_own() -> None:
    known = run(of=A, run_id="run_7")
    assert [take_stem(known, index) for index in range(3)] == ["a", "a.out2", "a.out3"]
    assert [unique_stem(known, index) for index in range(2)] == ["superseded/a.run_7", "superseded/a.run_7.out2"]


def test_a_file_that_came_with_another_name_is_brought_home_with_its_extension() -> None:
    room = FakeFolder(saved("a", "old-name.webm"))
    assert room.move_all() == 1
    assert list(room.folder) == ["a.webm"]


def test_a_superseded_file_stays_until_its_replacement_is_saved_and_then_makes_room() -> None:
    old = saved("a", "a.mp4", superseded_by=Supersession.REPLACE)
    new = run(RunState.PENDING, A, attempt=2)
    room = FakeFolder(old, new)
    assert room.move_all() == 0
    room.record(new.key, ev.RunSucceeded(("https://runbase.net/files/generated/1.mp4",)))
    assert room.move_all() == 0
    download_to = f"{room.layout.download_stem(room.runs[new.key], 0)}.mp4"
    assert download_to == f"superseded/a.{new.run_id}.mp4"
    room.folder[download_to] = (new.key, 0)
    room.record(new.key, ev.FileSaved(0, download_to, 5, "0" * 64))
    room.move_all()
    assert room.paths() == {f"superseded/a.{old.run_id}.mp4": old.key, "a.mp4": new.key}


def test_a_failed_replacement_moves_nothing() -> None:
    old = saved("a", "a.mp4", superseded_by=Supersession.REPLACE)
    assert FakeFolder(old, run(RunState.FAILED, A, attempt=2)).move_all() == 0


def test_a_download_lands_at_home_where_the_place_is_free_whatever_the_extension() -> None:
    known = run(of=A, outputs=(output(None), output(None, 1)))
    assert FileLayout([known]).download_stem(known, 0) == "a"
    assert FileLayout([known]).download_stem(known, 1) == "a.out2"
    webm = saved("b", "a.webm")
    assert FileLayout([known, webm]).download_stem(known, 0) == f"superseded/a.{known.run_id}"


def test_a_superseded_runs_download_never_lands_in_its_takes_place() -> None:
    known = run(of=A, outputs=(output(None),), superseded_by=Supersession.EDIT)
    assert FileLayout([known]).download_stem(known, 0) == f"superseded/a.{known.run_id}"


def test_a_place_that_a_rename_is_heading_for_is_taken() -> None:
    moving = run(of=B, outputs=(replace(output("c.mp4"), moving_to="b.mp4"),))
    known = run(of=B, outputs=(output(None),))
    assert FileLayout([moving, known]).download_stem(known, 0) == f"superseded/b.{known.run_id}"
    assert FileLayout([moving]).next_moves() == ()


def test_a_chain_of_renames_goes_from_its_free_end() -> None:
    room = FakeFolder(saved("b", "a.mp4"), saved("c", "b.mp4"))
    first, second = room.runs
    assert [(move.key, move.target) for move in room.layout.next_moves()] == [(second, "c.mp4")]
    room.move_all()
    assert room.paths() == {"b.mp4": first, "c.mp4": second}


def test_two_files_swap_by_one_step_aside() -> None:
    room = FakeFolder(saved("b", "a.mp4"), saved("a", "b.mp4"))
    first, second = room.runs
    assert room.move_all() == 3
    assert room.paths() == {"b.mp4": first, "a.mp4": second}


def test_a_ring_of_three_is_opened_by_one_step_aside() -> None:
    room = FakeFolder(saved("b", "a.mp4"), saved("c", "b.mp4"), saved("a", "c.mp4"))
    first, second, third = room.runs
    assert room.move_all() == 4
    assert room.paths() == {"b.mp4": first, "c.mp4": second, "a.mp4": third}


def test_a_file_that_blocks_for_good_leaves_the_other_where_it_is() -> None:
    blocking = saved("a", "a.mp4", superseded_by=Supersession.EDIT)
    room = FakeFolder(blocking, run(of=A, outputs=(output("z.mp4"), output(None, 1)), attempt=2))
    assert room.move_all() == 0


def test_a_missed_file_needs_no_rename() -> None:
    room = FakeFolder(saved("a", "z.mp4"))
    room.folder.clear()
    (key,) = room.runs
    room.record(key, ev.FileMissed(0))
    assert room.move_all() == 0


@dataclass(frozen=True)
class Place:
    """A take in the random room: how many files its live run has, and the older file that it is to replace, if any."""

    take_id: str
    files: int
    has_older: bool
    is_complete: bool


places = some.lists(
    some.builds(
        Place,
        some.sampled_from(["a", "a.take2", "b", "c", "c.take2", "d"]),
        some.integers(1, 2),
        some.booleans(),
        some.sampled_from([True, True, True, False]),
    ),
    max_size=6,
    unique_by=lambda place: place.take_id,
)


def folder_with(wanted: list[Place], rng: Random, *, complete: bool) -> FakeFolder:
    """A room of these takes, whose files all lie in each other's places."""
    stems = [stem for place in wanted for stem in (place.take_id, f"{place.take_id}.out2")]
    spots = [f"{stem}.{rng.choice(['mp4', 'webm'])}" for stem in stems]
    rng.shuffle(spots)
    runs = []
    for place in wanted:
        if place.has_older and spots:
            runs.append(saved(place.take_id, spots.pop(), superseded_by=Supersession.EDIT))
        files = min(place.files, len(spots))
        outputs = [Output(n, "https://runbase.net/x", spots.pop(), 5, "0" * 64) for n in range(files)]
        if not (complete or place.is_complete):
            outputs.append(Output(files, "https://runbase.net/x"))
        runs.append(run(of=take(place.take_id), outputs=tuple(outputs), attempt=2))
    return FakeFolder(*runs)


@given(places, some.randoms(use_true_random=False))
def test_every_file_comes_home_from_wherever_it_lay_and_none_is_lost(wanted: list[Place], rng: Random) -> None:
    room = folder_with(wanted, rng, complete=True)
    files = sorted(room.folder.values())
    room.move_all()
    assert sorted(room.folder.values()) == files
    replaced = {known.take_id for known in room.runs.values() if not known.is_superseded and known.outputs_saved}
    for path, (key, index) in room.folder.items():
        known = room.runs[key]
        if not known.is_superseded:
            assert path.rsplit(".", 1)[0] == take_stem(known, index)
        elif known.take_id in replaced:
            assert path.rsplit(".", 1)[0] == unique_stem(known, index)


@pytest.mark.parametrize(
    ("superseded_by", "path", "in_place"),
    [
        (None, "hero.mp4", True),
        (None, None, True),
        (None, "hero.webm", True),
        (None, "superseded/hero.run_1.mp4", False),
        (None, "hero.out2.mp4", False),
        (Supersession.EDIT, "superseded/hero.run_1.mp4", True),
        (Supersession.EDIT, "hero.mp4", False),
    ],
)
def test_a_look_at_each_file_reports_that_no_rename_is_due(
    superseded_by: Supersession | None, path: str | None, in_place: bool
) -> None:
    made = run(run_id="run_1", superseded_by=superseded_by, outputs=(output(path),))
    assert are_all_in_place([made]) is in_place
    if in_place:
        assert FileLayout([made]).next_moves() == ()
