"""An ffmpeg that does what it should not costs a picture and nothing else. It is a few lines of shell here."""

import os
from pathlib import Path

import pytest

from hailuo_batch.adapters.stills import ffmpeg
from hailuo_batch.adapters.stills.ffmpeg import Ffmpeg, find_ffmpeg
from tests.helpers.programs import write_program
from tests.helpers.timeouts import wait_until

PICTURE = b"the picture"


@pytest.fixture
def source(tmp_path: Path) -> int:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"light and sound")
    return os.open(path, os.O_RDONLY)


def ask(script: str, folder: Path, source: int, is_cancelled: bool = False) -> bytes | None:
    program = write_program(folder / "bin" / "ffmpeg", script)
    try:
        return Ffmpeg(str(program)).run(source, ("-f", "mov"), ("-q:v", "5"), lambda: is_cancelled)
    finally:
        os.close(source)


def test_what_it_writes_is_the_picture(tmp_path: Path, source: int) -> None:
    assert ask(f"printf '{PICTURE.decode()}'", tmp_path, source) == PICTURE


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("printf picture; exit 1", id="failing"),
        pytest.param("printf picture; kill -SEGV $$", id="crashing"),
        pytest.param("yes", id="writing without end"),
        pytest.param("exec /nowhere/ffmpeg", id="not there"),
    ],
)
def test_there_is_no_picture_of_one_that_fails(tmp_path: Path, source: int, script: str) -> None:
    assert ask(script, tmp_path, source) is None


def test_one_that_is_gone_is_no_error(tmp_path: Path, source: int) -> None:
    assert Ffmpeg(str(tmp_path / "ffmpeg")).run(source, (), (), lambda: False) is None
    os.close(source)


@pytest.mark.parametrize("is_cancelled", [True, False], ids=["cancelled", "over time"])
def test_one_that_hangs_is_ended_with_all_that_it_has_started(
    tmp_path: Path, source: int, is_cancelled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a folder named after each process is its mark: no byte may go into a file
    marks = tmp_path / "marks"
    marks.mkdir()
    if not is_cancelled:
        monkeypatch.setattr(ffmpeg, "_LONGEST_S", 0.5)
    cancel_at = 1 if is_cancelled else 99
    program = write_program(
        tmp_path / "ffmpeg", f"sleep 1000 & mkdir {marks}/$$ {marks}/$!; printf half; exec 1>&-; wait"
    )

    def is_over() -> bool:
        return len(list(marks.iterdir())) >= 2 * cancel_at

    assert Ffmpeg(str(program)).run(source, (), (), is_over) is None
    os.close(source)
    started = [int(mark.name) for mark in marks.iterdir()]
    wait_until(lambda: not any(map(_is_running, started)))


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_it_gets_the_open_file_and_no_name_no_key_and_may_write_nowhere(
    tmp_path: Path, source: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNBASE_API_KEY", "sk-secret")
    monkeypatch.setenv("FFREPORT", f"file={tmp_path}/report.log")
    decoy = tmp_path / "decoy"
    said = ask(f'echo "$@"; env; nice; pwd; (echo taken > {decoy}) 2>&-; cat /dev/fd/{source}', tmp_path, source)
    assert said is not None
    text = said.decode()
    assert f"-i file:/dev/fd/{source} " in text
    assert "-protocol_whitelist file" in text
    assert "clip.mp4" not in text
    assert "sk-secret" not in text
    assert "FFREPORT" not in text
    assert f"\n{min(19, os.nice(0) + 10)}\n/\n" in text
    assert text.endswith("light and sound")
    assert not decoy.exists() or decoy.read_bytes() == b""


def test_the_one_on_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_ffmpeg() is None
    program = write_program(tmp_path / "ffmpeg", "exit 0")
    monkeypatch.setattr(ffmpeg, "which", {"ffmpeg": str(program)}.get)
    assert find_ffmpeg() == Ffmpeg(str(program))
