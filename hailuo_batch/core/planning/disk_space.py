"""How much disk space the videos still to come need, judged by the size of those that came before. Pure.

A run is paid for before its video exists, and a video that cannot be saved is wasted money. So the driver asks for
space before each create, and for all of them before the first one. Sizes are in bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hailuo_batch.core.model.runs import Run

UNKNOWN_BYTES = 64 << 20
"""The space required while no video's size is known: several of the largest videos that such models make."""

SPARE_BYTES = 16 << 20
"""The space required beside the videos: report and sidecars go there too, and others may write meanwhile."""

_FILES_OF_A_RUN = 3  # a video, its sidecar, and the part file of a download
_SPARE_FILES = 16


@dataclass(frozen=True, slots=True)
class DiskNeed:
    """Space for the videos still to come of `runs`, in bytes and in files.

    `each_bytes` is the expected size of one run's videos, None while no size is known.
    """

    runs: int
    bytes: int
    files: int
    each_bytes: int | None


class VideoSizes:
    """The sizes of a campaign's videos. `on_run_changed` must be called with each run as it changes."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._known = self._total = self._largest = 0  # runs whose files are all here, and their sizes
        for run in runs:
            self.on_run_changed(None, run)

    def on_run_changed(self, before: Run | None, run: Run) -> None:
        """Count a run that changed from `before`, None where it is new. Only one with all its files counts."""
        if before is not None and before.outputs_saved:
            self._known -= 1
            self._total -= _size(before)
        if run.outputs_saved:
            self._known += 1
            self._total += _size(run)
            self._largest = max(self._largest, _size(run))

    def need(self, runs: int) -> DiskNeed:
        """Space for this many more runs: the mean size for each, and the largest so far for one of them."""
        files = _FILES_OF_A_RUN * runs + _SPARE_FILES
        if not self._known:
            return DiskNeed(runs, UNKNOWN_BYTES if runs else 0, files, None)
        each = -(-self._total // self._known)
        return DiskNeed(runs, each * runs + self._largest + SPARE_BYTES if runs else 0, files, each)


def _size(run: Run) -> int:
    return sum(output.bytes or 0 for output in run.outputs)
