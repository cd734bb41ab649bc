"""Who is spoken to: scheme, host and port, whether that is this machine, and the proxy in between.

Proxies come from the environment (HTTPS_PROXY, ALL_PROXY, NO_PROXY) or the system's settings, as Python's
urllib.request finds them. Loopback addresses are never reached through a proxy. Nothing here opens a socket.
"""

import ipaddress
import os
from dataclasses import dataclass

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """A server: `scheme` is http or https, `host` a name or an address without brackets."""

    scheme: str
    host: str
    port: int

    @property
    def netloc(self) -> str:
        """Host and, where it is not the scheme's own, port: as in a URL and in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether this is plainly the machine itself: `localhost`, or a literal loopback address."""
        return is_loopback_host(self.host)


def is_loopback_host(host: str) -> bool:
    """Whether the host, without brackets, is `localhost` or a literal loopback address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class ProxySetting:
    """The URL of a proxy, and the setting that names it: a variable such as HTTPS_PROXY, or the system's own."""

    url: str
    setting: str


def proxy_url(origin: Origin) -> str | None:
    """The URL of the proxy that the environment wants between us and the origin, None for a direct connection."""
    found = find_proxy(origin)
    return None if found is None else found.url


def find_proxy(origin: Origin) -> ProxySetting | None:
    """The proxy that the environment wants between us and the origin, None for a direct connection.

    Plain http is spoken to this machine alone, and so never through a proxy.
    """
    if origin.is_loopback or origin.scheme == "http":
        return None
    from urllib.request import getproxies, proxy_bypass  # a tenth of what it takes to start a command

    proxies = getproxies()
    scheme = origin.scheme if proxies.get(origin.scheme) else "all"
    proxy = proxies.get(scheme)
    if not proxy or proxy_bypass(f"{origin.host}:{origin.port}"):
        return None
    return ProxySetting(proxy if "://" in proxy else f"http://{proxy}", _proxy_variable(f"{scheme}_proxy", proxy))


def _proxy_variable(name: str, value: str) -> str:
    """The variable of this name that has the value, in the spelling in which it is set: small letters come first."""
    spelled = (known for known, held in os.environ.items() if known.lower() == name and held == value)
    return next(iter(sorted(spelled, reverse=True)), "the system's proxy settings")
