"""Single fields of Runbase's responses, parsed as if the server were hostile. Pure.

Every function takes whatever JSON may contain at that place and returns a value of ours, or None where it is
unreadable; none raises. Text comes out printable and bounded.
"""

import html
import json
import math
import re
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

from hailuo_batch.adapters.http.text import printable
from hailuo_batch.values import MAX_COST_MICRO_USD, MAX_EPOCH_S, RUN_ID

MAX_RETRY_AFTER_S = 86_400.0  # a day: better to start a new apply than to wait longer
_MAX_URL = 16_384
_MAX_DIGITS = 400
_MAX_MESSAGES = 5
_MAX_SHOWN_BYTES = 1 << 12
REDACTED = "[API key]"
_MOST_PATTERNS = 256
_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)


def is_run_id(value: object) -> bool:
    """Whether this is a run ID as we accept one."""
    return isinstance(value, str) and RUN_ID.fullmatch(value) is not None


def parse_object(body: bytes, secrets: Collection[str]) -> Mapping[str, Any] | None:
    """Parse the body as a JSON object, None where it is anything else. Secrets that it echoes are redacted."""
    try:
        text = body.decode("utf-8-sig", errors="replace")
        data = _redact_json(json.loads(text, parse_int=_parse_int), secrets)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _parse_int(digits: str) -> float:
    """Parse an integer. An absurdly long one becomes infinity: it spoils its own field, not the whole response."""
    return int(digits) if len(digits) <= _MAX_DIGITS else math.copysign(math.inf, -1 if digits[0] == "-" else 1)


def _redact_json(data: Any, secrets: Collection[str]) -> Any:
    """Return the data without the secrets. It must be parsed first: JSON has many spellings of one text."""
    match data:
        case dict():
            return {redact(name, secrets): _redact_json(value, secrets) for name, value in data.items()}
        case list():
            return [_redact_json(value, secrets) for value in data]
        case str():
            return redact(data, secrets)
        case int() | float():
            return data if redact(str(data), secrets) == str(data) else REDACTED
        case _:
            return data


def redact(text: str, secrets: Collection[str]) -> str:
    """Return the text without the secrets, however a server escaped their characters."""
    for secret in sorted(secrets, key=len, reverse=True):  # the longest first: another one may be its beginning
        text = _secret_pattern(secret).sub(REDACTED, text)
    return text


@lru_cache(maxsize=_MOST_PATTERNS)
def _secret_pattern(secret: str) -> re.Pattern[str]:
    """Match the secret as it is, or escaped as in JSON, URLs or HTML, once or several times over."""
    return re.compile("".join(f"(?:{_character_pattern(char)})" for char in secret), re.IGNORECASE)


def _character_pattern(char: str) -> str:
    """Match one character of it. Every repetition is bounded, so that no response takes long to search."""
    code = ord(char)
    ways = (
        rf"\\{{0,8}}{re.escape(char)}",
        rf"\\{{1,8}}(?:u00{code:02x}|u\{{0{{0,6}}{code:x}\}}|x{code:02x})",
        rf"%(?:25){{0,8}}{code:02x}",
        rf"&(?:amp;){{0,8}}#(?:0{{0,6}}{code}|x0{{0,6}}{code:x});?",
    )
    return "|".join(ways)


def parse_cost(value: object) -> tuple[int | None, str]:
    """Parse `costUsd`, which is in micro-USD. Return None and the reason where the cost is unknown."""
    if value is None:
        return None, "the response has no cost"
    if isinstance(value, float) and math.isinf(value):
        value = -1 if value < 0 else MAX_COST_MICRO_USD + 1
    if not isinstance(value, int) or isinstance(value, bool):
        return None, printable(f"the response's cost {value!r} is not an integer", 100)
    if value < 0:
        return None, "the response's cost is negative"
    if value > MAX_COST_MICRO_USD:
        return None, "the response's cost is above 10,000 US dollars"
    return value, ""


def parse_time(value: object) -> float | None:
    """Parse ISO 8601 between 1970 and 3000, UTC where it has no zone, as seconds since the epoch."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        at = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return at if 0 <= at < MAX_EPOCH_S else None


def parse_urls(output: object) -> tuple[str, ...]:
    """Parse `output.urls`, keeping the entries that can be links at all."""
    urls = output.get("urls") if isinstance(output, dict) else None
    if not isinstance(urls, list):
        return ()
    return tuple(url for url in urls if isinstance(url, str) and 0 < len(url) <= _MAX_URL and url.isprintable())


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error body of the API's own. At least one of code and message is not empty."""

    code: str
    message: str


def parse_api_error(data: Mapping[str, Any] | None) -> ApiError | None:
    """Parse the API's own error body, `{"error": {...}}` with a code or a message; None for anything else."""
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
    """Find the message in foreign JSON, in the shapes that web frameworks use; empty where there is none."""
    for name in ("detail", "message", "error", "error_description", "errors", "title"):
        message = _message_in(data.get(name))
        if message:
            return message
    return ""


def _message_in(value: object) -> str:
    """Find the message in a text, in an object that contains one, or in a list of either."""
    if isinstance(value, str):
        return _sentence_part(value)
    if isinstance(value, dict):
        texts = (value.get(name) for name in ("msg", "message", "detail"))
        return next((_sentence_part(text) for text in texts if isinstance(text, str) and _sentence_part(text)), "")
    if isinstance(value, list):
        messages = (_message_in(item) for item in value[:_MAX_MESSAGES] if not isinstance(item, list))
        return _sentence_part("; ".join(filter(None, messages)))
    return ""


def describe_content(body: bytes, location: str | None, secrets: Collection[str]) -> str:
    """Describe a body that is not a JSON object. `location` is where a redirect leads, None for none."""
    if location is not None:
        return f"a redirect to {printable(redact(location, secrets), 100) or 'nowhere'}"
    # redact more than is shown, so that no half of the secret is left at the end
    text = redact(body[: 2 * _MAX_SHOWN_BYTES].decode("utf-8", errors="replace").strip(), secrets)[:_MAX_SHOWN_BYTES]
    if not text:
        return "an empty body"
    if text.startswith("<") or "<html" in text.lower():
        title = _TITLE.search(text)
        words = printable(html.unescape(title[1]), 60) if title else ""
        return f"an HTML page ({words})" if words else "an HTML page"
    if text[0] in '[{"' or text in {"null", "true", "false"}:
        return "JSON in an unknown form"
    words = printable(text, 60)
    return f"the text {words!r}" if words else "a body that is not text"


def _sentence_part(text: str) -> str:
    """Make a message fit into a sentence of ours: without its own full stop."""
    return printable(text).removesuffix(".")


def parse_run_error(error: object) -> str:
    """Say why a run failed. The shape of `error` is not documented: it may be a string, an object or anything else."""
    if isinstance(error, dict):
        code = error.get("code")
        # a create's error body must have its code in words, to be told from a gateway's; here nothing hangs on that
        is_number = isinstance(code, int) and not isinstance(code, bool)
        problem = parse_api_error({"error": error | {"code": str(code)} if is_number else error})
        if problem is None:
            return printable(json.dumps(error))
        both = problem.message and problem.code
        return f"{problem.message} ({problem.code})" if both else problem.message or problem.code
    if isinstance(error, str):
        return _sentence_part(error) or "the API gave no reason"
    return "the API gave no reason" if error is None else printable(json.dumps(error))


def parse_retry_after(text: str | None, date: str | None) -> float | None:
    """Parse Retry-After into seconds, at most a day. A date counts from the response's own Date, not our clock."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", text.strip(), re.ASCII):
        return min(float(text), MAX_RETRY_AFTER_S)
    try:
        wait_s = (parsedate_to_datetime(text) - parsedate_to_datetime(date or "")).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S)


def parse_http_date(text: str | None) -> float | None:
    """Parse a Date header into seconds since the epoch."""
    try:
        return parsedate_to_datetime(text or "").timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def decode_body(body: bytes, encoding: str, limit: int) -> bytes | None:
    """Undo the Content-Encoding. Return None where that is impossible or gives more than `limit` bytes."""
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
