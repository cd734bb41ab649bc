"""What needs attention, by kinds: who stands together, in which order, and under which commands."""

from hailuo_batch.core.model.states import RunState
from hailuo_batch.report.attention import attention_kinds
from tests.helpers.snapshots import STARTED_AT, record, run, take
from tests.report.builders import every_state, report_of


def test_takes_of_one_kind_stand_together_under_commands_for_all_of_them() -> None:
    wanted = [take("bad", n) for n in (1, 2)]
    report = report_of(
        record(take("fine"), run(of=take("fine"))), *(record(t, run(RunState.FAILED, t)) for t in wanted)
    )
    [kind] = attention_kinds(report)
    assert (kind["state"], kind["attempts"]) == ("failed", [[1, 1], [2, 1]])
    assert kind["commands"][0] == "hailuo-batch retry manifests/spring.yaml bad bad.take2"


def test_the_gravest_stand_first() -> None:
    states = [kind["state"] for kind in attention_kinds(report_of(*every_state()))]
    assert states[:2] == ["in_doubt", "lost"]
    assert "abandoned" not in states  # the user has settled that


def test_a_text_tells_the_age_of_one_run_alone() -> None:
    slow = [take("slow", n) for n in (1, 2, 3)]
    records = [record(each, run(RunState.PENDING, each, at=STARTED_AT - 60.0 * each.number)) for each in slow]
    [alone] = attention_kinds(report_of(records[0], generated_at=STARTED_AT + 7200))
    [together] = attention_kinds(report_of(*records, generated_at=STARTED_AT + 7200))
    assert "requested 2h 1m ago" in alone["text"]
    assert "requested over an hour ago" in together["text"]
    assert len(together["attempts"]) == 3


def test_nothing_is_a_kind_where_nothing_is_wrong() -> None:
    assert attention_kinds(report_of(record(take(), run()))) == []
