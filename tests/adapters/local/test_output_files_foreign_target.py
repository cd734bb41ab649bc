"""A stranger's file at the target of a rename costs nobody a file."""

from pathlib import Path

from hailuo_batch.adapters.local.output_files import OutputFiles
from hailuo_batch.core.model import events as ev
from tests.adapters.local.test_output_files import look, put, saved, tree


def test_a_strangers_file_at_the_target_of_a_failed_rename_costs_nobody_a_file(tmp_path: Path) -> None:
    put(tmp_path, "hero.mp4", "the paid video")
    put(tmp_path, "superseded/hero.run_1.mp4", "a file of the user's")
    assert isinstance(OutputFiles(tmp_path).move(0, "hero.mp4", "superseded/hero.run_1.mp4"), ev.MoveFailed)
    of, events = look(tmp_path, saved("hero.mp4", moving_to="superseded/hero.run_1.mp4"))
    assert tree(tmp_path) == {"hero.mp4": "the paid video", "superseded/hero.run_1.mp4": "a file of the user's"}
    assert events == [(of.key, ev.FileMoved(0, "hero.mp4"))]
