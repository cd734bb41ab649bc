"""Histories of campaigns under an adversary, in virtual time: every promise is kept in each of them."""

import pytest

from tests.sim.history import run_history

CHUNK = 20
QUICK, ALL = 20, 300

CHUNKS = [
    *range(0, QUICK, CHUNK),
    *(pytest.param(start, marks=pytest.mark.deep) for start in range(QUICK, ALL, CHUNK)),
]


@pytest.mark.parametrize("start", CHUNKS)
def test_every_promise_is_kept(start: int) -> None:
    failures = [failure for seed in range(start, start + CHUNK) if (failure := run_history(seed)) is not None]
    assert not failures, "\n".join(map(str, failures))


def test_a_seed_is_one_history() -> None:
    def lines_of() -> list[str]:
        story: list[str] = []
        run_history(7, story.append)
        return story

    assert lines_of() == lines_of()
