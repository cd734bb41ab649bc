"""Picks: what a person decided about the videos that they saw.

Pure. A pick is about one run, because that is what makes one video: where a take has another video by now, no pick
speaks for it.
"""

from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """What was decided about a video."""

    CHOSEN = "chosen"
    REJECTED = "rejected"
    REROLL = "reroll"


@dataclass(frozen=True, slots=True)
class Pick:
    """The mark and the note of one run. `mark` is None where there is only a note, `note` empty where there is none."""

    take_id: str
    run_id: str
    mark: Mark | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Picks:
    """The picks of one campaign, at most one for a run. `endpoint` is empty and `exported_at`, seconds since the epoch,
    None where the file does not say it."""

    campaign: str
    endpoint: str = ""
    picks: tuple[Pick, ...] = ()
    exported_at: float | None = None

    def marked(self, mark: Mark) -> tuple[Pick, ...]:
        """The picks with this mark, in the file's order."""
        return tuple(pick for pick in self.picks if pick.mark is mark)
