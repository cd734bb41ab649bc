"""The report as frozen values, made from a ledger snapshot: what every rendering shows, decided once.

Owns what a reader is told: which attempts are listed, what an unanswered create counts as, the totals. Knows no
clock, file or format. Two reports of one snapshot at one moment are equal, down to their order.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hailuo_batch.core.model.runs import Output, Run, Snapshot, TakeRecord, in_doubt_if_submitting
from hailuo_batch.core.model.states import RUNNING, RunState, TakeState
from hailuo_batch.core.planning.plan import count_failures
from hailuo_batch.core.planning.spend import Spend, charge_of, newest_costs, spend_of
from hailuo_batch.report.advice import SANDBOX, Advice, CommandBuilder, advise

UNFINISHED_STATES = frozenset({TakeState.WAITING, TakeState.RUNNING, TakeState.DOWNLOADING})
"""States that the next apply carries on from by itself."""


@dataclass(frozen=True, slots=True)
class ReportOutput:
    """One file. `path` is relative to the report, None until the file is on disk; `bytes` is its size.

    `flaw` says what is wrong with a file that was paid for and is no whole video, None where nothing is known to be.
    """

    path: str | None
    url: str
    bytes: int | None
    sha256: str | None
    flaw: str | None = None


@dataclass(frozen=True, slots=True)
class ReportRun:
    """One attempt for which a create was sent. Times are seconds since the epoch; `error` says what went wrong.

    `charged_micro_usd` is its part of the campaign's spend: a cost that the API never named counts as the newest known.
    """

    take_id: str
    model: str
    run_id: str | None
    attempt: int
    state: RunState
    superseded: bool
    cost_micro_usd: int | None
    charged_micro_usd: int
    refunded_micro_usd: int
    fingerprint: str
    create_id: str | None
    submitted_at: float | None
    completed_at: float | None
    error: str | None
    outputs: tuple[ReportOutput, ...]
    advice: Advice | None

    @property
    def problem(self) -> str:
        """What went wrong, or what is known to be wrong with its files; empty where nothing is."""
        return self.error or "; ".join(_flaws(self.outputs))


@dataclass(frozen=True, slots=True)
class ReportTake:
    """One take, with every attempt at it, oldest first. `outputs` are those of the attempt that speaks for it,
    of the newest where none does."""

    id: str
    shot: str
    number: int
    tags: tuple[str, ...]
    fingerprint: str
    state: TakeState
    in_manifest: bool
    model: str
    input_json: str
    runs: tuple[ReportRun, ...]
    outputs: tuple[ReportOutput, ...]

    @property
    def input(self) -> dict[str, Any]:
        """The input as data, read from its text each time: of ten thousand takes, few commands need it."""
        parsed: dict[str, Any] = json.loads(self.input_json)
        return parsed

    @property
    def live(self) -> ReportRun | None:
        """The attempt that speaks for the take, None where no create was sent for it."""
        return next((run for run in reversed(self.runs) if not run.superseded), None)

    @property
    def damaged(self) -> bool:
        """Whether it is done, and a file of it is known to be no whole video."""
        return self.state is TakeState.DONE and any(_flaws(self.outputs))

    @property
    def prompt(self) -> str:
        """The prompt, empty for a model whose input has none."""
        prompt = self.input.get("prompt")
        return prompt if isinstance(prompt, str) else ""


def _flaws(outputs: Iterable[ReportOutput]) -> Iterator[str]:
    return (f"{output.path}: {output.flaw}" for output in outputs if output.flaw is not None)


def is_money_in_limbo(state: TakeState | RunState) -> bool:
    """Whether something was, or may have been, paid for and nobody knows where it is: a long list begins with it."""
    return state in {TakeState.IN_DOUBT, TakeState.LOST, RunState.IN_DOUBT, RunState.LOST}


@dataclass(frozen=True, slots=True)
class Report:
    """A whole campaign at `generated_at` (seconds since the epoch). `totals` has a count for every state.

    `resume_command` continues the apply that has left the campaign so, with its options; `apply_command` has none.
    `applying` is whether an apply was at work then. `forgotten` are attempts at takes that the user had forgotten: they
    are in no take, but their money counts.
    """

    campaign: str
    description: str
    endpoint: str
    manifest_sha256: str
    generated_at: float
    totals: Mapping[TakeState, int]
    spend: Spend
    resume_command: str
    apply_command: str
    repair_command: str
    takes: tuple[ReportTake, ...]
    applying: bool = False
    forgotten: tuple[ReportRun, ...] = ()

    @property
    def is_sandbox(self) -> bool:
        """Whether this is the sandbox, where no money is real."""
        return self.endpoint == SANDBOX

    @property
    def damaged(self) -> int:
        """How many takes are done with a file that is known to be no whole video."""
        return sum(take.damaged for take in self.takes)

    @property
    def unfinished(self) -> int:
        """How many takes the next apply carries on with by itself."""
        return sum(self.totals[state] for state in UNFINISHED_STATES)


def is_time_independent(report: Report) -> bool:
    """Whether a later report of the same ledger would say the same: nothing is waited for that could take too long."""
    return not any(_may_take_long(run) for take in report.takes for run in take.runs)


def _may_take_long(run: ReportRun) -> bool:
    is_missing = run.state is RunState.SUCCEEDED and any(output.path is None for output in run.outputs)
    return is_missing or run.state in RUNNING


def build_report(
    snapshot: Snapshot,
    *,
    generated_at: float,
    manifest_sha256: str | None = None,
    manifest: str = "MANIFEST",
    options: tuple[str, ...] = (),
    resume: str = "",
    submitting_state: TakeState = TakeState.IN_DOUBT,
    max_attempts: int = 1,
) -> Report:
    """The report of a snapshot. Pure.

    `manifest` is the manifest as the user named it and `options` say where its files lie, for the commands that are
    advised, `resume` the one that continues the apply, where that is known; `manifest_sha256` replaces the recorded
    one. `submitting_state` is what a create on its way is to this reader: WAITING while an apply holds the lock, else
    IN_DOUBT. `max_attempts` is how often the manifest has a take made that fails.
    """
    commands = CommandBuilder(manifest, snapshot.endpoint, options)
    resolved = _with_submitting_resolved(snapshot, submitting_state)
    costs = newest_costs(resolved.paid_runs)
    takes = tuple(_take(record, commands, costs, generated_at, max_attempts) for record in resolved.takes)
    counts = Counter(take.state for take in takes)
    return Report(
        campaign=snapshot.campaign,
        description=snapshot.description,
        endpoint=snapshot.endpoint,
        manifest_sha256=snapshot.manifest_sha256 if manifest_sha256 is None else manifest_sha256,
        generated_at=generated_at,
        totals={state: counts[state] for state in TakeState},
        spend=spend_of(resolved.paid_runs),
        resume_command=resume or str(commands.apply()),
        apply_command=str(commands.apply()),
        repair_command=str(commands.repair()),
        takes=takes,
        applying=submitting_state is TakeState.WAITING,
        forgotten=tuple(_run(run, None, costs) for run in resolved.forgotten),
    )


def _with_submitting_resolved(snapshot: Snapshot, submitting_state: TakeState) -> Snapshot:
    """The snapshot with every create that is on its way read as what it means."""
    if submitting_state is TakeState.IN_DOUBT:
        return in_doubt_if_submitting(snapshot)
    if submitting_state is not TakeState.WAITING:
        raise ValueError(f"a create on its way means waiting or in doubt, not {submitting_state}")
    return replace(snapshot, takes=tuple(replace(r, runs=tuple(map(_unsent, r.runs))) for r in snapshot.takes))


def _unsent(run: Run) -> Run:
    return replace(run, state=RunState.UNSENT) if run.state is RunState.SUBMITTING else run


def _take(
    record: TakeRecord, commands: CommandBuilder, costs: Mapping[str, int], now: float, max_attempts: int
) -> ReportTake:
    take, live = record.take, record.live
    current = live or next(reversed(record.runs), None)
    runs: list[ReportRun] = []
    outputs: tuple[ReportOutput, ...] = ()
    for run in record.runs:
        if run.state is not RunState.UNSENT:
            is_retried = run.state is RunState.FAILED and count_failures(record.runs, run.fingerprint) < max_attempts
            report_run = _run(
                run, advise(run, record.in_manifest and run is live, commands, now, is_retried=is_retried), costs
            )
            outputs = report_run.outputs if run is current else outputs
            runs.append(report_run)
    return ReportTake(
        id=take.id,
        shot=take.shot,
        number=take.number,
        tags=take.tags,
        fingerprint=take.fingerprint,
        state=TakeState.WAITING if current is None else current.take_state,
        in_manifest=record.in_manifest,
        model=take.model,
        input_json=take.input_json,
        runs=tuple(runs),
        outputs=outputs,
    )


def _run(run: Run, advice: Advice | None, costs: Mapping[str, int]) -> ReportRun:
    charged, refunded = charge_of(run, costs)
    return ReportRun(
        take_id=run.take_id,
        model=run.model,
        run_id=run.run_id,
        attempt=run.attempt,
        state=run.state,
        superseded=run.is_superseded,
        cost_micro_usd=run.cost_micro_usd,
        charged_micro_usd=charged,
        refunded_micro_usd=refunded,
        fingerprint=run.fingerprint,
        create_id=run.create_id,
        submitted_at=run.submitted_at,
        completed_at=run.completed_at,
        error=run.reason,
        outputs=_outputs(run.outputs),
        advice=advice,
    )


def _outputs(outputs: Iterable[Output]) -> tuple[ReportOutput, ...]:
    return tuple(ReportOutput(o.path, o.url, o.bytes, o.sha256, o.flaw if o.path else None) for o in outputs)
