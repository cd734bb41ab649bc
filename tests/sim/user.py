"""The user at the real command line: settles, retries and forgets takes, at random or as the report advises, keeps
plans, compares and repairs files.

The commands are the product's own from the first word on; only the manifest, the clock, the disk and the API they meet
are the simulation's. What a command grants is counted when it is recorded.
"""

import io
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from hailuo_batch import cli
from hailuo_batch.adapters.runbase import RunLookup, responses
from hailuo_batch.app import api_target, ledger_access, manifest_input, plan_campaign
from hailuo_batch.app.api_target import ApiTarget
from hailuo_batch.app.manifest_input import Manifest
from hailuo_batch.app.mending import resolve, restore
from hailuo_batch.commands import state
from hailuo_batch.core.model.api_keys import ApiKey
from hailuo_batch.core.model.runs import Output, Run, Snapshot, TakeRecord
from hailuo_batch.core.model.states import RUNNING, RunState, TakeState
from hailuo_batch.core.planning.plan import InDoubtPolicy, PlanRequest
from hailuo_batch.errors import ExitCode
from hailuo_batch.report.advice import CommandBuilder
from hailuo_batch.report.model import Attempt, build_report
from hailuo_batch.sandbox.world.run_ids import PREFIX
from tests.sim.author import Author
from tests.sim.environment import Site
from tests.sim.grants import Grants
from tests.sim.hostile import HostileLedger
from tests.sim.kept_plans import KeptPlan, KeptPlans
from tests.sim.key_promises import check_printed
from tests.sim.process import Process
from tests.sim.promises import Promises
from tests.sim.truth import Violation

_NOBODYS = PREFIX + "a" * 40
_PLACEHOLDER = "run_ID"
_ENDLESS = frozenset({RunState.IN_DOUBT, *RUNNING})
_FINAL = frozenset({TakeState.DONE, TakeState.ABANDONED})


class Api:
    """In place of a client of `resolve`: it can look a run up with its key."""

    def __init__(self, site: Site, process: int, key: str) -> None:
        self._site = site
        self._process = process
        self._key = key

    def look_up(self, run_id: str) -> RunLookup:
        """What the world says of a run."""
        limited = self._site.world.stats.rate_limited
        self._site.arrive("read", self._key)
        answer = self._site.world.read(self._site.clock.now(), self._key, run_id)
        if self._site.world.stats.rate_limited > limited:
            self._site.blame(self._process, self._key)
        return responses.lookup_outcome(
            self._site.oddities.reported(responses.Response(answer.status, answer.body)), run_id
        )


@dataclass(frozen=True, slots=True)
class Case:
    """An attempt that is not settled, and what the report tells of it: None where nothing was sent yet."""

    run: Run
    reported: Attempt | None

    def __str__(self) -> str:
        return f"{self.run.take_id} {self.run.state}"


@dataclass
class User:
    """Whoever sits at the terminal of one history."""

    site: Site
    author: Author
    grants: Grants
    promises: Promises
    drawer: KeptPlans
    manifest: Path
    read: Callable[[], Snapshot]
    forget: Callable[[], None]
    has_ledger: Callable[[], bool]
    may_be_refused: Callable[[], bool]
    begin: Callable[[], Process]
    said: str = ""  # by the last command
    is_bereft: bool = False  # files of the state folder were taken away while the last command was at work

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

    def keep_plan(self, request: PlanRequest, picks: Path | None = None) -> KeptPlan | None:
        """Have a plan kept in a file. None where that did not come about."""
        rows = self.drawer.read_rows()
        self.drawer.made += 1
        path = self.manifest.with_name(f"plan-{self.drawer.made}.json")
        words = [*_options("--only", request.only), *_options("--replace", request.replace)]
        words += [] if request.limit is None else ["--limit", str(request.limit)]
        words += [] if picks is None else ["--replace-from", str(picks)]
        words += ["--in-doubt", "resubmit"] if request.in_doubt is InDoubtPolicy.RESUBMIT else []
        if self.give("plan", str(self.manifest), "--out", str(path), *words) is not ExitCode.DONE:
            return None
        kept = KeptPlan.read(path, self.author.campaign, rows, self.read() if self.has_ledger() else None)
        self.drawer.plans.append(kept)
        return kept

    def verify(self) -> ExitCode:
        """Compare the files with the ledger. Raises Violation where anything else is said, or anything is changed."""
        rows, differing = self.drawer.read_rows(), self.promises.differing(self.read())
        code = self.give("verify", str(self.manifest))
        if rows != self.drawer.read_rows():
            raise Violation("verify has changed the ledger")
        if (code is ExitCode.DONE) != (not differing) and not self.may_be_refused():
            raise Violation(f"verify ends with {code}, and these outputs differ: {_named(differing)}")
        return code

    def repair(self) -> ExitCode:
        """Have what differs downloaded again. Raises Violation where that is said to be done and is not."""
        code = self.give("verify", str(self.manifest), "--repair")
        if self.is_bereft:
            return code
        differing = self.promises.differing(self.read())
        if code is ExitCode.DONE and differing:
            raise Violation(f"verify --repair says that all is well, and these outputs differ: {_named(differing)}")
        lacks_a_report = "The report could not be written" in self.said
        if lacks_a_report and not (self.site.fate.disk_failed or self.site.room.is_short):
            raise Violation("verify --repair could not write its report, and there was room on a disk that is well")
        if code is ExitCode.DONE or (code is ExitCode.UNFINISHED and not lacks_a_report):
            self.promises.check_report(self.read())
        return code

    def try_in_vain(self, *, looks_on: bool) -> None:
        """Give any command, where the ledger cannot be used: each is refused with exit 4. With `looks_on`, the ledger
        can be read, and is older than what lies beside it: then it may be looked at."""
        take = self.site.fate.rng.choice(list(self.author.campaign.takes)).id
        looking: tuple[tuple[str, ...], ...] = (("state", "show"), ("state", "export"))
        words = self.site.fate.rng.choice(
            (
                ("plan",),
                ("status",),
                ("report",),
                ("verify",),
                ("verify", "--repair"),
                ("retry",),
                ("resolve", take, "--abandon"),
                ("resolve", take, "--resubmit", "--yes"),
                ("state", "rm", take, "--force"),
                *(() if looks_on else looking),
            )
        )
        at = 2 if words[0] == "state" else 1
        code = self.give(*words[:at], str(self.manifest), *words[at:])
        if code is not ExitCode.LEDGER:
            raise Violation(f"{words[0]} ends with {code}, and the ledger cannot be used")

    def follow(self, case: "Case") -> None:
        """Do one of the things that the report says can be done. Raises Violation where that is refused."""
        advice = None if case.reported is None else case.reported.advice
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
            words.append("--yes")
        vanished = "--run-id" in words and self.site.oddities.of(words[-1]) == "vanished"
        if self.give(*words) is not ExitCode.DONE and not vanished:
            raise Violation(f"{case.run.take_id} is {case.run.state}, and what the report advises is refused")

    def unresolved(self) -> list["Case"]:
        """Whatever needs somebody or something: attempts that do not end, and live ones of takes that are wanted."""
        snapshot = self.read()
        report = build_report(
            snapshot,
            generated_at=self.site.clock.wall(),
            commands=CommandBuilder(str(self.manifest), snapshot.endpoint),
        )
        cases = []
        for reported, record in zip(report.takes, snapshot.takes, strict=True):
            wanted = reported.in_manifest and reported.state not in _FINAL
            attempts = {attempt.run.attempt: attempt for attempt in reported.attempts}
            open_runs = (run for run in record.runs if run.state in _ENDLESS or (wanted and not run.is_superseded))
            cases += [Case(run, attempts.get(run.attempt)) for run in open_runs]
        return cases

    def give(self, *words: str) -> ExitCode:
        """A command. Raises Violation for one that ends in a bug of ours, or in exit 4 for nothing."""
        recorded, process = io.StringIO(), self.begin()
        self.site.log(f"$ hailuo-batch {shlex.join(words)}")
        if words[0] != "plan":
            self.drawer.touch()
        try:
            with self._at_the_terminal(process), redirect_stdout(recorded), redirect_stderr(recorded):
                code = ExitCode(cli.run(words))
        finally:
            process.hang_up()
            self.forget()
            self.is_bereft = process.is_bereft
        if self.grants.is_waiting and self.has_ledger():
            self.grants.confirm(self.read())
        self.said = text = " ".join(recorded.getvalue().split())
        self.site.log(f"exit {code}: {text}")
        check_printed(text.encode("utf-8"), words[0])
        if "this is a bug" in text:
            raise Violation(f"{shlex.join(words)}: {text}")
        if code is ExitCode.LEDGER and not (self.may_be_refused() or self._is_unfit(words)):
            raise Violation(f"{shlex.join(words)} was refused for nothing: {text}")
        return code

    def _is_unfit(self, words: tuple[str, ...]) -> bool:
        """Whether no plan may be kept of the ledger as it is."""
        return words[0] == "plan" and self.read().restored

    @contextmanager
    def _at_the_terminal(self, process: Process) -> Iterator[None]:
        """While it lasts, commands meet this manifest, this clock, this disk and this world."""
        site, campaign = self.site, self.author.campaign
        manifest: dict[str, Any] = {"read_manifest": lambda where, *_: Manifest(where.manifest, campaign, {}, {}, "")}
        meets: dict[str, Any] = {"Clock": lambda: site.clock, "Ledger": HostileLedger(site.fate)}
        time = SimpleNamespace(monotonic=site.clock.now, sleep=self._sleep)

        def clients(target: ApiTarget, names: Mapping[str, ApiKey]) -> AbstractContextManager[Mapping[int, Api]]:
            return nullcontext({names[key].number: Api(site, process.number, key) for key in target.keys})

        with (
            mock.patch.multiple(manifest_input, **manifest),
            mock.patch.multiple(plan_campaign, **manifest),
            mock.patch.multiple(ledger_access, **meets),
            mock.patch.multiple(restore, **meets),
            mock.patch.multiple(state, Clock=lambda: site.clock),
            mock.patch.multiple(resolve, open_clients=clients, share_window=process.share),
            mock.patch.multiple(api_target, time=time),
            process.history.keyring.in_environment(process.keys),
            process.at_work(),
        ):
            yield

    def _sleep(self, seconds: float) -> None:
        self.site.clock.time += seconds
        self.site.deliver_stragglers()

    # --- what to try ---

    def _naming(self, snapshot: Snapshot, record: TakeRecord, run: Run) -> tuple[str, ...]:
        others = [other.run_id for other in snapshot.paid_runs if other.run_id is not None and other.key != run.key]
        named = self.site.fate.rng.choice((self._true_id(run), self._true_id(run), *others[:2], _NOBODYS))
        return ("resolve", *self._attempt(run), "--run-id", named or _NOBODYS)

    def _resubmitting(self, snapshot: Snapshot, record: TakeRecord, run: Run) -> tuple[str, ...]:
        self.grants.expect_again(run)
        return ("resolve", *self._attempt(run), "--resubmit", "--yes")

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


def _options(name: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (name, value)]


def _named(outputs: Iterable[tuple[Run, Output]]) -> str:
    return ", ".join(f"output {output.index + 1} of {run.run_id} of {run.take_id}" for run, output in outputs)
