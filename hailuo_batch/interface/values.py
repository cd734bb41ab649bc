"""What a campaign answers: findings, plans, states and results, as frozen values that can be kept and pickled."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hailuo_batch.errors import ExitCode, UnfinishedError
from hailuo_batch.interface.money import Money


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the shots that must be changed (`error`), or that may be a mistake (`warning`).

    `path`, `line` and `column` are its place, counted from 1. `code` is the kind of a warning, None for an error.
    `str(finding)` is the whole of it, with the line that it is about.
    """

    severity: str
    code: str | None
    path: str
    line: int
    column: int
    text: str
    hint: str = ""
    rendered: str = field(default="", repr=False)

    def __str__(self) -> str:
        return self.rendered


@dataclass(frozen=True, slots=True)
class Validation:
    """What was found in a campaign's shots. `shots` and `takes` are how many there are; None where any is an error."""

    findings: tuple[Finding, ...]
    shots: int | None
    takes: int | None

    @property
    def is_valid(self) -> bool:
        """Whether nothing is an error."""
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that must be changed."""
        return tuple(found for found in self.findings if found.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that may be mistakes."""
        return tuple(found for found in self.findings if found.severity == "warning")

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)


@dataclass(frozen=True, slots=True)
class PlannedTake:
    """What an apply would do with one take, and why.

    `action` is `create` or `replace` where it pays, `resume` or `download` where it follows what is paid for, else
    `keep`, `hold` or `unwanted`. `cost` is what it would pay, None where that is nothing or unknown. `input` is what
    is sent to make it.
    """

    id: str
    shot: str
    model: str
    action: str
    reason: str
    cost: Money | None
    input: Mapping[str, Any]
    variables: Mapping[str, str]

    @property
    def pays(self) -> bool:
        """Whether it is paid for."""
        return self.action in {"create", "replace"}

    @property
    def prompt(self) -> str:
        """The prompt, empty for a model whose input has none."""
        return str(self.input.get("prompt", ""))


@dataclass(frozen=True, slots=True)
class Plan:
    """What an apply would do, and roughly cost. Given to `apply` as its consent, exactly this is paid for.

    `cost` is the price of all runs that would be created, None while one is unknown, and `cap` what the campaign may
    spend in all, None without a limit. `at_least_s` and `about_s` are how long that takes. `notes` are remarks and
    warnings beside it. `document` is the plan as `hailuo-batch plan --json` prints it.
    """

    id: str
    campaign: str
    endpoint: str
    takes: tuple[PlannedTake, ...]
    totals: Mapping[str, int]
    creates: int
    cost: Money | None
    cap: Money | None
    at_least_s: float
    about_s: float | None
    notes: tuple[str, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def pays(self) -> bool:
        """Whether anything would be paid for."""
        return self.creates > 0

    @property
    def paying(self) -> tuple[PlannedTake, ...]:
        """The takes that would be paid for."""
        return tuple(take for take in self.takes if take.pays)

    def __str__(self) -> str:
        counts = ", ".join(f"{number:,} {action}" for action, number in self.totals.items() if number)
        price = "at a price that is not known yet" if self.cost is None else f"about {self.cost}"
        paying = f"{self.creates:,} to pay for, {price}" if self.pays else "nothing to pay for"
        return f"{self.campaign}: {counts or 'no takes'}; {paying}"


@dataclass(frozen=True, slots=True)
class TakeStatus:
    """Where one take stands. `state` is a word of docs/states.md, such as `done`; `files` are those on disk.

    `run_id` and `cost` are those of the attempt that counts, None where there is none or it is unknown. `problem` says
    what is wrong, empty where nothing is.
    """

    id: str
    shot: str
    state: str
    attempts: int
    run_id: str | None
    cost: Money | None
    files: tuple[Path, ...]
    problem: str
    is_damaged: bool
    in_manifest: bool
    tags: tuple[str, ...]
    prompt: str
    variables: Mapping[str, str]

    @property
    def is_done(self) -> bool:
        """Whether its video is on disk, and not known to be damaged."""
        return self.state == "done" and not self.is_damaged


@dataclass(frozen=True, slots=True)
class Spending:
    """The campaign's money so far. `in_doubt` is the most that requests without an answer may have cost, None while no
    price is known."""

    charged: Money
    refunded: Money
    in_doubt: Money | None

    @property
    def net(self) -> Money:
        """The amount charged, less the amount refunded."""
        return Money(self.charged.micro_usd - self.refunded.micro_usd)


@dataclass(frozen=True, slots=True)
class Status:
    """Where a campaign stands. `running` names the apply that is at it now, empty where none is.

    `new` is how many takes are asked for that no apply has seen yet. `notes` are remarks about the ledger, `problem` is
    what is wrong with it, empty where nothing is.
    """

    campaign: str
    takes: tuple[TakeStatus, ...]
    counts: Mapping[str, int]
    spending: Spending
    new: int
    running: str
    notes: tuple[str, ...]
    problem: str

    @property
    def is_done(self) -> bool:
        """Whether every take has its video."""
        return not self.new and all(take.is_done for take in self.takes)

    def take(self, take_id: str) -> TakeStatus:
        """The take with this ID. Raises KeyError without one."""
        return _find(self.takes, take_id)


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """How an apply ended. `takes` are all of the campaign, `unfinished` those asked for that have no good video.

    `exit_code` is what `hailuo-batch apply` would have ended with: 0 if all that was asked for is done. `stopped` says
    why it ended before that, `created` how many runs it created, or may have, and `page` is the report's page, None
    where none was written. `notes` are the remarks and warnings that came meanwhile.
    """

    campaign: str
    exit_code: ExitCode
    takes: tuple[TakeStatus, ...]
    counts: Mapping[str, int]
    spending: Spending
    created: int
    unfinished: tuple[str, ...]
    stopped: tuple[str, ...]
    notes: tuple[str, ...]
    page: Path | None

    @property
    def is_done(self) -> bool:
        """Whether all that was asked for is done."""
        return self.exit_code is ExitCode.DONE

    @property
    def in_doubt(self) -> tuple[TakeStatus, ...]:
        """The takes that may have been paid for without an answer: only you can decide about them."""
        return tuple(take for take in self.takes if take.state == "in_doubt")

    def take(self, take_id: str) -> TakeStatus:
        """The take with this ID. Raises KeyError without one."""
        return _find(self.takes, take_id)

    def raise_for_unfinished(self) -> None:
        """Raise UnfinishedError unless all that was asked for is done, so that a scheduler counts it as failed."""
        if not self.is_done:
            what = f"{len(self.unfinished):,} takes are unfinished" if self.unfinished else "it did not end well"
            why = f" {' '.join(self.stopped)}" if self.stopped else ""
            raise UnfinishedError(
                f"{self.campaign}: {what}, and everything that was paid for is recorded.{why}", self.exit_code
            )


def _find(takes: tuple[TakeStatus, ...], take_id: str) -> TakeStatus:
    for take in takes:
        if take.id == take_id:
            return take
    raise KeyError(take_id)


@dataclass(frozen=True, slots=True)
class Retried:
    """The takes that the next apply requests again; `refused_content` are those whose prompt or image was refused and
    is unchanged, so that they will probably fail again."""

    takes: tuple[str, ...]
    refused_content: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NameRun:
    """The request of one take made the run with this ID: Runbase is asked about it, and nothing is paid."""

    run_id: str
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Resubmit:
    """The next apply sends the request again, which pays again, perhaps for a second time: that needs consent."""

    consent: bool = False
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Abandon:
    """The attempt is given up; what it cost, or may have cost, still counts."""

    attempt: int | None = None


Decision = NameRun | Resubmit | Abandon
"""What to do about an attempt that is in doubt, lost or stuck."""
