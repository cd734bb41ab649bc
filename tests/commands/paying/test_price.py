"""A price that rises, and a price that cannot be read: neither is ever taken for less than it is."""

import shutil
import time

import pytest

from hailuo_batch.errors import ExitCode
from hailuo_batch.runtime.clock import Clock
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.values import DEFAULT_MODEL
from tests.helpers.cli_fixtures import StartApi
from tests.helpers.command_line import LAMPS, UNCAPPED, Shell
from tests.helpers.misbehaving_api import costs

MANY = UNCAPPED.replace("takes: 2", "takes: 30")


@pytest.fixture
def priced(shell: Shell, api: SandboxServer) -> SandboxServer:
    """The ledger knows a price of $0.28, and 30 more takes are asked for."""
    shell.write(MANY)
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    return api


def test_a_price_above_the_shown_one_by_more_than_a_tenth_stops_creating(shell: Shell, priced: SandboxServer) -> None:
    priced.world.prices[DEFAULT_MODEL] = 308_001
    ended = shell("apply")
    assert ended.code is ExitCode.ACCOUNT
    assert "cost $0.308001, and the plan showed $0.28" in " ".join(ended.err.split())
    assert "--accept-price" in ended.err
    assert 2 <= priced.world.stats.creates <= 8  # those already on their way
    made = priced.world.stats.creates
    assert f"{made} of 31 takes done" in ended.out  # what was paid for is collected all the same


def test_the_new_price_is_shown_by_the_next_plan_and_agreed_to_by_the_next_apply(
    shell: Shell, priced: SandboxServer
) -> None:
    priced.world.prices[DEFAULT_MODEL] = 400_000
    assert shell("apply").code is ExitCode.ACCOUNT
    assert "x $0.40, the newest price paid" in shell("plan").out
    assert shell("apply").code is ExitCode.DONE


def test_accept_price_goes_on_whatever_a_run_costs(shell: Shell, priced: SandboxServer) -> None:
    priced.world.prices[DEFAULT_MODEL] = 900_000
    assert shell("apply", "--accept-price").code is ExitCode.DONE
    assert priced.world.stats.creates == 31


def test_a_price_that_rose_while_the_clock_was_set_back_is_the_newest(
    shell: Shell, priced: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of $1.20 are left $0.92 after the first run, and $0.42 after one for $0.50: no other one fits."""
    shell.write(MANY.replace("limits: {", "limits: {max_spend_usd: 1.2, "))
    priced.world.prices[DEFAULT_MODEL] = 500_000
    monkeypatch.setattr(Clock, "wall", lambda _: time.time() - 400 * 86_400)
    assert shell("apply", "--only", "hero", "--accept-price").code is ExitCode.DONE
    assert "x $0.50, the newest price paid" in shell("plan").out
    assert shell("apply", "--accept-price").code is ExitCode.ACCOUNT
    assert priced.world.stats.charged_micro_usd == 780_000


def test_a_price_of_runs_that_are_taken_in_from_files_is_not_the_newest_for_that(
    shell: Shell, start_api: StartApi
) -> None:
    """A first job made `hero`, and its state was lost; a second one went on without, when prices had risen."""
    api = start_api(price_micro_usd=100_000)
    shell.write(LAMPS.replace("max_spend_usd: 5", "max_spend_usd: 1"))
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    shutil.copytree(shell.state, shell.workspace / "cache")
    assert shell("apply", "--only", "hero").code is ExitCode.DONE
    shutil.rmtree(shell.state)
    shutil.copytree(shell.workspace / "cache", shell.state)
    made = [shell.outputs / "hero.mp4", shell.outputs / "hero.mp4.json"]
    kept = [path.rename(shell.workspace / path.name) for path in made]
    (shell.outputs / "report.json").unlink()
    api.world.prices[DEFAULT_MODEL] = 500_000
    assert shell("apply", "--only", "hero.take2", "--accept-price").code is ExitCode.DONE
    for path, was in zip(made, kept, strict=True):
        was.rename(path)
    assert shell("apply", "--only", "hero").code is ExitCode.LEDGER
    assert shell.bare("state", "restore", str(shell.manifest)).code is ExitCode.DONE
    shell.write(LAMPS.replace("max_spend_usd: 5", "max_spend_usd: 1").replace("takes: 2", "takes: 3"))
    assert "x $0.50, the newest price paid" in shell("plan").out
    assert shell("apply", "--accept-price").code is ExitCode.ACCOUNT
    assert api.world.stats.charged_micro_usd == 700_000


@pytest.mark.parametrize("price", [308_000, 280_000, 100_000])
@pytest.mark.few(1)
def test_a_tenth_more_or_any_less_goes_on(shell: Shell, priced: SandboxServer, price: int) -> None:
    priced.world.prices[DEFAULT_MODEL] = price
    assert shell("apply").code is ExitCode.DONE


def test_what_the_manifest_expects_is_no_known_price(shell: Shell, start_api: StartApi) -> None:
    start_api(price_micro_usd=900_000)
    assert shell("apply").code is ExitCode.DONE


@pytest.mark.parametrize(
    ("cost", "printed"),
    [
        (..., "the response has no cost"),
        (None, "the response has no cost"),
        (-1, "the response's cost is negative"),
        (0.28, "is not an integer"),
        ("280000", "is not an integer"),
        (True, "is not an integer"),
        (10_000_000_001, "above 10,000 US dollars"),
        (10**400, "above 10,000 US dollars"),
    ],
)
def test_a_cost_that_cannot_be_read_is_unknown_and_reported(
    shell: Shell, api: SandboxServer, cost: object, printed: str
) -> None:
    shell.write(UNCAPPED)
    with costs(api, cost):
        ended = shell("apply", "--only", "desk")
    assert ended.code is ExitCode.DONE
    assert f"desk: {printed}" in ended.err or printed in ended.err
    [run] = next(take["runs"] for take in shell("status", "--json").document["takes"] if take["id"] == "desk")
    assert run["cost_micro_usd"] is None
    assert "as the manifest expects" in shell("plan").out


def test_an_unknown_cost_counts_as_the_newest_known_one(shell: Shell, api: SandboxServer) -> None:
    assert shell("apply", "--only", "desk").code is ExitCode.DONE
    with costs(api, None):
        assert shell("apply", "--only", "hero").code is ExitCode.DONE
    assert shell("status", "--json").document["spend"]["charged_micro_usd"] == 560_000
    ended = shell("apply", "--max-spend", "0.80")
    assert ended.code is ExitCode.ACCOUNT
    assert api.world.stats.creates == 2


def test_under_a_cap_nothing_follows_a_create_whose_cost_is_unknown(shell: Shell, api: SandboxServer) -> None:
    shell.write(LAMPS)
    with costs(api, -5):
        ended = shell("apply")
    assert ended.code is ExitCode.ACCOUNT
    said = " ".join(ended.err.split())
    assert "price of a run is unknown" in said
    assert api.world.stats.creates == 1
    [line] = [line for line in ended.err.splitlines() if "--max-spend none --limit 1" in line]
    assert shell.without_yes("apply", "--max-spend", "none", "--limit", "1").code is ExitCode.USAGE
    assert api.world.stats.creates == 1
    assert shell("apply", "--max-spend", "none", "--limit", "1").code is ExitCode.DONE, line
    assert api.world.stats.creates == 2
    assert shell("apply").code is ExitCode.DONE  # the price is known, and the cap holds again
    assert api.world.stats.creates == 3


def test_a_cost_of_nothing_is_nothing(shell: Shell, start_api: StartApi) -> None:
    start_api(price_micro_usd=0)
    assert shell("apply", "--max-spend", "0.01").code is ExitCode.DONE
    assert shell("status", "--json").document["spend"]["charged_micro_usd"] == 0
