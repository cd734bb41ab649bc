"""The flow of docs/examples/prefect_flow.py, run by Prefect as a process: one try fails, and the next goes on."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import ForcedError, WorldSettings
from tests.docs import pages
from tests.helpers.timeouts import TEST_TIMEOUT_S, wait_until

pytest.importorskip("prefect", reason="`nox -s workflow` installs Prefect")

EXAMPLES = pages.ROOT / "docs" / "examples"
PROGRAM = """
from prefect_flow import nightly_videos
rows = [{"sku": f"lamp-{number}", "colour": colour} for number, colour in enumerate(["red", "blue", "green", "white"])]
print("files:", len(nightly_videos(rows)))
"""
KEY = "sk-workflow-0123456789"


def environment(api: SandboxServer, folder: Path) -> dict[str, str]:
    """Prefect with a server and a home of its own, that tells nobody of it."""
    return os.environ | {
        "RUNBASE_BASE_URL": api.base_url,
        "RUNBASE_API_KEY": KEY,
        "VIDEO_WORKSPACE": str(folder / "work"),
        "PYTHONPATH": str(EXAMPLES),
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        "DO_NOT_TRACK": "1",
    }


def test_a_task_that_fails_half_way_goes_on_when_it_is_tried_again(tmp_path: Path) -> None:
    with SandboxServer(WorldSettings(rate_limit=10_000), speed=20.0) as api:
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            cwd=tmp_path,
            env=environment(api, tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            wait_until(lambda: len(api.world.created) == 4)
            api.world.forced_errors[KEY] = ForcedError.BAD_KEY  # the account refuses the key for a moment
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if "Retr" in line or "retr" in line:
                    api.world.forced_errors.clear()
            process.wait(TEST_TIMEOUT_S)
        printed = "".join(lines)
        assert process.returncode == 0, printed
        assert "files: 4" in printed
        assert "nightly: 4 create" in printed
        assert api.world.forced_errors == {}, "no try has failed"
        assert set(Counter(request["prompt"] for request in api.world.created.values()).values()) == {1}
        assert KEY not in printed
