"""The sandbox's world, as a history needs it."""

from hailuo_batch.sandbox.world import World, WorldSettings
from hailuo_batch.sandbox.world.run_ids import RunFacts


class RememberingWorld(World):
    """A world that need not decipher an ID twice."""

    def __init__(self, settings: WorldSettings, files_base_url: str) -> None:
        super().__init__(settings, files_base_url)
        self._known: dict[str, RunFacts | None] = {}

    def facts(self, run_id: str) -> RunFacts | None:
        """As the world's own."""
        if run_id not in self._known:
            self._known[run_id] = super().facts(run_id)
        return self._known[run_id]

    def knows(self, key: str, run_id: str) -> bool:
        """Whether the account of this key knows this run."""
        facts = self.facts(run_id)
        return facts is not None and self._accounts.knows(self.account_of(key), facts.account)

    def spent_with(self, key: str) -> int:
        """What was spent with this key."""
        return self._spent.get(key, 0)
