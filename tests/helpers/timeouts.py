"""How long a test waits for what a machine may be slow to bring, and never waits for where all is well."""

import time
from collections.abc import Callable

import pytest

TEST_TIMEOUT_S = 120.0
"""Long past what the busiest machine needs, and well below the suite's own time-out, which says less."""
_POLL_S = 0.01


def wait_until(condition: Callable[[], bool]) -> None:
    """Come back when the condition holds; fail if it does not for long."""
    until = time.monotonic() + TEST_TIMEOUT_S
    while not condition():
        if time.monotonic() > until:
            pytest.fail("what was waited for did not happen")
        time.sleep(_POLL_S)
