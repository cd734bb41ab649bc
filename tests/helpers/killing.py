"""The real program in a process of its own, killed where it hurts, against a sandbox that sees every request.

A kill is aimed either at a request (as it arrives, or when it has been carried out and its answer is not yet sent) or
at a moment after the program took the campaign's lock.
"""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.ledger.lock import find_holder
from hailuo_batch.adapters.ledger.receipts import load_receipts
from hailuo_batch.core.model.runs import in_doubt_if_submitting
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.core.planning.recovery import CreateResult
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import ApiResponse, WorldSettings
from tests.helpers.timeouts import TEST_TIMEOUT_S, wait_until

KEY = "sk-test-4b1d6a0f"
NAME = "killed"
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class KillMoment:
    """When to kill: at the `request`-th request of this life, before or after it is carried out, or `after_s` seconds
    after the lock was taken."""

    request: int = 0
    carried_out: bool = False
    after_s: float = 0.0


class KillingServer(SandboxServer):
    """A sandbox without a rate limit that kills the client it is aimed at, and remembers each create."""

    def __init__(self) -> None:
        super().__init__(WorldSettings(rate_limit=1_000_000, median_s=0.3, min_s=0.1), latency_s=0.03)
        self.created: Counter[str] = Counter()
        self._target: tuple[Future[subprocess.Popen[str]], KillMoment] | None = None
        self._requests = 0
        self._count_lock = threading.Lock()

    def kill_at(self, moment: KillMoment) -> "Future[subprocess.Popen[str]]":
        """Kill a process that is yet to be started, and then put into the result, at that request of it."""
        victim: Future[subprocess.Popen[str]] = Future()
        with self._count_lock:
            self._requests = 0
            self._target = (victim, moment)
        return victim

    def create(self, key: str | None, body: bytes) -> ApiResponse:
        """Answer a create, and count it."""
        prompt: str = json.loads(body)["input"]["prompt"]
        with self._count_lock:
            self.created[prompt] += 1
        number = self._next_number()
        self._kill(number, carried_out=False)
        answer = super().create(key, body)
        self._kill(number, carried_out=True)
        return answer

    def read(self, key: str | None, run_id: str) -> ApiResponse:
        """Answer a read."""
        number = self._next_number()
        self._kill(number, carried_out=False)
        answer = super().read(key, run_id)
        self._kill(number, carried_out=True)
        return answer

    def _next_number(self) -> int:
        with self._count_lock:
            self._requests += 1
            return self._requests

    def _kill(self, number: int, *, carried_out: bool) -> None:
        if self._target is None:
            return
        victim, moment = self._target
        if (number, carried_out) == (moment.request, moment.carried_out):
            process = victim.result(TEST_TIMEOUT_S)
            process.kill()
            process.wait(TEST_TIMEOUT_S)  # the answer must not leave before the one who waits for it is dead


@dataclass
class KilledCampaign:
    """One campaign in one workspace, applied again and again. `texts` are all that its processes printed."""

    folder: Path
    server: KillingServer
    prompts: Mapping[str, str]
    kills: int = 0
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.manifest = self.folder / "manifests" / f"{NAME}.yaml"
        self.manifest.parent.mkdir(parents=True)
        shots = [{"id": id_, "prompt": prompt} for id_, prompt in self.prompts.items()]
        self.manifest.write_text(json.dumps({"version": 1, "campaign": NAME, "shots": shots}))
        self.outputs = self.folder / "outputs" / NAME
        self.receipts = self.folder / "state" / f"{NAME}.receipts.jsonl"

    def run(self, command: str, *options: str) -> tuple[int, str]:
        """A whole command: exit code and stdout."""
        with self._start(command, *options) as process:
            stdout, stderr = process.communicate(timeout=TEST_TIMEOUT_S)
        self.texts += [stdout, stderr]
        return process.returncode, stdout

    def apply(self) -> int:
        """One apply to its end: the exit code."""
        return self.run("apply", "--yes", "--rate-limit", "1000/10s")[0]

    def kill(self, moment: KillMoment) -> None:
        """One apply that does not live to its end."""
        victim = self.server.kill_at(moment)
        with self._start("apply", "--yes", "--rate-limit", "1000/10s") as process:
            victim.set_result(process)
            if not moment.request:
                self._kill_later(process, moment.after_s)
            self.texts += process.communicate(timeout=TEST_TIMEOUT_S)
        self.kills += process.returncode == -9

    def shown(self) -> dict[str, dict[str, Any]]:
        """What `status` shows, by take ID."""
        _, stdout = self.run("status", "--json")
        return _by_id(json.loads(stdout))

    def reported(self) -> dict[str, dict[str, Any]]:
        """What the last apply that lived to its end has reported, by take ID."""
        return _by_id(json.loads((self.outputs / "report.json").read_text()))

    def in_doubt(self) -> set[str]:
        """The takes that a reader of the ledger must believe to be in doubt now."""
        with Ledger.read(self.folder / "state" / f"{NAME}.db", NAME, self.server.base_url) as ledger:
            takes = in_doubt_if_submitting(ledger.snapshot()).takes
        return {record.take.id for record in takes if record.state is TakeState.IN_DOUBT}

    def files_with_key(self) -> list[str]:
        """Every place in which the API key was left."""
        files = [file for file in self.folder.rglob("*") if file.is_file()]
        assert {file.suffix for file in files} >= {".db", ".jsonl", ".lock", ".json", ".html"}
        left = [str(file) for file in files if KEY.encode() in file.read_bytes()]
        return left + [text for text in self.texts if KEY in text]

    def paid(self) -> dict[str, list[str]]:
        """The truth: the run IDs that the world made, by take ID."""
        take_of = {prompt: id_ for id_, prompt in self.prompts.items()}
        made: dict[str, list[str]] = {id_: [] for id_ in self.prompts}
        for run_id, request_input in self.server.world.created.items():
            made[take_of[request_input["prompt"]]].append(run_id)
        return made

    def receipted(self) -> set[str]:
        """The run IDs that the receipts know."""
        results = [receipt for receipt in load_receipts(self.receipts) if isinstance(receipt, CreateResult)]
        return {getattr(result.outcome, "run_id", "") for result in results}

    def _start(self, command: str, *options: str) -> subprocess.Popen[str]:
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(_ROOT),
            "RUNBASE_API_KEY": KEY,
            "RUNBASE_BASE_URL": self.server.base_url,
            "XDG_STATE_HOME": os.environ["XDG_STATE_HOME"],
        }
        return subprocess.Popen(
            [sys.executable, "-m", "hailuo_batch", command, str(self.manifest), *options],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _kill_later(self, process: subprocess.Popen[str], after_s: float) -> None:
        lock = self.folder / "state" / f"{NAME}.lock"

        def is_held() -> bool:
            assert process.poll() is None, "the program ended before it took its lock"
            holder = find_holder(lock)
            return holder is not None and holder.pid == process.pid

        wait_until(is_held)
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            process.kill()


def _by_id(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {take["id"]: take for take in document["takes"]}


def prompts(count: int) -> dict[str, str]:
    """As many takes, each with a prompt of its own."""
    return {f"shot-{number}": f"lamp number {number}" for number in range(count)}
