"""Files of picks as the page exports them, for the videos that a campaign has."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.helpers.command_line import Shell


def live_runs(shell: Shell, *options: str) -> dict[str, str]:
    """The run ID of each take's newest attempt that has one."""
    takes = shell("status", "--json", *options).document["takes"]
    runs = {take["id"]: [run["run_id"] for run in take["runs"] if run["run_id"]] for take in takes}
    return {id_: found[-1] for id_, found in runs.items() if found}


def write_picks(path: Path, picks: Sequence[Mapping[str, Any]], campaign: str = "lamps", **fields: Any) -> Path:
    """A file of these picks."""
    document = {"schema": "hailuo-batch/picks", "version": 1, "campaign": campaign, **fields, "picks": [*picks]}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def mark_live(shell: Shell, marks: Mapping[str, str], notes: Mapping[str, str] | None = None) -> Path:
    """A file of picks with these marks, by take, of the runs that the takes have now."""
    runs, notes = live_runs(shell), notes or {}
    picks = [
        {"take": take, "run_id": runs[take], "mark": mark, **({"note": notes[take]} if take in notes else {})}
        for take, mark in marks.items()
    ]
    return write_picks(shell.workspace / "picks.json", picks)
