"""What a person has to do about an attempt that does not end in a video by itself, in words and commands.

Owns those words; knows nothing of how they are shown. Only what needs a person gets advice: an attempt that the
next apply settles alone gets none, and no advice ever leads to paying twice without saying so. An apply is advised for
the one take that it is about: without --only it would pay for every other one that is not done, too.
"""

from dataclasses import dataclass

from hailuo_batch.core.lifecycle import RUNNING, RunState
from hailuo_batch.core.records import Run
from hailuo_batch.text import shell_line
from hailuo_batch.values import format_duration

SANDBOX = "sandbox"
STUCK_AFTER_S = 3600.0
"""Seconds after which a run that has not finished, or a finished one whose files are not here, may need a person."""


@dataclass(frozen=True, slots=True)
class Advice:
    """`text` says what happened to the money and what can be done; `commands` can be pasted into a shell."""

    text: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Commands:
    """The program's commands for one campaign: `manifest` as the user named it, `endpoint` as the ledger has it.

    `options` are those that every command of this campaign needs to find its files.
    """

    manifest: str
    endpoint: str
    options: tuple[str, ...] = ()

    def apply(self, *options: str) -> str:
        """An `apply` of this campaign."""
        return self._line("apply", *options)

    def retry(self, take_id: str) -> str:
        """One more attempt for a take."""
        return self._line("retry", take_id)

    def repair(self) -> str:
        """Another try at the downloads that came damaged, and at files that have changed."""
        return self._line("verify", "--repair")

    def resolve(self, run: Run) -> tuple[str, ...]:
        """The ways out for an attempt."""
        attempt = ("--attempt", str(run.attempt)) if run.superseded else ()
        named = (self._line("resolve", run.take_id, *attempt, "--run-id", "run_ID"),)
        ways = ("--abandon",) if run.superseded else ("--resubmit", "--abandon")
        return (*named, *(self._line("resolve", run.take_id, *attempt, way) for way in ways))

    def _line(self, command: str, *words: str) -> str:
        rehearsal = ("--sandbox",) if self.endpoint == SANDBOX else ()
        return shell_line(("hailuo-batch", command, self.manifest, *rehearsal, *self.options, *words))


def advise(run: Run, speaks: bool, commands: Commands, now: float) -> Advice | None:
    """What to do about this attempt, None where nothing is.

    `speaks` is whether it is the live attempt of a take that the manifest still asks for. `now` is seconds since the
    epoch, UTC.
    """
    if run.state is RunState.SUCCEEDED and run.outputs_saved and not run.flaws:
        return None  # as nearly all are in the end
    if run.state is RunState.IN_DOUBT:
        return _in_doubt(run, speaks, commands)
    is_slow = run.state in RUNNING and _age_s(run.submitted_at, now) >= STUCK_AFTER_S
    if not speaks:
        return _outlived(run, commands, now) if is_slow else None
    if is_slow:
        return _slow(run, commands, now)
    is_missing = run.state is RunState.SUCCEEDED and bool(run.outputs) and not run.outputs_saved
    if is_missing and _age_s(run.completed_at, now) >= STUCK_AFTER_S:
        return _not_here(run, commands, now)
    return _ended(run, commands)


def _ended(run: Run, commands: Commands) -> Advice | None:
    match run.state:
        case RunState.FAILED:
            return Advice(
                "The run failed and its cost was refunded. Change its prompt or images and apply again, or grant it "
                "one more attempt.",
                (commands.retry(run.take_id), commands.apply("--only", run.take_id)),
            )
        case RunState.REJECTED:
            return Advice(
                "The API refused the input and nothing was paid. Change the shot in the manifest and apply again, or "
                "grant it one more attempt as it is.",
                (commands.apply("--only", run.take_id), commands.retry(run.take_id)),
            )
        case RunState.LOST:
            return Advice(
                "The API does not know this run although it was paid for, and its cost still counts. Each apply asks "
                "for it once more. If it stays lost, give the run ID to Runbase's support; then name the run that it "
                "is, have it made again, or give it up.",
                (commands.apply("--only", run.take_id), *commands.resolve(run)),
            )
        case RunState.SUCCEEDED if not run.outputs:
            return Advice(
                "The run succeeded and is paid for, but the API named no file. Each apply asks for it again. If none "
                "comes, have it made again, which pays again, or give it up.",
                (commands.apply("--only", run.take_id), *commands.resolve(run)[1:]),
            )
        case RunState.SUCCEEDED if run.flaws:
            return Advice(
                "The video is damaged: it came so twice, with the same bytes, and was kept because it is paid for. Try "
                "the download again, which costs nothing. If it stays damaged, give the run ID to Runbase's support, "
                "or have another one made, which pays again.",
                (commands.repair(), commands.apply("--only", run.take_id, "--replace", run.take_id)),
            )
        case RunState.ABANDONED:
            return Advice(
                "It was given up, and what it cost, or may have cost, still counts. It can be made again, which pays "
                "again, or taken up again if the run turns up.",
                commands.resolve(run)[:2],
            )
        case _:
            return None


def _age_s(since: float | None, now: float) -> float:
    return 0.0 if since is None else now - since


def _slow(run: Run, commands: Commands, now: float) -> Advice:
    return Advice(
        f"The run was created {format_duration(_age_s(run.submitted_at, now))} ago, is paid for, and has not finished. "
        "Each apply goes on asking for it. If it never finishes, have it made again, which pays again, or give it up.",
        (commands.apply("--only", run.take_id), *commands.resolve(run)[1:]),
    )


def _not_here(run: Run, commands: Commands, now: float) -> Advice:
    return Advice(
        f"The run finished {format_duration(_age_s(run.completed_at, now))} ago, is paid for, and its video is not "
        "here. Each apply asks for a fresh link and downloads it where it can. If its link is dead, have it made "
        "again, which pays again, or give it up.",
        (commands.apply("--only", run.take_id), *commands.resolve(run)[1:]),
    )


def _outlived(run: Run, commands: Commands, now: float) -> Advice:
    return Advice(
        f"The run was created {format_duration(_age_s(run.submitted_at, now))} ago, is paid for, and has not finished. "
        "Nothing waits for it any more, but each apply goes on asking for it. If it never finishes, give it up.",
        (commands.resolve(run)[-1],),
    )


def _in_doubt(run: Run, speaks: bool, commands: Commands) -> Advice:
    asked = (
        "The create may have gone out and no answer is recorded: the run may exist and be paid for. Look for it in "
        "your Runbase account. If it is there, name it; if not, "
    )
    if not speaks:
        text = asked + "give it up. Nothing waits for it any more; until then it stays counted as at risk."
        ways = commands.resolve(run)
        return Advice(text, (ways[0], ways[-1]))
    text = (
        asked + "have it made again (if it did exist, that pays a second time), or give it up. Until then it is held."
    )
    return Advice(text, commands.resolve(run))
