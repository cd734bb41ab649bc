"""`verify`: compares the files on disk with the ledger's sizes and SHA-256. `--repair` downloads what differs again."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from hailuo_batch.adapters.local.output_files import FileMatch, OutputFiles
from hailuo_batch.app.ledger_access import RESUME_FACT, LedgerSession, open_for_changes, require_ledger
from hailuo_batch.app.manifest_input import load_context
from hailuo_batch.app.mending.verify import FileCheck, check_files, repair_files
from hailuo_batch.app.older_ledger import check_not_older
from hailuo_batch.app.reports import report_of, write_final_report
from hailuo_batch.app.workspace import CampaignContext, CampaignLocation, check_outputs
from hailuo_batch.commands.terminal import Terminal
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.errors import ExitCode
from hailuo_batch.ui.console import Console, columns_of
from hailuo_batch.ui.summary import worst_code
from hailuo_batch.ui.text import clean, count, layout_rows


def run(where: CampaignLocation, console: Console, *, repair: bool, no_sidecar: bool) -> ExitCode:
    """Compare the files, and with `repair` download again what differs. Raises UsageError without a ledger."""
    if repair:
        with open_for_changes(where, "verify", Terminal(console)) as session:
            checked, codes = _repair(session, no_sidecar, Terminal(console))
            _print_result(session.snapshot, checked, console)
    else:
        snapshot, codes = _read(context := load_context(where, Terminal(console)), console), ()
        checked = check_files(snapshot, OutputFiles(context.paths.outputs))
        _print_result(snapshot, checked, console)
    if all(item.is_intact for item in checked):
        return worst_code(codes)
    if repair:
        _print_unrepaired(checked, console)
    else:
        command = f"{where.command_line('verify')} --repair"
        console.print_info(f"To download them again, at no cost, as far as the API still has them: {command}")
    return worst_code([*codes, ExitCode.UNFINISHED])


def _read(context: CampaignContext, console: Console) -> Snapshot:
    view = require_ledger(context, "nothing to verify")
    check_outputs(context.paths)
    check_not_older(context)
    if view.holder is not None:
        console.print_info(f"{view.holder} is running on this campaign: its files may change meanwhile.")
    return view.snapshot


def _repair(
    session: LedgerSession, no_sidecar: bool, terminal: Terminal
) -> tuple[tuple[FileCheck, ...], tuple[ExitCode, ...]]:
    """Repair the files and rewrite the report. Returns what is on disk, and the exit codes of what went wrong."""
    checked, outcome = repair_files(session, terminal)
    context, ledger = session.context, session.ledger
    report = report_of(context, outcome.snapshot, session.clock.wall(), resume=ledger.fact(RESUME_FACT))
    _, unwritten = write_final_report(report, outcome.snapshot, ledger, context, no_sidecar, terminal)
    return checked, (*outcome.codes, *unwritten)


def _print_unrepaired(checked: Sequence[FileCheck], console: Console) -> None:
    differing, damaged = sum(item.differs for item in checked), sum(item.damaged for item in checked)
    if differing:
        console.print_warning(
            f"{count(differing, 'file')} could not be downloaded again. The files on disk were left as they are."
        )
    if damaged:
        console.print_warning(
            f"{count(damaged, 'file')} arrived damaged again, or not at all; the existing files were kept. Nothing was "
            "paid. `hailuo-batch status MANIFEST` says what else you can do."
        )


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
        return "No file to compare: the ledger has no saved file."
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
