"""What a person has to do about an attempt that does not end in a video by itself, in words and commands.

Owns those words; knows nothing of how they are shown. Only what needs a person gets advice: an attempt that the
next apply settles alone gets none, and no advice ever leads to paying twice without saying so. An apply is advised for
the one take that it is about: without --only it would pay for every other one that is not done, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.states import RUNNING, RunState
from hailuo_batch.text import shell_line
from hailuo_batch.values import format_duration

SANDBOX = "sandbox"
STUCK_AFTER_S = 3600.0
"""Seconds after which a run that has not finished, or a finished one whose files are not here, may need a person."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command about one take: `head` finds the campaign, `words` name the take and say what is to be done with it.

    `takes_many` is whether it may be given the words of several takes at once.
    """

    head: tuple[str, ...]
    words: tuple[str, ...] = ()
    takes_many: bool = True

    def __str__(self) -> str:
        return shell_line((*self.head, *self.words))


@dataclass(frozen=True, slots=True)
class Advice:
    """`text` says what happened to the money and what can be done; `given` are the commands that do it."""

    text: str
    ways: tuple[Command, ...] = ()

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands, as they can be pasted into a shell."""
        return tuple(map(str, self.ways))


def combine_commands(alike: Sequence[tuple[str, Advice]], is_all: bool) -> tuple[str, ...]:
    """The commands of several takes about which the same is advised, one for all of them wherever that can be.

    Where it cannot be, TAKE stands for each. `is_all` is whether they are all that a command without their names is
    about: then it needs none.
    """
    if len(alike) == 1:
        return alike[0][1].commands
    whole: dict[tuple[str, ...], list[Command]] = {}
    for take_id, advice in alike:
        for command in advice.ways:
            shared = command if command.takes_many else _for_any_take(command, take_id)
            whole.setdefault(shared.head, []).append(shared)
    lines = {head: [word for command in commands for word in command.words] for head, commands in whole.items()}
    return tuple(shell_line((*head, *(() if is_all else words))) for head, words in lines.items())


def _for_any_take(command: Command, take_id: str) -> Command:
    """The command with TAKE in the place of the take."""
    words = tuple("TAKE" if word == take_id else word for word in command.words)
    return replace(command, head=(*command.head, *words), words=())


@dataclass(frozen=True, slots=True)
class CommandBuilder:
    """The program's commands for one campaign: `manifest` as the user named it, `endpoint` as the ledger has it.

    `options` are those that every command of this campaign needs to find its files.
    """

    manifest: str
    endpoint: str
    options: tuple[str, ...] = ()

    def apply(self, *options: str) -> Command:
        """An `apply` of this campaign."""
        return Command(self._head("apply"), options)

    def retry(self, take_id: str) -> Command:
        """One more attempt for a take."""
        return Command(self._head("retry"), (take_id,))

    def repair(self) -> Command:
        """Another try at the downloads that came damaged, and at files that have changed."""
        return Command((*self._head("verify"), "--repair"))

    def resolve(self, run: Run) -> tuple[Command, ...]:
        """The ways out for an attempt."""
        attempt = ("--attempt", str(run.attempt)) if run.is_superseded else ()
        ways = [("--run-id", "run_ID"), *([] if run.is_superseded else [("--resubmit",)]), ("--abandon",)]
        head = self._head("resolve")
        return tuple(Command(head, (run.take_id, *attempt, *way), takes_many=False) for way in ways)

    def _head(self, command: str) -> tuple[str, ...]:
        rehearsal = ("--sandbox",) if self.endpoint == SANDBOX else ()
        return ("hailuo-batch", command, self.manifest, *rehearsal, *self.options)


def advise(run: Run, is_live: bool, commands: CommandBuilder, now: float, *, is_retried: bool = False) -> Advice | None:
    """What to do about this attempt, None where nothing is.

    `speaks` is whether it is the live attempt of a take that the manifest still asks for. `now` is seconds since the
    epoch, UTC. `again` is whether the next apply makes it again of itself where it failed.
    """
    if run.state is RunState.SUCCEEDED and run.outputs_saved and not run.flaws:
        return None  # as nearly all are in the end
    if run.state is RunState.IN_DOUBT:
        return _in_doubt(run, is_live, commands)
    is_slow = run.state in RUNNING and _age_s(run.submitted_at, now) >= STUCK_AFTER_S
    if not is_live:
        return _slow_superseded(run, commands, now) if is_slow else None
    if is_slow:
        return _slow(run, commands, now)
    is_missing = run.state is RunState.SUCCEEDED and bool(run.outputs) and not run.outputs_saved
    if is_missing and _age_s(run.completed_at, now) >= STUCK_AFTER_S:
        return _never_downloaded(run, commands, now)
    return _ended(run, commands, is_retried)


def _ended(run: Run, commands: CommandBuilder, is_retried: bool) -> Advice | None:
    match run.state:
        case RunState.FAILED if is_retried:
            return Advice(
                "The run failed and its cost was refunded. The next apply makes it again, as the manifest's "
                "max_attempts says. Change its prompt or images before, if they are why it failed.",
                (commands.apply("--only", run.take_id),),
            )
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


def _slow(run: Run, commands: CommandBuilder, now: float) -> Advice:
    return Advice(
        f"The run was created {format_duration(_age_s(run.submitted_at, now))} ago, is paid for, and has not finished. "
        "Each apply goes on asking for it. If it never finishes, have it made again, which pays again, or give it up.",
        (commands.apply("--only", run.take_id), *commands.resolve(run)[1:]),
    )


def _never_downloaded(run: Run, commands: CommandBuilder, now: float) -> Advice:
    return Advice(
        f"The run finished {format_duration(_age_s(run.completed_at, now))} ago, is paid for, and its video is not "
        "here. Each apply asks for a fresh link and downloads it where it can. If its link is dead, have it made "
        "again, which pays again, or give it up.",
        (commands.apply("--only", run.take_id), *commands.resolve(run)[1:]),
    )


def _slow_superseded(run: Run, commands: CommandBuilder, now: float) -> Advice:
    return Advice(
        f"The run was created {format_duration(_age_s(run.submitted_at, now))} ago, is paid for, and has not finished. "
        "Nothing waits for it any more, but each apply goes on asking for it. If it never finishes, give it up.",
        (commands.resolve(run)[-1],),
    )


def _in_doubt(run: Run, is_live: bool, commands: CommandBuilder) -> Advice:
    intro = (
        "The create may have gone out and no answer is recorded: the run may exist and be paid for. Look for it in "
        "your Runbase account. If it is there, name it; if not, "
    )
    if not is_live:
        text = intro + "give it up. Nothing waits for it any more; until then it stays counted as at risk."
        ways = commands.resolve(run)
        return Advice(text, (ways[0], ways[-1]))
    text = (
        intro + "have it made again (if it did exist, that pays a second time), or give it up. Until then it is held."
    )
    return Advice(text, commands.resolve(run))
