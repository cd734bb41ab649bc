"""Parse the runs in a sidecar and in a report.json, without trusting either file.

No value is accepted that has not its type and its bounds. An entry that lacks a field which a run needs is unreadable,
if money may have been paid for it. Pure.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from hailuo_batch.core.model.runs import Output
from hailuo_batch.core.model.states import WITH_RUN_ID, RunState
from hailuo_batch.core.planning.traces import UNNAMED_MAYBE_PAID, Trace, UnreadableTrace
from hailuo_batch.values import (
    MAX_COST_MICRO_USD,
    MAX_EPOCH_S,
    RUN_ID,
    SHA256,
    canonical_json,
    compute_fingerprint,
)

_CREATE_ID = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
_TAKE_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}(\.take[1-9][0-9]{0,6})?", re.ASCII)
_NAMELESS = frozenset(RunState) - WITH_RUN_ID
_LONGEST_MODEL = 1_000
_LONGEST_PHRASE = 2_000
_LONGEST_URL = 16_384
_MOST_BYTES = 2**53
_MOST_ATTEMPTS = 1_000_000
_MOST_OUTPUTS = 1_000


def parse_sidecar(
    data: Mapping[str, Any], campaign: str, endpoint: str, video: str, source: str
) -> Trace | UnreadableTrace | None:
    """The run of the video at this path; None if the sidecar belongs to another campaign or endpoint."""
    if _belongs_to_another(data, campaign, endpoint):
        return None
    unreadable = UnreadableTrace(source, video, run_id=_name(data.get("run_id")))
    if not _belongs_to(data, campaign, endpoint):
        return unreadable
    try:
        index = _number(data["output"], 1, _MOST_OUTPUTS) - 1
        size, digest = _number(data["bytes"], 0, _MOST_BYTES), _matched(data["sha256"], SHA256)
        saved = Output(index, "", _path(video), size, digest, flaw=_phrase(data.get("flaw")))
        model, run_fingerprint = _text(data["model"], _LONGEST_MODEL), _matched(data["fingerprint"], SHA256)
        return _trace(
            data,
            source,
            take_id=_matched(data["take"], _TAKE_ID),
            state=RunState.SUCCEEDED,
            model=model,
            fingerprint=run_fingerprint,
            input_json=_input(data, model, run_fingerprint),
            run_id=_matched(data["run_id"], RUN_ID),
            outputs=(saved,),
        )
    except (KeyError, TypeError, ValueError, RecursionError):
        return unreadable


def parse_report(
    data: Any, campaign: str, endpoint: str, source: str, is_known: Callable[[str], bool]
) -> Iterator[Trace | UnreadableTrace]:
    """The runs in a report, without those whose IDs are known."""
    if not isinstance(data, dict):
        yield UnreadableTrace(source)
        return
    if _belongs_to_another(data, campaign, endpoint):
        return
    takes = data.get("takes") if _belongs_to(data, campaign, endpoint) else None
    for take in takes if isinstance(takes, list) else (None,):
        runs = take.get("runs") if isinstance(take, dict) else None
        for run in runs if isinstance(runs, list) else (None,):
            if not isinstance(take, dict) or not isinstance(run, dict):
                yield UnreadableTrace(source)
            elif not (isinstance(run.get("run_id"), str) and is_known(run["run_id"])):
                trace = _parse_run(take, run, source)
                if trace is not None:
                    yield trace


def _trace(data: Mapping[str, Any], source: str, **fields: Any) -> Trace:
    """A trace with those fields that a sidecar and a report's run share."""
    return Trace(
        source=source,
        attempt=_number(data["attempt"], 1, _MOST_ATTEMPTS),
        is_superseded=data.get("superseded") is True,
        cost_micro_usd=_cost(data.get("cost_micro_usd")),
        submitted_at=_time(data.get("submitted_at")),
        completed_at=_time(data.get("completed_at")),
        **fields,
    )


def _belongs_to(data: Mapping[str, Any], campaign: str, endpoint: str) -> bool:
    return data.get("campaign") == campaign and data.get("endpoint") == endpoint


def _belongs_to_another(data: Mapping[str, Any], campaign: str, endpoint: str) -> bool:
    """Whether it names another campaign or endpoint."""
    named = (data.get("campaign"), campaign), (data.get("endpoint"), endpoint)
    return any(isinstance(name, str) and name != ours for name, ours in named)


def _parse_run(take: Mapping[str, Any], run: Mapping[str, Any], source: str) -> Trace | UnreadableTrace | None:
    """The run, or an unreadable trace; None if nothing was paid for it."""
    try:
        take_fingerprint = _matched(take["fingerprint"], SHA256)
        superseded = run.get("superseded") is True
        # Reports of the first version have no fingerprint in their runs. The live run was made of the take's input.
        recorded = run["fingerprint"] if superseded else run.get("fingerprint", take_fingerprint)
        run_id, create_id = run.get("run_id"), run.get("create_id")
        model, run_fingerprint = _text(take["model"], _LONGEST_MODEL), _matched(recorded, SHA256)
        return _trace(
            run,
            source,
            take_id=_matched(take["id"], _TAKE_ID),
            state=RunState(run["state"]),
            model=model,
            fingerprint=run_fingerprint,
            input_json=_canonical(take["input"]) if run_fingerprint == take_fingerprint else "{}",
            create_id=None if create_id is None else _matched(create_id, _CREATE_ID),
            run_id=None if run_id is None and run["state"] in _NAMELESS else _matched(run_id, RUN_ID),
            error=_phrase(run.get("error")),
            outputs=_outputs(run.get("outputs")),
        )
    except (KeyError, TypeError, ValueError, RecursionError):
        return _unreadable(run, source)


def _unreadable(run: Mapping[str, Any], source: str) -> UnreadableTrace | None:
    run_id, create_id, state = run.get("run_id"), run.get("create_id"), run.get("state")
    is_nameless = isinstance(state, str) and state in _NAMELESS
    if run_id is None and is_nameless and (create_id is None or state not in UNNAMED_MAYBE_PAID):
        return None  # reports of the first version have no create_id
    return UnreadableTrace(source, run_id=_name(run_id), create_id=_name(create_id))


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and _CREATE_ID.fullmatch(value) else None


def _input(data: Mapping[str, Any], model: str, expected: str) -> str:
    """The input, reconstructed: the variant with the right fingerprint.

    If none has it, since an embedded image is replaced by its hash, the input as it is shown.
    """
    rest = data.get("input", {})
    if not isinstance(rest, dict):
        raise TypeError("an input is an object")
    prompts: list[dict[str, Any]] = [{"prompt": data.get("prompt")}] + ([{}] if data.get("prompt") is None else [])
    images: list[dict[str, Any]] = [{"image_urls": data.get("image_urls")}]
    images += [{}] if data.get("image_urls") == [] else []
    spelled = [_canonical(rest | prompt | image) for prompt in prompts for image in reversed(images)]
    return next((text for text in spelled if compute_fingerprint(model, text) == expected), spelled[0])


def _canonical(value: Any) -> str:
    if not isinstance(value, dict):
        raise TypeError("an input is an object")
    text = canonical_json(value)
    text.encode("utf-8")  # a lone surrogate cannot be recorded
    return text


def _outputs(value: Any) -> tuple[Output, ...]:
    if not isinstance(value, list) or len(value) > _MOST_OUTPUTS:
        return ()
    return tuple(_output(index, item if isinstance(item, dict) else {}) for index, item in enumerate(value))


def _output(index: int, item: Mapping[str, Any]) -> Output:
    """An output. If its file cannot be read from the entry, it counts as not saved, and is downloaded again."""
    url = item.get("url")
    link = url if isinstance(url, str) and len(url) <= _LONGEST_URL and url.isprintable() else ""
    try:
        path = _path(item["path"])
        size, digest = _number(item["bytes"], 0, _MOST_BYTES), _matched(item["sha256"], SHA256)
        return Output(index, link, path, size, digest, flaw=_phrase(item.get("flaw")))
    except (KeyError, TypeError, ValueError):
        return Output(index, link)


def _path(value: Any) -> str:
    """A path in the output folder, at its top or one folder below."""
    path = _text(value, 1_000)
    parts = path.split("/")
    if len(parts) > 2 or any(part in {"", ".", ".."} for part in parts):
        raise ValueError("the path leads out of the output folder")
    return path


def _cost(value: Any) -> int | None:
    try:
        return None if value is None else _number(value, 0, MAX_COST_MICRO_USD)
    except (TypeError, ValueError):
        return None


def _time(value: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(value)
        at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    return at if 0 <= at < MAX_EPOCH_S else None


def _phrase(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    return "".join(letter if letter.isprintable() else " " for letter in value[:_LONGEST_PHRASE])


def _number(value: Any, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("a whole number is expected")
    if not least <= value <= most:
        raise ValueError("the number lies outside its bounds")
    return value


def _matched(value: Any, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str):
        raise TypeError("a string is expected")
    if pattern.fullmatch(value) is None:
        raise ValueError("the string is invalid")
    return value


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str):
        raise TypeError("a string is expected")
    if not 0 < len(value) <= longest or not value.isprintable():
        raise ValueError("the string is invalid")
    return value
