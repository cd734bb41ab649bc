"""No answer to a create gives an event that the table does not admit."""

import pytest

from hailuo_batch.core.model.events import Outcome
from hailuo_batch.core.model.states import TRANSITIONS, RunState
from tests.core.engine.test_interpret import CREATE_OUTCOMES, interpreter
from tests.helpers.snapshots import STARTED_AT, run


@pytest.mark.parametrize("outcome", CREATE_OUTCOMES, ids=repr)
@pytest.mark.parametrize("state", list(RunState))
def test_no_answer_to_a_create_gives_an_event_that_the_table_does_not_admit(state: RunState, outcome: Outcome) -> None:
    made = interpreter()
    for event in made.events(run(state), outcome, STARTED_AT):
        assert (state, type(event)) in TRANSITIONS
