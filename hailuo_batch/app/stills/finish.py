"""The stills that are missing at the end of a command: make them, and say so if that takes a while.

An apply spends a minute on them at most, since it holds the campaign's lock; `report` makes all. Either may be broken
off at any time: what is made is kept, and the next command makes the rest.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hailuo_batch.adapters.stills.folder import StillsFolder
from hailuo_batch.adapters.stills.pictures import Source
from hailuo_batch.app.frontend import Frontend
from hailuo_batch.app.stills.campaign_stills import sources_of
from hailuo_batch.app.stills.maker import StillMaker
from hailuo_batch.app.workspace import CampaignContext
from hailuo_batch.core.model.file_layout import poster_name
from hailuo_batch.core.model.runs import Snapshot
from hailuo_batch.report.model import Report
from hailuo_batch.ui.text import count

LONGEST_IN_APPLY_S = 60.0
_MANY = 20


@dataclass(frozen=True, slots=True)
class CampaignStills:
    """The stills that a campaign's report can show, and their maker."""

    maker: StillMaker
    sources: list[Source]
    snapshot: Snapshot
    outputs: Path

    @classmethod
    def of(cls, report: Report, snapshot: Snapshot, context: CampaignContext, maker: StillMaker) -> "CampaignStills":
        """Those of this report and the snapshot that it was made from."""
        outputs = context.paths.outputs
        return cls(maker, sources_of(report, snapshot, outputs, context.copies), snapshot, outputs)

    def make_missing(self, frontend: Frontend, is_over: Callable[[], bool]) -> bool:
        """Make those that are missing, until it is over. Returns whether there is any that was not there before.

        Raises KeyboardInterrupt, with what was made by then in place.
        """
        if self.maker.ffmpeg() is None:
            if self.maker.missing(self.sources):
                frontend.detail("There is no usable ffmpeg, so the report shows videos without stills of them.")
            return False
        missing = self.maker.missing(self.sources)
        if not missing or is_over():
            return False
        announcement = f"Making {count(len(missing), 'still')} for the report." if len(missing) > _MANY else ""
        with frontend.counting(len(missing), "stills", announcement) as step:
            self.maker.make_all(missing, is_over, step)
        left = self.maker.missing(missing) if self.maker.ffmpeg() is not None else []
        if left:
            frontend.remark(f"{count(len(left), 'still')} left to make. `hailuo-batch report MANIFEST` makes them.")
        return not StillsFolder(self.outputs).names().isdisjoint(source.name for source in missing)

    def remove_others(self) -> None:
        """Remove the stills of videos that no run of the ledger has. For a caller that holds the lock: another apply
        may have videos that this snapshot does not know."""
        outputs = (output for run in self.snapshot.paid_runs for output in run.outputs)
        wanted = {poster_name(output.sha256) for output in outputs if output.sha256 is not None}
        with suppress(OSError):
            StillsFolder(self.outputs).remove_others(wanted.union(source.name for source in self.sources))
