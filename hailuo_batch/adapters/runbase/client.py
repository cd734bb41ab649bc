"""The exchanges with Runbase: sends creates and reads, and gives back what `answers` makes of them.

Knows the key, which leaves in one header to the one host of the base URL. Never retries, waits or decides when to ask.
Invariants: a create rides a connection made for it alone; no text given back holds the key; every exchange ends
within its time-outs, and no answer may grow beyond MAX_ANSWER.
"""

import re
import ssl
from collections import deque
from dataclasses import dataclass
from threading import Lock
from urllib.parse import quote

from urllib3.response import BaseHTTPResponse

from hailuo_batch import __version__
from hailuo_batch.adapters.http.connection import CONNECTION_ERRORS, Dialer, HttpTransport, NotConnected, describe_error
from hailuo_batch.adapters.http.text import printable
from hailuo_batch.adapters.http.timeouts import ExchangeTimer, Timeouts
from hailuo_batch.adapters.runbase.base_url import split_base_url
from hailuo_batch.adapters.runbase.fields import decode_body, describe_content, is_run_id, parse_object, redact
from hailuo_batch.adapters.runbase.responses import (
    ExchangeResult,
    NotSent,
    Response,
    RunLookup,
    Unanswered,
    create_outcome,
    lookup_outcome,
    read_outcome,
)
from hailuo_batch.core.model.events import CreateOutcome, ReadOutcome
from hailuo_batch.errors import AccountError
from hailuo_batch.values import request_json

DEFAULT_TIMEOUTS = Timeouts()
MAX_RESPONSE_BYTES = 1 << 20
_CHUNK = 1 << 16
_MAX_IDLE = 32
_MAX_REASON_CHARS = 2000
_KEY = re.compile(r"[\x21-\x7e]{1,512}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _ApiRequest:
    method: str
    path: str
    body: bytes | None = None


class Client:
    """Speaks to the API at one base URL with one key. Thread-safe; `close` it when no exchange is under way.

    `key` is None for a server that asks for none, such as the sandbox. Raises UsageError for a bad base URL and
    AccountError for a key that cannot be one; neither repeats the key.
    """

    def __init__(self, base_url: str, key: str | None, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> None:
        self._origin, self._path = split_base_url(base_url)
        if key is not None and not _KEY.fullmatch(key):
            raise AccountError(
                "the API key holds spaces, line breaks or other characters that no key has: set RUNBASE_API_KEY to the "
                "key alone. Nothing was sent, nothing was paid."
            )
        self._key = key
        self._timeouts = timeouts
        self._dialer = Dialer(timeouts.connect_s)
        self._idle: deque[HttpTransport] = deque()
        self._idle_lock = Lock()

    def __repr__(self) -> str:
        return f"Client({self._origin.scheme}://{self._origin.netloc}{self._path})"

    def create_run(self, run_model: str, input_json: str) -> CreateOutcome:
        """Pay for a run, by one request at most. `input_json` is canonical JSON and leaves as it stands."""
        # rule sent_as_hashed
        body = request_json(run_model, input_json).encode("utf-8")
        return create_outcome(self._send_on_own_connection(_ApiRequest("POST", f"{self._path}/runs", body)))

    def read_run(self, run_id: str) -> ReadOutcome:
        """Ask where the run stands."""
        return read_outcome(self._exchange_read(run_id), run_id)

    def look_up(self, run_id: str) -> RunLookup:
        """Ask about a run that a person named: also what it is a run of, and what it cost."""
        return lookup_outcome(self._exchange_read(run_id), run_id)

    def close(self) -> None:
        """Close the connections that are kept for reads."""
        with self._idle_lock:
            while self._idle:
                self._idle.pop().close()

    def _exchange_read(self, run_id: str) -> ExchangeResult:
        if not is_run_id(run_id):
            return Unanswered("its run ID is not one that the API could have given")
        request = _ApiRequest("GET", f"{self._path}/runs/{quote(run_id, safe='')}")
        exchange = self._send_on_idle_connection(request)
        return self._send_on_kept_connection(request) if exchange is None else exchange

    def _send_on_own_connection(self, request: _ApiRequest) -> ExchangeResult:
        """On a connection of its own: one that was used before may have gone stale, with the request half-way."""
        try:
            transport = self._dialer.dial(self._origin, timer := self._start_timer())
        except NotConnected as error:
            return self._not_sent(error)
        try:
            return self._exchange(transport, request, timer, "close")
        except CONNECTION_ERRORS as error:
            return Unanswered(self._safe_reason(error))
        finally:
            transport.close()

    def _send_on_kept_connection(self, request: _ApiRequest) -> ExchangeResult:
        """On a fresh connection that is kept for later."""
        try:
            transport = self._dialer.dial(self._origin, timer := self._start_timer())
        except NotConnected as error:
            return self._not_sent(error)
        try:
            response = self._exchange(transport, request, timer, "keep-alive")
        except CONNECTION_ERRORS as error:
            transport.close()
            return Unanswered(self._safe_reason(error))
        self._keep(transport, response)
        return response

    def _send_on_idle_connection(self, request: _ApiRequest) -> ExchangeResult | None:
        """On a connection kept from an earlier read; None where none is left, or where it turned out to be stale."""
        transport = self._take_idle()
        if transport is None:
            return None
        try:
            response = self._exchange(transport, request, self._start_timer(), "keep-alive")
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            transport.close()
            return None
        except CONNECTION_ERRORS as error:
            transport.close()
            return Unanswered(self._safe_reason(error))
        self._keep(transport, response)
        return response

    def _exchange(
        self, transport: HttpTransport, request: _ApiRequest, timer: ExchangeTimer, connection: str
    ) -> Response:
        """One request, one answer. Raises what is listed in BROKEN where not even the head of an answer came."""
        response = transport.request(
            request.method, request.path, self._headers(request, connection), request.body, timer
        )
        body, flaw = self._read_body(response)
        headers, data = response.headers, parse_object(body, self._key)
        leads_to = headers.get("Location") if 300 <= response.status < 400 else None
        content = describe_content(body, leads_to, self._key) if data is None else ""
        return Response(response.status, data, flaw, headers.get("Retry-After"), headers.get("Date"), content)

    def _read_body(self, response: BaseHTTPResponse) -> tuple[bytes, str]:
        """The body, as much as came of it, and what is wrong with it."""
        body = bytearray()
        try:
            while chunk := response.read(_CHUNK, decode_content=False):
                body += chunk
                if len(body) > MAX_RESPONSE_BYTES:
                    return b"", "the answer is too long to be one of the API"
        except CONNECTION_ERRORS as error:
            return bytes(body), self._safe_reason(error)
        finally:
            response.close()
        decoded = decode_body(bytes(body), response.headers.get("Content-Encoding", ""), MAX_RESPONSE_BYTES)
        return (b"", "the answer cannot be decompressed") if decoded is None else (decoded, "")

    def _headers(self, request: _ApiRequest, connection: str) -> dict[str, str]:
        headers = {
            "Host": self._origin.netloc,
            "User-Agent": f"hailuo-batch/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": connection,
        }
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        return headers

    def _take_idle(self) -> HttpTransport | None:
        with self._idle_lock:
            while self._idle:
                transport = self._idle.pop()
                if transport.is_reusable:
                    return transport
                transport.close()
        return None

    def _keep(self, transport: HttpTransport, response: Response) -> None:
        with self._idle_lock:
            if not response.flaw and transport.is_reusable and len(self._idle) < _MAX_IDLE:
                self._idle.append(transport)
                return
        transport.close()

    def _start_timer(self) -> ExchangeTimer:
        return ExchangeTimer(self._timeouts.read_s, self._timeouts.total_s)

    def _safe_reason(self, error: BaseException) -> str:
        # The key goes before the text is cut: half of it, left at the end, would be found by nobody.
        return printable(redact(describe_error(error, _MAX_REASON_CHARS), self._key))

    def _not_sent(self, error: NotConnected) -> NotSent:
        return NotSent(self._safe_reason(error), error.obstacle, error.setting)
