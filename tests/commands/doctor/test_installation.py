"""The installed program: a second one on the PATH, a copy that Python loads instead, packages that are too old."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest

import hailuo_batch
from hailuo_batch.app.doctor.requirements import judge_packages
from hailuo_batch.errors import ExitCode
from tests.commands.doctor.conftest import Ask
from tests.commands.doctor.readings import commands, findings, said, typed
from tests.helpers.command_line import CommandResult

SANDBOX = ("--sandbox",)


def program_in(folder: Path, interpreter: str) -> Path:
    """A script as an installer writes it."""
    folder.mkdir(parents=True)
    path = folder / "hailuo-batch"
    path.write_text(f"#!{interpreter}\nimport sys\n")
    path.chmod(0o755)
    return path


def doctor_with(**variables: str) -> CommandResult:
    """The doctor in a process of its own, with these variables."""
    ended = subprocess.run(
        [sys.executable, "-m", "hailuo_batch", "doctor", *SANDBOX],
        capture_output=True,
        text=True,
        env=dict(os.environ) | variables,
        cwd="/",
        check=False,
    )
    return CommandResult(ExitCode(ended.returncode), ended.stdout, ended.stderr)


def test_another_environment_first_on_the_path_and_what_puts_this_one_first(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = program_in(tmp_path / "other env" / "bin", "/opt/other/bin/python3")
    mine = program_in(tmp_path / "mine", sys.executable)
    monkeypatch.setenv("PATH", os.pathsep.join([str(other.parent), str(mine.parent), "/usr/bin", "/bin"]))
    ended = ask(*SANDBOX, bare=True)
    assert f"starts another one, {other}" in said(ended, "warning", "PATH")
    assert ended.code is ExitCode.DONE
    [command] = [line for line in commands(ended) if "PATH=" in line]
    monkeypatch.setenv("PATH", typed(command, "PATH"))
    if shutil.which("hailuo-batch", path=str(Path(sys.executable).parent)):
        assert "is further down" in said(ask(*SANDBOX, bare=True), "note", "PATH")


@pytest.mark.parametrize("script", ["#!{python}\n", "#!/bin/sh\n'''exec' {python} \"$0\" \"$@\"\n' '''\n", "link"])
def test_a_script_of_this_environment_is_this_program(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    """Wherever it lies: pipx and uv put a link to it elsewhere."""
    path = program_in(tmp_path / "bin", "/opt/other/bin/python3")
    installed = Path(sys.executable).parent / "hailuo-batch"
    if script == "link":
        if not installed.exists():
            pytest.skip("the program is not installed beside this interpreter")
        path.unlink()
        path.symlink_to(installed)
    else:
        path.write_text(script.replace("{python}", sys.executable))
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}/usr/bin")
    assert said(ask(*SANDBOX, bare=True), "ok", "PATH")


def test_without_one_on_the_path_it_is_told_how_to_have_it_there(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert "not on your PATH" in said(ask(*SANDBOX, bare=True), "note", "PATH")


def test_a_folder_in_pythonpath_that_the_program_is_loaded_from(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(hailuo_batch.__file__).parents[1]))
    ended = ask(*SANDBOX, bare=True)
    [command] = [line for line in commands(ended) if "PYTHONPATH" in line]
    monkeypatch.setenv("PYTHONPATH", typed(command, "PYTHONPATH"))
    assert ("warning", "program") not in findings(ask(*SANDBOX, bare=True))


@pytest.mark.deep
def test_a_copy_that_python_loads_instead(tmp_path: Path) -> None:
    shutil.copytree(Path(hailuo_batch.__file__).parent, tmp_path / "hailuo_batch", ignore=lambda *_: ["__pycache__"])
    ended = doctor_with(PYTHONPATH=str(tmp_path))
    assert f"load hailuo-batch from {tmp_path}" in said(ended, "warning", "program")
    assert "unset PYTHONPATH" in commands(ended)
    assert ("warning", "program") not in findings(doctor_with(PYTHONPATH=""))


def test_packages_that_are_too_old(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = tmp_path / "click-7.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: click\nVersion: 7.0\n")
    assert said(ask(*SANDBOX, bare=True), "ok", "packages")
    monkeypatch.syspath_prepend(str(tmp_path))
    ended = ask(*SANDBOX, bare=True)
    [needed] = [each.removeprefix("click>=") for each in requires("hailuo-batch") or () if each.startswith("click>=")]
    assert f"click is 7.0, which is too old; {needed} or newer is needed" in said(ended, "problem", "packages")
    assert f"{sys.executable} -m pip install --upgrade 'click>={needed}'" in ended.out
    assert ended.code is ExitCode.UNFINISHED


def test_a_package_that_is_missing_and_one_of_an_odd_version() -> None:
    required = ["click>=8.4", "tqdm>=4.66", "nox>=2024; extra == 'dev'"]
    found = list(judge_packages(required, {"click": "8.10.0rc1", "tqdm": "unknown"}, "python3"))
    assert [each.text for each in found] == ["tqdm is unknown, which is too old; 4.66 or newer is needed."]
    [missing] = judge_packages(required[:1], {}, "python3")
    assert missing.text == "click is missing; 8.4 or newer is needed."
    assert missing.commands == ("python3 -m pip install --upgrade 'click>=8.4'",)


def test_two_versions_at_once(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = tmp_path / "hailuo_batch-0.0.1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: hailuo-batch\nVersion: 0.0.1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    ended = ask(*SANDBOX, bare=True)
    assert "two copies of it are mixed" in said(ended, "warning", "program")


def test_ffmpeg_is_optional(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = ask(*SANDBOX, bare=True)
    assert "It is optional" in said(ended, "note", "ffmpeg")
    assert ended.code is ExitCode.DONE
    program_in(tmp_path / "bin", "/bin/sh").rename(tmp_path / "ffmpeg")
    assert said(ask(*SANDBOX, bare=True), "ok", "ffmpeg")
