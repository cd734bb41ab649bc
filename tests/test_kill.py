"""kill -9 at any moment: whatever was paid for is known, and nothing is paid for twice.

The program runs in processes of its own, as a user starts it, against a sandbox in this one.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.helpers.killing import KilledCampaign, KillingServer, KillMoment, prompts

pytestmark = pytest.mark.deep

CAMPAIGNS = 4
KILLS = 5


@pytest.fixture
def server() -> Iterator[KillingServer]:
    with KillingServer() as running:
        yield running


def moments(seed: int) -> list[KillMoment]:
    """Where the program is hit, life after life: mostly around a request, and once at any time."""
    rng = Random(seed)
    aimed = [KillMoment(request=rng.randint(1, 7), carried_out=rng.random() < 0.5) for _ in range(KILLS - 1)]
    return rng.sample([*aimed, KillMoment(after_s=rng.uniform(0.0, 0.5))], KILLS)


@pytest.mark.parametrize("seed", range(CAMPAIGNS))
def test_whenever_it_is_killed_nothing_is_paid_twice_and_nothing_paid_is_forgotten(
    tmp_path: Path, server: KillingServer, seed: int
) -> None:
    campaign = KilledCampaign(tmp_path, server, prompts(32))
    for moment in moments(seed):
        campaign.kill(moment)
    assert campaign.kills == KILLS
    doubted = campaign.in_doubt()

    code = campaign.apply()

    takes, paid = campaign.reported(), campaign.paid()
    held = {id_ for id_, take in takes.items() if take["state"] == "in_doubt"}
    assert takes.keys() == paid.keys()
    assert max(server.created.values()) == 1
    assert held <= doubted
    assert code == (1 if held else 0)
    known = {run["run_id"] for take in takes.values() for run in take["runs"]} & campaign.receipted()
    for id_ in takes.keys() - held:
        assert takes[id_]["state"] == "done"
        assert set(paid[id_]) <= known, f"{id_} was paid for and forgotten"
        assert (campaign.outputs / f"{id_}.mp4").read_bytes().endswith(paid[id_][0].encode())
    assert campaign.files_with_key() == []


def test_a_create_that_was_carried_out_and_never_answered_is_held_in_doubt(
    tmp_path: Path, server: KillingServer
) -> None:
    campaign = KilledCampaign(tmp_path, server, prompts(1))
    campaign.kill(KillMoment(request=2, carried_out=True))  # the first asks whether it is the API that is paid
    for _ in range(2):
        (take,) = campaign.shown().values()
        assert take["state"] == "in_doubt"
        assert [(run["state"], run["run_id"]) for run in take["runs"]] == [("in_doubt", None)]
        assert campaign.apply() == 1
    assert (len(server.world.created), server.created.total()) == (1, 1)
