"""A superseded file does not block the place of another take."""

from hailuo_batch.core.model.runs import Supersession
from hailuo_batch.core.model.states import RunState
from tests.core.model.test_file_layout import A, FakeFolder, saved
from tests.helpers.snapshots import run


def test_a_superseded_file_does_not_block_the_place_of_another_take() -> None:
    old = saved("a", "a.take2.mp4", superseded_by=Supersession.REPLACE)
    other = saved("a.take2", "z.mp4")
    room = FakeFolder(old, run(RunState.PENDING, A, attempt=2), other)
    room.move_all()
    assert room.paths()["a.take2.mp4"] == other.key
