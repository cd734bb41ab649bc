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
from hailuo_batch.adapters.http.connection import BROKEN, Dialer, Line, NotConnected, describe
from hailuo_batch.adapters.http.text import printable
from hailuo_batch.adapters.http.timeouts import Patience, Timeouts
from hailuo_batch.adapters.runbase.base_url import split_base_url
from hailuo_batch.adapters.runbase.fields import decode_body, describe_content, is_run_id, parse_object, strike_out
from hailuo_batch.adapters.runbase.responses import (
    Answer,
    Exchange,
    NotSent,
    RunLook,
    Unanswered,
    create_outcome,
    look_outcome,
    read_outcome,
)
from hailuo_batch.core.model.events import CreateOutcome, ReadOutcome
from hailuo_batch.errors import AccountError
from hailuo_batch.values import request_json

DEFAULT_TIMEOUTS = Timeouts()
MAX_ANSWER = 1 << 20
_CHUNK = 1 << 16
_MAX_IDLE = 32
_LONGEST_REASON = 2000
_KEY = re.compile(r"[\x21-\x7e]{1,512}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Request:
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
        self._idle: deque[Line] = deque()
        self._idle_lock = Lock()

    def __repr__(self) -> str:
        return f"Client({self._origin.scheme}://{self._origin.netloc}{self._path})"

    def create_run(self, run_model: str, input_json: str) -> CreateOutcome:
        """Pay for a run, by one request at most. `input_json` is canonical JSON and leaves as it stands."""
        # rule sent_as_hashed
        body = request_json(run_model, input_json).encode("utf-8")
        return create_outcome(self._exchange_once(_Request("POST", f"{self._path}/runs", body)))

    def read_run(self, run_id: str) -> ReadOutcome:
        """Ask where the run stands."""
        return read_outcome(self._exchange_read(run_id), run_id)

    def look_up(self, run_id: str) -> RunLook:
        """Ask about a run that a person named: also what it is a run of, and what it cost."""
        return look_outcome(self._exchange_read(run_id), run_id)

    def close(self) -> None:
        """Close the connections that are kept for reads."""
        with self._idle_lock:
            while self._idle:
                self._idle.pop().close()

    def _exchange_read(self, run_id: str) -> Exchange:
        if not is_run_id(run_id):
            return Unanswered("its run ID is not one that the API could have given")
        request = _Request("GET", f"{self._path}/runs/{quote(run_id, safe='')}")
        exchange = self._exchange_idle(request)
        return self._exchange_kept(request) if exchange is None else exchange

    def _exchange_once(self, request: _Request) -> Exchange:
        """On a connection of its own: one that was used before may have gone stale, with the request half-way."""
        try:
            line = self._dialer.dial(self._origin, patience := self._patience())
        except NotConnected as error:
            return self._not_sent(error)
        try:
            return self._speak(line, request, patience, "close")
        except BROKEN as error:
            return Unanswered(self._clean(error))
        finally:
            line.close()

    def _exchange_kept(self, request: _Request) -> Exchange:
        """On a fresh connection that is kept for later."""
        try:
            line = self._dialer.dial(self._origin, patience := self._patience())
        except NotConnected as error:
            return self._not_sent(error)
        try:
            answer = self._speak(line, request, patience, "keep-alive")
        except BROKEN as error:
            line.close()
            return Unanswered(self._clean(error))
        self._keep(line, answer)
        return answer

    def _exchange_idle(self, request: _Request) -> Exchange | None:
        """On a connection kept from an earlier read; None where none is left, or where it turned out to be stale."""
        line = self._take_idle()
        if line is None:
            return None
        try:
            answer = self._speak(line, request, self._patience(), "keep-alive")
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            line.close()
            return None
        except BROKEN as error:
            line.close()
            return Unanswered(self._clean(error))
        self._keep(line, answer)
        return answer

    def _speak(self, line: Line, request: _Request, patience: Patience, connection: str) -> Answer:
        """One request, one answer. Raises what is listed in BROKEN where not even the head of an answer came."""
        response = line.request(
            request.method, request.path, self._headers(request, connection), request.body, patience
        )
        body, flaw = self._read_body(response)
        headers, data = response.headers, parse_object(body, self._key)
        leads_to = headers.get("Location") if 300 <= response.status < 400 else None
        content = describe_content(body, leads_to, self._key) if data is None else ""
        return Answer(response.status, data, flaw, headers.get("Retry-After"), headers.get("Date"), content)

    def _read_body(self, response: BaseHTTPResponse) -> tuple[bytes, str]:
        """The body, as much as came of it, and what is wrong with it."""
        body = bytearray()
        try:
            while chunk := response.read(_CHUNK, decode_content=False):
                body += chunk
                if len(body) > MAX_ANSWER:
                    return b"", "the answer is too long to be one of the API"
        except BROKEN as error:
            return bytes(body), self._clean(error)
        finally:
            response.close()
        decoded = decode_body(bytes(body), response.headers.get("Content-Encoding", ""), MAX_ANSWER)
        return (b"", "the answer cannot be decompressed") if decoded is None else (decoded, "")

    def _headers(self, request: _Request, connection: str) -> dict[str, str]:
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

    def _take_idle(self) -> Line | None:
        with self._idle_lock:
            while self._idle:
                line = self._idle.pop()
                if line.reusable:
                    return line
                line.close()
        return None

    def _keep(self, line: Line, answer: Answer) -> None:
        with self._idle_lock:
            if not answer.flaw and line.reusable and len(self._idle) < _MAX_IDLE:
                self._idle.append(line)
                return
        line.close()

    def _patience(self) -> Patience:
        return Patience(self._timeouts.read_s, self._timeouts.total_s)

    def _clean(self, error: BaseException) -> str:
        # The key goes before the text is cut: half of it, left at the end, would be found by nobody.
        return printable(strike_out(describe(error, _LONGEST_REASON), self._key))

    def _not_sent(self, error: NotConnected) -> NotSent:
        return NotSent(self._clean(error), error.obstacle, error.setting)
