"""How long the saved videos play: read where the file is the one that the ledger calls saved, else not known."""

import os
from pathlib import Path

import pytest

from hailuo_batch.adapters.download.clip_lengths import read_clip_lengths
from hailuo_batch.core.model.runs import Output
from hailuo_batch.sandbox.media import load_clips

CLIP = load_clips()[0]


def saved(path: str | None, size: int = len(CLIP)) -> Output:
    return Output(0, "https://x/a.mp4", path, size, "ab" * 32)


def test_a_length_is_known_by_the_path_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "superseded").mkdir()
    for name in ("a.mp4", "superseded/b.mp4"):
        (tmp_path / name).write_bytes(CLIP)
    lengths = read_clip_lengths(tmp_path, [saved("a.mp4"), saved(None), saved("superseded/b.mp4")])
    assert list(lengths) == ["a.mp4", "superseded/b.mp4"]
    assert 0.5 < lengths["a.mp4"] < 30.0


@pytest.mark.parametrize("content", [b"", CLIP[:-1], CLIP + b"x", b"x" * len(CLIP)], ids=["empty", "cut", "more", "x"])
def test_that_of_another_file_is_not_known(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    assert read_clip_lengths(tmp_path, [saved("a.mp4")]) == {}


def test_what_is_no_file_is_not_opened_for_long(tmp_path: Path) -> None:
    (tmp_path / "real.mp4").write_bytes(CLIP)
    (tmp_path / "link.mp4").symlink_to("real.mp4")
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    names = ("gone.mp4", "link.mp4", "folder.mp4", "pipe.mp4", "\ud800.mp4")
    assert read_clip_lengths(tmp_path, [saved(name) for name in names]) == {}
