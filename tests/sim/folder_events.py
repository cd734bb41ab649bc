"""What happens to the folder between applies: backups taken and put back, the ledger deleted or damaged, videos deleted
or changed."""

import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from hailuo_batch.adapters.ledger import Ledger, restore_backup, set_ledger_aside
from hailuo_batch.app.workspace import CampaignPaths, leftovers
from tests.sim.author import NAME
from tests.sim.process import ENDPOINT
from tests.sim.promises import Promises
from tests.sim.records import Records
from tests.sim.state_damage import StateDamage

_SIDE = ("", "-wal", "-shm")


@dataclass
class FolderEvents:
    """The one who looks after the folder, badly."""

    rng: Random
    paths: CampaignPaths
    promises: Promises
    vandal: StateDamage
    log: Callable[[str], None]
    count: Callable[[str], None]
    copies: int = 0
    is_suspect: bool = False  # the ledger may be older than what lies beside it
    _copy: Path | None = field(default=None)
    _damaged: bytes | None = field(default=None)  # the ledger's file as it was left damaged

    @property
    def has_ledger(self) -> bool:
        """Whether there is a ledger that can be used."""
        if not self.paths.ledger.exists():
            return False
        return self._damaged is None or self.paths.ledger.read_bytes() != self._damaged

    def meddle(self, records: Records) -> None:
        """Something, or nothing, happens to the folder."""
        deeds: dict[Callable[[], object], float] = {
            self.copy: 0.1,
            self.restore: 0.1,
            self.delete: 0.05,
            self.damage: 0.03,
            self.alter: 0.06,
            self.remove_file: 0.08,
            self.change_file: 0.1,
            self.cache_state: 0.22,
            self.alter_costs: 0.04,
            lambda: self.tear(records): 0.1,
        }
        deed = self.rng.choices((*deeds, None), (*deeds.values(), 1 - sum(deeds.values())))[0]
        if self.paths.ledger.with_name(f"{self.paths.ledger.name}-wal").exists():
            # an error has kept a statement of a process that has ended, and SQLite its connection: once Python clears
            # them away, whenever that is, the log is folded in, over what happens here
            gc.collect()
        if deed is not None:
            with records.taking_away():
                deed()

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
        self.vandal.cache.mkdir(exist_ok=True)
        self._copy = self.vandal.cache / f"copy-{self.copies}"
        with Ledger.open(self.paths.ledger, NAME, ENDPOINT, 0.0) as ledger:
            ledger.back_up(self._copy)
        self.log("the ledger is backed up")

    def restore(self) -> None:
        """A backup, the user's or the program's, is put back."""
        backups = [path for path in (self._copy, self.paths.backup) if path is not None and path.exists()]
        if not backups:
            return
        chosen = self.rng.choice(backups)
        self.paths.ledger.parent.mkdir(exist_ok=True)
        set_ledger_aside(self.paths.ledger)
        restore_backup(chosen, self.paths.ledger)
        self.is_suspect = True
        self.promises.forget_states()
        self.log(f"{chosen.name} is put back")

    def rebuild(self) -> None:
        """There is no backup: an empty ledger is begun beside the receipts."""
        set_ledger_aside(self.paths.ledger)
        Ledger.create(self.paths.ledger, NAME, ENDPOINT, 0.0)
        self.is_suspect = True
        self.promises.forget_states()
        self.log("an empty ledger is begun beside the receipts")

    def delete(self) -> None:
        """The ledger is deleted; sometimes it is put back, or begun anew, before the next apply."""
        if self.paths.ledger.exists():
            for suffix in _SIDE:
                self.paths.ledger.with_name(self.paths.ledger.name + suffix).unlink(missing_ok=True)
            self.promises.forget_states()
            self.log("the ledger is deleted")
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
        self.log(f"the ledger is damaged: {len(self._damaged)} bytes of {len(content)}")
        if self.rng.random() < 0.3:
            self.put_right()

    def alter(self) -> None:
        """One value in the ledger becomes one that fits no type; sometimes it is put right at once."""
        if not self.has_ledger or not self.vandal.alter_value():
            return
        self.count("value altered")
        self._damaged = self.paths.ledger.read_bytes()
        self.promises.forget_states()
        if self.rng.random() < 0.2:
            self.put_right()

    def cache_state(self) -> None:
        """The whole state folder is copied away, as a CI cache does; or the copy is put back, whole or in parts."""
        if self.has_ledger and (not self.vandal.has_copy or self.rng.random() < 0.3):
            self.vandal.keep_state()
        else:
            self.put_state_back(whole=self.rng.random() < 0.5)

    def put_state_back(self, *, whole: bool) -> None:
        """The copy of the state folder is put back."""
        if self.vandal.put_state_back(whole=whole):
            self.count("older state put back")
            self.promises.is_plain_copy = self.is_suspect = True
            self.promises.forget_states()

    def take_away(self) -> None:
        """While an apply is at work, files of the state folder go, or others come in their place."""
        self.vandal.take_away()
        self.promises.is_plain_copy = self.is_suspect = True
        self.promises.forget_states()
        self.promises.forget_aside()

    def alter_costs(self) -> None:
        """Costs in the receipts become what no cost is, and the ledger an older one, which has to take them over."""
        if self.vandal.alter_costs():
            self.count("receipts' costs altered")
            self.restore()

    def tear(self, records: Records) -> None:
        """A disk, or a tool that syncs folders, damages the report, the notes beside the videos, or all of them."""
        notes = records.notes()
        some = [path for path in notes if path.name == "report.json"], notes[:-1], notes
        for path in self.rng.choice(some):
            content = path.read_bytes()
            if not content:
                continue
            cut = len(content) * self.rng.randint(50, 95) // 100
            records.tear(path, self.rng.choice((content[:cut], content[:cut], b"", bytes(len(content)))))
            self.count("file torn")
            self.log(f"{path.name} is torn")
        if self.rng.random() < 0.85:
            self.put_state_back(whole=True)

    def clear_torn(self, records: Records) -> None:
        """What is damaged is moved away."""
        torn = records.torn
        if not torn:
            return
        with records.taking_away():
            self.vandal.cache.mkdir(exist_ok=True)
            for path in torn:
                path.rename(self.vandal.cache / f"damaged-{path.name}")
                self.log(f"{path.name} is moved away")

    def make_room(self) -> None:
        """A ledger that cannot be used is moved away, for a new one to be begun."""
        if self.paths.ledger.exists():
            set_ledger_aside(self.paths.ledger)
            self.log("the damaged ledger is moved away")

    def begin_anew(self) -> None:
        """The backup of what was before is of no use to what comes."""
        self._copy = None
        self.vandal.forget_copies()
        self.promises.forget_states()

    def remove_file(self) -> None:
        """The user deletes an output."""
        if (path := self._any_video()) is not None:
            path.unlink()
            self.promises.files.pop(self._name(path), None)
            self.log(f"{path.name} is deleted by the user")

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
            self.log(f"{path.name} is changed by the user: {len(after)} bytes, not {len(before)}")

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
