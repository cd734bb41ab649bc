"""An apply beside a running event loop, which goes on meanwhile: as in a notebook or a web service."""

import asyncio
import threading

import pytest

from hailuo_batch import Campaign, ConsentMissingError, Created, Event, ExitCode, Planned
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import ApiResponse
from tests.helpers.command_line import SLOW
from tests.helpers.timeouts import TEST_TIMEOUT_S
from tests.interface.conftest import MakeCampaign, StartApi


def run_ids(campaign: Campaign) -> set[str]:
    return {take.run_id for take in campaign.status().takes if take.run_id is not None}


def test_the_event_loop_goes_on_while_events_are_waited_for(
    api: SandboxServer, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, let_go = api.create, threading.Event()

    def create(key: str | None, body: bytes) -> ApiResponse:
        assert let_go.wait(TEST_TIMEOUT_S)  # set by the event loop, which must be free for that
        return honest(key, body)

    monkeypatch.setattr(api, "create", create)

    async def release() -> None:
        let_go.set()

    async def main() -> list[Event]:
        events, tasks = list[Event](), list[asyncio.Task[None]]()
        async with campaign.stream(consent=True) as stream:
            async for event in stream:
                events.append(event)
                if isinstance(event, Planned):
                    tasks.append(asyncio.create_task(release()))
        assert stream.result.is_done
        await asyncio.gather(*tasks)
        return events

    assert sum(isinstance(event, Created) for event in asyncio.run(main())) == 3


def test_two_campaigns_share_an_event_loop(api: SandboxServer, make_campaign: MakeCampaign) -> None:
    async def apply(name: str) -> ExitCode:
        stream = make_campaign(api, name).stream(consent=True)
        async for _ in stream:
            pass
        return stream.result.exit_code

    async def main() -> list[ExitCode]:
        return list(await asyncio.gather(apply("one"), apply("two")))

    assert asyncio.run(main()) == [ExitCode.DONE, ExitCode.DONE]
    assert api.world.stats.creates == 6


@pytest.mark.parametrize("is_managed", [True, False])
def test_a_task_that_is_cancelled_stops_in_good_order(
    is_managed: bool, start_api: StartApi, make_campaign: MakeCampaign
) -> None:
    api = start_api(speed=SLOW)
    campaign = make_campaign(api)

    async def follow(has_begun: asyncio.Event) -> None:
        stream = campaign.stream(consent=True)
        if not is_managed:
            async for event in stream:
                if isinstance(event, Created):
                    has_begun.set()
            return
        async with stream:
            async for event in stream:
                if isinstance(event, Created):
                    has_begun.set()

    async def main() -> None:
        has_begun = asyncio.Event()
        task = asyncio.create_task(follow(has_begun))
        await has_begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    for thread in threading.enumerate():
        if thread.name == "hailuo-batch apply":
            thread.join(TEST_TIMEOUT_S)
    assert not campaign.status().running
    assert run_ids(campaign) == set(api.world.created)


def test_closing_waits_beside_the_event_loop(start_api: StartApi, make_campaign: MakeCampaign) -> None:
    api = start_api(speed=SLOW)
    campaign = make_campaign(api)

    async def main() -> ExitCode:
        stream = campaign.stream(consent=True)
        async for event in stream:
            if isinstance(event, Created):
                break
        await stream.aclose()
        await stream.aclose()
        return stream.result.exit_code

    assert asyncio.run(main()) is ExitCode.SIGINT
    assert run_ids(campaign) == set(api.world.created)


def test_what_the_apply_raises_is_raised_where_it_is_awaited(campaign: Campaign) -> None:
    async def main() -> None:
        async for _ in campaign.stream():
            pass

    with pytest.raises(ConsentMissingError):
        asyncio.run(main())


def test_apply_works_where_an_event_loop_runs(campaign: Campaign) -> None:
    async def cell() -> bool:
        return campaign.apply(consent=True).is_done  # as in a notebook's cell

    assert asyncio.run(cell())
