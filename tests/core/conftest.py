"""A desk to plan at, closed after the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.planning_session import PlanningSession


@pytest.fixture
def session(tmp_path: Path) -> Iterator[PlanningSession]:
    """An empty campaign."""
    made = PlanningSession(tmp_path)
    yield made
    made.close()
