"""The whole program, as its user runs it, against a sandbox that is a process of its own."""

import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.core.model.runs import Run

_PROGRAM = (sys.executable, "-m", "hailuo_batch")
_ADDRESS = re.compile(r"RUNBASE_BASE_URL=(\S+) RUNBASE_API_KEY=(\S*)(?: RUNBASE_API_KEYS=(\S+))?")
_STEPS_DONE = frozenset({"RunSucceeded", "RunFailed"})


@dataclass(frozen=True, slots=True)
class Api:
    """Where a sandbox is, the keys for it, and its process."""

    base_url: str
    keys: tuple[str, ...]
    pid: int

    def cpu_s(self) -> float:
        """The processor time that it has used, in seconds (Linux)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def sandbox(*options: str) -> Iterator[Api]:
    """A sandbox, from its first line until the context ends."""
    command = [*_PROGRAM, "sandbox", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        found = _ADDRESS.search(process.stdout.readline())
        assert found is not None, "the sandbox did not say where it is"
        yield Api(found[1], tuple((found[3] or found[2]).split(",")), process.pid)
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True, slots=True)
class Applied:
    """One apply: its runs in the order of the campaign, the time from its first create to the moment the last run was
    known to be finished, the whole process's time, and the processor time it used; in seconds."""

    runs: tuple[Run, ...]
    campaign_s: float
    process_s: float
    cpu_s: float


def apply(folder: Path, api: Api, takes: int, rate_limit: str) -> Applied:
    """Apply a manifest of so many takes in an empty folder. Raises CalledProcessError where not all are made."""
    manifest = folder / "lamps.yaml"
    shots = "".join(f"  - {{id: lamp-{number}, prompt: lamp {number}}}\n" for number in range(takes))
    manifest.write_text(f"version: 1\ncampaign: lamps\nshots:\n{shots}", encoding="utf-8")
    command = [*_PROGRAM, "apply", "--yes", "-q", "--no-sidecar", "--rate-limit", rate_limit, str(manifest)]
    used, began = _used_by_children(), time.monotonic()
    subprocess.run(command, check=True, env=_environment(api))
    process_s, cpu_s = time.monotonic() - began, _used_by_children() - used
    with Ledger.read(folder / "state" / "lamps.db", "lamps", api.base_url) as ledger:
        runs = tuple(sorted(ledger.snapshot().runs, key=lambda run: run.key))
        finished = [line["at"] for line in ledger.journal() if line["what"] in _STEPS_DONE]
    first = min(run.submitted_at for run in runs if run.submitted_at is not None)
    ends = [at for at in finished if isinstance(at, float)]
    return Applied(runs, max(ends) - first, process_s, cpu_s)


def _environment(api: Api) -> Mapping[str, str]:
    proxies = {"http_proxy", "https_proxy", "all_proxy"}
    kept = {name: value for name, value in os.environ.items() if name.lower() not in proxies}
    return kept | {"RUNBASE_BASE_URL": api.base_url, "RUNBASE_API_KEY": "", "RUNBASE_API_KEYS": ",".join(api.keys)}


def _used_by_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
