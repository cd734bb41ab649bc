"""Links, FIFOs and folders under the names that are the campaign's: refused in words, never followed or waited for."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import UNCAPPED, CommandResult, Shell
from tests.helpers.timeouts import TEST_TIMEOUT_S

LEDGER, BACKUP, RECEIPTS = "lamps.db", "lamps.db.bak", "lamps.receipts.jsonl"
APPLY, STATUS, REPAIR, RESTORE = ("apply",), ("status",), ("verify", "--repair"), ("state", "restore")


def as_link(path: Path, decoy: Path) -> None:
    if path.exists():
        path.rename(decoy)
    else:
        decoy.write_bytes(b"precious")
    path.symlink_to(decoy)


def as_dangling_link(path: Path, decoy: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(decoy)


def as_fifo(path: Path, decoy: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def as_folder(path: Path, decoy: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


KINDS: dict[str, Callable[[Path, Path], None]] = {
    "a link": as_link,
    "a dangling link": as_dangling_link,
    "a FIFO": as_fifo,
    "a folder": as_folder,
}
REFUSING = [
    *((LEDGER, kind, words) for kind in KINDS for words in (APPLY, STATUS)),
    *((RECEIPTS, kind, words) for kind in KINDS for words in (APPLY, STATUS, RESTORE)),
    *((BACKUP, kind, words) for kind in KINDS for words in (REPAIR, RESTORE)),
    *((f"{LEDGER}-wal", kind, words) for kind in KINDS for words in (APPLY, STATUS)),
    *((f"{LEDGER}-shm", kind, APPLY) for kind in KINDS),
]


@contextmanager
def no_waiting() -> Iterator[None]:
    """Whoever waits for a FIFO waits for ever: end that, and fail."""

    def end(*_: object) -> None:
        raise TimeoutError("it waits for what bears the name")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, TEST_TIMEOUT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run(shell: Shell, words: tuple[str, ...]) -> CommandResult:
    with no_waiting():
        if words[0] == "state":
            return shell.bare(*words[:2], str(shell.manifest), *words[2:])
        return shell(*words)


@pytest.fixture
def made(shell: Shell, api: SandboxServer) -> SandboxServer:
    shell.write(UNCAPPED)
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    return api


@pytest.mark.parametrize(("name", "kind", "words"), REFUSING, ids=str)
@pytest.mark.few(8)
def test_it_is_refused(shell: Shell, made: SandboxServer, name: str, kind: str, words: tuple[str, ...]) -> None:
    decoy = shell.workspace / "decoy"
    KINDS[kind](shell.state / name, decoy)
    before = decoy.read_bytes() if decoy.exists() else None
    ended = run(shell, words)
    assert ended.code is ExitCode.LEDGER, ended.err
    assert name in ended.err
    reasons = ("a symbolic link bears this name",) if "link" in kind else ("no regular file", "Is a directory")
    assert any(reason in " ".join(ended.err.split()) for reason in reasons)
    assert (decoy.read_bytes() if decoy.exists() else None) == before
    assert made.world.stats.creates == 1


@pytest.mark.parametrize("kind", KINDS)
def test_receipts_alone_that_are_no_file_are_no_new_campaign(shell: Shell, api: SandboxServer, kind: str) -> None:
    shell.state.mkdir()
    KINDS[kind](shell.state / RECEIPTS, shell.workspace / "decoy")
    ended = run(shell, APPLY)
    assert ended.code is ExitCode.LEDGER
    assert RECEIPTS in ended.err
    assert api.world.stats.creates == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [f".{LEDGER}.new", f".{BACKUP}.new", f".{LEDGER}.new-journal"])
@pytest.mark.few(4)
def test_no_draft_leads_away(shell: Shell, api: SandboxServer, name: str, kind: str) -> None:
    shell.state.mkdir()
    decoy = shell.workspace / "decoy"
    decoy.write_bytes(b"precious")
    draft = shell.state / name
    if kind == "a link":
        draft.symlink_to(decoy)
    else:
        KINDS[kind](draft, decoy)
    ended = run(shell, ("apply", "--only", "desk"))
    assert ended.code is (ExitCode.LEDGER if kind == "a folder" else ExitCode.DONE), ended.err
    assert decoy.read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["report.html", "report.json", "desk.mp4.json", ".desk.mp4.part", ".desk.part.json"])
def test_no_link_among_the_outputs_is_followed(shell: Shell, api: SandboxServer, name: str) -> None:
    decoy = shell.workspace / "decoy"
    decoy.write_bytes(b"precious")
    shell.outputs.mkdir(parents=True)
    (shell.outputs / name).symlink_to(decoy)
    assert run(shell, ("apply", "--only", "desk", "--new-ledger")).code is ExitCode.DONE
    assert decoy.read_bytes() == b"precious"
    assert (shell.outputs / "desk.mp4").exists()


def test_setting_aside_never_renames_onto_a_link(shell: Shell, made: SandboxServer) -> None:
    names = [shell.state / f"{LEDGER}.aside-1", shell.state / f"{RECEIPTS}.old-1"]
    for link in names:
        link.symlink_to(shell.workspace / "nowhere")
    assert run(shell, RESTORE).code is ExitCode.DONE
    (shell.state / LEDGER).rename(shell.workspace / "kept")
    assert run(shell, ("apply", "--only", "desk", "--new-ledger")).code is ExitCode.DONE
    assert all(link.is_symlink() for link in names)
    assert (shell.state / f"{LEDGER}.aside-2").exists()
    assert (shell.state / f"{RECEIPTS}.old-2").exists()


def test_the_state_folder_itself_may_be_a_link(shell: Shell, made: SandboxServer) -> None:
    shell.state.rename(shell.workspace / "elsewhere")
    shell.state.symlink_to(shell.workspace / "elsewhere")
    assert run(shell, APPLY).code is ExitCode.DONE
    assert run(shell, RESTORE).code is ExitCode.DONE
    assert made.world.stats.creates == 3
