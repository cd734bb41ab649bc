import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hailuo_batch.adapters.local.fs import write_durably
from hailuo_batch.errors import ExitCode, OutputError
from hailuo_batch.report.files import Format, write_reports
from hailuo_batch.report.render_csv import render_csv
from hailuo_batch.report.render_html import render_html
from hailuo_batch.report.render_json import render_json
from hailuo_batch.report.render_junit import render_junit
from hailuo_batch.report.render_markdown import render_markdown
from tests.helpers.snapshots import record, run, take
from tests.report.builders import report_of

RENDERED = {
    "report.html": render_html,
    "report.json": render_json,
    "report.md": render_markdown,
    "report.csv": render_csv,
    "report.junit.xml": render_junit,
}
NAMES = set(RENDERED)


def test_every_format_is_written_into_a_folder_that_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "outputs" / "spring-lamps"
    report = report_of(record(take(), run()))
    written = write_reports(report, folder)
    assert set(written) == set(Format)
    assert set(written.values()) == set(folder.iterdir())
    assert {path.name for path in folder.iterdir()} == NAMES
    for name, render in RENDERED.items():
        assert (folder / name).read_bytes() == render(report).encode()


def test_only_the_formats_that_are_asked_for_are_written(tmp_path: Path) -> None:
    written = write_reports(report_of(), tmp_path, (Format.CSV, Format.JUNIT, Format.CSV))
    assert written == {Format.CSV: tmp_path / "report.csv", Format.JUNIT: tmp_path / "report.junit.xml"}
    assert {path.name for path in tmp_path.iterdir()} == {"report.csv", "report.junit.xml"}


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
    with pytest.raises(OutputError, match=r"report\.json.*ledger and the videos are intact"):
        write_reports(report_of(), tmp_path)
    assert (tmp_path / "report.json").is_dir()
    assert not list(tmp_path.glob("*.tmp"))


def test_a_file_in_the_place_of_the_folder_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("not a folder")
    with pytest.raises(OutputError, match=r"outputs.report\.html"):
        write_reports(report_of(), tmp_path / "outputs")


def test_a_leftover_of_a_killed_write_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / f".report.json.{os.getpid()}.tmp").write_text("half")
    write_reports(report_of(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == NAMES


def test_what_another_process_left_when_it_was_killed_is_removed_once_it_is_old(tmp_path: Path) -> None:
    old, fresh, mine = (tmp_path / name for name in (".report.json.1.tmp", ".report.csv.2.tmp", ".notes.tmp"))
    for path in (old, fresh, mine):
        path.write_text("half")
    for path in (old, mine):
        os.utime(path, (1, 1))
    write_reports(report_of(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == NAMES | {fresh.name, mine.name}


def test_a_killed_write_leaves_the_old_file_whole(tmp_path: Path) -> None:
    write_reports(report_of(), tmp_path)
    before = (tmp_path / "report.json").read_bytes()
    killed_at_fsync = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from hailuo_batch.adapters.local.fs import write_durably\n"
        "os.fsync = lambda file: os.kill(os.getpid(), 9)\n"
        "write_durably(Path(sys.argv[1]), b'new' * 100_000)\n"
    )
    ended = subprocess.run([sys.executable, "-c", killed_at_fsync, tmp_path / "report.json"], check=False)
    assert ended.returncode == -9
    assert (tmp_path / "report.json").read_bytes() == before
    [left] = tmp_path.glob(".*.tmp")
    os.utime(left, (1, 1))
    write_reports(report_of(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == NAMES


def test_whoever_reads_the_old_file_reads_it_to_its_end(tmp_path: Path) -> None:
    write_reports(report_of(), tmp_path)
    before = (tmp_path / "report.json").read_bytes()
    with (tmp_path / "report.json").open("rb") as reader:
        write_reports(report_of(record(take(), run())), tmp_path)
        assert reader.read() == before


def test_all_of_a_file_and_then_its_name_reach_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[bool, int, bool]] = []
    target = tmp_path / "report.json"

    def fsync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        synced.append((stat.S_ISDIR(found.st_mode), found.st_size, target.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_durably(target, b"1234")
    (file, folder) = synced
    assert file == (False, 4, False)
    assert (folder[0], folder[2]) == (True, True)


def test_the_files_have_the_users_own_permissions(tmp_path: Path) -> None:
    write_reports(report_of(), tmp_path)
    (tmp_path / "plain").touch()
    assert (tmp_path / "report.html").stat().st_mode == (tmp_path / "plain").stat().st_mode
