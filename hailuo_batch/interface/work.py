"""The work on one campaign, for whichever front end asks for it: the commands and `Campaign` are both built on this.

One method for each use case, in the words of the use cases. It imports that when it is called: a command needs but one.
What becomes of the answer, printed or a value, is for the front end's side.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hailuo_batch.app.workspace import CampaignContext, CampaignLocation
from hailuo_batch.errors import ExitCode
from hailuo_batch.manifest import LoadedManifest, Severity, load_with_image_findings

if TYPE_CHECKING:
    from hailuo_batch.app.config import ApplyOptions
    from hailuo_batch.app.frontend import ApplyFrontend
    from hailuo_batch.app.mending.resolve import ResolveRequest
    from hailuo_batch.app.mending.retry import RetryResult
    from hailuo_batch.app.plan_campaign import PlannedCampaign, PlanOptions
    from hailuo_batch.app.status.reading import StatusReading
    from hailuo_batch.report.files import Format
    from hailuo_batch.report.model import Report


@dataclass(frozen=True, slots=True)
class StatusLook:
    """Where a campaign stands. `look_again` reads it once more, `problem` says what is wrong with its ledger."""

    context: CampaignContext
    reading: "StatusReading"
    look_again: "Callable[[], StatusReading]"
    problem: str


@dataclass(frozen=True, slots=True)
class CampaignWork:
    """The use cases of the campaign that is found there, for this front end."""

    where: CampaignLocation
    frontend: "ApplyFrontend"

    def plan(self, options: "PlanOptions") -> "PlannedCampaign":
        """What an apply would do and roughly cost. Sends and writes nothing."""
        from hailuo_batch.app.plan_campaign import plan_campaign

        return plan_campaign(self.where, options, self.frontend)

    def apply(self, options: "ApplyOptions") -> ExitCode:
        """Request, follow, download, report. The front end is told how it ended."""
        from hailuo_batch.app.apply import apply_campaign

        with ExitStack() as until_end:
            return apply_campaign(self.where, options, self.frontend, until_end)

    def status(self, only: tuple[str, ...]) -> StatusLook:
        """Where it stands, also while an apply runs. Sends and writes nothing."""
        from hailuo_batch.app.manifest_input import load_context
        from hailuo_batch.app.older_ledger import FilesBesideLedger, check_files_beside
        from hailuo_batch.app.status.reading import read_status

        context = load_context(self.where, self.frontend)
        look = partial(read_status, context, only)
        reading = look()
        beside = check_files_beside(context) if reading.has_ledger else FilesBesideLedger()
        return StatusLook(context, reading, look, beside.problem(context))

    def report(self, formats: "tuple[Format, ...]", *, no_sidecar: bool) -> "tuple[Report, dict[Format, Path]]":
        """Rewrite the report from the ledger; without formats all of it, and the sidecars."""
        from hailuo_batch.app.rewrite_report import rewrite_report

        return rewrite_report(self.where, formats, self.frontend, no_sidecar=no_sidecar)

    def resolve(self, request: "ResolveRequest") -> str | None:
        """Decide about takes. Returns what was done in words, None if the user declined."""
        from hailuo_batch.app.mending.resolve import resolve_takes

        return resolve_takes(self.where, request, self.frontend)

    def retry(self, words: tuple[str, ...]) -> "RetryResult":
        """Allow one more attempt for the takes that the words choose."""
        from hailuo_batch.app.mending.retry import allow_retries

        return allow_retries(self.where, words, self.frontend)


def look_at_manifest(where: CampaignLocation, severity: Severity) -> LoadedManifest:
    """Check a manifest without network or ledger; warnings count as `severity`. Raises nothing for what is wrong."""
    return load_with_image_findings(where.manifest, severity, where.text)
