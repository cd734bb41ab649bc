"""Campaigns made in Python, and an API on this machine that they speak to."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hailuo_batch import Campaign
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import WorldSettings
from tests.helpers.cli_fixtures import _cheap_hashes, _fast_time
from tests.helpers.command_line import KEY

__all__ = ["_cheap_hashes", "_fast_time"]

SHOTS = ({"id": "hero", "prompt": "A lamp", "takes": 2}, {"id": "desk", "prompt": "A desk"})
StartApi = Callable[..., SandboxServer]
MakeCampaign = Callable[..., Campaign]


@pytest.fixture
def start_api() -> Iterator[StartApi]:
    """Starts an API. Runs take about a tenth of a second unless `speed` is given."""
    with ExitStack() as stack:

        def start(*, speed: float = 1000.0, latency_s: float = 0.0, **settings: Any) -> SandboxServer:
            world = WorldSettings(**({"rate_limit": 10_000} | settings))
            return stack.enter_context(SandboxServer(world, speed=speed, latency_s=latency_s))

        yield start


@pytest.fixture
def api(start_api: StartApi) -> SandboxServer:
    return start_api()


@pytest.fixture
def make_campaign(tmp_path: Path) -> MakeCampaign:
    """Makes a campaign at this API, in the test's own workspace."""

    def make(
        api: SandboxServer, name: str = "lamps", shots: tuple[Mapping[str, Any], ...] = SHOTS, **given: Any
    ) -> Campaign:
        access: dict[str, Any] = {"workspace": tmp_path / "work", "api_key": KEY, "base_url": api.base_url}
        given = access | given
        return Campaign.from_shots(name, shots, **given)

    return make


@pytest.fixture
def campaign(api: SandboxServer, make_campaign: MakeCampaign) -> Campaign:
    return make_campaign(api)
