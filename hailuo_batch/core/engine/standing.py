"""How an apply stands: what the user is to be told, and how far it still goes."""

from collections import deque

from hailuo_batch.core.engine.notices import Notice
from hailuo_batch.core.engine.stop_reasons import Halt, Reach


class Standing:
    """What the engine's parts have said so far. `notices` are taken from the left by whoever shows them."""

    def __init__(self) -> None:
        self.notices: deque[Notice] = deque()
        self.halts: list[Halt] = []
        self.reach = Reach.NONE  # how far the halts so far go

    def tell(self, *notices: Notice) -> None:
        """The user is to hear this."""
        self.notices += notices

    def halt(self, halt: Halt) -> None:
        """Stop, as far as the halt goes. What is under way still comes to its end."""
        if halt.reach > self.reach or halt.exit_code not in {known.exit_code for known in self.halts}:
            self.halts.append(halt)
            self.reach = max(self.reach, halt.reach)
            self.tell(*([Notice(halt.text)] if halt.text else []))
