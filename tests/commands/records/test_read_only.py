"""A workspace that is mounted read-only can be looked into by every command that only looks."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.core.model.events import RunNamed
from hailuo_batch.errors import ExitCode
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import UNCAPPED, Shell
from tests.helpers.misbehaving_api import lost_answers
from tests.helpers.read_only import can_mount, run_read_only
from tests.helpers.snapshots import STARTED_AT

pytestmark = pytest.mark.skipif(not can_mount(), reason="nothing can be mounted in a namespace of one's own here")

READERS = (
    ("validate",),
    ("plan",),
    ("status",),
    ("status", "--json"),
    ("verify",),
    ("state", "show"),
    ("state", "export"),
)


def run_reader(shell: Shell, folder: Path, words: tuple[str, ...]) -> str:
    command = words[:2] if words[0] == "state" else words[:1]
    ended = run_read_only(folder, *command, str(shell.manifest), *words[len(command) :])
    assert (words, ended.returncode) == (words, ExitCode.DONE), ended.stderr
    return ended.stdout


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def made(shell: Shell, api: SandboxServer) -> SandboxServer:
    shell.write(UNCAPPED)
    assert shell("apply").code is ExitCode.DONE
    return api


@pytest.mark.parametrize("words", READERS)
@pytest.mark.few(3)
def test_it_is_looked_into(shell: Shell, made: SandboxServer, words: tuple[str, ...]) -> None:
    before = contents(shell.workspace)
    assert run_reader(shell, shell.workspace, words) or words == ("validate",)
    assert contents(shell.workspace) == before


def test_a_report_is_written_where_the_outputs_can_be(shell: Shell, made: SandboxServer) -> None:
    (shell.outputs / "report.html").unlink()
    run_reader(shell, shell.state, ("report",))
    assert (shell.outputs / "report.html").exists()


def test_what_is_in_the_log_alone_is_seen(shell: Shell, api: SandboxServer) -> None:
    """Beside the process that writes it, and as that one leaves it when it is killed."""
    shell.write(UNCAPPED)
    with lost_answers(api):
        shell("apply", "--only", "desk")
    killed = shell.workspace / "killed"
    with closing(Ledger.open(shell.state / "lamps.db", "lamps", api.base_url, STARTED_AT)) as ledger:
        (doubtful,) = (run for run in ledger.snapshot().runs if run.take_id == "desk")
        ledger.record([(doubtful.key, RunNamed("run_in_the_log", 280_000))], STARTED_AT)
        assert "run_in_the_log" in run_reader(shell, shell.workspace, ("status",))
        shutil.copytree(shell.state, killed)
    assert (killed / "lamps.db-wal").stat().st_size > 0
    shutil.rmtree(shell.state)
    killed.rename(shell.state)
    (shell.state / "lamps.db-shm").unlink()
    assert "run_in_the_log" in run_reader(shell, shell.workspace, ("status",))


def test_prices_of_other_campaigns_are_known(shell: Shell, made: SandboxServer) -> None:
    other = shell.workspace / "manifests" / "other.yaml"
    other.write_text("version: 1\ncampaign: other\nshots: [{id: a, prompt: A lamp}]\n")
    ended = run_read_only(shell.workspace, "plan", str(other))
    assert "1 x $0.28, the newest price paid" in ended.stdout
