"""A campaign of a data frame's rows in a cell of a real notebook: its progress, its stop, and how it goes on."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import WorldSettings
from tests.docs import pages
from tests.helpers.timeouts import TEST_TIMEOUT_S, wait_until

pytest.importorskip("pandas", reason="`nox -s notebook` installs pandas")
jupyter = pytest.importorskip("jupyter_client.manager", reason="`nox -s notebook` installs a kernel")
pytest.importorskip("ipykernel", reason="`nox -s notebook` installs a kernel")

SCRIPT = (pages.ROOT / "docs" / "examples" / "data_frame.py").read_text(encoding="utf-8")
LOOPING = """
from hailuo_batch import Campaign, Created
campaign = Campaign.from_shots("loop", [{"id": "hero", "prompt": "A ceramic lamp"}], workspace="work")
made = [event.take_id async for event in campaign.stream(consent=True) if isinstance(event, Created)]
print(made)
"""


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxServer]:
    with SandboxServer(WorldSettings(rate_limit=10_000), speed=30.0) as server:
        monkeypatch.setenv("RUNBASE_BASE_URL", server.base_url)
        monkeypatch.setenv("RUNBASE_API_KEY", "sk-notebook-0123456789")
        monkeypatch.chdir(tmp_path)
        yield server


class Notebook:
    """A kernel, and what its cells print."""

    def __init__(self) -> None:
        self.manager, self.client = jupyter.start_new_kernel(env=dict(os.environ))

    def begin(self, code: str) -> None:
        self.client.execute(code)

    def end(self) -> tuple[str, str]:
        """Wait for the cell. Returns what it printed, and the name of the error that ended it."""
        printed = ""
        reply: dict[str, Any] = self.client.get_shell_msg(timeout=TEST_TIMEOUT_S)
        while True:
            message = self.client.get_iopub_msg(timeout=TEST_TIMEOUT_S)
            content = message["content"]
            if message["msg_type"] == "stream":
                printed += content["text"]
            elif message["msg_type"] == "display_data":
                printed += content["data"].get("text/plain", "")
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                return printed, str(reply["content"].get("ename", ""))

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def notebook(api: SandboxServer) -> Iterator[Notebook]:
    opened = Notebook()
    yield opened
    opened.close()


def paid(api: SandboxServer) -> Counter[Any]:
    return Counter(request["prompt"] for request in api.world.created.values())


def test_the_script_has_fifteen_lines() -> None:
    code = SCRIPT.partition('"""\n\n')[2]
    assert len([line for line in code.splitlines() if line.strip()]) <= 15


def test_a_cell_shows_its_progress_stops_where_it_is_interrupted_and_goes_on(
    api: SandboxServer, notebook: Notebook, tmp_path: Path
) -> None:
    notebook.begin(SCRIPT)
    wait_until(lambda: len(api.world.created) == 4)
    notebook.manager.interrupt_kernel()
    printed, error = notebook.end()
    assert error == "KeyboardInterrupt"
    assert "shoes: 4 create" in printed
    assert "0/4" in printed
    assert set(paid(api).values()) == {1}

    notebook.begin(SCRIPT)
    printed, error = notebook.end()
    assert error == ""
    assert "4/4" in printed
    assert set(paid(api).values()) == {1}
    assert len([*(tmp_path / "work" / "outputs" / "shoes").glob("shoe-*.mp4")]) == 4


def test_a_cell_may_wait_for_events_beside_the_loop_of_the_kernel(api: SandboxServer, notebook: Notebook) -> None:
    notebook.begin(LOOPING)
    printed, error = notebook.end()
    assert (error, printed.strip()) == ("", "['hero']")
    assert len(api.world.created) == 1
