"""Checks of the ledger's rows: the one place where SQLite's values become the program's.

SQLite accepts any value in any column, and a disk, a sync tool or a person may have put one there that hailuo-batch
never writes. Such a row raises DamagedRow, which names table, row and column, and nothing read with it is used. A row
that passes has the types of its columns, states that the transition table knows, a request that matches its fingerprint
(unless it is marked as partial), and money and times within their bounds.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

from hailuo_batch.core.model.runs import Output, Replacement, Run, Supersession
from hailuo_batch.core.model.states import WITH_RUN_ID, RunState, TakeState
from hailuo_batch.values import MAX_COST_MICRO_USD, MAX_EPOCH_S, SHA256, Take, compute_fingerprint, is_partial

RUN_COLUMNS = (
    "key, take_id, attempt, state, model, input_json, fingerprint, images_sha256, superseded_by, create_id, run_id, "
    "cost_micro_usd, reason, submitted_at, completed_at, forgotten, create_number, api_key"
)
TAKE_COLUMNS = (
    "id, shot, number, model, input_json, fingerprint, images_sha256, tags, position, in_manifest, state, "
    "variables_json"
)
FILE_COLUMNS = "run_key, number, url, path, bytes, sha256, moving_to, flaw"
RUN_COLUMNS_BEFORE_V5 = RUN_COLUMNS.replace("api_key", "NULL")  # as the versions before the fifth have it
RUN_COLUMNS_BEFORE_V3 = RUN_COLUMNS_BEFORE_V5.replace("create_number", "NULL")  # and those before the third
TAKE_COLUMNS_BEFORE_V4 = TAKE_COLUMNS.replace("variables_json", "NULL")  # as the versions before the fourth have it
FILE_COLUMNS_V1 = FILE_COLUMNS.replace("flaw", "NULL")  # as the ledger's first version has it

Shape = tuple[type, ...]
KnownRequests = dict[str, tuple[str, str]]
"""Model and input of each verified fingerprint: a take and its runs mostly share one."""

_NULL = type(None)
_TEXT, _MAY_BE_TEXT = (str,), (str, _NULL)
_INT, _MAY_BE_INT = (int,), (int, _NULL)
_MAY_BE_TIME = (float, _NULL)
_RUN_TYPES = (
    *(_INT, _TEXT, _INT, _TEXT, _TEXT, _TEXT, _TEXT, _MAY_BE_TEXT, _MAY_BE_TEXT, _MAY_BE_TEXT, _MAY_BE_TEXT),
    *(_MAY_BE_INT, _MAY_BE_TEXT, _MAY_BE_TIME, _MAY_BE_TIME, _INT, _MAY_BE_INT, _MAY_BE_INT),
)
_TAKE_TYPES = (_TEXT, _TEXT, _INT, _TEXT, _TEXT, _TEXT, _MAY_BE_TEXT, _TEXT, _INT, _INT, _TEXT, _MAY_BE_TEXT)
_FILE_TYPES = (_INT, _INT, _TEXT, _MAY_BE_TEXT, _MAY_BE_INT, *(3 * [_MAY_BE_TEXT]))

_TAKE_STATES = frozenset(state.value for state in TakeState)
_SUPERSESSIONS: Mapping[str | None, Supersession | None] = {None: None, **{by.value: by for by in Supersession}}
_SENT = frozenset({RunState.SUBMITTING, RunState.IN_DOUBT})
_NAMELESS = frozenset({RunState.UNSENT, RunState.SUBMITTING, RunState.IN_DOUBT, RunState.REJECTED})
_RUN_STATES = {state.value: (state, state in WITH_RUN_ID, state in _SENT, state in _NAMELESS) for state in RunState}
"""Each state by its name, whether such a run must have a run ID, whether it must have a create ID, and whether it must
not have a run ID."""
_KEY_HASH = re.compile(r"[0-9a-f]{32}:[0-9a-f]{64}")
_MAX_INTEGER = 2**53
_FORBIDDEN_PARTS = frozenset({"", ".", ".."})  # parts that a path inside the output folder never has
_MAX_SHOWN_CHARS = 60


class DamagedRow(Exception):  # noqa: N818 - the user reads of a damaged ledger
    """A value in the ledger is one that hailuo-batch never writes."""

    def __init__(self, table: str, row: object, what: str) -> None:
        super().__init__(f"table {table}, row {abbreviate(row)}: {what}")


def abbreviate(value: object) -> str:
    """Render any value for a message: short, and without anything that a terminal would interpret."""
    text = ascii(value)
    return text if len(text) <= _MAX_SHOWN_CHARS else f"{text[:_MAX_SHOWN_CHARS]}..."


def parse_run(row: Sequence[Any], outputs: tuple[Output, ...], requests: KnownRequests) -> Run:
    """Parse a row of RUN_COLUMNS. Raises DamagedRow."""
    if tuple(map(type, row)) not in _valid_run_shapes:
        _check_types("runs", row, row[0], RUN_COLUMNS, _RUN_TYPES, _valid_run_shapes)
    key, take_id, attempt, name, model, input_json, request, images, by, create_id, run_id, cost, reason, *rest = row
    submitted_at, completed_at, forgotten, create_number, api_key = rest
    if name not in _RUN_STATES:
        raise DamagedRow("runs", key, f"state is {abbreviate(name)}, which is not a state of a run")
    state, is_named, is_sent, is_nameless = _RUN_STATES[name]
    if by not in _SUPERSESSIONS:
        raise DamagedRow("runs", key, f"superseded_by is {abbreviate(by)}, which is not a known reason")
    _check_numbers(key, attempt, forgotten, create_number, cost, submitted_at, completed_at)
    if (is_named and not run_id) or (is_sent and not create_id):
        raise DamagedRow("runs", key, f"it is {state} without its {'run_id' if is_named else 'create_id'}")
    if (is_named or is_sent) and create_number is None:
        # taken for the oldest create, its price would be ignored in the cap
        raise DamagedRow("runs", key, f"it is {state} without its create_number")
    if images is not None and not SHA256.fullmatch(images):
        # taken for changed images, its take would be paid for again
        raise DamagedRow("runs", key, f"images_sha256 is {abbreviate(images)}, which is not a SHA-256")
    if is_nameless and run_id is not None:
        # taken for unsent, a run that exists would be paid for again
        raise DamagedRow("runs", key, f"it is {state}, but has the run_id {abbreviate(run_id)}")
    shared = requests.get(request)
    if shared != (model, input_json):
        _check_request("runs", key, model, input_json, request)
        shared = requests[request] = (model, input_json)
    model, input_json = shared  # one text for a take and its runs, and not one for each
    superseded_by = _SUPERSESSIONS[by]
    asked = (take_id, attempt, state, model, input_json, request, images, superseded_by)
    if api_key is not None and api_key <= 0:
        raise DamagedRow("runs", key, f"api_key is {api_key}, which is out of range")
    made = (create_id, create_number, run_id, cost, reason, submitted_at, completed_at)
    return Run(key, *asked, *made, outputs, api_key)


def parse_key_hash(row: Sequence[Any]) -> tuple[int, str]:
    """Parse a row of the table of API keys: a number and a hash. Raises DamagedRow."""
    number, digest = row
    if not isinstance(number, int) or number <= 0 or not isinstance(digest, str) or not _KEY_HASH.fullmatch(digest):
        raise DamagedRow("api_keys", number, "hailuo-batch never writes such a hash")
    return number, digest


def _check_numbers(
    key: int,
    attempt: int,
    forgotten: int,
    create_number: int | None,
    cost: int | None,
    submitted_at: float | None,
    completed_at: float | None,
) -> None:
    if not (0 < attempt <= _MAX_INTEGER and 0 <= forgotten <= 1):
        raise DamagedRow("runs", key, f"{attempt=} or {forgotten=} is out of range")
    if create_number is not None and create_number <= 0:
        raise DamagedRow("runs", key, f"create_number is {create_number}, which is out of range")
    if cost is not None and not 0 <= cost <= MAX_COST_MICRO_USD:
        raise DamagedRow("runs", key, f"cost_micro_usd is {cost}, which is out of range")
    if submitted_at is not None and not 0 <= submitted_at < MAX_EPOCH_S:
        raise DamagedRow("runs", key, f"submitted_at is {submitted_at}, which is not between 1970 and 3000")
    if completed_at is not None and not 0 <= completed_at < MAX_EPOCH_S:
        raise DamagedRow("runs", key, f"completed_at is {completed_at}, which is not between 1970 and 3000")


def parse_take(row: Sequence[Any], requests: KnownRequests) -> Take:
    """Parse a row of TAKE_COLUMNS. A take whose variables are not known has none. Raises DamagedRow."""
    if tuple(map(type, row)) not in _valid_take_shapes:
        _check_types("takes", row, row[0], TAKE_COLUMNS, _TAKE_TYPES, _valid_take_shapes)
    id_, shot, number, model, input_json, request, images, tags, position, in_manifest, state, known = row
    if not id_ or not shot:
        raise DamagedRow("takes", id_, "it has no name")
    if not (0 < number <= _MAX_INTEGER and 0 <= position <= _MAX_INTEGER and 0 <= in_manifest <= 1):
        raise DamagedRow("takes", id_, f"{number=}, {position=} or {in_manifest=} is out of range")
    if images is not None and not SHA256.fullmatch(images):
        raise DamagedRow("takes", id_, f"images_sha256 is {abbreviate(images)}, which is not a SHA-256")
    if state not in _TAKE_STATES:
        raise DamagedRow("takes", id_, f"state is {abbreviate(state)}, which is not a state of a take")
    shared = requests.get(request)
    if shared != (model, input_json):
        _check_request("takes", id_, model, input_json, request)
        shared = requests[request] = (model, input_json)
    model, input_json = shared  # one text for a take and its runs, and not one for each
    variables = _check_variables(id_, "{}" if known is None else known)
    return Take(id_, shot, number, model, input_json, request, _parse_tags(id_, tags), images, variables)


def parse_output(row: Sequence[Any]) -> Output:
    """Parse a row of FILE_COLUMNS. Raises DamagedRow."""
    if tuple(map(type, row)) not in _valid_file_shapes:
        _check_types("files", row, row[:2], FILE_COLUMNS, _FILE_TYPES, _valid_file_shapes)
    key, index, _, path, size, sha256, moving_to = row[:7]
    if not 0 <= index <= _MAX_INTEGER or (size is not None and not 0 <= size <= _MAX_INTEGER):
        raise DamagedRow("files", (key, index), f"number={index} or bytes={size} is out of range")
    if sha256 is not None and not SHA256.fullmatch(sha256):
        raise DamagedRow("files", (key, index), f"sha256 is {abbreviate(sha256)}, which is not a SHA-256")
    if path is None and moving_to is not None:
        raise DamagedRow("files", (key, index), "it has moving_to without a path")
    if path is not None and (size is None or sha256 is None):
        raise DamagedRow("files", (key, index), "it has a path without bytes or sha256")
    for name in (path, moving_to):
        if name is not None and not _is_inside(name):
            raise DamagedRow(
                "files", (key, index), f"path is {abbreviate(name)}, which is not inside the output folder"
            )
    return Output(*row[1:])


def _is_inside(path: str) -> bool:
    return "\0" not in path and _FORBIDDEN_PARTS.isdisjoint(path.split("/"))


def check_migrations(rows: Sequence[Sequence[object]], version: int) -> None:
    """Check that exactly the migrations up to this version have rows. Raises DamagedRow."""
    if [number for number, _ in rows] != list(range(1, version + 1)):
        numbers = ", ".join(abbreviate(number) for number, _ in rows) or "none"
        raise DamagedRow("migrations", version, f"the ledger has this version, but its migrations are {numbers}")
    for number, at in rows:
        if not isinstance(at, float):
            raise DamagedRow("migrations", number, f"applied_at is {abbreviate(at)}, which is not a time")


def parse_fact(name: object, value: object) -> str:
    """Parse a fact about the campaign as a whole. Raises DamagedRow."""
    if not isinstance(name, str) or not isinstance(value, str):
        raise DamagedRow("facts", name, f"value is {abbreviate(value)}, which is not text")
    if name == "restored" and value not in {"", "yes"}:
        raise DamagedRow("facts", name, f"value is {abbreviate(value)}, neither empty nor yes")
    if name == "key_mark" and not value.isascii():
        raise DamagedRow("facts", name, f"value is {abbreviate(value)}, which is not the hash of a key")
    return value


def parse_replacements(text: str) -> tuple[Replacement, ...]:
    """Parse the fact with every incomplete `--replace`: one object, or several in a list. Raises DamagedRow."""
    data = parse_json("facts", "replacement", text) if text else []
    return tuple(_parse_replacement(each, text) for each in (data if isinstance(data, list) else [data]))


def _parse_replacement(data: object, text: str) -> Replacement:
    asked = data if isinstance(data, dict) else {}
    patterns, take_ids, only = asked.get("patterns"), asked.get("take_ids"), asked.get("only", [])
    if not _is_texts(patterns) or not _is_texts(take_ids) or not _is_texts(only):
        raise DamagedRow("facts", "replacement", f"value is {abbreviate(text)}, which lacks patterns or takes")
    return Replacement(tuple(patterns), frozenset(take_ids), tuple(only))


def render_replacements(replacements: Iterable[Replacement]) -> str:
    """Render the fact that `parse_replacements` reads, empty for no replacements."""
    texts = [{"patterns": each.patterns, "take_ids": sorted(each.take_ids), "only": each.only} for each in replacements]
    return json.dumps(texts) if texts else ""


def parse_json(table: str, row: object, text: str) -> Any:
    """Parse a column of JSON. Raises DamagedRow."""
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        raise DamagedRow(table, row, f"{abbreviate(text)} is not JSON") from None


def _no_number(text: str) -> None:
    raise ValueError(text)


_decode = json.JSONDecoder(parse_constant=_no_number).decode
_valid_run_shapes: set[Shape] = set()
_valid_take_shapes: set[Shape] = set()
_valid_file_shapes: set[Shape] = set()
"""The types of rows that passed, so that each combination is checked column by column only once."""


def _check_types(
    table: str, row: Sequence[Any], name: object, columns: str, types: Sequence[tuple[type, ...]], known: set[Shape]
) -> None:
    for column, value, allowed in zip(columns.split(", "), row, types, strict=True):
        if type(value) not in allowed:
            raise DamagedRow(table, name, f"{column} is {abbreviate(value)}, which is {_describe_fault(value)}")
    known.add(tuple(map(type, row)))


def _describe_fault(value: object) -> str:
    return "missing" if value is None else "of a wrong type"


def _check_request(table: str, row: object, model: str, input_json: str, request: str) -> None:
    """Check that the request matches its fingerprint to the letter, unless it is marked as partial.

    Takes are matched to paid runs by fingerprint: a wrong one would pay for a take again, or for the wrong one.
    """
    if input_json.startswith("{") and compute_fingerprint(model, input_json) == request:
        return  # nearly every row: no need to parse what hashes right
    if not isinstance(parse_json(table, row, input_json), dict):
        raise DamagedRow(table, row, f"input_json is {abbreviate(input_json)}, which is not an input")
    if not SHA256.fullmatch(request):
        raise DamagedRow(table, row, f"fingerprint is {abbreviate(request)}, which is not a SHA-256")
    if not is_partial(input_json):
        raise DamagedRow(table, row, f"model and input do not match its fingerprint {abbreviate(request)}")


def _parse_tags(id_: str, text: str) -> tuple[str, ...]:
    if text == "[]":
        return ()
    tags = parse_json("takes", id_, text)
    if not _is_texts(tags):
        raise DamagedRow("takes", id_, f"tags are {abbreviate(text)}, which are not a list of texts")
    return tuple(tags)


def _check_variables(id_: str, text: str) -> str:
    """Return what is a JSON object of strings, as it is."""
    if text == "{}":
        return text
    variables = parse_json("takes", id_, text)
    if not isinstance(variables, dict) or not _is_texts([*variables.values()]):
        raise DamagedRow("takes", id_, f"variables_json is {abbreviate(text)}, which is not an object of texts")
    return text


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
