"""How an apply ended, as a code and in words."""

import pytest

from hailuo_batch.core.model.states import RunState
from hailuo_batch.errors import ExitCode
from hailuo_batch.ui.summary import MOST_SHOWN, Ending, render_summary, worst_code
from tests.helpers.snapshots import record, run, take
from tests.report.builders import report_of


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([], ExitCode.DONE),
        ([ExitCode.UNFINISHED], ExitCode.UNFINISHED),
        ([ExitCode.UNFINISHED, ExitCode.ACCOUNT], ExitCode.ACCOUNT),
        ([ExitCode.ACCOUNT, ExitCode.LEDGER, ExitCode.UNFINISHED], ExitCode.LEDGER),
        ([ExitCode.LEDGER, ExitCode.SIGTERM, ExitCode.UNFINISHED], ExitCode.SIGTERM),
        ([ExitCode.UNFINISHED, ExitCode.SIGINT], ExitCode.SIGINT),
    ],
)
def test_a_signal_before_4_before_3_before_1(codes: list[ExitCode], code: ExitCode) -> None:
    assert worst_code(codes) is code


def test_a_lost_run_is_named_however_many_takes_failed() -> None:
    failed = [record(take(f"f{n}"), run(RunState.FAILED, take(f"f{n}"), reason="no")) for n in range(MOST_SHOWN + 3)]
    report = report_of(*failed, record(take("astray"), run(RunState.LOST, take("astray"), reason="unknown")))
    text = render_summary(report, report.takes, (), Ending("p", "r", "s"), None)
    assert [line.split()[1:] for line in text.splitlines()[2:4]] == [
        ["lost", "astray", "unknown"],
        ["failed", "f0", "no"],
    ]
    assert "... and 4 more" in text
