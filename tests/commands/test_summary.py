"""How an apply ended, as a code."""

import pytest

from hailuo_batch.commands.summary import worst
from hailuo_batch.errors import ExitCode


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
    assert worst(codes) is code
