"""The report as frozen values, made from a ledger snapshot: everything that the renderings show, decided once.

Decides which attempts are listed, what an unanswered request counts as, and the totals. Pure: no clock, file or format.
Two reports of one snapshot at one moment are equal, down to their order.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hailuo_batch.core.model.clip_facts import ClipFacts
from hailuo_batch.core.model.runs import Output, Run, Snapshot, TakeRecord, in_doubt_if_submitting
from hailuo_batch.core.model.states import RUNNING, RunState, TakeState
from hailuo_batch.core.planning.failures import attempts_left
from hailuo_batch.core.planning.spend import Spend, charge_of, newest_costs, spend_of
from hailuo_batch.report.advice import SANDBOX, Advice, CommandBuilder, advise
from hailuo_batch.values import Take, format_usd

UNFINISHED_STATES = frozenset({TakeState.WAITING, TakeState.RUNNING, TakeState.DOWNLOADING})
"""States of takes that the next apply continues with."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One requested attempt at a take: the ledger's run, its part of the campaign's money, and what to do about it.

    `charged_micro_usd` counts a cost that the API never reported as the newest known one.
    """

    run: Run
    charged_micro_usd: int
    refunded_micro_usd: int
    advice: Advice | None

    @property
    def problem(self) -> str:
        """What went wrong with the run or its files; empty if nothing did."""
        return self.run.reason or "; ".join(self.run.flaws)


@dataclass(frozen=True, slots=True)
class ReportTake:
    """One take with every attempt at it, oldest first. `outputs` are those of its live attempt, else of the newest."""

    take: Take
    state: TakeState
    in_manifest: bool
    attempts: tuple[Attempt, ...]
    outputs: tuple[Output, ...]

    @property
    def id(self) -> str:
        """The take's ID."""
        return self.take.id

    @property
    def live(self) -> Attempt | None:
        """The attempt that decides the take's state, None if none was requested."""
        return next((attempt for attempt in reversed(self.attempts) if not attempt.run.is_superseded), None)

    @property
    def damaged(self) -> bool:
        """Whether the take is done with a file that is known to be damaged."""
        return self.state is TakeState.DONE and any(o.path is not None and o.flaw is not None for o in self.outputs)

    @property
    def prompt(self) -> str:
        """The prompt, empty for a model whose input has none."""
        prompt = self.take.input.get("prompt")
        return prompt if isinstance(prompt, str) else ""


def state_text(state: TakeState | RunState) -> str:
    """The state in words: `in doubt`."""
    return state.replace("_", " ")


def risk_sentence(spend: Spend) -> str:
    """`2 requests got no answer; up to $0.56 may have been charged.` Empty if every request got an answer."""
    if not spend.in_doubt_takes:
        return ""
    amount = spend.in_doubt_micro_usd
    most = "an unknown amount" if amount is None else f"up to {format_usd(amount)}"
    requests = "1 request" if spend.in_doubt_takes == 1 else f"{spend.in_doubt_takes:,} requests"
    return f"{requests} got no answer; {most} may have been charged."


def is_money_in_limbo(state: TakeState | RunState) -> bool:
    """Whether money was or may have been paid for a run that cannot be found. Long lists begin with these."""
    return state in {TakeState.IN_DOUBT, TakeState.LOST, RunState.IN_DOUBT, RunState.LOST}


@dataclass(frozen=True, slots=True)
class Stills:
    """The stills that a page can show.

    `posters` are the names of those that are there. `references` has the names of the stills of each take's reference
    images, by the take's ID and in the order of its images, empty for an image that is on the web alone. `pictures` are
    their addresses in the page, by their names, as far as they were read.
    """

    posters: frozenset[str] = frozenset()
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """A whole campaign at `generated_at` (seconds since the epoch). `totals` has a count for every state.

    `resume_command` continues the last apply with its options; `apply_command` has none. `collect_command` lacks the
    file of picks and the folder. `applying` is whether an apply was running. `forgotten` are attempts at takes that the
    user had forgotten: they belong to no take, but their money counts. `clips` has what the videos on disk say of
    themselves, by their paths, and `stills` what pictures there are of them; both as far as that was looked at.
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
    collect_command: str
    repair_command: str
    takes: tuple[ReportTake, ...]
    applying: bool = False
    forgotten: tuple[Attempt, ...] = ()
    clips: Mapping[str, ClipFacts] = field(default_factory=dict)
    stills: Stills = field(default_factory=Stills)

    @property
    def is_sandbox(self) -> bool:
        """Whether this is a practice run, where no money is real."""
        return self.endpoint == SANDBOX

    @property
    def damaged(self) -> int:
        """How many takes are done with a file that is known to be damaged."""
        return sum(take.damaged for take in self.takes)

    @property
    def unfinished(self) -> int:
        """How many takes the next apply continues with."""
        return sum(self.totals[state] for state in UNFINISHED_STATES)


def is_time_independent(report: Report) -> bool:
    """Whether a later report of the same ledger would be the same: no run is waited for that could become slow."""
    return not any(_may_become_slow(attempt.run) for take in report.takes for attempt in take.attempts)


def _may_become_slow(run: Run) -> bool:
    is_missing = run.state is RunState.SUCCEEDED and any(output.path is None for output in run.outputs)
    return is_missing or run.state in RUNNING


def build_report(
    snapshot: Snapshot,
    *,
    generated_at: float,
    commands: CommandBuilder | None = None,
    resume: str = "",
    submitting_state: TakeState = TakeState.IN_DOUBT,
    max_attempts: int = 1,
) -> Report:
    """The report of a snapshot. Pure.

    `commands` makes the commands that are advised; `resume` is the one that continues the last apply, if it is known.
    `submitting_state` is the state of a take whose request is being sent: WAITING while an apply holds the lock, else
    IN_DOUBT. `max_attempts` is how often the manifest lets a failing take be tried.
    """
    commands = commands or CommandBuilder("MANIFEST", snapshot.endpoint)
    resolved = _with_submitting_resolved(snapshot, submitting_state)
    costs = newest_costs(resolved.paid_runs)
    takes = tuple(_take(record, commands, costs, generated_at, max_attempts) for record in resolved.takes)
    counts = Counter(take.state for take in takes)
    return Report(
        campaign=snapshot.campaign,
        description=snapshot.description,
        endpoint=snapshot.endpoint,
        manifest_sha256=snapshot.manifest_sha256,
        generated_at=generated_at,
        totals={state: counts[state] for state in TakeState},
        spend=spend_of(resolved.paid_runs),
        resume_command=resume or str(commands.apply()),
        apply_command=str(commands.apply()),
        collect_command=str(commands.command("collect")),
        repair_command=str(commands.repair()),
        takes=takes,
        applying=submitting_state is TakeState.WAITING,
        forgotten=tuple(_attempt(run, None, costs) for run in resolved.forgotten),
    )


def _with_submitting_resolved(snapshot: Snapshot, submitting_state: TakeState) -> Snapshot:
    """The snapshot with every request that is being sent replaced by the state that it counts as."""
    if submitting_state is TakeState.IN_DOUBT:
        return in_doubt_if_submitting(snapshot)
    if submitting_state is not TakeState.WAITING:
        raise ValueError(f"a take whose request is being sent is waiting or in doubt, not {submitting_state}")
    return replace(snapshot, takes=tuple(replace(r, runs=tuple(map(_unsent, r.runs))) for r in snapshot.takes))


def _unsent(run: Run) -> Run:
    return replace(run, state=RunState.UNSENT) if run.state is RunState.SUBMITTING else run


def _take(
    record: TakeRecord, commands: CommandBuilder, costs: Mapping[str, int], now: float, max_attempts: int
) -> ReportTake:
    live = record.live
    current = live or next(reversed(record.runs), None)
    attempts = []
    for run in record.runs:
        if run.state is not RunState.UNSENT:
            is_retried = run.state is RunState.FAILED and attempts_left(record.runs, run.fingerprint, max_attempts) > 0
            advice = advise(run, record.in_manifest and run is live, commands, now, is_retried=is_retried)
            attempts.append(_attempt(run, advice, costs))
    return ReportTake(
        take=record.take,
        state=TakeState.WAITING if current is None else current.take_state,
        in_manifest=record.in_manifest,
        attempts=tuple(attempts),
        outputs=() if current is None or current.state is RunState.UNSENT else current.outputs,
    )


def _attempt(run: Run, advice: Advice | None, costs: Mapping[str, int]) -> Attempt:
    charged, refunded = charge_of(run, costs)
    return Attempt(run, charged, refunded, advice)
