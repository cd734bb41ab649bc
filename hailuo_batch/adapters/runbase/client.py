"""The exchanges with Runbase: sends creates and reads, and returns what `responses` makes of the result.

Holds the key, which leaves in one header to the one host of the base URL. Never retries a create, waits or decides
when to ask. Invariants: a create uses a connection opened for it alone; no returned text contains the key; every
exchange ends within its time-outs, and no response may grow beyond MAX_RESPONSE_BYTES.
"""

import re
import ssl
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from threading import Lock
from urllib.parse import quote

from urllib3.response import BaseHTTPResponse

from hailuo_batch.adapters.http.connection import (
    CONNECTION_ERRORS,
    Dialer,
    HttpTransport,
    NotConnected,
    describe_error,
    request_headers,
)
from hailuo_batch.adapters.http.text import printable
from hailuo_batch.adapters.http.timeouts import ExchangeTimer, Timeouts
from hailuo_batch.adapters.runbase.base_url import split_base_url
from hailuo_batch.adapters.runbase.fields import decode_body, describe_content, is_run_id, parse_object, redact
from hailuo_batch.adapters.runbase.responses import (
    ApiCheck,
    ExchangeResult,
    NotSent,
    Response,
    RunLookup,
    Unanswered,
    api_check_outcome,
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
    """Sends requests to the API at one base URL with one key. Thread-safe; `close` it when no exchange is running.

    `key` is None for a server that asks for none, such as the sandbox. `other_keys` are in no returned text either: the
    server may have seen them. Raises UsageError for a bad base URL and AccountError for a malformed key; neither
    repeats a key.
    """

    def __init__(
        self,
        base_url: str,
        key: str | None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        *,
        other_keys: Collection[str] = (),
    ) -> None:
        self._origin, self._path = split_base_url(base_url)
        if key is not None and not _KEY.fullmatch(key):
            raise AccountError(
                "the API key contains spaces, line breaks or other invalid characters. Set RUNBASE_API_KEY to the key "
                "alone. Nothing was sent, nothing was paid."
            )
        self._key = key
        self._secrets = frozenset({*other_keys, *([] if key is None else [key])})
        self._timeouts = timeouts
        self._dialer = Dialer(timeouts.connect_s)
        self._idle: deque[HttpTransport] = deque()
        self._idle_lock = Lock()

    def __repr__(self) -> str:
        return f"Client({self._origin.scheme}://{self._origin.netloc}{self._path})"

    def create_run(self, run_model: str, input_json: str) -> CreateOutcome:
        """Pay for a run, by one request at most. `input_json` is canonical JSON and is sent as it stands."""
        # rule sent_as_hashed
        body = request_json(run_model, input_json).encode("utf-8")
        request = _ApiRequest("POST", f"{self._path}/runs", body)
        # Never on a kept connection: the server may just have closed it, and then nobody can tell whether the request
        # still arrived and was paid for.
        return create_outcome(self._send_on_new_connection(request, keep=False))

    def read_run(self, run_id: str) -> ReadOutcome:
        """Ask for the state of a run."""
        return read_outcome(self._send_read(run_id), run_id)

    def look_up(self, run_id: str) -> RunLookup:
        """Ask for the state of a run that a person named, and also for its model and cost."""
        return lookup_outcome(self._send_read(run_id), run_id)

    def check_api(self, run_id: str) -> ApiCheck:
        """Ask for the state of a run that cannot exist, to learn whether the API answers, and what time it has."""
        return api_check_outcome(self._send_read(run_id), run_id)

    def close(self) -> None:
        """Close the connections that are kept for reads."""
        with self._idle_lock:
            while self._idle:
                self._idle.pop().close()

    def _send_read(self, run_id: str) -> ExchangeResult:
        if not is_run_id(run_id):
            return Unanswered("the recorded run ID is not valid")
        request = _ApiRequest("GET", f"{self._path}/runs/{quote(run_id, safe='')}")
        transport = self._take_idle()
        if transport is not None:
            try:
                return self._exchange(transport, request, self._start_timer(), keep=True)
            except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
                pass  # the server had closed the kept connection; a read pays for nothing, so it may be sent again
            except CONNECTION_ERRORS as error:
                return Unanswered(self._safe_reason(error))
        return self._send_on_new_connection(request, keep=True)

    def _send_on_new_connection(self, request: _ApiRequest, *, keep: bool) -> ExchangeResult:
        timer = self._start_timer()
        try:
            transport = self._dialer.dial(self._origin, timer)
        except NotConnected as error:
            return NotSent(self._safe_reason(error), error.obstacle, error.setting)
        try:
            return self._exchange(transport, request, timer, keep=keep)
        except CONNECTION_ERRORS as error:
            # From here on no exception proves that the request did not arrive: for a create, the run may be paid for.
            return Unanswered(self._safe_reason(error))

    def _exchange(
        self, transport: HttpTransport, request: _ApiRequest, timer: ExchangeTimer, *, keep: bool
    ) -> Response:
        """Send one request and return its response. Raises CONNECTION_ERRORS where not even its head arrived."""
        is_kept = False
        try:
            raw = transport.request(request.method, request.path, self._headers(request, keep), request.body, timer)
            body, flaw = self._read_body(raw)
            is_kept = keep and not flaw and self._keep(transport)
        finally:
            if not is_kept:
                transport.close()
        headers, data = raw.headers, parse_object(body, self._secrets)
        location = headers.get("Location") if 300 <= raw.status < 400 else None
        content = describe_content(body, location, self._secrets) if data is None else ""
        return Response(raw.status, data, flaw, headers.get("Retry-After"), headers.get("Date"), content)

    def _read_body(self, response: BaseHTTPResponse) -> tuple[bytes, str]:
        """Return the body as far as it arrived, and what is wrong with it, empty for nothing."""
        body = bytearray()
        try:
            while chunk := response.read(_CHUNK, decode_content=False):
                body += chunk
                if len(body) > MAX_RESPONSE_BYTES:
                    return b"", "the response is too large"
        except CONNECTION_ERRORS as error:
            return bytes(body), self._safe_reason(error)
        finally:
            response.close()
        decoded = decode_body(bytes(body), response.headers.get("Content-Encoding", ""), MAX_RESPONSE_BYTES)
        return (b"", "the response cannot be decompressed") if decoded is None else (decoded, "")

    def _headers(self, request: _ApiRequest, keep: bool) -> dict[str, str]:
        headers = request_headers(self._origin, "application/json", "keep-alive" if keep else "close")
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

    def _keep(self, transport: HttpTransport) -> bool:
        """Keep the connection for later reads if possible. Return whether it is kept."""
        with self._idle_lock:
            if not transport.is_reusable or len(self._idle) >= _MAX_IDLE:
                return False
            self._idle.append(transport)
            return True

    def _start_timer(self) -> ExchangeTimer:
        return ExchangeTimer(self._timeouts.read_s, self._timeouts.total_s)

    def _safe_reason(self, error: BaseException) -> str:
        # The key is removed before the text is shortened: half a key left at the end would no longer be recognised.
        return printable(redact(describe_error(error, _MAX_REASON_CHARS), self._secrets))
