"""How much room on the disk the videos to come need, by how large those were that came before. Pure.

A run is paid for before its video comes. So room is asked for before each create, and for all of them before the first
one: a video that finds none is money spent on nothing. Sizes are bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hailuo_batch.core.model.runs import Run

UNKNOWN_BYTES = 64 << 20
"""Asked for while no video's size is known: several of the largest that such models make."""

SPARE_BYTES = 16 << 20
"""Asked for beside the videos: the report and the sidecars are written there, and others write meanwhile."""

_FILES_OF_A_RUN = 3  # a video, its sidecar, and what is kept of a download that broke off
_SPARE_FILES = 16


@dataclass(frozen=True, slots=True)
class DiskNeed:
    """Room for what is still to come of `runs`: so many bytes, and so many files.

    `each_bytes` is what one run is taken to bring, None while no size is known.
    """

    runs: int
    bytes: int
    files: int
    each_bytes: int | None


class VideoSizes:
    """How large the videos of a campaign are. It is told of each run as it changes."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._known = 0  # runs whose files are all here
        self._total = 0
        self._largest = 0
        for run in runs:
            self.on_run_changed(None, run)

    def on_run_changed(self, before: Run | None, run: Run) -> None:
        """A run changed from `before`, None where it is new. Only one whose files are all here tells anything."""
        if before is not None and before.outputs_saved:
            self._known -= 1
            self._total -= _size(before)
        if run.outputs_saved:
            self._known += 1
            self._total += _size(run)
            self._largest = max(self._largest, _size(run))

    def need(self, runs: int) -> DiskNeed:
        """Room for so many runs more: as large as the mean, and one of them as large as the largest so far."""
        files = _FILES_OF_A_RUN * runs + _SPARE_FILES
        if not self._known:
            return DiskNeed(runs, UNKNOWN_BYTES if runs else 0, files, None)
        each = -(-self._total // self._known)
        return DiskNeed(runs, each * runs + self._largest + SPARE_BYTES if runs else 0, files, each)


def _size(run: Run) -> int:
    return sum(output.bytes or 0 for output in run.outputs)
