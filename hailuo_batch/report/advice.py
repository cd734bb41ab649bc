"""What a person has to do about an attempt that does not end in a video by itself, in words and commands.

Owns those words; knows nothing of how they are shown. Only what needs a person gets advice: an attempt that the
next apply settles alone gets none, and no advice ever leads to paying twice without saying so.
"""

import shlex
from dataclasses import dataclass

from hailuo_batch.core.lifecycle import RunState
from hailuo_batch.core.records import Run

SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class Advice:
    """`text` says what happened to the money and what can be done; `commands` can be pasted into a shell."""

    text: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Commands:
    """The program's commands for one campaign: `manifest` as the user named it, `endpoint` as the ledger has it."""

    manifest: str
    endpoint: str

    def apply(self, *options: str) -> str:
        """An `apply` of this campaign."""
        rehearsal = ("--sandbox",) if self.endpoint == SANDBOX else ()
        return shlex.join(("hailuo-batch", "apply", self.manifest, *rehearsal, *options))


def advise(run: Run, speaks: bool, commands: Commands) -> Advice | None:
    """What to do about this attempt, None where nothing is.

    `speaks` is whether it is the live attempt of a take that the manifest still asks for.
    """
    if run.state is RunState.IN_DOUBT:
        return _in_doubt(run, commands) if speaks else _in_doubt_aside()
    if not speaks:
        return None
    match run.state:
        case RunState.FAILED:
            return Advice(
                "The run failed and its cost was refunded. An apply makes it again where limits.max_attempts in the "
                f"manifest is at least {run.attempt + 1}; else change its prompt or images first.",
                (commands.apply(),),
            )
        case RunState.REJECTED:
            return Advice(
                "The API refused the input and nothing was paid. Change the shot in the manifest, then apply again.",
                (commands.apply(),),
            )
        case RunState.LOST:
            return Advice(
                "The API does not know this run although it was paid for, and its cost still counts. Each apply asks "
                "for it again; if it stays lost, give the run ID to Runbase's support.",
                (commands.apply(),),
            )
        case RunState.SUCCEEDED if not run.outputs:
            return Advice(
                "The run succeeded and is paid for, but the API named no file. Each apply asks for it again.",
                (commands.apply(),),
            )
        case _:
            return None


def _in_doubt(run: Run, commands: Commands) -> Advice:
    return Advice(
        "The create may have gone out and no answer is recorded: the run may exist and be paid for. It is held and "
        "not sent again. Look for it in your Runbase account; if it is not there, the command below repeats the "
        "create. If it did exist, that pays a second time.",
        (commands.apply("--in-doubt", "resubmit", "--only", run.take_id),),
    )


def _in_doubt_aside() -> Advice:
    return Advice(
        "The create of this attempt may have gone out and no answer is recorded: the run may exist and be paid for. "
        "Nothing waits for it any more; its cost stays counted as at risk."
    )
