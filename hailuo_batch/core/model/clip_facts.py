"""What a saved video says of itself. A plain value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """How long a video plays, in seconds, and its picture's size in pixels as it is shown. None is not known."""

    length_s: float | None = None
    width: int | None = None
    height: int | None = None
