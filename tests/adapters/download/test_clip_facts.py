"""What the saved videos say of themselves: read where the file is the one that the ledger calls saved."""

import os
from pathlib import Path

import pytest

from hailuo_batch.adapters.download.clip_facts import read_clip_facts
from hailuo_batch.core.model.runs import Output
from hailuo_batch.sandbox.media import load_clips

CLIP = load_clips()[0]


def saved(path: str | None, size: int = len(CLIP)) -> Output:
    return Output(0, "https://x/a.mp4", path, size, "ab" * 32)


def test_facts_are_known_by_the_path_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "superseded").mkdir()
    for name in ("a.mp4", "superseded/b.mp4"):
        (tmp_path / name).write_bytes(CLIP)
    facts = read_clip_facts(tmp_path, [saved("a.mp4"), saved(None), saved("superseded/b.mp4")])
    assert list(facts) == ["a.mp4", "superseded/b.mp4"]
    assert 0.5 < (facts["a.mp4"].length_s or 0.0) < 30.0
    assert (facts["a.mp4"].width, facts["a.mp4"].height) == (320, 180)


def test_a_file_is_read_again_once_it_was_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mp4"
    reads: list[int] = []

    def pread(_file: int, _count: int, offset: int) -> bytes:
        reads.append(offset)
        return b""

    path.write_bytes(CLIP)
    [known] = read_clip_facts(tmp_path, [saved("a.mp4")]).values()
    monkeypatch.setattr(os, "pread", pread)
    assert read_clip_facts(tmp_path, [saved("a.mp4")]) == {"a.mp4": known}
    assert not reads
    os.utime(path, ns=(0, 0))
    assert read_clip_facts(tmp_path, [saved("a.mp4")]) == {}
    assert reads


@pytest.mark.parametrize("content", [b"", CLIP[:-1], CLIP + b"x", b"x" * len(CLIP)], ids=["empty", "cut", "more", "x"])
def test_those_of_another_file_are_not_known(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    assert read_clip_facts(tmp_path, [saved("a.mp4")]) == {}


def test_what_is_no_file_is_not_opened_for_long(tmp_path: Path) -> None:
    (tmp_path / "real.mp4").write_bytes(CLIP)
    (tmp_path / "link.mp4").symlink_to("real.mp4")
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    names = ("gone.mp4", "link.mp4", "folder.mp4", "pipe.mp4", "\ud800.mp4")
    assert read_clip_facts(tmp_path, [saved(name) for name in names]) == {}
