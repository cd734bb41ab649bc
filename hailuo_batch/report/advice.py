"""What a person can do about an attempt that needs attention, in words and commands.

An attempt that the next apply handles alone gets no advice, and no advice leads to paying twice without saying so. Each
advised `apply` has an --only for its take: without it, it would also pay for every other take that is not done.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hailuo_batch.core.model.runs import Run
from hailuo_batch.core.model.states import RUNNING, RunState
from hailuo_batch.core.planning.failures import is_refused_content
from hailuo_batch.core.planning.resolution import is_collected
from hailuo_batch.text import shell_line
from hailuo_batch.values import format_duration

SANDBOX = "sandbox"
"""The endpoint of a practice run, in place of a base URL."""
STUCK_AFTER_S = 3600.0
"""Seconds after which a run that has not finished, or whose files are missing, may need a decision."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command about one take: `head` finds the campaign, `words` name the take, `tail` says what to do with it.

    `takes_many` is whether the words of several takes can be given at once.
    """

    head: tuple[str, ...]
    words: tuple[str, ...] = ()
    takes_many: bool = True
    tail: tuple[str, ...] = ()

    def __str__(self) -> str:
        return shell_line((*self.head, *self.words, *self.tail))

    @property
    def is_retry(self) -> bool:
        """Whether it is a `retry`, which without names is about every take that can be tried again."""
        return self.head[1] == "retry"

    def without_words(self) -> "Command":
        """The command about all takes that it can be about."""
        return replace(self, words=())

    def for_any_take(self, take_id: str) -> "Command":
        """The command with TAKE in place of the take's ID."""
        words = tuple("TAKE" if word == take_id else word for word in self.words)
        return replace(self, head=(*self.head, *words), words=())


@dataclass(frozen=True, slots=True)
class Advice:
    """`text` says what happened to the money and what can be done; `ways` are the commands that do it."""

    text: str
    ways: tuple[Command, ...] = ()

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands, ready to be pasted into a shell."""
        return tuple(map(str, self.ways))


def combine_commands(alike: Sequence[tuple[str, Advice]], is_all: bool) -> tuple[str, ...]:
    """The commands for several takes with the same advice: one for all of them where possible, else one with TAKE.

    `is_all` is whether these are all takes that a command without names would be about: then it needs no names.
    """
    if len(alike) == 1:
        return alike[0][1].commands
    whole: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Command]] = {}
    for take_id, advice in alike:
        for command in advice.ways:
            shared = command if command.takes_many else command.for_any_take(take_id)
            whole.setdefault((shared.head, shared.tail), []).append(shared)
    lines = {ends: [word for command in commands for word in command.words] for ends, commands in whole.items()}
    return tuple(
        shell_line((*head, *(() if is_all and not tail else words), *tail)) for (head, tail), words in lines.items()
    )


def combine_named(alike: Sequence[tuple[str, Advice]]) -> tuple[str, ...]:
    """The commands for several takes with the same advice, each with the names of all, as it can be pasted into a
    shell. What can be told of one take at a time alone is not among them."""
    if len(alike) == 1:
        return alike[0][1].commands
    named = [
        (take_id, replace(advice, ways=tuple(command for command in advice.ways if command.takes_many)))
        for take_id, advice in alike
    ]
    return combine_commands(named, is_all=False)


@dataclass(frozen=True, slots=True)
class CommandBuilder:
    """The program's commands for one campaign, with the options that find its files.

    `manifest` is the path as the user gave it; `endpoint` is the ledger's, which may be the sandbox.
    """

    manifest: str
    endpoint: str
    options: tuple[str, ...] = ()

    def command(self, name: str, *words: str, takes_many: bool = True) -> Command:
        """A command by its name, such as `apply` or `state restore`."""
        sandbox = ("--sandbox",) if self.endpoint == SANDBOX else ()
        return Command(("hailuo-batch", *name.split(), self.manifest, *sandbox, *self.options), words, takes_many)

    def apply(self, *options: str) -> Command:
        """An `apply` of this campaign."""
        return self.command("apply", *options)

    def repair(self) -> Command:
        """Another download of damaged and changed files."""
        verify = self.command("verify")
        return replace(verify, head=(*verify.head, "--repair"))  # it is about all of them, and needs saying once

    def resolve(self, run: Run) -> tuple[Command, ...]:
        """The commands that resolve an attempt."""
        attempt = ("--attempt", str(run.attempt)) if run.is_superseded else ()
        ways = [("--run-id", "run_ID"), *([] if run.is_superseded else [("--resubmit",)]), ("--abandon",)]
        is_alone = run.is_superseded or is_collected(run)
        return tuple(
            replace(
                self.command("resolve", run.take_id, takes_many=not is_alone and len(way) == 1), tail=(*attempt, *way)
            )
            for way in ways
        )


def advise(run: Run, is_live: bool, commands: CommandBuilder, now: float, *, is_retried: bool = False) -> Advice | None:
    """What to do about this attempt, None if nothing.

    `is_live` is whether it is the live attempt of a take in the manifest. `now` is seconds since the epoch, UTC.
    `is_retried` is whether the next apply makes another attempt at it without being asked.
    """
    if run.state is RunState.SUCCEEDED and run.outputs_saved and not run.flaws:
        return None  # the usual case, decided fast: a report asks this of every run
    if run.state is RunState.IN_DOUBT:
        return _in_doubt(is_live, commands.resolve(run))
    if run.state in RUNNING:
        return _slow(run, is_live, commands, now) if _age_s(run.submitted_at, now) >= STUCK_AFTER_S else None
    if not is_live:
        return None
    is_missing = run.state is RunState.SUCCEEDED and bool(run.outputs) and not run.outputs_saved
    if is_missing and _age_s(run.completed_at, now) >= STUCK_AFTER_S:
        return Advice(
            f"The run finished {format_duration(_age_s(run.completed_at, now))} ago and is paid for, but its video is "
            "not downloaded. Each apply asks for a fresh link and tries again. If the link is dead, request the take "
            "again, which pays again, or abandon it.",
            (commands.apply("--only", run.take_id), *commands.resolve(run)[1:]),
        )
    return _ended(run, commands, is_retried)


def _age_s(since: float | None, now: float) -> float:
    return 0.0 if since is None else now - since


def _in_doubt(is_live: bool, ways: tuple[Command, ...]) -> Advice:
    intro = (
        "The request got no answer: the run may exist and may have been charged. Check your Runbase account's logs. If "
        "it is there, name the run; if not, "
    )
    if not is_live:
        # no --resubmit: another attempt exists, or none is wanted
        text = f"{intro}abandon it. No take needs it any more; until then it counts as at risk."
        return Advice(text, (ways[0], ways[-1]))
    text = (
        f"{intro}request it again (if it does exist, that pays twice), or abandon it. Until then the take is on hold."
    )
    return Advice(text, ways)


def _slow(run: Run, is_live: bool, commands: CommandBuilder, now: float) -> Advice:
    age, ways = format_duration(_age_s(run.submitted_at, now)), commands.resolve(run)
    intro = f"The run was requested {age} ago, is paid for, and has not finished. "
    if not is_live:
        text = "No take needs it any more, but each apply still asks for it. If it never finishes, abandon it."
        return Advice(intro + text, ways[-1:])
    text = (
        "Each apply asks for it again. If it never finishes, request the take again, which pays again, or abandon it."
    )
    return Advice(intro + text, (commands.apply("--only", run.take_id), *ways[1:]))


def _ended(run: Run, commands: CommandBuilder, is_retried: bool) -> Advice | None:
    apply = commands.apply("--only", run.take_id)
    match run.state:
        case RunState.FAILED:
            return _failed(run, commands, is_retried)
        case RunState.REJECTED:
            return Advice(
                "The API refused the input and nothing was paid. Change the shot in the manifest and apply again, or "
                "allow one more attempt as it is.",
                (apply, commands.command("retry", run.take_id)),
            )
        case RunState.LOST:
            return Advice(
                "The run was paid for, but the API does not know it. Its cost still counts, and each apply asks for it "
                "again. If it stays lost, ask Runbase's support about the run ID. Then name the right run, request the "
                "take again, or abandon it.",
                (apply, *commands.resolve(run)),
            )
        case RunState.SUCCEEDED if not run.outputs:
            return Advice(
                "The run succeeded and was paid for, but the API reports no file. Each apply asks again. If none "
                "comes, request the take again, which pays again, or abandon it.",
                (apply, *commands.resolve(run)[1:]),
            )
        case RunState.SUCCEEDED if run.flaws:
            return Advice(
                "The video is damaged: it was downloaded twice with the same bytes, and kept because it is paid for. "
                "Download it again, which costs nothing. If it stays damaged, ask Runbase's support about the run ID, "
                "or request another video, which pays again.",
                (commands.repair(), commands.apply("--only", run.take_id, "--replace", run.take_id)),
            )
        case _:
            return None


def _failed(run: Run, commands: CommandBuilder, is_retried: bool) -> Advice:
    apply, retry = commands.apply("--only", run.take_id), commands.command("retry", run.take_id)
    if is_retried:
        return Advice(
            "The run failed and its cost was refunded. The next apply tries it again, as the manifest's max_attempts "
            "allows. If its prompt or images are the cause, change them first.",
            (apply,),
        )
    if is_refused_content(run):
        return Advice(
            "The run failed and its cost was refunded: the prompt or an image was found sensitive. The same input "
            "fails again, so max_attempts does not repeat it. Change the shot in the manifest and apply again. If you "
            "think it was a mistake, allow one more attempt as it is.",
            (apply, retry),
        )
    return Advice(
        "The run failed and its cost was refunded. Change its prompt or images and apply again, or allow one more "
        "attempt.",
        (retry, apply),
    )
