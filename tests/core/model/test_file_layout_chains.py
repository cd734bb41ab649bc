"""A chain of renames whose end stays where it is is no ring."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as some

from hailuo_batch.core.model.runs import Supersession
from tests.core.model.test_file_layout import A, B, FakeFolder, Place, folder_with, places, saved
from tests.helpers.snapshots import output, run


def test_a_chain_that_ends_at_a_file_that_stays_is_left_alone() -> None:
    stays = saved("a", "a.mp4", superseded_by=Supersession.EDIT)
    waits = run(of=A, outputs=(output("b.mp4"), output(None, 1)), attempt=2)
    waits_too = run(of=B, outputs=(output("c.mp4"),))
    room = FakeFolder(stays, waits, waits_too)
    assert room.move_all() == 0


@settings(max_examples=150)
@given(places, some.randoms(use_true_random=False))
def test_with_unfinished_replacements_the_renames_still_come_to_an_end(wanted: list[Place], rng: Random) -> None:
    room = folder_with(wanted, rng, complete=False)
    files = sorted(room.folder.values())
    room.move_all()
    assert sorted(room.folder.values()) == files
