"""How much room on the disk the videos to come need, by how large those were that came before. Pure.

A run is paid for before its video comes. So room is asked for before each create, and for all of them before the first
one: a video that finds none is money spent on nothing. Sizes are bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hailuo_batch.core.records import Run

UNKNOWN_BYTES = 64 << 20
"""Asked for while no video's size is known: several of the largest that such models make."""

SPARE_BYTES = 16 << 20
"""Asked for beside the videos: the report and the sidecars are written there, and others write meanwhile."""

_FILES_OF_A_RUN = 3  # a video, its sidecar, and what is kept of a download that broke off
_SPARE_FILES = 16


@dataclass(frozen=True, slots=True)
class Need:
    """Room for what is still to come of `runs`: so many bytes, and so many files.

    `each_bytes` is what one run is taken to bring, None while no size is known.
    """

    runs: int
    bytes: int
    files: int
    each_bytes: int | None


class Sizes:
    """How large the videos of a campaign are. It is told of each run as it changes."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._known: set[int] = set()
        self._total = 0
        self._largest = 0
        for run in runs:
            self.hear(run)

    def hear(self, run: Run) -> None:
        """Take a run as it stands now. Only one whose files are all here tells anything."""
        if run.key in self._known or not run.outputs_saved:
            return
        size = sum(output.bytes or 0 for output in run.outputs)
        self._known.add(run.key)
        self._total += size
        self._largest = max(self._largest, size)

    def need(self, runs: int) -> Need:
        """Room for so many runs more: as large as the mean, and one of them as large as the largest so far."""
        files = _FILES_OF_A_RUN * runs + _SPARE_FILES
        if not self._known:
            return Need(runs, UNKNOWN_BYTES if runs else 0, files, None)
        each = -(-self._total // len(self._known))
        return Need(runs, each * runs + self._largest + SPARE_BYTES if runs else 0, files, each)
