"""`verify`: the files on disk beside the sizes and SHA-256 in the ledger; if wished, what differs is downloaded again.

A file that is as saved and was damaged when it came is not well either: it counts until it comes whole.

Without `--repair` it sends and writes nothing. A repair pays for nothing: no take is in its scope, so that no create
can come of it. A file that was changed is kept aside, whatever comes in its place, and the report is true afterwards.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from hailuo_batch.adapters.local.output_files import Comparison, Files, Found
from hailuo_batch.app.config import Bounds, read_endpoint, read_settings
from hailuo_batch.app.ledger_access import RESUME_FACT, Writing, open_to_write, read_ledger
from hailuo_batch.app.manifest_input import load_campaign
from hailuo_batch.app.older_ledger import check_not_older
from hailuo_batch.app.reports import leave_report, report_of
from hailuo_batch.app.run_campaign import Job, Outcome, run_campaign
from hailuo_batch.app.workspace import CampaignPaths, Whereabouts, command_line, folder_options, locate
from hailuo_batch.core.model.runs import Output, Run, Snapshot
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.plan import Plan
from hailuo_batch.errors import ExitCode, UsageError
from hailuo_batch.ui.console import Console, columns_of
from hailuo_batch.ui.summary import worst
from hailuo_batch.ui.text import clean, count, layout_rows
from hailuo_batch.values import Campaign

_READERS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Checked:
    """A saved output, and what was found in its place; `repaired` once it was downloaded again."""

    run: Run
    output: Output
    comparison: Comparison
    repaired: bool = False

    @property
    def differs(self) -> bool:
        """Whether the disk has not what the ledger says."""
        return self.comparison.found is not Found.SAME and not self.repaired

    @property
    def damaged(self) -> bool:
        """Whether the disk has what the ledger says, and that came damaged.

        That of a run which no longer speaks for its take, or was given up, bothers nobody: there is another one, or
        none is wanted.
        """
        speaks = not self.run.superseded and self.run.state is RunState.SUCCEEDED
        return self.output.flaw is not None and self.comparison.found is Found.SAME and speaks and not self.repaired

    @property
    def is_well(self) -> bool:
        """Whether there is nothing about it to repair."""
        return not (self.differs or self.damaged)


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """Whether to download again what differs, and then to leave the sidecars as they are."""

    repair: bool = False
    no_sidecar: bool = False


def run(where: Whereabouts, options: VerifyOptions, console: Console) -> ExitCode:
    """Compare, and repair if wished. Raises UsageError where nothing was ever applied."""
    if options.repair:
        with open_to_write(where, "verify", console) as writing:
            checked, outcome = _repair(where, writing, console)
            report = report_of(
                outcome.snapshot,
                where,
                writing.clock.wall(),
                writing.ledger.fact(RESUME_FACT),
                max_attempts=writing.campaign.limits.max_attempts,
            )
            _, unwritten = leave_report(
                report, outcome.snapshot, writing.ledger, writing.paths, options.no_sidecar, console
            )
            codes = (*outcome.codes, *unwritten)
            _tell(writing.snapshot, checked, console)
    else:
        campaign = load_campaign(where.manifest, console)
        paths = locate(where, campaign.name)
        snapshot = _read(where, campaign, paths, console)
        checked, codes = check_files(snapshot, Files(paths.outputs)), ()
        _tell(snapshot, checked, console)
    if all(item.is_well for item in checked):
        return worst(codes)
    if options.repair:
        _tell_unrepaired(checked, console)
    else:
        console.say(f"To download them again, at no cost, from what the API still has: {_repair_command(where)}")
    return worst([*codes, ExitCode.UNFINISHED])


def _tell_unrepaired(checked: Sequence[Checked], console: Console) -> None:
    differing, damaged = sum(item.differs for item in checked), sum(item.damaged for item in checked)
    if differing:
        console.warn(
            f"{count(differing, 'file')} could not be downloaded again. What stands in their place is left as it is."
        )
    if damaged:
        console.warn(
            f"{count(damaged, 'file')} came damaged again, or not at all, and what was there is kept. Nothing was "
            "paid. `hailuo-batch status MANIFEST` says what else can be done."
        )


def check_files(snapshot: Snapshot, files: Files) -> tuple[Checked, ...]:
    """Every output that was ever saved, of live and superseded runs, beside the disk.

    Where the user has given a run up, a file of it that is gone is not missed.
    """
    saved = [(run, output) for run in snapshot.runs for output in run.outputs if output.sha256 is not None]
    with ThreadPoolExecutor(_READERS, "verify") as readers:
        found = list(readers.map(files.compare, (output for _, output in saved)))
    checked = (Checked(*item, comparison) for item, comparison in zip(saved, found, strict=True))
    return tuple(item for item in checked if not _is_given_up(item))


def _is_given_up(item: Checked) -> bool:
    return item.run.state is RunState.ABANDONED and item.comparison.found is Found.MISSING


def _read(where: Whereabouts, campaign: Campaign, paths: CampaignPaths, console: Console) -> Snapshot:
    endpoint = read_endpoint(where.sandbox)
    reading = read_ledger(paths, campaign, endpoint)
    if reading is None:
        raise UsageError(
            f"There is nothing to verify yet: the campaign {campaign.name} has no ledger at {paths.ledger}. Nothing "
            "was ever sent for it."
        )
    check_not_older(paths, campaign.name, endpoint, where)
    if reading.holder is not None:
        console.say(f"{reading.holder} is at work on this campaign: files may come and go meanwhile.")
    return reading.snapshot


def _repair(where: Whereabouts, writing: Writing, console: Console) -> tuple[tuple[Checked, ...], Outcome]:
    """Download again what differs; what then stands on disk, and how the work ended."""
    files = Files(writing.paths.outputs)
    before = check_files(writing.snapshot, files)
    slots = frozenset((item.run.key, item.output.index) for item in before if not item.is_well)
    if not slots:
        return before, Outcome(writing.snapshot, ())
    known = writing.snapshot
    # the manifest may have changed since the last apply: a repair is no apply of it
    campaign = replace(writing.campaign, manifest_sha256=known.manifest_sha256, description=known.description)
    plan = Plan((), (), frozenset(), frozenset(), slots)
    job = Job(
        campaign,
        plan,
        writing.paths,
        writing.endpoint,
        read_settings(Bounds(), campaign),
        manifest=str(where.manifest),
        options=folder_options(where),
    )
    outcome = run_campaign(job, writing.ledger, writing.clock, console)
    after = {(item.run.key, item.output.index): item for item in check_files(outcome.snapshot, files)}
    both = ((item, after.get((item.run.key, item.output.index))) for item in before)
    return tuple(_compared_again(item, now) for item, now in both if now is not None), outcome


def _compared_again(before: Checked, now: Checked) -> Checked:
    return replace(before, output=now.output, repaired=now.is_well and not before.is_well)


def _repair_command(where: Whereabouts) -> str:
    return f"{command_line('verify', where)} --repair"


def _tell(snapshot: Snapshot, checked: Sequence[Checked], console: Console) -> None:
    if console.as_json:
        console.document(_document(snapshot, checked))
    found = [item for item in checked if item.comparison.found is not Found.SAME or item.damaged or item.repaired]
    if found:
        console.result("\n".join(layout_rows([_row(item) for item in found], columns_of(sys.stdout))))
    console.say_result(_totals(checked))


def _row(item: Checked) -> tuple[str, str, str]:
    path = item.comparison.path or item.output.path or f"output {item.output.index + 1} of {item.run.run_id}"
    word = "repaired" if item.repaired else "damaged" if item.damaged else item.comparison.found.value
    return word, clean(path), clean(_detail(item))


def _detail(item: Checked) -> str:
    of = f"{item.run.take_id}, {item.run.run_id}" + (", superseded" if item.run.superseded else "")
    seen = item.comparison
    match seen.found:
        case Found.CHANGED if seen.bytes != item.output.bytes and not item.repaired:
            return f"{of}: {seen.bytes:,} bytes, not {item.output.bytes or 0:,}"
        case Found.CHANGED if not item.repaired:
            return f"{of}: other bytes, of the same size"
        case Found.UNREADABLE:
            return f"{of}: {seen.reason}"
        case Found.SAME:
            return f"{of}: was damaged" if item.repaired else f"{of}: {item.output.flaw}"
        case _:
            return f"{of}: was {seen.found}" if item.repaired else of


def _totals(checked: Sequence[Checked]) -> str:
    """`12 files compared: 10 are as saved, 1 missing, 1 changed.`"""
    if not checked:
        return "No file to compare: the ledger knows of none that was saved."
    numbers = {found: sum(i.comparison.found is found and not i.repaired for i in checked) for found in Found}
    damaged, repaired = sum(item.damaged for item in checked), sum(item.repaired for item in checked)
    same = numbers.pop(Found.SAME) - damaged
    parts = [f"{same:,} as saved", *([f"{repaired:,} repaired"] if repaired else [])]
    parts += [f"{damaged:,} damaged"] if damaged else []
    parts += [f"{number:,} {found}" for found, number in numbers.items() if number]
    return f"{count(len(checked), 'file')} compared: {', '.join(parts)}."


def _document(snapshot: Snapshot, checked: Iterable[Checked]) -> dict[str, Any]:
    items = list(checked)
    return {
        "version": 1,
        "campaign": snapshot.campaign,
        "endpoint": snapshot.endpoint,
        "compared": len(items),
        "differing": sum(item.differs for item in items),
        "damaged": sum(item.damaged for item in items),
        "repaired": sum(item.repaired for item in items),
        "files": [_file(item) for item in items],
    }


def _file(item: Checked) -> dict[str, Any]:
    """One file; `path` is relative to the output folder, amounts are bytes."""
    return {
        "take": item.run.take_id,
        "run_id": item.run.run_id,
        "attempt": item.run.attempt,
        "superseded": item.run.superseded,
        "output": item.output.index + 1,
        "path": item.comparison.path or item.output.path,
        "found": item.comparison.found.value,
        "repaired": item.repaired,
        "bytes": item.output.bytes,
        "sha256": item.output.sha256,
        "flaw": item.output.flaw,
        "found_bytes": item.comparison.bytes,
        "found_sha256": item.comparison.sha256,
    }
