"""The steps of a connection, each with what its failure shows: the TCP connection, the proxy's tunnel, TLS.

Which obstacle it was is decided by the step alone, and by what the other end said there: an exception of one class
comes out of several steps. Every step closes what it was given where it fails, and raises NotConnected. No byte of a
request leaves here.
"""

import os
import socket
import ssl
from dataclasses import dataclass
from typing import cast
from urllib.parse import unquote

from urllib3.exceptions import LocationParseError
from urllib3.util import make_headers, parse_url
from urllib3.util.ssltransport import SSLTransport

from hailuo_batch.adapters.http.failures import CONNECTION_ERRORS, NotConnected, describe_error
from hailuo_batch.adapters.http.interim_responses import FinalResponse
from hailuo_batch.adapters.http.origin import Origin, ProxySetting
from hailuo_batch.adapters.http.text import printable
from hailuo_batch.adapters.http.timeouts import Cancelled, ExchangeTimer, TimedSocket
from hailuo_batch.core.model.obstacles import Obstacle

_NAME_MISMATCH = frozenset({62, 63, 64})  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH, _EMAIL_ and _IP_ADDRESS_
_DATE_MISMATCH = frozenset({9, 10})  # X509_V_ERR_CERT_NOT_YET_VALID and _HAS_EXPIRED
_NOT_TLS_REASONS = frozenset(
    {"WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"}
)
_PROXY_AUTH_REQUIRED = 407


@dataclass(frozen=True, slots=True)
class Proxy:
    """Whoever stands in between. `authorization` is the header's value, empty for none."""

    origin: Origin
    setting: str
    authorization: str

    def __str__(self) -> str:
        return f"the proxy {self.origin.netloc} ({self.setting})"


def parse_proxy(setting: ProxySetting) -> Proxy:
    """The proxy that a setting means. The message repeats no URL, which may hold a password."""
    try:
        url = parse_url(setting.url)
        scheme, host, port = (url.scheme or "").lower(), (url.host or "").strip("[]"), url.port
    except (LocationParseError, ValueError):
        scheme, host, port = "", "", None
    if scheme not in {"http", "https"} or not host:
        kind = "a SOCKS proxy, and only http:// and https:// ones are supported" if scheme.startswith("socks") else ""
        reason = f"{setting.setting} names {kind or 'no http:// or https:// URL of a proxy'}"
        raise NotConnected(reason, Obstacle.PROXY_URL, setting.setting)
    headers = make_headers(proxy_basic_auth=unquote(url.auth)) if url.auth else {}
    origin = Origin(scheme, host, port or (443 if scheme == "https" else 80))
    return Proxy(origin, setting.setting, headers.get("proxy-authorization", ""))


def connect_directly(host: str, port: int, connect_s: float) -> socket.socket:
    """A TCP connection to a server itself."""
    try:
        return _connect_tcp(host, port, connect_s)
    except (socket.gaierror, UnicodeError):
        raise NotConnected("its name cannot be resolved", Obstacle.NAME) from None
    except CONNECTION_ERRORS as error:
        raise NotConnected(describe_error(error)) from None


def connect_to_proxy(proxy: Proxy, connect_s: float) -> socket.socket:
    """A TCP connection to the proxy. A time-out counts, too: the proxy is of this network, and set by its user."""
    try:
        return _connect_tcp(proxy.origin.host, proxy.origin.port, connect_s)
    except CONNECTION_ERRORS as error:
        why = "its name cannot be resolved" if isinstance(error, UnicodeError) else describe_error(error)
        reason = f"{proxy} cannot be reached: {why}"
        raise NotConnected(reason, Obstacle.PROXY_AWAY, proxy.setting) from None


def open_tunnel(sock: socket.socket, origin: Origin, proxy: Proxy, timer: ExchangeTimer) -> None:
    """Have the proxy connect to the origin. Raises Cancelled, too."""
    try:
        status = _request_tunnel(sock, origin, proxy, timer)
    except Cancelled:
        sock.close()
        raise
    except CONNECTION_ERRORS as error:
        sock.close()
        raise NotConnected(f"{proxy} made no connection: {describe_error(error)}", setting=proxy.setting) from None
    if 200 <= status < 300:
        return
    sock.close()
    if status == _PROXY_AUTH_REQUIRED:
        reason = f"{proxy} asks for a name and a password, or refuses those it was given (HTTP 407)"
        raise NotConnected(reason, Obstacle.PROXY_LOGIN, proxy.setting)
    obstacle = Obstacle.PASSING if status >= 500 else Obstacle.PROXY_REFUSES
    raise NotConnected(f"{proxy} made no connection: it answered HTTP {status}", obstacle, proxy.setting)


def wrap_proxy_in_tls(sock: socket.socket, proxy: Proxy, context: ssl.SSLContext) -> socket.socket:
    """The connection to a proxy that wants TLS for itself."""
    try:
        return wrap_in_tls(sock, proxy.origin.host, context, None)
    except NotConnected as error:
        raise NotConnected(f"{proxy} cannot be used: {error}", error.obstacle, proxy.setting) from None


def wrap_in_tls(sock: socket.socket, host: str, context: ssl.SSLContext, proxy: Proxy | None) -> socket.socket:
    """The connection with TLS upon it, to whoever can show a certificate for `host`."""
    name = host.rstrip(".")
    try:
        if not isinstance(sock, ssl.SSLSocket):
            sock.getpeername()  # raises where it is reset already: then the library would leave its socket open
            sock = context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
            sock.do_handshake()
            return sock
        return cast("socket.socket", SSLTransport(sock, context, server_hostname=name))  # TLS within the proxy's own
    except CONNECTION_ERRORS as error:
        sock.close()
        obstacle, reason = _classify_tls_error(error)
        through = "" if proxy is None else f", through {proxy}"
        raise NotConnected(f"{reason}{through}", obstacle, "" if proxy is None else proxy.setting) from None


def _connect_tcp(host: str, port: int, connect_s: float) -> socket.socket:
    sock = socket.create_connection((host, port), connect_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _request_tunnel(sock: socket.socket, origin: Origin, proxy: Proxy, timer: ExchangeTimer) -> int:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    lines = [f"CONNECT {host}:{origin.port} HTTP/1.1", f"Host: {host}:{origin.port}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    timed = TimedSocket(sock, timer)
    timed.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    response = FinalResponse(timed, method="CONNECT")
    try:
        response.begin()
        return response.status
    finally:
        response.close()


def _classify_tls_error(error: BaseException) -> tuple[Obstacle, str]:
    """What a handshake that failed shows, and the reason in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _classify_certificate_error(error)
    if isinstance(error, ssl.SSLError) and error.reason in _NOT_TLS_REASONS:
        return Obstacle.NO_TLS, "what answers there does not speak TLS"
    return Obstacle.PASSING, describe_error(error)


def _classify_certificate_error(error: ssl.SSLCertVerificationError) -> tuple[Obstacle, str]:
    detail = printable(error.verify_message, 200)
    if error.verify_code in _NAME_MISMATCH:
        return Obstacle.CERTIFICATE_NAME, f"its certificate is for another name ({detail})"
    if error.verify_code in _DATE_MISMATCH:
        return Obstacle.CERTIFICATE_DATE, f"its certificate is not valid at this time ({detail})"
    problem = _ca_file_problem(os.environ.get("SSL_CERT_FILE", ""))
    if problem:
        return Obstacle.CA_FILE, f"its certificate cannot be checked: {problem}"
    return Obstacle.CERTIFICATE, f"its certificate cannot be trusted ({detail})"


def _ca_file_problem(path: str) -> str:
    """Why the file of CA certificates is no use, empty where it is. OpenSSL says nothing of one that it cannot read."""
    if not path:
        return ""
    named = printable(f"SSL_CERT_FILE names {path}, which")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return f"{named} holds no certificate that can be read"
    except (OSError, ValueError) as error:
        return f"{named} cannot be read ({describe_error(error)})"
    return ""
