import os
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode, OutputError
from hailuo_batch.report.files import ReportPaths, write_reports
from hailuo_batch.report.render_html import render_html
from hailuo_batch.report.render_json import render_json
from hailuo_batch.report.render_markdown import render_markdown
from tests.helpers.snapshots import record, run, take
from tests.report.builders import report_of

NAMES = {"report.json", "report.md", "report.html"}


def test_three_files_are_written_into_a_folder_that_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "outputs" / "spring-lamps"
    report = report_of(record(take(), run()))
    paths = write_reports(report, folder)
    assert paths == ReportPaths(folder / "report.json", folder / "report.md", folder / "report.html")
    assert paths.json.read_text("utf-8") == render_json(report)
    assert paths.markdown.read_text("utf-8") == render_markdown(report)
    assert paths.html.read_text("utf-8") == render_html(report)
    assert {path.name for path in folder.iterdir()} == NAMES


def test_an_old_report_is_replaced_and_files_beside_it_stay(tmp_path: Path) -> None:
    (tmp_path / "hero.mp4").write_bytes(b"video")
    write_reports(report_of(), tmp_path)
    write_reports(report_of(record(take(), run())), tmp_path)
    assert '"takes": 1' in (tmp_path / "report.json").read_text("utf-8")
    assert {path.name for path in tmp_path.iterdir()} == NAMES | {"hero.mp4"}


def test_a_write_that_fails_leaves_the_old_report_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_reports(report_of(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device") as raised:
        write_reports(report_of(record(take(), run())), tmp_path)
    assert raised.value.exit_code is ExitCode.UNFINISHED
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_in_the_place_of_a_file_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()
    with pytest.raises(OutputError, match=r"report\.json.*ledger and the videos are untouched"):
        write_reports(report_of(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_file_in_the_place_of_the_folder_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("not a folder")
    with pytest.raises(OutputError, match=r"outputs.report\.json"):
        write_reports(report_of(), tmp_path / "outputs")


def test_a_leftover_of_a_killed_write_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / f".report.json.{os.getpid()}.tmp").write_text("half")
    write_reports(report_of(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == NAMES


def test_the_files_have_the_users_own_permissions(tmp_path: Path) -> None:
    write_reports(report_of(), tmp_path)
    (tmp_path / "plain").touch()
    assert (tmp_path / "report.html").stat().st_mode == (tmp_path / "plain").stat().st_mode
