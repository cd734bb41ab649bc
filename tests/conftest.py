"""What holds for every test: it speaks to this machine only, and neither knows nor touches what is its user's."""

import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from hailuo_batch.commands.shared_window import state_folder

settings.register_profile("suite", deadline=None)  # a test may be slow on a busy machine, and is still right
settings.load_profile("suite")

_HERE = frozenset({"localhost", "", "0.0.0.0", "::"})
_RESERVED = (".invalid", ".test", ".example")  # names that no network knows (RFC 2606)


def _is_here(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name in _HERE:
        return True
    try:
        return ipaddress.ip_address(str(name)).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a test fail, whatever it catches, that would leave this machine."""
    connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_here(address[0]):
            pytest.fail(f"this test would connect to {address}")
        connect(self, address)

    def guarded_getaddrinfo(host: Any, *rest: Any, **options: Any) -> Any:
        if not _is_here(host) and not str(host).endswith(_RESERVED) and not _is_address(host):
            pytest.fail(f"this test would look up {host}")
        return getaddrinfo(host, *rest, **options)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)


def _is_address(host: object) -> bool:
    try:
        ipaddress.ip_address(str(host))
    except ValueError:
        return False
    return True


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the user's environment says of Runbase, of proxies and of terminals."""
    for name in ("RUNBASE_API_KEY", "RUNBASE_BASE_URL", "RUNBASE_RATE_LIMIT", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True)
def _state_of_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Have the program, in this process and in those that it starts, keep its state in a folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))


@pytest.fixture(autouse=True, scope="session")
def _users_state_stays() -> Iterator[None]:
    """Fail the suite where a test has touched the user's own state folder all the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("XDG_STATE_HOME", raising=False)
        folder = state_folder()
    before = _look_into(folder)
    yield
    assert _look_into(folder) == before, f"a test has touched {folder}"


def _look_into(folder: Path | None) -> dict[str, int] | None:
    if folder is None or not folder.is_dir():
        return None
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
