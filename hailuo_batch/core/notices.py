"""What the user is told while an apply works, one sentence or two for each thing that is not as it should be.

Pure text: to which take, what happened, whether anything was paid, what to do next.
"""

from hailuo_batch.core.events import FileSaved
from hailuo_batch.core.records import Run


def key_in_use() -> str:
    """The API says that the key's window is full, and it was not this program that filled it."""
    return (
        "Somebody else uses this API key, too: the API refuses requests for their rate. Nothing was paid for those and "
        "they are sent again. The pace is lower from here on, and rises again as there is room."
    )


def rejected(run: Run) -> str:
    """The API refused the input of this take."""
    return f"{run.take_id}: rejected by the API, nothing was paid: {run.reason}. Change it, or grant it a `retry`."


def in_doubt(run: Run) -> str:
    """A create went unanswered."""
    return f"{run.take_id}: in doubt, may have been paid for and is held: {run.reason}. `resolve` settles it."


def unknown_model(run: Run, message: str) -> str:
    """The API has no such model."""
    return (
        f"{run.take_id}: the API knows no model {run.model}: {message}. Nothing was paid, and no take of that model is "
        "created. Correct `model` in the manifest."
    )


def unknown_status(run: Run, status: str) -> str:
    """A status that is not documented."""
    return (
        f"{run.take_id}: the API gives {run.run_id} the status {status!r}, which is not documented; it is taken as "
        "unfinished."
    )


def no_output(run: Run) -> str:
    """A run that succeeded without an output."""
    return (
        f"{run.take_id}: {run.run_id} succeeded, and the API gives no output. It is paid for; `resolve` gives it "
        "up or has it made again, and the next apply asks once more."
    )


def lost(run: Run) -> str:
    """The API no longer knows a run."""
    return (
        f"{run.take_id}: the API does not know {run.run_id}. It was paid for and is marked lost; `resolve` settles it, "
        "and the next apply asks once more."
    )


def failed(run: Run, *, then: str) -> str:
    """A run failed; `then` says what follows."""
    return f"{run.take_id}: {run.run_id} failed and is refunded: {run.reason}; {then}."


def not_downloaded(run: Run, reason: str) -> str:
    """A download was left to the next apply."""
    return (
        f"{run.take_id}: its video could not be downloaded: {reason}. It is paid for and its link is kept; the next "
        "apply tries again, and if the link stays dead, `resolve` settles it."
    )


def saved(before: Run, index: int, file: FileSaved) -> tuple[str, ...]:
    """What there is to say of a file that was saved, `before` being its run until then; nothing if all is well."""
    notes = [f"{before.take_id}: {file.note}."] if file.note else []
    known = before.outputs[index].sha256
    if known is not None and known != file.sha256:
        notes.append(
            f"{before.take_id}: {file.path} was downloaded again and differs from the video that was saved before. The "
            "ledger now has the new one."
        )
    return tuple(notes)


def not_renamed(run: Run, source: str, reason: str) -> str:
    """A file stays where it lay."""
    return f"{run.take_id}: {source} could not be renamed and stays where it is: {reason}."
