"""A create and its answer take one place of the window."""

from tests.app.test_reconcile import NOW, answered, sent, window_after


def test_a_create_with_its_answer_takes_one_place() -> None:
    assert window_after(sent(3), answered(1)).free(NOW) == 19
