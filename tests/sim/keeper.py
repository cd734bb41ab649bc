"""What happens to the folder between applies: backups taken and put back, the ledger deleted or damaged, videos deleted
or changed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from hailuo_batch.commands.workspace import CampaignPaths, leftovers
from hailuo_batch.shell.ledger import Ledger, restore_backup, set_ledger_aside
from tests.sim.author import NAME
from tests.sim.process import ENDPOINT
from tests.sim.promises import Promises

_SIDE = ("", "-wal", "-shm")


@dataclass
class Keeper:
    """The one who looks after the folder, badly."""

    rng: Random
    paths: CampaignPaths
    promises: Promises
    say: Callable[[str], None]
    copies: int = 0
    _copy: Path | None = field(default=None)
    _damaged: bytes | None = field(default=None)  # the ledger's file as it was left damaged

    @property
    def has_ledger(self) -> bool:
        """Whether there is a ledger that can be used."""
        if not self.paths.ledger.exists():
            return False
        return self._damaged is None or self.paths.ledger.read_bytes() != self._damaged

    def meddle(self) -> None:
        """Something, or nothing, happens to the folder."""
        choice = self.rng.random()
        if choice < 0.15:
            self.copy()
        elif choice < 0.3:
            self.restore()
        elif choice < 0.35:
            self.delete()
        elif choice < 0.38:
            self.damage()
        elif choice < 0.46:
            self.remove_file()
        elif choice < 0.56:
            self.change_file()

    def put_right(self) -> None:
        """Where the ledger is missing or damaged, the user has it back; where nothing else is left, it makes room."""
        if not self.has_ledger and leftovers(self.paths):
            self.restore()
        if not self.has_ledger and leftovers(self.paths):
            self.rebuild()
        if not self.has_ledger:
            self.make_room()

    def copy(self) -> None:
        """A backup of the user's own, by SQLite's own means."""
        if not self.has_ledger:
            return
        self.copies += 1
        self._copy = self.paths.ledger.with_name(f"copy-{self.copies}")
        with Ledger.open(self.paths.ledger, NAME, ENDPOINT, 0.0) as ledger:
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
        set_ledger_aside(self.paths.ledger)
        Ledger.create(self.paths.ledger, NAME, ENDPOINT, 0.0)
        self.promises.forget_states()
        self.say("an empty ledger is begun beside the receipts")

    def delete(self) -> None:
        """The ledger is deleted; sometimes it is put back, or begun anew, before the next apply."""
        if self.paths.ledger.exists():
            for suffix in _SIDE:
                self.paths.ledger.with_name(self.paths.ledger.name + suffix).unlink(missing_ok=True)
            self.promises.forget_states()
            self.say("the ledger is deleted")
        if self.rng.random() < 0.5:
            self.put_right()

    def damage(self) -> None:
        """The ledger's file is cut short, or its beginning is written over; sometimes it is put right at once."""
        if not self.has_ledger:
            return
        content = self.paths.ledger.read_bytes()
        cut = self.rng.randrange(len(content))
        self._damaged = self.rng.choice((content[:cut], b"\0" * (cut + 1) + content[cut + 1 :], b"x" * cut))
        self.paths.ledger.write_bytes(self._damaged)
        self.promises.forget_states()
        self.say(f"the ledger is damaged: {len(self._damaged)} bytes of {len(content)}")
        if self.rng.random() < 0.3:
            self.put_right()

    def make_room(self) -> None:
        """A ledger that cannot be used is moved away, for a new one to be begun."""
        if self.paths.ledger.exists():
            set_ledger_aside(self.paths.ledger)
            self.say("the damaged ledger is moved away")

    def begin_anew(self) -> None:
        """The backup of what was before is of no use to what comes."""
        self._copy = None
        self.promises.forget_states()

    def remove_file(self) -> None:
        """The user deletes an output."""
        if (path := self._any_video()) is not None:
            path.unlink()
            self.promises.files.pop(self._name(path), None)
            self.say(f"{path.name} is deleted by the user")

    def change_file(self) -> None:
        """The user changes an output: cuts it short, writes into it, or lengthens it."""
        if (path := self._any_video()) is not None:
            before = path.read_bytes()
            middle = len(before) // 2
            mark = f"by hand {len(self.promises.by_hand)}".encode("ascii")
            changed = before[:middle] + mark + before[middle + len(mark) :]
            after = self.rng.choice((before[: self.rng.randrange(max(1, len(before)))], changed, before + mark))
            if after == before:
                return
            path.write_bytes(after)
            self.promises.by_hand.add(after)
            for name in self._names_of(path):
                self.promises.files[name] = after
            self.say(f"{path.name} is changed by the user: {len(after)} bytes, not {len(before)}")

    def _any_video(self) -> Path | None:
        files = self._videos()
        return self.rng.choice(files) if files else None

    def _videos(self) -> list[Path]:
        return sorted(self.paths.outputs.rglob("*.mp4")) if self.paths.outputs.exists() else []

    def _names_of(self, path: Path) -> list[str]:
        """All the names of a file: a rename that was cut off leaves it two."""
        return [self._name(other) for other in self._videos() if other.samefile(path)]

    def _name(self, path: Path) -> str:
        return path.relative_to(self.paths.outputs).as_posix()
