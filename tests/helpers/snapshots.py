"""Snapshots made by hand: takes, runs and records with good defaults, for whatever reads a ledger.

Every builder names only what the test is about. Run keys are unique in the process; times start at STARTED_AT.
"""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import count
from types import MappingProxyType
from typing import Any

from hailuo_batch.core.model.runs import Output, Run, Snapshot, Supersession, TakeRecord
from hailuo_batch.core.model.states import RunState
from hailuo_batch.values import DEFAULT_MODEL, Take, canonical_json, compute_fingerprint

STARTED_AT = 1_760_000_000.0
COST = 280_000

_keys = count(1)
_NAMED = frozenset({RunState.PENDING, RunState.PROCESSING, RunState.SUCCEEDED, RunState.FAILED, RunState.LOST})
_FINISHED = frozenset({RunState.SUCCEEDED, RunState.FAILED})


def take(
    shot: str = "hero",
    number: int = 1,
    *,
    prompt: str = "a lamp on a table",
    image_urls: Sequence[str] = (),
    tags: tuple[str, ...] = (),
    model: str = DEFAULT_MODEL,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Take:
    """A take as a manifest gives it."""
    data: dict[str, Any] = {"prompt": prompt} | ({"image_urls": list(image_urls)} if image_urls else {})
    input_json = canonical_json(data)
    take_id = shot if number == 1 else f"{shot}.take{number}"
    fingerprint = compute_fingerprint(model, input_json)
    asked = canonical_json(dict(variables))
    return Take(take_id, shot, number, model, input_json, fingerprint, tags, variables_json=asked)


def output(path: str | None = "hero.mp4", index: int = 0) -> Output:
    """An output, on disk unless its path is None."""
    url = f"https://runbase.net/files/generated/{index}.mp4"
    if path is None:
        return Output(index, url)
    return Output(index, url, path, 1000, hashlib.sha256(path.encode()).hexdigest())


def run(
    state: RunState = RunState.SUCCEEDED,
    of: Take | None = None,
    *,
    attempt: int = 1,
    superseded_by: Supersession | None = None,
    run_id: str | None = None,
    cost: int | None = COST,
    reason: str | None = None,
    outputs: tuple[Output, ...] | None = None,
    at: float = STARTED_AT,
    api_key: int | None = 1,
) -> Run:
    """A run in that state, with what goes with it: a run ID and a cost once it is named, a file once it succeeded."""
    wanted = of or take()
    key = next(_keys)
    named = state in _NAMED or run_id is not None
    saved = (output(f"{wanted.id}.mp4"),) if state is RunState.SUCCEEDED else ()
    return Run(
        key=key,
        take_id=wanted.id,
        attempt=attempt,
        state=state,
        model=wanted.model,
        input_json=wanted.input_json,
        fingerprint=wanted.fingerprint,
        superseded_by=superseded_by,
        create_id=None if state is RunState.UNSENT else f"create-{key}",
        create_number=None if state is RunState.UNSENT else key,
        run_id=(run_id or f"run_{key:08x}") if named else None,
        cost_micro_usd=cost if named else None,
        reason=reason,
        submitted_at=None if state is RunState.UNSENT else at,
        completed_at=at + 130.0 if state in _FINISHED else None,
        outputs=saved if outputs is None else outputs,
        api_key=None if state is RunState.UNSENT else api_key,
    )


def record(of: Take | None = None, *runs: Run, in_manifest: bool = True) -> TakeRecord:
    """A take with its runs, oldest first."""
    return TakeRecord(of or take(), in_manifest, runs)


def snapshot(
    *records: TakeRecord,
    campaign: str = "spring-lamps",
    endpoint: str = "https://runbase.net/api/v1",
    description: str = "Spring catalogue",
) -> Snapshot:
    """A ledger of these takes."""
    return Snapshot(campaign, endpoint, records, hashlib.sha256(b"manifest").hexdigest(), description)
