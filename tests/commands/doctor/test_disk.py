"""Where ledger and videos are kept: full and read-only disks, network file systems."""

import errno
import os
from pathlib import Path

import pytest

from hailuo_batch.adapters.local import mounts
from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.commands.doctor.conftest import Ask
from tests.commands.doctor.readings import commands, findings, said
from tests.helpers.command_line import Shell
from tests.helpers.read_only import can_mount, run_read_only
from tests.helpers.small_disk import fill, small_disk

NETWORK = "36 25 0:31 / {place} rw,relatime shared:1 - {kind} server:/export rw\n"
ROOT = "25 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"


@pytest.mark.usefixtures("api")
def test_a_disk_without_room_for_a_video(shell: Shell, ask: Ask) -> None:
    with small_disk(shell.workspace / "outputs") as disk:
        ended = ask()
        assert ended.code is ExitCode.UNFINISHED
        assert "31 MB free" in said(ended, "problem", "disk")
        assert "--output-dir" in said(ended, "problem", "disk")
        assert ask("--output-dir", str(shell.workspace / "roomy")).code is ExitCode.DONE
        fill(disk, leaving=0)
        assert "cannot be written (No space left on device)" in said(ask(), "problem", "output folder")


@pytest.mark.usefixtures("api")
def test_a_full_disk_under_the_ledger(shell: Shell, ask: Ask) -> None:
    with small_disk(shell.state, size="1m") as disk:
        fill(disk, leaving=0)
        ended = ask()
    assert ended.code is ExitCode.LEDGER
    assert "Free some space" in said(ended, "problem", "state folder")
    assert ask().code is ExitCode.DONE


@pytest.mark.skipif(not can_mount(), reason="nothing can be mounted in a namespace of one's own here")
def test_a_read_only_disk(shell: Shell, api: SandboxServer) -> None:
    ended = run_read_only(shell.workspace, "doctor", str(shell.manifest))
    assert ended.returncode == ExitCode.LEDGER
    assert ended.stdout.count("cannot be written (Read-only file system)") == 2
    assert "--state-dir DIR" in ended.stdout


@pytest.mark.skipif(not can_mount(), reason="nothing can be mounted in a namespace of one's own here")
def test_a_campaign_that_was_paid_for_is_not_told_to_begin_another_ledger(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    ended = run_read_only(shell.state, "doctor", str(shell.manifest))
    assert ended.returncode == ExitCode.LEDGER
    assert "Read-only file system" in ended.stdout
    assert "--state-dir" not in ended.stdout


@pytest.mark.usefixtures("api")
def test_a_folder_that_one_may_not_write_into_and_the_command_that_lets_one(
    shell: Shell, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Permissions do not keep root from writing, as whom tests may run."""

    def refuse(folder: Path) -> None:
        if not folder.stat().st_mode & 0o200:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))

    monkeypatch.setattr("hailuo_batch.app.doctor.folders.write_test_file", refuse)
    shell.state.mkdir()
    shell.state.chmod(0o500)
    ended = ask()
    assert ended.code is ExitCode.LEDGER
    assert "(Permission denied)" in said(ended, "problem", "state folder")
    [command] = [line for line in commands(ended) if line.startswith("chmod ")]
    assert os.system(command) == 0
    assert ask().code is ExitCode.DONE


@pytest.mark.usefixtures("api")
def test_a_file_in_the_place_of_a_folder_and_the_command_that_moves_it(shell: Shell, ask: Ask) -> None:
    (shell.workspace / "outputs").write_text("a note")
    ended = ask()
    assert said(ended, "problem", "output folder")
    [command] = [line for line in commands(ended) if line.startswith("mv ")]
    assert os.system(command) == 0
    assert ask().code is ExitCode.DONE


@pytest.mark.parametrize(
    ("kind", "is_network"),
    [
        ("nfs4", True),
        ("cifs", True),
        ("fuse.sshfs", True),
        ("9p", True),
        ("fuse.fuse-overlayfs", False),
        ("xfs", False),
    ],
)
def test_a_ledger_on_a_network_file_system(
    shell: Shell, ask: Ask, api: SandboxServer, monkeypatch: pytest.MonkeyPatch, kind: str, is_network: bool
) -> None:
    place = str(shell.workspace).replace(" ", "\\040")
    listed = shell.workspace / "mountinfo"
    listed.write_text(ROOT + NETWORK.format(place=place, kind=kind))
    monkeypatch.setattr(mounts, "MOUNTS", listed)
    ended = ask()
    assert (("warning", "state folder") in findings(ended)) is is_network
    assert ended.code is ExitCode.DONE
    if is_network:
        assert f"network file system ({kind})" in said(ended, "warning", "state folder")
        local = shell.workspace.parent / "local"
        assert ("warning", "state folder") not in findings(ask("--state-dir", str(local)))


def test_a_ledger_there_is_moved_along_and_not_begun_again(
    shell: Shell, ask: Ask, api: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    listed = shell.workspace / "mountinfo"
    listed.write_text(ROOT + NETWORK.format(place=shell.workspace, kind="nfs"))
    monkeypatch.setattr(mounts, "MOUNTS", listed)
    printed = said(ask(), "warning", "state folder")
    assert "Move the whole folder to a local disk" in printed
    local = shell.workspace.parent / "local"
    shell.state.rename(local)
    ended = ask("--state-dir", str(local))
    assert "1 run" in said(ended, "ok", "ledger")
    assert ("warning", "state folder") not in findings(ended)


def test_where_the_system_says_nothing_of_mounts_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mounts, "MOUNTS", tmp_path / "none")
    assert mounts.find_network_file_system(tmp_path) == ""


def test_the_innermost_and_newest_mount_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    listed = tmp_path / "mountinfo"
    monkeypatch.setattr(mounts, "MOUNTS", listed)
    over = NETWORK.format(place="/srv/a\\040b", kind="nfs")
    listed.write_text(f"broken\n{over}{ROOT}")
    assert mounts.find_network_file_system(Path("/srv/a b/state")) == "nfs"
    assert mounts.find_network_file_system(Path("/srv/a")) == ""
    listed.write_text(f"{over}{over.replace('nfs', 'ext4')}{ROOT}")
    assert mounts.find_network_file_system(Path("/srv/a b/state")) == ""
