"""How much memory a campaign takes, by Python's own account of its allocations."""

import tracemalloc

from tests.benchmarks import provider, simulate
from tests.benchmarks.rows import engine
from tests.benchmarks.scenarios import Scenario

_NOT_OURS = [tracemalloc.Filter(False, str(module.__file__)) for module in (provider, simulate, tracemalloc)]


def bytes_per_take(scenario: Scenario) -> float:
    """What is held at the end of a campaign for each take: the take, its run as the ledger has it, and all that the
    engine keeps. The provider's own records do not count."""
    there = scenario.provider(0)
    tracemalloc.start()
    try:
        client = engine(scenario, 0)
        simulate.simulate(client, there, scenario.runs)
        held = tracemalloc.take_snapshot().filter_traces(_NOT_OURS)
    finally:
        tracemalloc.stop()
    return sum(statistic.size for statistic in held.statistics("filename")) / scenario.runs
