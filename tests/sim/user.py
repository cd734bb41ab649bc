"""The user at the real command line: settles, retries and forgets takes, at random or as the report advises.

The commands are the product's own from the first word on; only the manifest, the clock, the disk and the API they meet
are the simulation's. What a command grants is counted when it is recorded.
"""

import io
import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from hailuo_batch import cli
from hailuo_batch.commands import resolve, writing
from hailuo_batch.commands.workspace import CampaignPaths
from hailuo_batch.core.lifecycle import RUNNING, RunState, TakeState
from hailuo_batch.core.records import Run, Snapshot, TakeRecord
from hailuo_batch.errors import ExitCode
from hailuo_batch.report.model import ReportRun, build_report
from hailuo_batch.sandbox.world.run_ids import PREFIX
from hailuo_batch.shell.client import RunLook, answers
from hailuo_batch.shell.key_window import Alone
from hailuo_batch.shell.ledger import Ledger
from tests.sim.author import Author
from tests.sim.grants import Grants
from tests.sim.hostile import make_hostile
from tests.sim.network import KEY, Site
from tests.sim.process import ENDPOINT
from tests.sim.truth import Violation

_NOBODYS = PREFIX + "a" * 40
_PLACEHOLDER = "run_ID"
_ENDLESS = frozenset({RunState.IN_DOUBT, *RUNNING})
_SETTLED = frozenset({TakeState.DONE, TakeState.ABANDONED})


class Api:
    """In place of the client of `resolve`: it can look a run up."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def look_up(self, run_id: str) -> RunLook:
        """What the world says of a run."""
        answer = self._site.world.read(self._site.clock.now(), KEY, run_id)
        self._site.arrive("foreign", 0)
        return answers.look_outcome(self._site.oddities.told(answers.Answer(answer.status, answer.body)), run_id)

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class Case:
    """An attempt that is not settled, and what the report tells of it: None where nothing was sent yet."""

    run: Run
    told: ReportRun | None

    def __str__(self) -> str:
        return f"{self.run.take_id} {self.run.state}"


@dataclass
class User:
    """Whoever sits at the terminal of one history."""

    site: Site
    author: Author
    paths: CampaignPaths
    grants: Grants
    read: Callable[[], Snapshot]
    forget: Callable[[], None]
    manifest: Path = field(init=False)

    def __post_init__(self) -> None:
        self.manifest = self.paths.ledger.parent.parent / "manifest.yaml"
        self.manifest.touch()

    def try_something(self) -> ExitCode:
        """Settle, retry or forget a take, whether that is wise or not."""
        rng, snapshot = self.site.fate.rng, self.read()
        records = [record for record in snapshot.takes if record.runs]
        if not records:
            return ExitCode.LEDGER
        record = rng.choice(records)
        run = record.live if record.live is not None and rng.random() < 0.7 else rng.choice(record.runs)
        words = rng.choice((self._naming, self._resubmitting, self._abandoning, self._retrying, self._forgetting))
        return self.give(*words(snapshot, record, run))

    def follow(self, case: "Case") -> None:
        """Do one of the things that the report says can be done. Raises Violation where that is refused."""
        advice = None if case.told is None else case.told.advice
        if advice is None:
            return
        program, *words = shlex.split(self.site.fate.rng.choice(advice.commands))
        if program != "hailuo-batch":
            raise Violation(f"{case.run.take_id}: the report advises a command that is not ours: {program}")
        if words[0] == "apply":
            return
        if _PLACEHOLDER in words:
            run_id = self._true_id(case.run)
            if run_id is None:
                return
            words[words.index(_PLACEHOLDER)] = run_id
        if "--resubmit" in words:
            self.grants.expect_again(case.run)
        vanished = "--run-id" in words and self.site.oddities.of(words[-1]) == "vanished"
        if self.give(*words) is not ExitCode.DONE and not vanished:
            raise Violation(f"{case.run.take_id} is {case.run.state}, and what the report advises is refused")

    def unsettled(self) -> list["Case"]:
        """Whatever needs somebody or something: attempts that do not end, and live ones of takes that are wanted."""
        snapshot = self.read()
        report = build_report(snapshot, generated_at=self.site.clock.wall(), manifest=str(self.manifest))
        cases = []
        for told, record in zip(report.takes, snapshot.takes, strict=True):
            wanted = told.in_manifest and told.state not in _SETTLED
            attempts = {run.attempt: run for run in told.runs}
            open_runs = (run for run in record.runs if run.state in _ENDLESS or (wanted and not run.superseded))
            cases += [Case(run, attempts.get(run.attempt)) for run in open_runs]
        return cases

    def give(self, *words: str) -> ExitCode:
        """A command. Raises Violation for one that ends in a bug of ours, or in exit 4 for nothing."""
        heard = io.StringIO()
        self.site.say(f"$ hailuo-batch {shlex.join(words)}")
        try:
            with self._at_the_terminal(), redirect_stdout(heard), redirect_stderr(heard):
                code = ExitCode(cli.run(words))
        finally:
            self.forget()
        if self.grants.is_waiting:
            self.grants.confirm(self.read())
        text = " ".join(heard.getvalue().split())
        self.site.say(f"exit {code}: {text}")
        if "this is a bug" in text:
            raise Violation(f"{shlex.join(words)}: {text}")
        if code is ExitCode.LEDGER and not self.site.fate.disk_failed and self.paths.ledger.exists():
            raise Violation(f"{shlex.join(words)} was refused for nothing: {text}")
        return code

    @contextmanager
    def _at_the_terminal(self) -> Iterator[None]:
        environment = {"RUNBASE_BASE_URL": ENDPOINT, "RUNBASE_API_KEY": KEY}
        site = self.site
        with (
            mock.patch.dict(os.environ, environment),
            mock.patch.object(writing, "load_campaign", return_value=self.author.campaign),
            mock.patch.object(writing, "Clock", return_value=site.clock),
            mock.patch.object(writing, "Ledger", _HostileLedger(site)),
            mock.patch.object(resolve, "Client", return_value=Api(site)),
            mock.patch.object(resolve, "share_window", return_value=Alone()),  # its file would be this machine's
        ):
            yield

    # --- what to try ---

    def _naming(self, snapshot: Snapshot, record: TakeRecord, run: Run) -> tuple[str, ...]:
        others = [other.run_id for other in snapshot.paid_runs if other.run_id is not None and other.key != run.key]
        named = self.site.fate.rng.choice((self._true_id(run), self._true_id(run), *others[:2], _NOBODYS))
        return ("resolve", *self._attempt(run), "--run-id", named or _NOBODYS)

    def _resubmitting(self, snapshot: Snapshot, record: TakeRecord, run: Run) -> tuple[str, ...]:
        self.grants.expect_again(run)
        return ("resolve", *self._attempt(run), "--resubmit")

    def _abandoning(self, snapshot: Snapshot, record: TakeRecord, run: Run) -> tuple[str, ...]:
        return ("resolve", *self._attempt(run), "--abandon")

    def _retrying(self, snapshot: Snapshot, record: TakeRecord, run: Run) -> tuple[str, ...]:
        takes = self.site.fate.rng.choice(((), (record.take.id,)))
        return ("retry", str(self.manifest), *takes)

    def _forgetting(self, snapshot: Snapshot, record: TakeRecord, run: Run) -> tuple[str, ...]:
        self.grants.expect_forgotten(record.take.id)
        force = self.site.fate.rng.choice(((), ("--force",)))
        return ("state", "rm", str(self.manifest), record.take.id, *force)

    def _attempt(self, run: Run) -> tuple[str, ...]:
        return (str(self.manifest), run.take_id, "--attempt", str(run.attempt))

    def _true_id(self, run: Run) -> str | None:
        """The run that a create really made, as the user finds it in the account; None where it made none."""
        sent = self.site.truth.sent.get(run.create_id or "")
        return None if sent is None else sent.run_id


class _HostileLedger:
    """In place of the class: what it opens lies on the hostile disk."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def open(self, *arguments: Any) -> Ledger:
        """As the class's own."""
        return make_hostile(Ledger.open(*arguments), self._site.fate)
