"""What the user is told while an apply works, one sentence or two for each thing that is not as it should be.

Pure text: to which take, what happened, whether anything was paid, what to do next. What can happen to many takes alike
has words for many as well. A command says MANIFEST for the manifest, which whoever shows it knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hailuo_batch.core.model.events import FileSaved, StatusUnknown
from hailuo_batch.core.model.runs import Run
from hailuo_batch.values import format_duration, split_take_id

_RETRY_ALL = "all that failed or were rejected one more attempt: `hailuo-batch retry MANIFEST`"
_MORE = "`hailuo-batch status MANIFEST` shows what else can be done."


@dataclass(frozen=True, slots=True)
class Notice:
    """`text` stands for itself. `group_text`, if any, says the same of several takes, whose names are given with it.

    `is_in_summary` says that whoever ends the apply tells it anyway, of every take, with what can be done.
    """

    text: str
    group_text: str = ""
    take_id: str = ""
    run_id: str = ""
    is_in_summary: bool = False

    def __str__(self) -> str:
        return self.text


def render_group(notices: Sequence[Notice]) -> str:
    """Notices with the same words for many, in one text that names every one of them; more of what was told before."""
    if len(notices) == 1:
        return notices[0].text
    names = [
        f"{notice.take_id} ({notice.run_id})" if notice.run_id else notice.take_id
        for notice in sorted(notices, key=lambda notice: split_take_id(notice.take_id))
    ]
    return f"{len(notices):,} more {notices[0].group_text} These are {', '.join(names)}."


def _retry(run: Run) -> str:
    return f"`hailuo-batch retry MANIFEST {run.take_id}`"


def key_in_use() -> Notice:
    """The API says that the key's window is full, and it was not this program that filled it."""
    return Notice(
        "Somebody else uses this API key, too: the API refuses requests for their rate. Nothing was paid for those and "
        "they are sent again. The pace is lower from here on, and rises again as there is room."
    )


def wait_requested(wait_s: float) -> Notice:
    """The API says itself how long it wants to be left alone."""
    return Notice(
        f"The API takes no requests for the next {format_duration(wait_s)}: it refused one for its rate, and said so. "
        "Nothing was paid for it. It is sent again then; to stop waiting, press Ctrl-C and run the same command later."
    )


def no_answer(reason: str, advice: str, gives_up_after_s: float) -> Notice:
    """An outage begins. `advice` is what would mend it, empty where that is not known."""
    mend = f" {advice}." if advice else ""
    return Notice(
        f"No answer from the API: {reason}. Trying again for up to {format_duration(gives_up_after_s)}.{mend}"
    )


def rejected(run: Run) -> Notice:
    """The API refused the input of this take."""
    what = f"rejected by the API, nothing was paid: {run.reason}"
    return Notice(
        f"{run.take_id}: {what}. Change it, or grant it one more attempt with {_retry(run)}.",
        f"takes were {what}. Change them, or grant {_RETRY_ALL}.",
        run.take_id,
    )


def in_doubt(run: Run) -> Notice:
    """A create went unanswered."""
    return Notice(
        f"{run.take_id}: in doubt, may have been paid for and is held: {run.reason}.",
        f"takes are in doubt, may have been paid for and are held: {run.reason}.",
        run.take_id,
        is_in_summary=True,
    )


def cost_unknown(run: Run, note: str) -> Notice:
    """A run was created, and the API did not say readably what it cost."""
    return Notice(
        f"{run.take_id}: {run.run_id} is paid for, and its cost is unknown: {note}. It counts as the newest known one.",
        f"runs are paid for, and their cost is unknown: {note}. Each counts as the newest known one.",
        run.take_id,
        run.run_id or "",
    )


def unknown_model(run: Run, message: str) -> Notice:
    """The API has no such model."""
    what = f"the API knows no model {run.model}: {message}. Nothing was paid"
    return Notice(
        f"{run.take_id}: {what}, and no take of that model is created. Correct `model` in the manifest.",
        f"takes were refused: {what}.",
        run.take_id,
    )


def unknown_status(run: Run, outcome: StatusUnknown) -> Notice:
    """A status that is not documented."""
    said = f", and says: {outcome.error}" if outcome.error else ""
    return Notice(
        f"{run.take_id}: the API gives {run.run_id} the status {outcome.status!r}, which is not documented{said}. It "
        "is taken as unfinished."
    )


def no_output(run: Run) -> Notice:
    """A run that succeeded without an output."""
    what = f"the API gives no output{f', and says: {run.reason}' if run.reason else ''}"
    return Notice(
        f"{run.take_id}: {run.run_id} succeeded, and {what}. It is paid for, and the next apply asks once more. "
        f"{_MORE}",
        f"runs succeeded, and {what}. They are paid for, and the next apply asks once more. {_MORE}",
        run.take_id,
        run.run_id or "",
    )


def lost(run: Run) -> Notice:
    """The API no longer knows a run."""
    return Notice(
        f"{run.take_id}: the API does not know {run.run_id}. It was paid for and is marked lost; the next apply asks "
        f"once more. {_MORE}",
        f"runs are unknown to the API. They were paid for and are marked lost; the next apply asks once more. {_MORE}",
        run.take_id,
        run.run_id or "",
    )


def failed(run: Run, *, then: str = "") -> Notice:
    """A run failed; `then` says what follows, empty where that is the user's to say."""
    return Notice(
        f"{run.take_id}: {run.run_id} failed and is refunded: {run.reason}; "
        f"{then or f'to grant it one more attempt: {_retry(run)}'}.",
        f"runs failed and are refunded: {run.reason}; {then or f'to grant {_RETRY_ALL}'}.",
        run.take_id,
        run.run_id or "",
    )


def not_downloaded(run: Run, reason: str) -> Notice:
    """A download was left to the next apply."""
    return Notice(
        f"{run.take_id}: its video could not be downloaded: {reason}. It is paid for and its link is kept; the next "
        f"apply tries again. If the link stays dead, `hailuo-batch resolve MANIFEST {run.take_id} --resubmit` has it "
        "made again, which pays again.",
        f"videos could not be downloaded: {reason}. They are paid for and their links are kept; the next apply tries "
        "again. Where a link stays dead, `hailuo-batch resolve MANIFEST TAKE --resubmit` has it made again, which pays "
        "again.",
        run.take_id,
    )


def saved(before: Run, index: int, file: FileSaved) -> tuple[Notice, ...]:
    """What there is to say of a file that was saved, `before` being its run until then; nothing if all is well."""
    notes = [f"{before.take_id}: {file.note}."] if file.note else []
    if file.flaw:
        notes.append(
            f"{before.take_id}: {file.path} came damaged twice with the same bytes: {file.flaw}. It is paid for and "
            "kept as it came, and is shown as damaged. `hailuo-batch verify MANIFEST --repair` tries the "
            "download again at no cost."
        )
    known = before.outputs[index].sha256
    if known is not None and known != file.sha256:
        notes.append(
            f"{before.take_id}: {file.path} was downloaded again and differs from the video that was saved before. The "
            "ledger now has the new one."
        )
    return tuple(map(Notice, notes))


def not_renamed(run: Run, source: str, reason: str) -> Notice:
    """A file stays where it lay."""
    return Notice(f"{run.take_id}: {source} could not be renamed and stays where it is: {reason}.")
