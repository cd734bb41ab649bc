"""Where the window of a key is shared: in the user's state folder, under a name that gives no key away."""

import json
import os
import time
from pathlib import Path

import pytest

from hailuo_batch.adapters.local.key_window import KeyWindow, UnsharedWindow
from hailuo_batch.app.api_target import reserve_one_request, share_window, state_folder
from hailuo_batch.core.engine.engine import Settings
from hailuo_batch.core.scheduling.shared_window import Holding
from tests.helpers.timeouts import TEST_TIMEOUT_S

ENDPOINT = "https://runbase.net/api/v1"
KEY = "sk-test-0123456789"
NARROW = Settings(rate_limit=2, rate_window_s=0.4)
LASTING = Settings(rate_limit=2, rate_window_s=TEST_TIMEOUT_S)


def window_of(path: Path, token: str, settings: Settings = NARROW) -> KeyWindow:
    """The window in this file, for one of several processes that all are this one."""
    return KeyWindow(path, settings.rate_window_s, name=f"{os.getpid()}-{token}", boot="")


def hold_all(path: Path, until: float) -> None:
    """Another process uses every place, and they come back then."""
    other = window_of(path, "other")
    other.open(time.monotonic())
    other.close(Holding(back_at=((until, NARROW.rate_limit),)))
    other.leave()


def file_of(folder: Path, key: str = KEY, endpoint: str = ENDPOINT) -> Path:
    """The file that a turn leaves."""
    window = share_window(endpoint, key, Settings())
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


def test_without_a_key_there_is_nothing_to_share() -> None:
    assert isinstance(share_window(ENDPOINT, None, Settings()), UnsharedWindow)


def test_a_rehearsal_shares_nothing() -> None:
    assert isinstance(share_window("sandbox", "sk-sandbox", Settings()), UnsharedWindow)
    assert isinstance(share_window("http://127.0.0.1:1/api/v1", "sk-sandbox", Settings()), KeyWindow)


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
    assert isinstance(share_window(ENDPOINT, KEY, Settings()), UnsharedWindow)


# --- a single request ---


def held_by_the_one(path: Path, now: float, settings: Settings = NARROW) -> Holding:
    """What another process sees that the single request's holds."""
    other = window_of(path, "other", settings)
    [holding] = other.open(now) or ()
    other.leave()
    return holding


def test_a_single_request_waits_for_a_place(tmp_path: Path) -> None:
    path, free_at = tmp_path / "window.json", time.monotonic() + NARROW.rate_window_s
    hold_all(path, free_at)
    with reserve_one_request(window_of(path, "me"), NARROW):
        assert time.monotonic() >= free_at


def test_a_single_request_holds_its_place_until_a_window_after_its_end(tmp_path: Path) -> None:
    path = tmp_path / "window.json"
    with reserve_one_request(window_of(path, "me", LASTING), LASTING):
        assert held_by_the_one(path, time.monotonic(), LASTING).under_way == 1
    ended_at = time.monotonic()
    after = held_by_the_one(path, ended_at, LASTING)
    assert after.under_way == 0
    assert after.held(ended_at, LASTING.rate_window_s) == 1
    assert after.held(ended_at + 1.1 * LASTING.rate_window_s, LASTING.rate_window_s) == 0


def test_a_single_request_that_breaks_gives_its_place_back(tmp_path: Path) -> None:
    path = tmp_path / "window.json"
    with pytest.raises(OSError, match="broken"), reserve_one_request(window_of(path, "me"), NARROW):
        raise OSError("broken")
    assert held_by_the_one(path, time.monotonic()).under_way == 0


def test_a_single_request_does_not_wait_for_ever_for_those_who_know_a_higher_limit(tmp_path: Path) -> None:
    path = tmp_path / "window.json"
    hold_all(path, time.monotonic() + 60.0)
    with reserve_one_request(window_of(path, "me"), NARROW):
        assert json.loads(path.read_text())["processes"]


def test_without_a_window_to_share_a_single_request_just_goes() -> None:
    with reserve_one_request(UnsharedWindow(), NARROW):
        pass
