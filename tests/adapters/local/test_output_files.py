"""The output folder: no rename onto a file, and a look that heals what a crash left."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from hailuo_batch.adapters.local.output_files import Comparison, FileMatch, OutputFiles
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model.events import Event
from hailuo_batch.core.model.runs import Output, Run
from tests.helpers.snapshots import record, run, snapshot

OUTSIDE = ["", ".", "..", "/", "../hero.mp4", "a/../../hero.mp4", "/etc/passwd", "superseded/../../x.mp4"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "outputs"
    path.mkdir()
    return path


def put(folder: Path, path: str, content: str) -> None:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def tree(folder: Path) -> dict[str, str]:
    """Every file with its content."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_text() for file in files}


def saved(path: str | None, moving_to: str | None = None, index: int = 0) -> Output:
    return Output(index, "https://x/a.mp4", path, 4, "ab" * 32, moving_to)


def look(folder: Path, *outputs: Output) -> tuple[Run, list[tuple[int, Event]]]:
    of = run(outputs=outputs)
    return of, list(OutputFiles(folder).inspect(snapshot(record(None, of))))


# --- moving ---


def test_a_file_is_moved_into_a_folder_that_is_made_for_it(folder: Path) -> None:
    put(folder, "hero.mp4", "hero")
    outcome = OutputFiles(folder).move(0, "hero.mp4", "superseded/hero.run_1.mp4")
    assert outcome == ev.FileMoved(0, "superseded/hero.run_1.mp4")
    assert tree(folder) == {"superseded/hero.run_1.mp4": "hero"}


def test_a_file_that_exists_is_never_moved_onto(folder: Path) -> None:
    put(folder, "hero.mp4", "hero")
    put(folder, "teal.mp4", "teal")
    outcome = OutputFiles(folder).move(0, "hero.mp4", "teal.mp4")
    assert outcome == ev.MoveFailed("another file is already called teal.mp4")
    assert tree(folder) == {"hero.mp4": "hero", "teal.mp4": "teal"}


def test_a_dangling_link_is_not_moved_onto_either(folder: Path) -> None:
    put(folder, "hero.mp4", "hero")
    (folder / "teal.mp4").symlink_to(folder / "nowhere.mp4")
    assert isinstance(OutputFiles(folder).move(0, "hero.mp4", "teal.mp4"), ev.MoveFailed)
    assert tree(folder) == {"hero.mp4": "hero"}


def test_a_file_that_is_gone_cannot_be_moved(folder: Path) -> None:
    assert OutputFiles(folder).move(0, "hero.mp4", "teal.mp4") == ev.MoveFailed("No such file or directory")


def test_a_target_below_a_file_is_refused_and_the_file_stays(folder: Path) -> None:
    put(folder, "hero.mp4", "hero")
    put(folder, "superseded", "a note of the user's")
    assert isinstance(OutputFiles(folder).move(0, "hero.mp4", "superseded/hero.mp4"), ev.MoveFailed)
    assert tree(folder) == {"hero.mp4": "hero", "superseded": "a note of the user's"}


@pytest.mark.parametrize("path", OUTSIDE)
def test_nothing_is_moved_out_of_the_folder_or_into_it(folder: Path, path: str) -> None:
    put(folder, "hero.mp4", "hero")
    put(folder.parent, "hero.mp4", "not ours")
    files = OutputFiles(folder)
    assert isinstance(files.move(0, "hero.mp4", path), ev.MoveFailed)
    assert isinstance(files.move(0, path, "teal.mp4"), ev.MoveFailed)
    assert tree(folder.parent) == {"outputs/hero.mp4": "hero", "hero.mp4": "not ours"}


def test_a_disk_that_refuses_is_an_outcome(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, "hero.mp4", "hero")

    def refuse(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", refuse)
    assert OutputFiles(folder).move(0, "hero.mp4", "teal.mp4") == ev.MoveFailed("No space left on device")
    assert tree(folder) == {"hero.mp4": "hero"}


# --- looking ---


def test_what_is_there_states_nothing_new(folder: Path) -> None:
    put(folder, "hero.mp4", "hero")
    _, events = look(folder, saved("hero.mp4"), Output(1, "https://x/b.mp4"))
    assert events == []


def test_a_file_that_is_gone_is_missed(folder: Path) -> None:
    put(folder, "hero.mp4", "hero")
    of, events = look(folder, saved("hero.mp4"), saved("hero.out2.mp4", index=1))
    assert events == [(of.key, ev.FileMissed(1))]


def test_whoever_only_looks_finds_the_same_files_gone_and_changes_nothing(folder: Path) -> None:
    put(folder, "hero.mp4", "hero")
    put(folder, "superseded/hero.run_1.mp4", "old")
    put(folder, "target.mp4", "moved")
    (folder / "dir.mp4").mkdir()
    (folder / "link.mp4").symlink_to("hero.mp4")
    (folder / "dangling.mp4").symlink_to("none.mp4")
    (folder / "elsewhere").symlink_to("superseded")
    paths = ["hero.mp4", "superseded/hero.run_1.mp4", "none.mp4", "dir.mp4", "link.mp4", "dangling.mp4"]
    paths += ["elsewhere/hero.run_1.mp4", "../hero.mp4"]
    outputs = [saved(path, index=index) for index, path in enumerate(paths)]
    before = tree(folder)
    halfway = saved("hero.mp4", "target.mp4", index=len(outputs))
    of = run(outputs=(*outputs, halfway, Output(len(outputs) + 1, "https://x/b.mp4")))
    gone = list(OutputFiles(folder).missing(snapshot(record(None, of))))
    assert gone == [(of.key, ev.FileMissed(index)) for index in (2, 3, 5, 7)]
    assert tree(folder) == before
    inspected = replace(of, outputs=tuple(outputs))
    assert gone == list(OutputFiles(folder).inspect(snapshot(record(None, inspected))))
    assert len(list(OutputFiles(folder / "none").missing(snapshot(record(None, inspected))))) == len(outputs)


def test_a_folder_that_is_gone_is_every_file_missed(tmp_path: Path) -> None:
    of, events = look(tmp_path / "never-made", saved("hero.mp4"))
    assert events == [(of.key, ev.FileMissed(0))]


def test_a_folder_under_a_files_name_is_no_file(folder: Path) -> None:
    (folder / "hero.mp4").mkdir()
    of, events = look(folder, saved("hero.mp4"))
    assert events == [(of.key, ev.FileMissed(0))]


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_of_the_ledger_that_leaves_the_folder_is_not_looked_at(folder: Path, path: str) -> None:
    put(folder.parent, "hero.mp4", "not ours")
    of, events = look(folder, saved(path, moving_to="../hero.mp4"))
    assert events == [(of.key, ev.FileMissed(0))]
    assert tree(folder.parent) == {"hero.mp4": "not ours"}


# --- a rename that a crash cut short ---


def test_a_crash_before_the_rename_leaves_the_old_name(folder: Path) -> None:
    put(folder, "hero.mp4", "hero")
    of, events = look(folder, saved("hero.mp4", moving_to="teal.mp4"))
    assert events == [(of.key, ev.FileMoved(0, "hero.mp4"))]
    assert tree(folder) == {"hero.mp4": "hero"}


def test_a_crash_between_the_two_names_ends_with_the_new_one(folder: Path) -> None:
    put(folder, "hero.mp4", "hero")
    os.link(folder / "hero.mp4", folder / "teal.mp4")
    of, events = look(folder, saved("hero.mp4", moving_to="teal.mp4"))
    assert events == [(of.key, ev.FileMoved(0, "teal.mp4"))]
    assert tree(folder) == {"teal.mp4": "hero"}


def test_a_crash_after_the_rename_ends_with_the_new_name(folder: Path) -> None:
    put(folder, "teal.mp4", "hero")
    of, events = look(folder, saved("hero.mp4", moving_to="teal.mp4"))
    assert events == [(of.key, ev.FileMoved(0, "teal.mp4"))]
    assert tree(folder) == {"teal.mp4": "hero"}


def test_a_rename_of_a_file_that_is_gone_under_both_names_is_a_file_missed(folder: Path) -> None:
    of, events = look(folder, saved("hero.mp4", moving_to="teal.mp4"))
    assert events == [(of.key, ev.FileMissed(0))]


def test_looking_twice_finds_the_same(folder: Path) -> None:
    put(folder, "hero.mp4", "hero")
    os.link(folder / "hero.mp4", folder / "teal.mp4")
    output = saved("hero.mp4", moving_to="teal.mp4")
    assert look(folder, output)[1][0][1] == look(folder, output)[1][0][1]


# --- comparing ---


@pytest.mark.parametrize("there", ["hero.mp4", "teal.mp4"])
def test_a_file_whose_rename_was_cut_short_is_compared_where_it_lies(folder: Path, there: str) -> None:
    put(folder, there, "lamp")
    output = replace(saved("hero.mp4", moving_to="teal.mp4"), sha256=hashlib.sha256(b"lamp").hexdigest())
    found = OutputFiles(folder).compare(output)
    assert (found.match, found.path) == (FileMatch.SAME, there)


@pytest.mark.parametrize("where", ["hero.mp4", "teal.mp4"])
def test_a_file_whose_rename_was_cut_short_is_compared_with_what_lies_under_both_names(
    folder: Path, where: str
) -> None:
    for name in ("hero.mp4", "teal.mp4"):
        put(folder, name, "lamp" if name == where else "another")
    output = replace(saved("hero.mp4", moving_to="teal.mp4"), sha256=hashlib.sha256(b"lamp").hexdigest())
    found = OutputFiles(folder).compare(output)
    assert (found.match, found.path) == (FileMatch.SAME, where)


def test_a_file_of_another_size_is_not_read(folder: Path) -> None:
    put(folder, "hero.mp4", "a longer lamp")
    assert OutputFiles(folder).compare(saved("hero.mp4")) == Comparison(FileMatch.CHANGED, "hero.mp4", 13)


def test_a_path_outside_the_folder_is_never_looked_at(folder: Path) -> None:
    put(folder.parent, "hero.mp4", "lamp")
    assert OutputFiles(folder).compare(saved("../hero.mp4")).match is FileMatch.MISSING
