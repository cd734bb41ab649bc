"""How long a manifest takes, and how much memory: reading it, and planning it against a finished ledger.

    python -m tests.benchmarks.manifest [--check-jsonschema PROGRAM] [TAKES ...]

Every measurement is a process of its own, so that peaks do not mix; its times are of the processor, so that what else
the machine does hardly counts. Where the `check-jsonschema` program is named, `hailuo-batch validate` and it take turns
at one file of 10,000 shots with no more than an ID and a prompt, the start of both counted; the ratio is the median of
the rounds. Goals: at most 0.25 of its time, and a plan in at most 3 times the time of `validate` and under 400 MiB.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.core.model import events as ev
from hailuo_batch.core.model import ledger_changes as st
from hailuo_batch.core.planning.plan import PlanAction, make_plan
from hailuo_batch.manifest import load_manifest
from hailuo_batch.resources import load_schema_text
from hailuo_batch.values import CampaignSpec

CAMPAIGN = "bench"
ENDPOINT = "https://runbase.net/api/v1"
AT = 1_760_000_000.0
WRITTEN = 10_000
MEBIBYTE = 1024 * 1024


def write_shots(path: Path, shots: int) -> None:
    """A manifest in which every shot is written out."""
    path.write_text(
        f"version: 1\ncampaign: {CAMPAIGN}\nvars: {{style: soft window light}}\nshots:\n"
        + "".join(
            f"  - id: lamp-{n}\n    prompt: A cinematic product photo of ceramic lamp number {n}, ${{style}}\n"
            f"    image_urls:\n      - https://cdn.example.com/spring/lamp-{n}.jpg\n    tags: [spring, catalogue]\n"
            for n in range(shots)
        ),
        encoding="utf-8",
    )


def write_rows(path: Path, rows: int) -> None:
    """A manifest of one shot and its table."""
    path.write_text(
        f"version: 1\ncampaign: {CAMPAIGN}\nimages: {{base_url: https://cdn.example.com/spring/}}\nshots:\n"
        '  - {id: "sku-${sku}", prompt: "${name} on a plinth, soft window light", image_urls: ["${image}"], '
        f"rows: {path.stem}.csv}}\n",
        encoding="utf-8",
    )
    lines = (f"{n},Ceramic lamp number {n} of the spring collection,lamp-{n}.jpg\n" for n in range(rows))
    path.with_suffix(".csv").write_text("sku,name,image\n" + "".join(lines), encoding="utf-8")


def finish(path: Path, campaign: CampaignSpec) -> None:
    """A ledger in which every take is done."""
    Ledger.create(path, CAMPAIGN, ENDPOINT, AT)
    with Ledger.open(path, CAMPAIGN, ENDPOINT, AT) as ledger:
        steps: list[st.LedgerChange] = []
        for position, take in enumerate(campaign.takes):
            steps += [st.WantTake(take, position), st.AddAttempt(take.id)]
        recorded: list[tuple[int, ev.Event]] = []
        for run in ledger.carry_out(steps, AT):
            name = f"run-{run.key}"
            url = f"https://runbase.net/files/generated/{name}.mp4"
            events: list[ev.Event] = [
                ev.CreateStarted(f"create-{name}"),
                ev.RunCreated(name, 280_000),
                ev.RunSucceeded((url,), 280_000, AT, AT + 90),
                ev.FileSaved(0, f"{run.take_id}.mp4", 1_000_000, "ab" * 32),
            ]
            recorded += [(run.key, event) for event in events]
        ledger.record(recorded, AT)


def validate(folder: Path, name: str) -> None:
    """Read the manifest, which must be right."""
    loaded = load_manifest(folder / f"{name}.yaml")
    assert loaded.campaign is not None


def plan(folder: Path, name: str) -> None:
    """Read the manifest and the ledger, and plan: nothing is to be done."""
    loaded = load_manifest(folder / f"{name}.yaml")
    assert loaded.campaign is not None
    with Ledger.read(folder / f"{name}.db", CAMPAIGN, ENDPOINT) as ledger:
        made = make_plan(loaded.campaign, ledger.snapshot())
    assert {line.action for line in made.lines} == {PlanAction.KEEP}


def prepare(folder: Path, name: str) -> None:
    """Write the ledger of the manifest."""
    campaign = load_manifest(folder / f"{name}.yaml").campaign
    assert campaign is not None
    finish(folder / f"{name}.db", campaign)


PARTS: dict[str, Callable[[Path, str], None]] = {"validate": validate, "plan": plan, "prepare": prepare}


def measured(part: str, folder: Path, name: str) -> tuple[float, float]:
    """The processor's seconds and the peak in MiB of one part, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.manifest", "--part", part, str(folder), name]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, peak = json.loads(printed)
    return float(seconds), float(peak)


def _run_part(part: str, folder: str, name: str) -> None:
    began_at = time.process_time()
    PARTS[part](Path(folder), name)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps([time.process_time() - began_at, peak / MEBIBYTE]))


def write_plain(path: Path, shots: int) -> None:
    """A manifest of shots that have no more than an ID and a prompt."""
    path.write_text(
        f"version: 1\ncampaign: {CAMPAIGN}\nshots:\n"
        + "".join(
            f"  - id: lamp-{n}\n    prompt: A cinematic product photo of ceramic lamp number {n}, soft window light\n"
            for n in range(shots)
        ),
        encoding="utf-8",
    )


def program_s(*command: str) -> float:
    """The processor's seconds that a program takes, its start included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(program: str, folder: Path, rounds: int = 5) -> None:
    """Print what this program and another take for one file, as rows of the table."""
    schema, manifest = folder / "manifest.schema.json", folder / "plain.yaml"
    schema.write_text(load_schema_text("manifest"), encoding="utf-8")
    write_plain(manifest, WRITTEN)
    ours, others = [], []
    for _ in range(rounds):
        ours.append(program_s(sys.executable, "-m", "hailuo_batch", "validate", str(manifest)))
        others.append(program_s(program, "--schemafile", str(schema), str(manifest)))
    ratio = median(own / other for own, other in zip(ours, others, strict=True))
    print(
        f"| `hailuo-batch validate`, {WRITTEN:,} shots of ID and prompt, its start included | {median(ours):.2f} s | |"
    )
    print(f"| check-jsonschema, the same file | {median(others):.2f} s ({ratio:.2f}) | |", flush=True)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--check-jsonschema", metavar="PROGRAM")
    parser.add_argument("takes", nargs="*", type=int, default=[1_000, 10_000, 100_000], metavar="TAKES")
    asked = parser.parse_args()
    if asked.part:
        _run_part(*asked.part)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("| what | processor time | peak memory |\n| --- | ---: | ---: |")
        write_shots(folder / "written.yaml", WRITTEN)
        seconds, peak = measured("validate", folder, "written")
        print(f"| validate, {WRITTEN:,} written shots | {seconds:.2f} s | {peak:.0f} MiB |", flush=True)
        if asked.check_jsonschema:
            compare(asked.check_jsonschema, folder)
        for takes in asked.takes:
            write_rows(folder / f"rows{takes}.yaml", takes)
            measured("prepare", folder, f"rows{takes}")
            seconds, peak = measured("validate", folder, f"rows{takes}")
            print(f"| validate, {takes:,} takes | {seconds:.2f} s | {peak:.0f} MiB |")
            planned, peak = measured("plan", folder, f"rows{takes}")
            print(f"| plan, {takes:,} finished takes | {planned:.2f} s ({planned / seconds:.2f} x) | {peak:.0f} MiB |")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
