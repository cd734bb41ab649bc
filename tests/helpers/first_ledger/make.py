"""How the ledger of the first version that lies here was made, by the program that wrote that version.

Run once, in a checkout of the last commit before the second version, where `hailuo_batch` is that commit's:

    PYTHONPATH=. python tests/helpers/first_ledger/make.py

It leaves `workspace/` beside this file: manifest, ledger, backup, receipts and outputs of a campaign that has been in
every state that lasts. It is kept as it was made: no newer program makes it again.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hailuo_batch import cli
from hailuo_batch.app import api_target
from hailuo_batch.core.engine import download_queue
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.sandbox import server as sandbox
from hailuo_batch.sandbox.media import MediaFile, media_file
from hailuo_batch.sandbox.world import WorldSettings
from hailuo_batch.sandbox.world.answers import ApiResponse

WORKSPACE = Path(__file__).with_name("workspace")
MANIFEST = """\
version: 1
campaign: old
limits: {max_attempts: 1}
shots:
  - {id: hero, prompt: A lamp, takes: 2, tags: [spring]}
  - {id: desk, prompt: A desk}
  - {id: broken, prompt: A broken lamp}
  - {id: failed, prompt: A lamp that fails}
  - {id: refused, prompt: A lamp that is refused}
  - {id: doubt, prompt: A lamp in doubt}
  - {id: slow, prompt: A lamp that takes its time}
  - {id: new, prompt: A lamp that nobody has asked for yet}
"""
GONE = "  - {id: gone, prompt: A lamp that is forgotten}\n"
LONG_AGO = 1_750_000_000.0  # whenever a test looks, the slow run has ended

_BEGAN = time.monotonic()
_create = sandbox.SandboxServer.create


def main() -> None:
    """Make the workspace, one state after the other."""
    shutil.rmtree(WORKSPACE, ignore_errors=True)
    WORKSPACE.mkdir()
    os.chdir(WORKSPACE)  # so that no path of this machine is written down anywhere
    Path("manifest.yaml").write_text(MANIFEST + GONE, "utf-8")
    for take in ("hero", "hero.take2", "desk", "gone"):
        run("apply", "--only", take)
    run("apply", "--only", "desk", "--replace", "desk")
    run("apply", "--only", "broken", serve=_cut_short)
    run("apply", "--only", "failed", fail_rate=1.0)
    run("apply", "--only", "refused", create=_refused)
    run("apply", "--only", "doubt", create=_lost)
    run("apply", "--only", "slow", "--run-timeout", "1s", speed=0.5)
    run("state rm", "gone", "--force")
    Path("manifest.yaml").write_text(MANIFEST, "utf-8")
    for left in (*Path("outputs").rglob("report.*"), *Path("state").glob("*.lock")):
        left.unlink()


def run(command: str, *options: str, **sandbox_is: Any) -> None:
    """Run a command of the rehearsal, on a sandbox that is like this."""
    with _sandbox_that_is(**sandbox_is):
        code = cli.run([*command.split(), "manifest.yaml", *options, "--sandbox"])
    print(f"{command} {' '.join(options)}: exit code {int(code)}")


@contextmanager
def _sandbox_that_is(
    speed: float = 1000.0,
    fail_rate: float = 0.0,
    create: Callable[..., ApiResponse] = _create,
    serve: Callable[..., MediaFile] = media_file,
) -> Iterator[None]:
    with ExitStack() as stack:
        for owner, name, value in (
            (api_target, "_SANDBOX_SPEED", speed),
            (api_target, "WorldSettings", partial(WorldSettings, fail_rate=fail_rate)),
            (api_target, "SandboxServer", partial(sandbox.SandboxServer, wall=_wall)),
            (sandbox.SandboxServer, "create", create),
            (sandbox, "media_file", serve),
            (download_queue, "RETRY_PAUSES_S", (0.01, 0.02, 0.03)),
            (Clock, "wall", _wall),
        ):
            stack.enter_context(patch.object(owner, name, value))
        yield


def _wall(_: object = None) -> float:
    return LONG_AGO + time.monotonic() - _BEGAN


def _cut_short(*of: Any) -> MediaFile:
    whole = media_file(*of)
    return MediaFile(whole.content[:-7], whole.etag, whole.last_modified)


def _refused(*_: Any) -> ApiResponse:
    return ApiResponse(400, {"error": {"code": "invalid_input", "message": "no such lamp"}})


def _lost(*of: Any) -> ApiResponse:
    _create(*of)
    raise ConnectionAbortedError


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["XDG_STATE_HOME"] = home
        main()
