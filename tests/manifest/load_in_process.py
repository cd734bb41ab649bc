"""Loading in a process of its own, where time and the peak of memory are those of loading alone.

`python -m tests.manifest.load_in_process MANIFEST ...` is that process. On Linux the peak is that of the address space:
what `getrusage` calls one counts the process that this one was forked from.
"""

import json
import re
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from hailuo_batch.manifest import load_manifest

STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class LoadResult:
    """What loading took, in the processor's seconds, the process's peak in bytes until then, and the diagnostics."""

    seconds: float
    peak_bytes: int
    diagnostics: list[str]


def load_in_subprocess(*paths: Path) -> list[LoadResult]:
    """Load the manifests one after the other, none of which may be right, in one process of its own."""
    command = [sys.executable, "-m", "tests.manifest.load_in_process", *map(str, paths)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=500)
    return [LoadResult(**json.loads(line)) for line in result.stdout.splitlines()]


def _peak_bytes() -> int:
    if STATUS.exists():
        found = re.search(r"VmHWM:\s*(\d+) kB", STATUS.read_text())
        assert found is not None
        return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _load(path: Path) -> LoadResult:
    began_at = time.process_time()
    loaded = load_manifest(path)
    seconds = time.process_time() - began_at
    assert loaded.campaign is None
    return LoadResult(seconds, _peak_bytes(), [str(found) for found in loaded.diagnostics])


if __name__ == "__main__":
    for each in sys.argv[1:]:
        print(json.dumps(asdict(_load(Path(each)))))
