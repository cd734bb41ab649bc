"""Whether the disks have room for what is about to be paid for: that of the videos, and that of the ledger.

Only looks; makes, writes and deletes nothing. A file system that does not say how full it is has room.
"""

from pathlib import Path

from hailuo_batch.adapters.local.fs import Space, free_space
from hailuo_batch.core.planning.disk_space import DiskNeed

_RECORDS_BYTES = 8 << 20  # the ledger's log, its backup, the receipts
_RECORDS_BYTES_OF_A_RUN = 16 << 10


class CampaignDisks:
    """The disk of one campaign's videos, and that of its ledger and receipts."""

    def __init__(self, outputs: Path, state: Path) -> None:
        self._outputs = outputs
        self._state = state

    def shortage(self, need: DiskNeed) -> str:
        """What there is too little of, in words that can be put into a sentence; empty where there is enough."""
        if need.runs == 0:
            return ""
        return self._lacks_videos(need) or self._lacks_records(need)

    def _lacks_videos(self, need: DiskNeed) -> str:
        space = _space_in(self._outputs)
        if space.files is not None and space.files < need.files:
            return f"{self._outputs} has room for {space.files:,} files more, and {need.files:,} are wanted"
        if space.bytes is None or space.bytes >= need.bytes:
            return ""
        wanted = f"{_mb(need.bytes, up=True)} are wanted {_describe_need(need)}"
        return f"{_mb(space.bytes)} are free in {self._outputs}, and {wanted}"

    def _lacks_records(self, need: DiskNeed) -> str:
        wanted = _RECORDS_BYTES + _RECORDS_BYTES_OF_A_RUN * need.runs
        free = _space_in(self._state).bytes
        if free is None or free >= wanted:
            return ""
        return f"{_mb(free)} are free in {self._state}, and {_mb(wanted, up=True)} are wanted there for the ledger"


def _describe_need(need: DiskNeed) -> str:
    if need.each_bytes is None:
        return "as long as no video's size is known"
    videos = "1 video" if need.runs == 1 else f"{need.runs:,} videos"
    return f"for {videos} of about {_mb(need.each_bytes, up=True)} and what else is written"


def _mb(count: int, *, up: bool = False) -> str:
    """So many bytes in MB, and never more than is free or less than is wanted."""
    return f"{-(-count // 10**6) if up else count // 10**6:,} MB"


def _space_in(folder: Path) -> Space:
    """What is free in a folder. One that is gone or cannot be looked at is no matter of room: who writes there says."""
    try:
        return free_space(folder)
    except OSError:
        return Space(None, None)
