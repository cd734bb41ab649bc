"""Loading in a process of its own, where time and the peak of memory are those of loading alone.

`python -m tests.manifest.apart MANIFEST ...` is that process. On Linux the peak is that of the address space: what
`getrusage` calls one counts the process that this one was forked from.
"""

import json
import re
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.manifest import load_manifest

STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Apart:
    """What loading took, in the processor's seconds and in bytes, and what was said of the last manifest."""

    seconds: float
    peak_bytes: int
    findings: list[str]


def load_apart(*paths: Path) -> Apart:
    """Load the manifests, none of which may be right, in a process of its own."""
    command = [sys.executable, "-m", "tests.manifest.apart", *map(str, paths)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return Apart(**json.loads(result.stdout))


def _peak_bytes() -> int:
    if STATUS.exists():
        found = re.search(r"VmHWM:\s*(\d+) kB", STATUS.read_text())
        assert found is not None
        return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _load(paths: list[str]) -> None:
    began_at = time.process_time()
    loaded = [load_manifest(Path(path)) for path in paths]
    assert all(one.campaign is None for one in loaded)
    seconds = time.process_time() - began_at
    print(
        json.dumps(
            {
                "seconds": seconds,
                "peak_bytes": _peak_bytes(),
                "findings": [str(found) for found in loaded[-1].diagnostics],
            }
        )
    )


if __name__ == "__main__":
    _load(sys.argv[1:])
