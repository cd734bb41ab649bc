"""The frozen values that all other modules share: what a manifest asks for, money and durations.

Pure: no files, no clock, no third-party code. Money is integer micro-USD from its first parse to its last print, never
a float. A take carries the exact text that will be sent for it, so that what is hashed, what is paid for and what is
recorded cannot differ.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any

# rule default_model
DEFAULT_MODEL = "hailuo/pro"
MICRO_USD_PER_USD = 1_000_000
# Far above what a video costs anywhere, and so low that the sum over 900 million runs fits into the 64 bits of a column
# of the ledger. A higher cost is somebody's mistake, and no plan and no cap should be built on it.
MAX_COST_MICRO_USD = 10_000 * MICRO_USD_PER_USD
"""The most that one run is believed to cost. A run that is said to cost more has an unknown cost."""
MAX_EPOCH_S = 32_503_680_000
"""The year 3000, in seconds since the epoch. A time from then on is a mistake, not a time."""

SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
"""A SHA-256 in hexadecimal."""
RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
"""A run ID as we accept one: safe in a URL, in a file name and on a terminal."""

# rule money_places
_USD = re.compile(r"(0|[1-9][0-9]{0,8})(?:\.([0-9]{1,6}))?", re.ASCII)
_DURATION = re.compile(r"(0|[1-9][0-9]{0,8})([smh])", re.ASCII)
# rule duration_units
_UNIT_S = {"s": 1, "m": 60, "h": 3600}


def parse_usd(text: str) -> int:
    """US dollars as written, such as `40` or `0.28`, in micro-USD.

    Raises ValueError for anything but a plain decimal with at most 6 places: no sign, exponent or infinity.
    """
    match = _USD.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an amount in US dollars; write it like 40 or 0.28, with at most 6 decimals")
    whole, fraction = match.groups()
    # rule exact_money
    return int(whole) * MICRO_USD_PER_USD + int((fraction or "").ljust(6, "0"))


def format_usd(micro_usd: int) -> str:
    """Micro-USD as `$1.68`: with two decimals, or as many as the exact amount needs."""
    sign = "-" if micro_usd < 0 else ""
    whole, fraction = divmod(abs(micro_usd), MICRO_USD_PER_USD)
    decimals = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}${whole:,}.{decimals}"


def parse_duration(text: str) -> float:
    """A duration as written, such as `90s`, `45m` or `2h`, in seconds. Raises ValueError for anything else."""
    # rule whole_duration
    match = _DURATION.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is not a duration; write it like 90s, 45m or 2h")
    return float(int(match[1]) * _UNIT_S[match[2]])


def format_duration(duration_s: float) -> str:
    """A duration as a person says it: `45s`, `3m 20s`, `2h 5m`."""
    whole = max(0, round(duration_s))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes}m {rest}s" if rest else f"{minutes}m"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours}h {minutes}m" if minutes else f"{hours}h"


def format_estimated_duration(duration_s: float) -> str:
    """A duration as exactly as an estimate deserves: `45s`, but whole minutes from three minutes on."""
    return format_duration(duration_s if duration_s < 180 else 60 * math.ceil(duration_s / 60))


def format_utc_minute(epoch_s: float) -> str:
    """A time, given in seconds since the epoch, as a person reads it in a list: `2025-11-22 08:00Z`."""
    return f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%d %H:%MZ}"


def format_local_second(epoch_s: float) -> str:
    """A time, given in seconds since the epoch, in this machine's time zone, as in a log: `2025-11-22 09:00:07`."""
    return f"{datetime.fromtimestamp(epoch_s, UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def format_utc_second(epoch_s: float) -> str:
    """The same to the second, for who looks for one request in a log: `2025-11-22 08:00:27Z`."""
    return f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%d %H:%M:%SZ}"


_PIECE = 10_000  # tokens
# rule json_canonical
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces, as it is hashed and sent. Raises ValueError for NaN and infinity.

    Equal values always give the same text: otherwise the same video would be paid for twice.
    """
    return _CANONICAL.encode(value)


def json_pieces(document: Mapping[str, Any]) -> Iterator[str]:
    """A document as it is printed and kept in a file, in pieces: one of 100,000 takes has some 80 MB."""
    written = json.JSONEncoder(ensure_ascii=True, allow_nan=False, indent=2).iterencode(document)
    while piece := "".join(islice(written, _PIECE)):
        yield piece
    yield "\n"


@lru_cache(maxsize=64)
def _model_json(model: str) -> str:
    return canonical_json(model)  # cached, since a campaign has ten thousand takes, and a model or two


def request_json(model: str, input_json: str) -> str:
    """The body of a create request: the canonical JSON of `{"model", "input"}`, given that of the input."""
    # rule model_and_input
    return f'{{"input":{input_json},"model":{_model_json(model)}}}'


def compute_fingerprint(model: str, input_json: str) -> str:
    """The SHA-256, in hex, of the body of a create request: it identifies what the money buys."""
    # rule request_digest
    return hashlib.sha256(request_json(model, input_json).encode("utf-8")).hexdigest()


def mark_partial(input_json: str) -> str:
    """Mark an input, of which only a part is known, for its record: by a blank before it, which no sent input has."""
    return f" {input_json}"


def is_partial(recorded: str) -> bool:
    """Whether a recorded input is only a part of what was sent, so that it does not match its fingerprint."""
    return recorded.startswith(" ")


def take_id(shot: str, number: int) -> str:
    """A take's ID. Take 1 has its shot's, so that asking for more takes renames nothing."""
    # rule names_of_takes
    return shot if number == 1 else f"{shot}.take{number}"


def split_take_id(id_: str) -> tuple[str, int]:
    """The shot's ID and the take's number, from a take's ID."""
    shot, _, number = id_.rpartition(".take")
    return (shot, int(number)) if shot and number.isdecimal() else (id_, 1)


@dataclass(frozen=True, slots=True)
class Take:
    """One wanted video of a shot: the unit of work.

    `input_json` is canonical JSON, sent unchanged. `images_sha256` is one digest over the local copies of its images;
    None if the manifest names none. `variables_json` is what the shot uses of its row and of its matrix, a JSON object
    of strings; it is sent to nobody, and changing it costs nothing.
    """

    id: str
    shot: str
    number: int
    model: str
    input_json: str
    fingerprint: str
    tags: tuple[str, ...] = ()
    images_sha256: str | None = None
    variables_json: str = "{}"

    @property
    def input(self) -> Mapping[str, Any]:
        """The input as data."""
        parsed: Mapping[str, Any] = json.loads(self.input_json)
        return parsed

    @property
    def variables(self) -> Mapping[str, str]:
        """What the shot uses of its row and of its matrix, by the names it uses."""
        parsed: Mapping[str, str] = json.loads(self.variables_json)
        return parsed


@dataclass(frozen=True, slots=True)
class Shot:
    """One entry of the manifest, expanded: its takes in order, take 1 first.

    `template` is its ID as it is written, which all shots of a table or of a matrix have in common.
    """

    id: str
    takes: tuple[Take, ...]
    template: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """The manifest's `limits`: money in micro-USD, times in seconds; None if the manifest sets no limit."""

    max_spend_micro_usd: int | None = None
    expected_cost_micro_usd: int | None = None
    # rule one_attempt
    max_attempts: int = 1
    max_in_flight: int | None = None
    # rule timeout_default
    run_timeout_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class CampaignSpec:
    """Everything that one manifest asks for. `manifest_sha256` is the SHA-256, in hex, of the manifest's bytes."""

    name: str
    shots: tuple[Shot, ...]
    manifest_sha256: str
    description: str = ""
    limits: Limits = field(default_factory=Limits)

    @property
    def takes(self) -> Iterator[Take]:
        """Every take, in the manifest's order."""
        return (take for shot in self.shots for take in shot.takes)
