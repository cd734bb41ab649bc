"""How fast this downloader is beside `aria2c -j4` and `curl --parallel --parallel-max 4`, on the same files in one run.

    apt-get install aria2 curl
    python -m tests.benchmarks.download [--folder DIR] [--files 200] [--megabytes 5] [--rounds 3]

All three fetch the same clips from the same server on loopback into folders of one file system, one after the other,
several rounds; the median counts. This downloader hashes (SHA-256), checks the boxes of each MP4 and brings each file
to the disk (fsync) before it stands under its name; the other two do none of that. The goals: at least the throughput
of aria2c and half of curl's. Last, the peak memory of a process that fetches a small file, and a large one.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hailuo_batch.adapters.download import Downloader
from hailuo_batch.adapters.download.downloader import TRANSFERS_AT_ONCE
from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.model.events import FileSaved
from tests.benchmarks.static_server import StaticServer
from tests.helpers.mp4 import clip

LANES = TRANSFERS_AT_ONCE
GOALS = {"aria2c": 1.0, "curl": 0.5}
_MEMORY = (
    "import resource, sys; from pathlib import Path; from hailuo_batch.adapters.download import Downloader;"
    "out = Downloader(Path(sys.argv[1]), allow_loopback=True).fetch(sys.argv[2], 'hero', 0, lambda: False);"
    "print(out.bytes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
)

Way = Callable[[Sequence[str], Path], None]


def by_us(urls: Sequence[str], out: Path) -> None:
    """This downloader, in as many threads as an apply has, of which four receive and the others wait for the disk."""
    downloader = Downloader(out, allow_loopback=True)

    def fetch(numbered: tuple[int, str]) -> None:
        number, url = numbered
        outcome = downloader.fetch(url, f"take-{number}", 0, lambda: False)
        assert isinstance(outcome, FileSaved), outcome

    with ThreadPoolExecutor(Settings().max_fetches) as fetches:
        list(fetches.map(fetch, enumerate(urls)))


def by_aria2c(urls: Sequence[str], out: Path) -> None:
    """aria2c with a queue of its own."""
    _run(["aria2c", f"-j{LANES}", "-q", "--no-conf", "-d", str(out), "-i", "-"], "\n".join(urls))


def by_curl(urls: Sequence[str], out: Path) -> None:
    """One curl for all."""
    listing = "\n".join(f'url = "{url}"\noutput = "{out / url.rpartition("/")[2]}"' for url in urls)
    _run(["curl", "-sS", "--no-progress-meter", "--parallel", "--parallel-max", str(LANES), "-K", "-"], listing)


WAYS: dict[str, Way] = {"hailuo-batch": by_us, "aria2c": by_aria2c, "curl": by_curl}


def measure(folder: Path, files: int, size: int, rounds: int) -> dict[str, float]:
    """Bytes a second of each way, the median of all rounds."""
    source = folder / "source"
    source.mkdir()
    for number in range(files):
        (source / f"{number}.mp4").write_bytes(clip(os.urandom(size)))
    speeds: dict[str, list[float]] = {name: [] for name in WAYS}
    with StaticServer(source) as server:
        urls = [f"{server.url}/{number}.mp4" for number in range(files)]
        for _ in range(rounds):
            for name, way in WAYS.items():
                speeds[name].append(files * size / _timed(way, urls, folder / "out"))
    return {name: statistics.median(values) for name, values in speeds.items()}


def peak_memory(folder: Path, size: int) -> int:
    """The most memory, in kilobytes, of a process that fetches one file of that size."""
    source = folder / "one"
    source.mkdir(exist_ok=True)
    with (source / "a.mp4").open("wb") as file:
        file.write(clip(b""))
        file.write(size.to_bytes(4, "big") + b"mdat")
        file.truncate(len(clip(b"")) + size)
    with StaticServer(source) as server:
        command = [sys.executable, "-c", _MEMORY, str(folder / "out"), f"{server.url}/a.mp4"]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    shutil.rmtree(folder / "out")
    return int(printed.split()[1])


def main() -> int:
    """Print the table; the exit code is 1 where a goal is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, help="where to work; by default a temporary folder")
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--megabytes", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    missing = [name for name in GOALS if shutil.which(name) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}")
        return 2
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        speeds = measure(Path(folder), options.files, options.megabytes * 10**6, options.rounds)
        small, large = (peak_memory(Path(folder), size) for size in (10**6, 10**9))
    ours = speeds["hailuo-batch"]
    missed = False
    for name, speed in speeds.items():
        goal = GOALS.get(name)
        missed |= goal is not None and ours < goal * speed
        beside = "" if goal is None else f"   ours is {ours / speed:.2f} of it (goal {goal:.1f})"
        print(f"{name:14}{speed / 1e6:8.0f} MB/s{beside}")
    print(f"peak memory: {small / 1000:.0f} MB for a file of 1 MB, {large / 1000:.0f} MB for one of 1,000 MB")
    return int(missed)


def _timed(way: Way, urls: Sequence[str], out: Path) -> float:
    out.mkdir()
    os.sync()
    began = time.perf_counter()
    way(urls, out)
    took_s = time.perf_counter() - began
    assert len(list(out.iterdir())) == len(urls)
    shutil.rmtree(out)
    return took_s


def _run(command: Sequence[str], text: str) -> None:
    subprocess.run(command, input=text, text=True, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
