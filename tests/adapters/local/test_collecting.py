"""What becomes of a collected file while an apply moves videos."""

import hashlib
import os
from pathlib import Path

import pytest

from hailuo_batch.adapters.local.collecting import Collected, SourceMovedError, collect_link

SEEN = b"the video that was seen"
SHA256 = hashlib.sha256(SEEN).hexdigest()


def test_a_video_that_came_in_its_place_meanwhile_is_not_linked(tmp_path: Path) -> None:
    saved, newer, target = tmp_path / "hero.mp4", tmp_path / "newer.mp4", tmp_path / "chosen.mp4"
    saved.write_bytes(SEEN)
    newer.write_bytes(b"the video that replaced it")
    with saved.open("rb") as source:
        saved.rename(tmp_path / "superseded.mp4")
        newer.rename(saved)
        with pytest.raises(SourceMovedError, match="was moved"):
            collect_link(source, saved, target, SHA256)
    assert not os.path.lexists(target)
    with (tmp_path / "superseded.mp4").open("rb") as source:
        assert collect_link(source, tmp_path / "superseded.mp4", target, SHA256) is Collected.MADE
    assert target.read_bytes() == SEEN
