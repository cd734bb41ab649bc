"""A clock that moves when it is told to."""

START = 1_760_000_000.0


class VirtualClock:
    """Time as the simulation has it. `wall_offset` may be changed to have the time of day jump."""

    def __init__(self, start: float = START) -> None:
        self.time = start
        self.wall_offset = 0.0

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time + self.wall_offset
