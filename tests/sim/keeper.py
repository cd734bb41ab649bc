"""What happens to the state folder between applies: backups taken and put back, the ledger deleted, files removed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from hailuo_batch.commands.workspace import CampaignPaths, leftovers
from hailuo_batch.shell.ledger import Ledger, restore_backup, set_ledger_aside
from tests.sim.author import NAME
from tests.sim.process import ENDPOINT
from tests.sim.promises import Promises


@dataclass
class Keeper:
    """The one who looks after the folder, badly."""

    rng: Random
    paths: CampaignPaths
    promises: Promises
    say: Callable[[str], None]
    copies: int = 0
    _copy: Path | None = field(default=None)

    def meddle(self) -> None:
        """Something, or nothing, happens to the folder."""
        choice = self.rng.random()
        if choice < 0.15:
            self.copy()
        elif choice < 0.3:
            self.restore()
        elif choice < 0.35:
            self.delete()
        elif choice < 0.45:
            self.remove_file()

    def put_right(self) -> None:
        """Where the ledger is missing, the user has it back."""
        if not self.paths.ledger.exists() and leftovers(self.paths):
            self.restore()
        if not self.paths.ledger.exists() and leftovers(self.paths):
            self.rebuild()

    def copy(self) -> None:
        """A backup of the user's own, by SQLite's own means."""
        if not self.paths.ledger.exists():
            return
        self.copies += 1
        self._copy = self.paths.ledger.with_name(f"copy-{self.copies}")
        with Ledger.read(self.paths.ledger, NAME, ENDPOINT) as ledger:
            ledger.back_up(self._copy)
        self.say("the ledger is backed up")

    def restore(self) -> None:
        """A backup, the user's or the program's, is put back."""
        backups = [path for path in (self._copy, self.paths.backup) if path is not None and path.exists()]
        if not backups:
            return
        chosen = self.rng.choice(backups)
        set_ledger_aside(self.paths.ledger)
        restore_backup(chosen, self.paths.ledger)
        self.promises.forget_states()
        self.say(f"{chosen.name} is put back")

    def rebuild(self) -> None:
        """There is no backup: an empty ledger is begun beside the receipts."""
        Ledger.create(self.paths.ledger, NAME, ENDPOINT, 0.0)
        self.promises.forget_states()
        self.say("an empty ledger is begun beside the receipts")

    def delete(self) -> None:
        """The ledger is deleted; sometimes it is put back, or begun anew, before the next apply."""
        if self.paths.ledger.exists():
            self._remove_ledger()
            self.say("the ledger is deleted")
        if self.rng.random() < 0.5:
            self.put_right()

    def remove_file(self) -> None:
        """The user deletes an output."""
        files = sorted(path for path in self.paths.outputs.rglob("*.mp4")) if self.paths.outputs.exists() else []
        if files:
            path = self.rng.choice(files)
            path.unlink()
            self.promises.files.pop(path.relative_to(self.paths.outputs).as_posix(), None)
            self.say(f"{path.name} is deleted by the user")

    def _remove_ledger(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.paths.ledger.with_name(self.paths.ledger.name + suffix).unlink(missing_ok=True)
        self.promises.forget_states()
