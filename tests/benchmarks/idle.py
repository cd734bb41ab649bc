"""What it costs to find that there is nothing to do: `apply` and `report` beside `validate`, on finished takes.

    python -m tests.benchmarks.idle [--takes 10000] [--rounds 5]

Every command is the program itself as a process of its own, and what counts is the processor's time, of user and
system, from its start to its end, so that what else the machine does hardly counts. The commands take turns, and a
ratio is the median of those of the rounds. Goal: at most 3 times the time of `validate` of the same manifest, be it a
table's or written out.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from hailuo_batch.manifest import load_manifest
from tests.benchmarks.manifest import finish, write_rows, write_shots

GOAL = 3.0
COMMANDS = ("validate", "apply", "report")
MANIFESTS: dict[str, Callable[[Path, int], None]] = {"a table": write_rows, "written out": write_shots}


def workspace(folder: Path, write: Callable[[Path, int], None], takes: int) -> Path:
    """A campaign of which all is done: manifest, ledger and videos. Returns the manifest."""
    manifest = folder / "manifests" / "bench.yaml"
    for name in ("manifests", "state", "outputs/bench"):
        (folder / name).mkdir(parents=True)
    write(manifest, takes)
    campaign = load_manifest(manifest).campaign
    assert campaign is not None
    finish(folder / "state" / "bench.db", campaign)
    for take in campaign.takes:
        (folder / "outputs" / "bench" / f"{take.id}.mp4").write_bytes(b"video")
    return manifest


def processor_s(command: str, manifest: Path) -> float:
    """The processor's seconds of one command, which must end well."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [sys.executable, "-m", "hailuo_batch", command, str(manifest)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RUNBASE_")}
    ended = subprocess.run(words, check=False, capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(manifest: Path, rounds: int) -> dict[str, list[float]]:
    """The seconds of each command, round by round; the first apply, which writes all there is to write, apart."""
    first = processor_s("apply", manifest)
    taken: dict[str, list[float]] = {command: [] for command in COMMANDS}
    for _ in range(rounds):
        for command, seconds in taken.items():
            seconds.append(processor_s(command, manifest))
    return {"first apply": [first] * rounds} | taken


def main() -> int:
    """Print the table; the exit code is 1 where the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--takes", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    missed = False
    for name, write in MANIFESTS.items():
        with tempfile.TemporaryDirectory() as folder:
            taken = measure(workspace(Path(folder), write, asked.takes), asked.rounds)
        print(f"{asked.takes:,} finished takes of a manifest that is {name}:")
        for command, seconds in taken.items():
            ratio = statistics.median(mine / least for mine, least in zip(seconds, taken["validate"], strict=True))
            missed = missed or (command in COMMANDS and ratio > GOAL)
            print(f"  {command:12}{statistics.median(seconds):7.2f} s{ratio:7.2f} x", flush=True)
    print(f"Goal: apply and report at most {GOAL:.0f} x: {'missed' if missed else 'met'}.")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
