"""What the user is told while an apply runs: one or two sentences for each problem.

Pure text: to which take, what happened, whether anything was paid, what to do next. A notice that can concern many
takes has a text for a group as well. Commands contain MANIFEST, which whoever shows the notice replaces.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hailuo_batch.core.model.api_keys import ApiKey
from hailuo_batch.core.model.events import FileSaved, StatusUnknown
from hailuo_batch.core.model.runs import Run
from hailuo_batch.values import format_duration, split_take_id

_RETRY_ALL = "all failed or rejected takes one more attempt: `hailuo-batch retry MANIFEST`"
_MOST_NAMED = 3
_MORE = "`hailuo-batch status MANIFEST` shows what else you can do."


@dataclass(frozen=True, slots=True)
class Notice:
    """`text` is complete on its own. `group_text`, if any, says the same of several takes; their names are added.

    `is_in_summary` means that the summary at the end of the apply says the same, with what can be done.
    """

    text: str
    group_text: str = ""
    take_id: str = ""
    run_id: str = ""
    is_in_summary: bool = False

    def __str__(self) -> str:
        return self.text


def render_group(notices: Sequence[Notice]) -> str:
    """One text for notices with the same `group_text`, of which the user has seen one before; it names every take."""
    if len(notices) == 1:
        return notices[0].text
    names = [
        f"{notice.take_id} ({notice.run_id})" if notice.run_id else notice.take_id
        for notice in sorted(notices, key=lambda notice: split_take_id(notice.take_id))
    ]
    return f"{len(notices):,} more {notices[0].group_text} These are {', '.join(names)}."


def key_in_use() -> Notice:
    """The API reports a full request window that this program did not fill."""
    return Notice(
        "Somebody else uses this API key: the API refuses requests for their rate. Nothing was paid for those, and "
        "they will be sent again. Requests are slower from now on, and get faster as the API allows."
    )


def wait_requested(wait_s: float) -> Notice:
    """The API asks for a pause."""
    return Notice(
        f"The API takes no requests for the next {format_duration(wait_s)}: it refused one for its rate. Nothing was "
        "paid for it, and it will be sent again then. To stop waiting, press Ctrl-C and run the same command later."
    )


def of_key(key: ApiKey, notice: Notice) -> Notice:
    """The notice, with the name of the key that it is about."""
    return replace(notice, text=f"API {key}: {notice.text}")


def key_stopped(key: ApiKey, why: str, *, still_reads: bool) -> Notice:
    """One of several keys cannot be used any more."""
    what, runs = ("creates no more runs", "still collected") if still_reads else ("is not used any more", "not lost")
    return Notice(
        f"API {key} {what}: {why}. Nothing was paid for the refused request, and its current runs are {runs}. The "
        "other keys go on."
    )


def key_missing(of: str, runs: Sequence[Run]) -> Notice:
    """No usable key knows these runs. `of` says which key made them, and why it does not help."""
    count, they, them = ("1 run", "It is", "it") if len(runs) == 1 else (f"{len(runs):,} runs", "They are", "them")
    named = ", ".join(run.take_id for run in runs[:_MOST_NAMED])
    more = f" and {len(runs) - _MOST_NAMED:,} more" if len(runs) > _MOST_NAMED else ""
    return Notice(
        f"{count} of {named}{more} can only be read with {of}, and no other key knows {them}. "
        f"{they} paid for and recorded, and not lost. Give that key again once it can be used, or another one of its "
        "account (RUNBASE_API_KEYS), then run the same command again."
    )


def no_answer(reason: str, advice: str, gives_up_after_s: float) -> Notice:
    """An outage begins. `advice` is what may help, empty where that is unknown."""
    what = f"No answer from the API: {reason}. Trying again for up to {format_duration(gives_up_after_s)}."
    return Notice(f"{what} {advice}." if advice else what)


def _of_take(run: Run, text: str, group_text: str) -> Notice:
    return Notice(f"{run.take_id}: {text}", group_text, run.take_id)


def _of_run(run: Run, text: str, group_text: str) -> Notice:
    return Notice(f"{run.take_id}: {run.run_id} {text}", group_text, run.take_id, run.run_id or "")


def rejected(run: Run) -> Notice:
    """The API refused the input of this take."""
    what = f"rejected by the API, nothing was paid: {run.reason}"
    return _of_take(
        run,
        f"{what}. Change it, or allow one more attempt: `hailuo-batch retry MANIFEST {run.take_id}`.",
        f"takes were {what}. Change them, or allow {_RETRY_ALL}.",
    )


def in_doubt(run: Run) -> Notice:
    """A create got no answer."""
    what = f"in doubt, may have been charged and is not sent again: {run.reason}."
    return replace(_of_take(run, what, f"takes are {what}"), is_in_summary=True)


def cost_unknown(run: Run, note: str) -> Notice:
    """A run was created, and the API did not state its cost readably."""
    return _of_run(
        run,
        f"is paid for, and its cost is unknown: {note}. It counts as the newest known cost.",
        f"runs are paid for, and their cost is unknown: {note}. Each counts as the newest known cost.",
    )


def unknown_model(run: Run, message: str) -> Notice:
    """The API has no such model."""
    what = f"the API does not know the model {run.model}: {message}. Nothing was paid"
    return _of_take(
        run,
        f"{what}, and no take of that model is created. Correct `model` in the manifest.",
        f"takes were refused: {what}.",
    )


def unknown_status(run: Run, outcome: StatusUnknown) -> Notice:
    """The API reported a status that is not documented."""
    detail = f" ({outcome.error})" if outcome.error else ""
    return Notice(
        f"{run.take_id}: the API reports the status {outcome.status!r} for {run.run_id}{detail}, which is not "
        "documented. The run counts as unfinished."
    )


def no_output(run: Run) -> Notice:
    """A run succeeded without an output."""
    what = f"succeeded, but the API gives no output{f' ({run.reason})' if run.reason else ''}"
    return _of_run(
        run,
        f"{what}. It is paid for; the next apply checks it again. {_MORE}",
        f"runs {what}. They are paid for; the next apply checks them again. {_MORE}",
    )


def lost(run: Run) -> Notice:
    """The API does not know a run that it made."""
    return _of_run(
        run,
        f"is unknown to the API. It was paid for and is marked lost; the next apply checks it again. {_MORE}",
        "runs are unknown to the API. They were paid for and are marked lost; the next apply checks them again. "
        f"{_MORE}",
    )


def failed(run: Run, *, then: str = "") -> Notice:
    """A run failed. `then` says what follows, empty where the user decides that."""
    one = f"to allow one more attempt: `hailuo-batch retry MANIFEST {run.take_id}`"
    return _of_run(
        run,
        f"failed and is refunded: {run.reason}; {then or one}.",
        f"runs failed and are refunded: {run.reason}; {then or f'to allow {_RETRY_ALL}'}.",
    )


def not_downloaded(run: Run, reason: str) -> Notice:
    """A download was left to the next apply."""

    def dead_link(take: str) -> str:
        return f"use `hailuo-batch resolve MANIFEST {take} --resubmit` to make the video again, which pays again"

    return _of_take(
        run,
        f"the video could not be downloaded: {reason}. It is paid for and its link is kept; the next apply tries "
        f"again. If the link stays dead, {dead_link(run.take_id)}.",
        f"videos could not be downloaded: {reason}. They are paid for and their links are kept; the next apply tries "
        f"again. If a link stays dead, {dead_link('TAKE')}.",
    )


def saved(before: Run, index: int, file: FileSaved) -> tuple[Notice, ...]:
    """What the user should know about a saved file, `before` being its run until then. Empty where all is well."""
    notes = [f"{before.take_id}: {file.note}."] if file.note else []
    if file.flaw:
        notes.append(
            f"{before.take_id}: {file.path} arrived damaged twice, with the same bytes: {file.flaw}. It is paid for, "
            "kept as it is and shown as damaged. `hailuo-batch verify MANIFEST --repair` tries the download again at "
            "no cost."
        )
    known = before.outputs[index].sha256
    if known is not None and known != file.sha256:
        notes.append(
            f"{before.take_id}: {file.path} was downloaded again and differs from the video that was saved before. The "
            "ledger records the new one."
        )
    return tuple(map(Notice, notes))


def not_renamed(run: Run, source: str, reason: str) -> Notice:
    """A file could not be renamed."""
    return Notice(f"{run.take_id}: {source} could not be renamed and keeps its name: {reason}.")
