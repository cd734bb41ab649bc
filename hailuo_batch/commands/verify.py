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

from hailuo_batch.adapters.local.output_files import Comparison, FileMatch, OutputFiles
from hailuo_batch.app.config import LimitOptions, read_endpoint, read_settings
from hailuo_batch.app.ledger_access import RESUME_FACT, LedgerSession, open_for_changes, read_ledger
from hailuo_batch.app.manifest_input import load_campaign
from hailuo_batch.app.older_ledger import check_not_older
from hailuo_batch.app.reports import report_of, write_final_report
from hailuo_batch.app.run_campaign import ApplyResult, Job, run_campaign
from hailuo_batch.app.workspace import CampaignLocation, CampaignPaths, command_line, folder_options, locate
from hailuo_batch.core.model.runs import Output, Run, Snapshot
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.plan import Plan
from hailuo_batch.errors import ExitCode, UsageError
from hailuo_batch.ui.console import Console, columns_of
from hailuo_batch.ui.summary import worst_code
from hailuo_batch.ui.text import clean, count, layout_rows
from hailuo_batch.values import CampaignSpec

_THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class FileCheck:
    """A saved output, and what was found in its place; `repaired` once it was downloaded again."""

    run: Run
    output: Output
    comparison: Comparison
    repaired: bool = False

    @property
    def differs(self) -> bool:
        """Whether the disk has not what the ledger says."""
        return self.comparison.match is not FileMatch.SAME and not self.repaired

    @property
    def damaged(self) -> bool:
        """Whether the disk has what the ledger says, and that came damaged.

        That of a run which no longer speaks for its take, or was given up, bothers nobody: there is another one, or
        none is wanted.
        """
        speaks = not self.run.is_superseded and self.run.state is RunState.SUCCEEDED
        return self.output.flaw is not None and self.comparison.match is FileMatch.SAME and speaks and not self.repaired

    @property
    def is_intact(self) -> bool:
        """Whether there is nothing about it to repair."""
        return not (self.differs or self.damaged)


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """Whether to download again what differs, and then to leave the sidecars as they are."""

    repair: bool = False
    no_sidecar: bool = False


def run(where: CampaignLocation, options: VerifyOptions, console: Console) -> ExitCode:
    """Compare, and repair if wished. Raises UsageError where nothing was ever applied."""
    if options.repair:
        with open_for_changes(where, "verify", console) as writing:
            checked, outcome = _repair(where, writing, console)
            report = report_of(
                outcome.snapshot,
                where,
                writing.clock.wall(),
                writing.ledger.fact(RESUME_FACT),
                max_attempts=writing.campaign.limits.max_attempts,
            )
            _, unwritten = write_final_report(
                report, outcome.snapshot, writing.ledger, writing.paths, options.no_sidecar, console
            )
            codes = (*outcome.codes, *unwritten)
            _print_result(writing.snapshot, checked, console)
    else:
        campaign = load_campaign(where.manifest, console)
        paths = locate(where, campaign.name)
        snapshot = _read(where, campaign, paths, console)
        checked, codes = check_files(snapshot, OutputFiles(paths.outputs)), ()
        _print_result(snapshot, checked, console)
    if all(item.is_intact for item in checked):
        return worst_code(codes)
    if options.repair:
        _print_unrepaired(checked, console)
    else:
        console.print_info(f"To download them again, at no cost, from what the API still has: {_repair_command(where)}")
    return worst_code([*codes, ExitCode.UNFINISHED])


def _print_unrepaired(checked: Sequence[FileCheck], console: Console) -> None:
    differing, damaged = sum(item.differs for item in checked), sum(item.damaged for item in checked)
    if differing:
        console.print_warning(
            f"{count(differing, 'file')} could not be downloaded again. What stands in their place is left as it is."
        )
    if damaged:
        console.print_warning(
            f"{count(damaged, 'file')} came damaged again, or not at all, and what was there is kept. Nothing was "
            "paid. `hailuo-batch status MANIFEST` says what else can be done."
        )


def check_files(snapshot: Snapshot, files: OutputFiles) -> tuple[FileCheck, ...]:
    """Every output that was ever saved, of live and superseded runs, beside the disk.

    Where the user has given a run up, a file of it that is gone is not missed.
    """
    saved = [(run, output) for run in snapshot.runs for output in run.outputs if output.sha256 is not None]
    with ThreadPoolExecutor(_THREADS, "verify") as readers:
        found = list(readers.map(files.compare, (output for _, output in saved)))
    checked = (FileCheck(*item, comparison) for item, comparison in zip(saved, found, strict=True))
    return tuple(item for item in checked if not _is_abandoned_and_missing(item))


def _is_abandoned_and_missing(item: FileCheck) -> bool:
    return item.run.state is RunState.ABANDONED and item.comparison.match is FileMatch.MISSING


def _read(where: CampaignLocation, campaign: CampaignSpec, paths: CampaignPaths, console: Console) -> Snapshot:
    endpoint = read_endpoint(where.sandbox)
    reading = read_ledger(paths, campaign, endpoint)
    if reading is None:
        raise UsageError(
            f"There is nothing to verify yet: the campaign {campaign.name} has no ledger at {paths.ledger}. Nothing "
            "was ever sent for it."
        )
    check_not_older(paths, campaign.name, endpoint, where)
    if reading.holder is not None:
        console.print_info(f"{reading.holder} is at work on this campaign: files may come and go meanwhile.")
    return reading.snapshot


def _repair(
    where: CampaignLocation, writing: LedgerSession, console: Console
) -> tuple[tuple[FileCheck, ...], ApplyResult]:
    """Download again what differs; what then stands on disk, and how the work ended."""
    files = OutputFiles(writing.paths.outputs)
    before = check_files(writing.snapshot, files)
    slots = frozenset((item.run.key, item.output.index) for item in before if not item.is_intact)
    if not slots:
        return before, ApplyResult(writing.snapshot, ())
    known = writing.snapshot
    # the manifest may have changed since the last apply: a repair is no apply of it
    campaign = replace(writing.campaign, manifest_sha256=known.manifest_sha256, description=known.description)
    plan = Plan((), (), frozenset(), frozenset(), slots)
    job = Job(
        campaign,
        plan,
        writing.paths,
        writing.endpoint,
        read_settings(LimitOptions(), campaign),
        manifest=str(where.manifest),
        options=folder_options(where),
    )
    outcome = run_campaign(job, writing.ledger, writing.clock, console)
    after = {(item.run.key, item.output.index): item for item in check_files(outcome.snapshot, files)}
    both = ((item, after.get((item.run.key, item.output.index))) for item in before)
    return tuple(_checked_again(item, now) for item, now in both if now is not None), outcome


def _checked_again(before: FileCheck, now: FileCheck) -> FileCheck:
    return replace(before, output=now.output, repaired=now.is_intact and not before.is_intact)


def _repair_command(where: CampaignLocation) -> str:
    return f"{command_line('verify', where)} --repair"


def _print_result(snapshot: Snapshot, checked: Sequence[FileCheck], console: Console) -> None:
    if console.as_json:
        console.print_json(_document(snapshot, checked))
    found = [item for item in checked if item.comparison.match is not FileMatch.SAME or item.damaged or item.repaired]
    if found:
        console.print_result("\n".join(layout_rows([_row(item) for item in found], columns_of(sys.stdout))))
    console.print_result_unless_quiet(_totals(checked))


def _row(item: FileCheck) -> tuple[str, str, str]:
    path = item.comparison.path or item.output.path or f"output {item.output.index + 1} of {item.run.run_id}"
    word = "repaired" if item.repaired else "damaged" if item.damaged else item.comparison.match.value
    return word, clean(path), clean(_detail(item))


def _detail(item: FileCheck) -> str:
    of = f"{item.run.take_id}, {item.run.run_id}" + (", superseded" if item.run.is_superseded else "")
    seen = item.comparison
    match seen.match:
        case FileMatch.CHANGED if seen.bytes != item.output.bytes and not item.repaired:
            return f"{of}: {seen.bytes:,} bytes, not {item.output.bytes or 0:,}"
        case FileMatch.CHANGED if not item.repaired:
            return f"{of}: other bytes, of the same size"
        case FileMatch.UNREADABLE:
            return f"{of}: {seen.reason}"
        case FileMatch.SAME:
            return f"{of}: was damaged" if item.repaired else f"{of}: {item.output.flaw}"
        case _:
            return f"{of}: was {seen.match}" if item.repaired else of


def _totals(checked: Sequence[FileCheck]) -> str:
    """`12 files compared: 10 are as saved, 1 missing, 1 changed.`"""
    if not checked:
        return "No file to compare: the ledger knows of none that was saved."
    numbers = {found: sum(i.comparison.match is found and not i.repaired for i in checked) for found in FileMatch}
    damaged, repaired = sum(item.damaged for item in checked), sum(item.repaired for item in checked)
    same = numbers.pop(FileMatch.SAME) - damaged
    parts = [f"{same:,} as saved", *([f"{repaired:,} repaired"] if repaired else [])]
    parts += [f"{damaged:,} damaged"] if damaged else []
    parts += [f"{number:,} {found}" for found, number in numbers.items() if number]
    return f"{count(len(checked), 'file')} compared: {', '.join(parts)}."


def _document(snapshot: Snapshot, checked: Iterable[FileCheck]) -> dict[str, Any]:
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


def _file(item: FileCheck) -> dict[str, Any]:
    """One file; `path` is relative to the output folder, amounts are bytes."""
    return {
        "take": item.run.take_id,
        "run_id": item.run.run_id,
        "attempt": item.run.attempt,
        "superseded": item.run.is_superseded,
        "output": item.output.index + 1,
        "path": item.comparison.path or item.output.path,
        "found": item.comparison.match.value,
        "repaired": item.repaired,
        "bytes": item.output.bytes,
        "sha256": item.output.sha256,
        "flaw": item.output.flaw,
        "found_bytes": item.comparison.bytes,
        "found_sha256": item.comparison.sha256,
    }
