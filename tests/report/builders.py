"""Reports and the campaigns behind them, for the tests of what renders them."""

from hailuo_batch.core.model.runs import Supersession, TakeRecord
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.report.advice import CommandBuilder
from hailuo_batch.report.model import Report, build_report
from tests.helpers.snapshots import STARTED_AT, output, record, run, snapshot, take

HOSTILE = (
    "</script><script>alert(1)</script> <!-- --> ]]> \"quotes\" 'single' & &amp; `code` | pipe | "
    "[link](http://evil.test) <img src=x onerror=alert(1)> \u202egnp.exe\u202c \u2028 \u2029 \x00 "
    "\\| **bold** {{script}} $x$ "
)
LONG = "word " * 999 + "ends."
"""5,000 characters."""


def report_of(
    *records: TakeRecord,
    submitting_means: TakeState = TakeState.IN_DOUBT,
    endpoint: str = "https://runbase.net/api/v1",
    description: str = "Spring catalogue",
    manifest: str = "manifests/spring.yaml",
    generated_at: float = STARTED_AT + 0.25,
) -> Report:
    """The report of a campaign with these takes."""
    return build_report(
        snapshot(*records, endpoint=endpoint, description=description),
        generated_at=generated_at,
        commands=CommandBuilder(manifest, endpoint),
        submitting_state=submitting_means,
    )


def every_state() -> tuple[TakeRecord, ...]:
    """A take for every state a run can be in, one downloading, one replaced, one that left the manifest."""
    one_each = [
        record(wanted, run(state, wanted, reason=f"because {state}"))
        for state in RunState
        for wanted in [take(f"shot-{state.replace('_', '-')}")]
    ]
    fetching, replaced, left = take("fetching"), take("replaced"), take("left")
    old = run(RunState.SUCCEEDED, replaced, superseded_by=Supersession.REPLACE)
    return (
        *one_each,
        record(fetching, run(RunState.SUCCEEDED, fetching, outputs=(output(None),))),
        record(replaced, old, run(RunState.PENDING, replaced, attempt=2)),
        record(left, run(RunState.SUCCEEDED, left), in_manifest=False),
        record(take("never")),
    )
