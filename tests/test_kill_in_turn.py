"""kill -9 at every write and every request in turn: nothing is paid for twice, and nothing paid is forgotten."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.core.model.runs import Snapshot
from tests.helpers.killing import KEY, KillingServer

pytestmark = pytest.mark.deep

BOUNDARIES = 60  # more than an apply of two takes passes (some 45), so that the last ones are past its end
# How often runs are read depends on the machine, and so does the number of boundaries: each call is asked for instead.
EVERY_APPLY = {
    "Ledger.create",
    "Ledger.record",
    "Receipts._append",
    "Client.create_run",
    "Client.read_run",
    "Downloader.fetch",
}
ROOT = Path(__file__).parents[1]


def write_manifests(folder: Path) -> dict[int, Path]:
    """A campaign of two takes for each boundary, each in a workspace of its own."""
    manifests = {}
    for boundary in range(1, 1 + BOUNDARIES):
        path = folder / str(boundary) / "manifest.yaml"
        path.parent.mkdir()
        shots = [{"id": shot, "prompt": f"{shot} at {boundary}"} for shot in ("hero", "teal")]
        path.write_text(json.dumps({"version": 1, "campaign": "turn", "shots": shots}))
        manifests[boundary] = path
    return manifests


def kill_in_turn(server: KillingServer, manifests: dict[int, Path]) -> dict[int, tuple[str | None, int]]:
    """For each boundary: the call at which the program was killed, if it came so far, and how the next apply ended."""
    subprocess.run(
        [sys.executable, "-m", "tests.helpers.kill_in_turn", *map(str, manifests.values())],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "RUNBASE_API_KEY": KEY,
            "RUNBASE_BASE_URL": server.base_url,
            "XDG_STATE_HOME": os.environ["XDG_STATE_HOME"],
        },
        capture_output=True,
        text=True,
        timeout=500,
        check=True,
    )
    ends = {at: json.loads((path.parent / "ends.json").read_text()) for at, path in manifests.items()}
    return {at: (end["killed_in"], end["code"]) for at, end in ends.items()}


def ledger_of(manifest: Path, endpoint: str) -> Snapshot:
    with Ledger.read(manifest.parent / "state" / "turn.db", "turn", endpoint) as ledger:
        return ledger.snapshot()


def test_killed_at_every_boundary_it_goes_on_without_paying_twice(tmp_path: Path) -> None:
    with KillingServer() as server:
        manifests = write_manifests(tmp_path)
        ends = kill_in_turn(server, manifests)
        snapshots = {at: ledger_of(path, server.base_url) for at, path in manifests.items()}
        paid = Counter(made["prompt"] for made in server.world.created.values())
        assert max(paid.values()) == 1
        for at, (_, code) in ends.items():
            states = {record.take.id: record.state for record in snapshots[at].takes}
            assert set(states) == {"hero", "teal"}
            assert set(states.values()) <= {"done", "in_doubt"}, f"killed at boundary {at}"
            assert code == (1 if "in_doubt" in states.values() else 0)
            known = {run.run_id for run in snapshots[at].runs}
            lost = [made for made, asked in server.world.created.items() if asked["prompt"].endswith(f" at {at}")]
            doubtful = sum(state == "in_doubt" for state in states.values())
            assert len(set(lost) - known) <= doubtful, f"a paid run was forgotten at boundary {at}"
        assert {call for call, _ in ends.values()} >= EVERY_APPLY | {None}
