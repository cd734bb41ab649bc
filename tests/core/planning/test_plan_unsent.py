"""An attempt is sent with the images that are wanted when it is sent."""

from hailuo_batch.core.model.states import RunState
from tests.core.planning_session import PlanningSession, paying, take, wants, with_images

A = take("a", prompt="first")


def test_an_attempt_is_sent_with_the_images_that_are_wanted_when_it_is_sent(session: PlanningSession) -> None:
    session.apply_plan(wants(A))
    session.apply_plan(wants(with_images(A, "1" * 64)))
    assert session.live("a").images_sha256 == "1" * 64
    session.finish(RunState.SUCCEEDED)
    assert paying(session.apply_plan(wants(with_images(A, "2" * 64)))) == {"a"}
