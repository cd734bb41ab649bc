"""The use case `retry`: allow one more attempt for failed or rejected takes. The next apply makes it. Sends nothing."""

from dataclasses import dataclass

from hailuo_batch.app.frontend import Frontend
from hailuo_batch.app.ledger_access import open_for_changes
from hailuo_batch.app.workspace import CampaignLocation
from hailuo_batch.core.model.ledger_changes import AddAttempt
from hailuo_batch.core.planning.resolution import refused_content, retry_takes


@dataclass(frozen=True, slots=True)
class RetryResult:
    """The takes that the next apply requests again, and those of them whose content was refused and is unchanged."""

    granted: tuple[str, ...]
    refused_content: tuple[str, ...]


def allow_retries(where: CampaignLocation, words: tuple[str, ...], frontend: Frontend) -> RetryResult:
    """Allow an attempt more for the takes that the words choose, without words for all that have failed or were
    rejected. Raises UsageError for a take that is neither, and for a pattern that chooses none."""
    with open_for_changes(where, "retry", frontend) as session:
        steps = retry_takes(session.snapshot, words)
        unchanged = refused_content(session.snapshot, steps)
        session.ledger.carry_out(steps, session.clock.wall())
    granted = (step.take_id for step in steps if isinstance(step, AddAttempt))
    return RetryResult(tuple(granted), tuple(unchanged))
