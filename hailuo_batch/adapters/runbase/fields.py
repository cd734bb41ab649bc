"""Single fields of Runbase's answers, read as if the server were hostile. Pure.

Every function takes whatever JSON may hold at that place and gives a value of ours, or None where it is unreadable;
none raises. Text comes out printable and bounded.
"""

import html
import json
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

from hailuo_batch.adapters.http.text import printable
from hailuo_batch.values import MAX_COST_MICRO_USD, MAX_EPOCH_S

MAX_RETRY_AFTER_S = 86_400.0  # a day: an apply that waits for longer is better started again
_MAX_URL = 16_384
_MAX_DIGITS = 400
_MAX_MESSAGES = 5
_MAX_SHOWN_BYTES = 1 << 12
REDACTED = "[API key]"
_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


def is_run_id(value: object) -> bool:
    """Whether this is a run ID as we accept one: safe in a URL, in a file name and on a terminal."""
    return isinstance(value, str) and _RUN_ID.fullmatch(value) is not None


def parse_object(body: bytes, secret: str | None) -> Mapping[str, Any] | None:
    """The JSON object that the body is, None where it is anything else. A secret it echoes is struck out everywhere."""
    try:
        text = body.decode("utf-8-sig", errors="replace")
        data = _redact_json(json.loads(text, parse_int=_parse_int), secret)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _parse_int(digits: str) -> float:
    """A whole number; one that nothing can mean is infinity: it spoils its own field, and not the whole answer."""
    return int(digits) if len(digits) <= _MAX_DIGITS else math.copysign(math.inf, -1 if digits[0] == "-" else 1)


def _redact_json(data: Any, secret: str | None) -> Any:
    """The data without the secret: read first, because JSON has many spellings of one text."""
    match data:
        case dict():
            return {redact(name, secret): _redact_json(value, secret) for name, value in data.items()}
        case list():
            return [_redact_json(value, secret) for value in data]
        case str():
            return redact(data, secret)
        case int() | float():
            return data if redact(str(data), secret) == str(data) else REDACTED
        case _:
            return data


def redact(text: str, secret: str | None) -> str:
    """The text without the secret, in whatever spelling of its characters a server gives it back."""
    return _secret_pattern(secret).sub(REDACTED, text) if secret else text


@lru_cache(maxsize=4)
def _secret_pattern(secret: str) -> re.Pattern[str]:
    """What finds the secret as it is, escaped as in JSON, percent-encoded or as in HTML, once or several times over."""
    return re.compile("".join(f"(?:{_character_pattern(char)})" for char in secret), re.IGNORECASE)


def _character_pattern(char: str) -> str:
    """One character of it. Every repetition is bounded, so that no answer takes long to look through."""
    code = ord(char)
    ways = (
        rf"\\{{0,8}}{re.escape(char)}",
        rf"\\{{1,8}}(?:u00{code:02x}|u\{{0{{0,6}}{code:x}\}}|x{code:02x})",
        rf"%(?:25){{0,8}}{code:02x}",
        rf"&(?:amp;){{0,8}}#(?:0{{0,6}}{code}|x0{{0,6}}{code:x});?",
    )
    return "|".join(ways)


def parse_cost(value: object) -> tuple[int | None, str]:
    """`costUsd` in micro-USD, or None with the reason why it is unknown."""
    if value is None:
        return None, "the answer names no cost"
    if isinstance(value, float) and math.isinf(value):
        value = -1 if value < 0 else MAX_COST_MICRO_USD + 1
    if not isinstance(value, int) or isinstance(value, bool):
        return None, printable(f"the answer's cost {value!r} is no integer", 100)
    if value < 0:
        return None, "the answer's cost is negative"
    if value > MAX_COST_MICRO_USD:
        return None, "the answer's cost is above 10,000 US dollars"
    return value, ""


def parse_time(value: object) -> float | None:
    """ISO 8601 between 1970 and 3000, UTC where it names no zone, as seconds since the epoch."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        at = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return at if 0 <= at < MAX_EPOCH_S else None


def parse_urls(output: object) -> tuple[str, ...]:
    """`output.urls`: what of it can be a link at all."""
    urls = output.get("urls") if isinstance(output, dict) else None
    if not isinstance(urls, list):
        return ()
    return tuple(url for url in urls if isinstance(url, str) and 0 < len(url) <= _MAX_URL and url.isprintable())


@dataclass(frozen=True, slots=True)
class ApiError:
    """What an error body of the API's own says: at least one of code and message is not empty."""

    code: str
    message: str


def parse_api_error(data: Mapping[str, Any] | None) -> ApiError | None:
    """The API's own error body, `{"error": {...}}` with a code or a message in words; None for anything else."""
    error = (data or {}).get("error")
    if not isinstance(error, dict):
        return None
    code, message = error.get("code"), error.get("message")
    problem = ApiError(
        printable(code, 60) if isinstance(code, str) else "",
        _sentence_part(message) if isinstance(message, str) else "",
    )
    return problem if problem.code or problem.message else None


def parse_foreign_message(data: Mapping[str, Any]) -> str:
    """What JSON says that is not the API's own, in the shapes that web frameworks use; empty where it says nothing."""
    for name in ("detail", "message", "error", "error_description", "errors", "title"):
        message = _message_in(data.get(name))
        if message:
            return message
    return ""


def _message_in(value: object) -> str:
    """A text, or an object that holds one, or a list of either."""
    if isinstance(value, str):
        return _sentence_part(value)
    if isinstance(value, dict):
        texts = (value.get(name) for name in ("msg", "message", "detail"))
        return next((_sentence_part(text) for text in texts if isinstance(text, str) and _sentence_part(text)), "")
    if isinstance(value, list):
        messages = (_message_in(item) for item in value[:_MAX_MESSAGES] if not isinstance(item, list))
        return _sentence_part("; ".join(filter(None, messages)))
    return ""


def describe_content(body: bytes, location: str | None, secret: str | None) -> str:
    """What a body is that holds no JSON object, in words. `location` is where a redirect leads, None for none."""
    if location is not None:
        return f"a redirect to {printable(redact(location, secret), 100) or 'nowhere'}"
    # struck out in more than is shown, so that no half of the secret is left at the end
    text = redact(body[: 2 * _MAX_SHOWN_BYTES].decode("utf-8", errors="replace").strip(), secret)[:_MAX_SHOWN_BYTES]
    if not text:
        return "an empty body"
    if text.startswith("<") or "<html" in text.lower():
        title = _TITLE.search(text)
        words = printable(html.unescape(title[1]), 60) if title else ""
        return f"an HTML page ({words})" if words else "an HTML page"
    if text[0] in '[{"' or text in {"null", "true", "false"}:
        return "JSON that is not the API's"
    words = printable(text, 60)
    return f"the text {words!r}" if words else "a body without words"


def _sentence_part(text: str) -> str:
    """A message as a part of a sentence of ours: without a full stop of its own."""
    return printable(text).removesuffix(".")


def parse_run_error(error: object) -> str:
    """Why a run failed: its shape is not documented, so a string, an object or anything else."""
    if isinstance(error, dict):
        problem = parse_api_error({"error": error})
        if problem is None:
            return printable(json.dumps(error))
        both = problem.message and problem.code
        return f"{problem.message} ({problem.code})" if both else problem.message or problem.code
    if isinstance(error, str):
        return _sentence_part(error) or "the API gave no reason"
    return "the API gave no reason" if error is None else printable(json.dumps(error))


def parse_retry_after(text: str | None, date: str | None) -> float | None:
    """Retry-After in seconds, at most a day. A date in it counts from the answer's own Date, not by our clock."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", text.strip(), re.ASCII):
        return min(float(text), MAX_RETRY_AFTER_S)
    try:
        wait_s = (parsedate_to_datetime(text) - parsedate_to_datetime(date or "")).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S)


def decode_body(body: bytes, encoding: str, limit: int) -> bytes | None:
    """The body without its Content-Encoding, None where that is unreadable or gives more than `limit` bytes."""
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip" | "deflate":
            inflater = zlib.decompressobj(wbits=47)
        case _:
            return None
    try:
        decoded = inflater.decompress(body, limit + 1)
    except zlib.error:
        return None
    return decoded if inflater.eof and len(decoded) <= limit else None
