"""What needs attention, by kinds: takes with the same trouble and the same ways out of it stand together.

The report's page shows one line for each kind, with one command for all its takes where that is possible.
"""

import re
from typing import Any

from hailuo_batch.core.model.states import RunState
from hailuo_batch.report.advice import combine_named
from hailuo_batch.report.model import Report

_GRAVEST_FIRST = (
    *(RunState.IN_DOUBT, RunState.LOST, RunState.SUCCEEDED, RunState.PENDING, RunState.PROCESSING),
    *(RunState.FAILED, RunState.REJECTED, RunState.ABANDONED),
)
"""Where money may be lost, then what is paid for and not here, then what is refunded or was given up."""
_AGE = re.compile(r"\b(requested|finished) [0-9][0-9dhms ]*? ago\b")


def attention_kinds(report: Report) -> list[dict[str, Any]]:
    """Every attempt with advice, by its kind, the gravest first; kinds as gravely stand in the manifest's order.

    An attempt is `[index of its take, its number]`. A text that tells the age of one run tells it of no other.
    """
    kinds: dict[tuple[RunState, str], list[tuple[int, int]]] = {}
    for index, take in enumerate(report.takes):
        for place, attempt in enumerate(take.attempts):
            if attempt.advice is not None:
                key = attempt.run.state, _AGE.sub(r"\1 over an hour ago", attempt.advice.text)
                kinds.setdefault(key, []).append((index, place))
    ordered = sorted(kinds.items(), key=lambda kind: _GRAVEST_FIRST.index(kind[0][0]))
    return [_kind(report, state, text, places) for (state, text), places in ordered]


def _kind(report: Report, state: RunState, text: str, places: list[tuple[int, int]]) -> dict[str, Any]:
    found = [(report.takes[index].id, report.takes[index].attempts[place]) for index, place in places]
    advised = [(take_id, attempt.advice) for take_id, attempt in found if attempt.advice is not None]
    return {
        "state": str(state),
        "text": advised[0][1].text if len(advised) == 1 else text,
        "commands": list(combine_named(advised)),
        "attempts": [[index, attempt.run.attempt] for (index, _), (_, attempt) in zip(places, found, strict=True)],
    }
