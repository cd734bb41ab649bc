"""What holds for every test: it speaks to this machine only, and neither knows nor touches what is its user's."""

import ipaddress
import os
import signal
import socket
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from hailuo_batch.adapters.stills import ffmpeg
from hailuo_batch.app.api_target import state_folder
from tests.helpers.programs import write_program

# a test may be slow on a busy machine, and is still right
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", _PATIENT, derandomize=True)  # the same verdict twice
settings.register_profile("explore", _PATIENT)  # pytest --hypothesis-profile explore: other examples each time
settings.load_profile("suite")

_NUMBERS = count()
_HEEDED: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGQUIT: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
}
_HERE = frozenset({"localhost", "", "0.0.0.0", "::"})
_RESERVED = (".invalid", ".test", ".example")  # names that no network knows (RFC 2606)


def pytest_configure() -> None:
    """Heed the signals that whoever starts the tests has ignored, as nohup and a shell's background do: every program
    that a test starts would ignore them, too."""
    for number, handler in _HEEDED.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave `few(n)` of a test's many cases to the suite, spread over all of them; the others are deep."""
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("few") is not None and item.get_closest_marker("deep") is None:
            cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for group in cases.values():
        marker = group[0].get_closest_marker("few")
        assert marker is not None
        step = max(1.0, len(group) / marker.args[0])
        kept = {int(step * number) for number in range(marker.args[0])}
        for number, item in enumerate(group):
            if number not in kept:
                item.add_marker(pytest.mark.deep)


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
    for name in ("RUNBASE_API_KEY", "RUNBASE_BASE_URL", "RUNBASE_RATE_LIMIT", "NO_COLOR", "TERM", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True)
def _state_of_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Have the program, in this process and in those that it starts, keep its state in a folder of the test's own."""
    # not the last test's, whose server may have had the same port: what that held of the key's window is waited for
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state" / str(next(_NUMBERS))))


@pytest.fixture(autouse=True, scope="session")
def _no_ffmpeg_of_the_users_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have no still made, in this process and in those that it starts, but where a test asks for an ffmpeg."""
    folder = tmp_path_factory.mktemp("no-ffmpeg")
    write_program(folder / "ffmpeg", "exit 1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ffmpeg, "which", lambda _: None)
        patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        yield


@pytest.fixture(autouse=True, scope="session")
def _home_of_the_suites_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail the suite where a test has kept state at home all the same: at a home that nobody else uses meanwhile."""
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.delenv("XDG_STATE_HOME", raising=False)
        folder = state_folder()
        assert folder is not None
        assert folder.is_relative_to(home)
        yield
    assert not folder.exists(), f"a test has kept its state in {folder}"
