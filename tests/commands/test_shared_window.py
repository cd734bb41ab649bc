"""Where the window of a key is shared: in the user's state folder, under a name that gives no key away."""

from pathlib import Path

import pytest

from hailuo_batch.commands.remote import NOBODY, Remote
from hailuo_batch.commands.shared_window import share_window, state_folder
from hailuo_batch.core.engine import Settings
from hailuo_batch.shell.key_window import Alone, KeyWindow

ENDPOINT = "https://runbase.net/api/v1"
KEY = "sk-test-0123456789"


def file_of(folder: Path, key: str = KEY, endpoint: str = ENDPOINT) -> Path:
    """The file that a turn leaves."""
    window = share_window(endpoint, Remote(endpoint, key, is_loopback=False), Settings())
    before = set(folder.rglob("*.json"))
    window.open(0.0)
    window.leave()
    after = set(folder.rglob("*.json"))
    return next(iter(after - before), next(iter(after)))


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_each_key_at_each_endpoint_has_a_window_of_its_own(state: Path) -> None:
    files = {file_of(state), file_of(state, key="sk-other"), file_of(state, endpoint="https://example.test/v1")}
    assert len(files) == 3
    assert all(file.parent == state / "hailuo-batch" for file in files)
    assert file_of(state) in files
    assert len(list(state.rglob("*.json"))) == 3


def test_the_key_is_in_no_name(state: Path) -> None:
    assert KEY.removeprefix("sk-") not in str(file_of(state))


@pytest.mark.parametrize("remote", [NOBODY, Remote(ENDPOINT, None, is_loopback=False)])
def test_without_a_key_there_is_nothing_to_share(remote: Remote) -> None:
    assert isinstance(share_window(ENDPOINT, remote, Settings()), Alone)


def test_a_rehearsal_shares_nothing() -> None:
    remote = Remote("http://127.0.0.1:1/api/v1", "sk-sandbox", is_loopback=True)
    assert isinstance(share_window("sandbox", remote, Settings()), Alone)
    assert isinstance(share_window("http://127.0.0.1:1/api/v1", remote, Settings()), KeyWindow)


@pytest.mark.parametrize("chosen", ["", "relative/folder"])
def test_the_state_folder_is_at_home_unless_another_is_chosen(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("XDG_STATE_HOME", chosen)
    monkeypatch.setattr("sys.platform", "linux")
    assert state_folder() == Path("/home/somebody/.local/state/hailuo-batch")
    monkeypatch.setattr("sys.platform", "darwin")
    assert state_folder() == Path("/home/somebody/Library/Application Support/hailuo-batch")


def test_where_there_is_no_home_there_is_nothing_to_share(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(Path, "home", lost)
    assert isinstance(share_window(ENDPOINT, Remote(ENDPOINT, KEY, is_loopback=False), Settings()), Alone)
