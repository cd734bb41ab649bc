"""A file that is ours by its name: opened only where a regular file bears it."""

import os
from pathlib import Path

import pytest

from hailuo_batch.adapters.local.fs import open_regular


def test_a_regular_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    file = open_regular(tmp_path / "file", os.O_RDONLY)
    assert os.read(file, 10) == b"content"
    os.close(file)


def test_a_missing_file_is_made_where_that_is_asked_for(tmp_path: Path) -> None:
    os.close(open_regular(tmp_path / "file", os.O_RDWR | os.O_CREAT))
    assert (tmp_path / "file").is_file()


def test_a_missing_file_is_missing_where_it_is_not(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "file", os.O_RDONLY)


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC])
def test_a_link_leads_nowhere_and_its_target_stays(tmp_path: Path, flags: int) -> None:
    decoy = tmp_path / "decoy"
    decoy.write_bytes(b"precious")
    (tmp_path / "link").symlink_to(decoy)
    with pytest.raises(OSError, match="symbolic link"):
        open_regular(tmp_path / "link", flags)
    assert decoy.read_bytes() == b"precious"


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_CREAT])
def test_a_fifo_is_refused_at_once(tmp_path: Path, flags: int) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(tmp_path / "fifo", flags)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(tmp_path, os.O_RDONLY)
