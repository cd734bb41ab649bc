"""What holds for every history that a test lives through."""

import gc

import pytest


@pytest.fixture(autouse=True, scope="session")
def _little_to_clean_up() -> None:
    """Take thousands of collected tests out of the garbage collector's sight: a history has it clean up often."""
    gc.freeze()
