"""Whether the disks have space for what is about to be paid for: that of the videos and that of the ledger.

Read-only. A file system that does not report its free space counts as having enough.
"""

from pathlib import Path

from hailuo_batch.adapters.local.fs import Space, free_space
from hailuo_batch.core.planning.disk_space import DiskNeed

_RECORDS_BYTES = 8 << 20  # the ledger's log, its backup, the receipts
_RECORDS_BYTES_OF_A_RUN = 16 << 10


class CampaignDisks:
    """The disk of one campaign's videos, and the disk of its ledger and receipts."""

    def __init__(self, outputs: Path, state: Path) -> None:
        self._outputs = outputs
        self._state = state

    def shortage(self, need: DiskNeed) -> str:
        """Say what there is too little of, as part of a sentence; empty where there is enough."""
        if need.runs == 0:
            return ""
        return self._video_shortage(need) or self._record_shortage(need)

    def _video_shortage(self, need: DiskNeed) -> str:
        space = _space_in(self._outputs)
        if space.files is not None and space.files < need.files:
            return f"{self._outputs} has space for {space.files:,} more files, but {need.files:,} are needed"
        if space.bytes is None or space.bytes >= need.bytes:
            return ""
        needed = f"{_mb(need.bytes, up=True)} are needed {_describe_need(need)}"
        return f"{self._outputs} has {_mb(space.bytes)} free, but {needed}"

    def _record_shortage(self, need: DiskNeed) -> str:
        needed = _RECORDS_BYTES + _RECORDS_BYTES_OF_A_RUN * need.runs
        free = _space_in(self._state).bytes
        if free is None or free >= needed:
            return ""
        return f"{self._state} has {_mb(free)} free, but the ledger needs {_mb(needed, up=True)}"


def _describe_need(need: DiskNeed) -> str:
    if need.each_bytes is None:
        return "until the size of a first video is known"
    videos = "1 video" if need.runs == 1 else f"{need.runs:,} videos"
    return f"for {videos} of about {_mb(need.each_bytes, up=True)} and the records"


def _mb(count: int, *, up: bool = False) -> str:
    """Render bytes in MB: free space rounded down, needs rounded up."""
    return f"{-(-count // 10**6) if up else count // 10**6:,} MB"


def _space_in(folder: Path) -> Space:
    """Return the free space of a folder. For one that cannot be read, whoever writes there will report it."""
    try:
        return free_space(folder)
    except OSError:
        return Space(None, None)
