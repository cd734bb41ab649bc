"""Whoever looks at the videos, and marks some for another one: in files that are applied again and again, or later.

Most marks name what was seen. Some name a run of another take, of an earlier attempt or of none, as a file does that
was mixed up or is older than the campaign: such a mark must ask for nothing.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from hailuo_batch.app.picks.picks_file import SCHEMA
from hailuo_batch.core.model.runs import Snapshot, TakeRecord
from hailuo_batch.core.model.states import RunState
from tests.sim.author import NAME


@dataclass
class Reviewer:
    """The files of picks of one history, in `folder`. `rng` is of its own: a history is as it was without them."""

    rng: Random
    folder: Path
    files: list[Path] = field(default_factory=list)

    def any_picks(self, snapshot: Snapshot) -> Path | None:
        """Now and then a file of picks, new or given before. `snapshot` is what there is to be seen."""
        if self.files and self.rng.random() < 0.4:
            return self.rng.choice((self.files[-1], self.files[-1], *self.files))
        if self.rng.random() > 0.25:
            return None
        marks = {mark["run_id"]: mark for mark in self._marks(snapshot)}
        self.files.append(self.folder / f"picks-{len(self.files) + 1}.json")
        document = {"schema": SCHEMA, "version": 1, "campaign": NAME, "picks": [*marks.values()]}
        self.files[-1].write_text(json.dumps(document), encoding="utf-8")
        return self.files[-1]

    def _marks(self, snapshot: Snapshot) -> Iterator[dict[str, str]]:
        all_runs = [run.run_id for run in snapshot.runs if run.run_id is not None]
        for record in snapshot.takes:
            seen = record.live
            if self.rng.random() < 0.15:
                yield _mark(record, self.rng.choice([*all_runs, "run_nobodys"]))
            elif seen is not None and seen.run_id and seen.state is RunState.SUCCEEDED and self.rng.random() < 0.6:
                yield _mark(record, seen.run_id)


def _mark(record: TakeRecord, run_id: str) -> dict[str, str]:
    return {"take": record.take.id, "run_id": run_id, "mark": "reroll"}
