"""What becomes of each re-roll: of a mark that asks for another video than the one that was seen.

Pure. A re-roll names the run whose video was seen, so it needs no record of its own to be paid for only once: while its
take has another live run, even one that is not sent yet, the mark asks for nothing. A run that gave way to a re-roll
never comes back; one that gave way to an edit of the manifest does so with the edit taken back, marked as it was.
"""

from collections.abc import Iterable, Mapping
from enum import Enum

from hailuo_batch.core.model.runs import Run, Snapshot, Supersession, TakeRecord
from hailuo_batch.core.model.states import RunState, TakeState
from hailuo_batch.core.picks.picks import Pick

_ON_ITS_WAY = frozenset({TakeState.WAITING, TakeState.IN_DOUBT, TakeState.RUNNING, TakeState.DOWNLOADING})


class Reroll(Enum):
    """What becomes of a re-roll with the next apply."""

    BEGINS = "begins"  # another video is paid for
    LATER = "later"  # --limit leaves it for later
    LEFT_OUT = "left out"  # --only leaves its take out
    UNDER_WAY = "under way"  # begun before: the apply finishes it
    DONE = "done"  # its take has another video
    ENDED = "ended"  # it was begun, and came to nothing: failed, rejected, lost or abandoned
    EDITED = "edited"  # the manifest asks for something else, which is made anyway
    NO_VIDEO = "no video"  # the run has not succeeded, or was abandoned
    OTHER_RUN = "other run"  # the take's live run is another, for another reason than a re-roll
    NOT_WANTED = "not wanted"  # the take is not in the manifest
    UNKNOWN = "unknown"  # neither manifest nor ledger knows the take, or the ledger does not know the run


def judge_rerolls(
    rerolls: Iterable[Pick],
    snapshot: Snapshot,
    wanted: frozenset[str],
    *,
    replaced: frozenset[str],
    later: frozenset[str],
    scope: frozenset[str],
) -> Mapping[Reroll, tuple[Pick, ...]]:
    """The re-rolls by what becomes of them, each kind in the order in which they are given.

    `wanted` are the takes of the manifest, `replaced` the runs that this plan replaces, by their IDs, `later` the takes
    that --limit leaves, `scope` those that were asked for.
    """
    records = {record.take.id: record for record in snapshot.takes}
    runs = {run.run_id: run for run in snapshot.runs if run.run_id is not None}

    def left_out(pick: Pick, asked_for: Reroll) -> Reroll:
        if pick.take_id in later:
            return Reroll.LATER
        return asked_for if pick.take_id in scope else Reroll.LEFT_OUT

    def judge(pick: Pick) -> Reroll:
        record, run = records.get(pick.take_id), runs.get(pick.run_id)
        if pick.take_id not in wanted:
            return Reroll.UNKNOWN if record is None and run is None else Reroll.NOT_WANTED
        if record is None or run is None:
            return Reroll.UNKNOWN
        if run.take_id != pick.take_id:
            return Reroll.OTHER_RUN
        if run.run_id in replaced:  # superseded or not: after an edit that is taken back, a take has its old run again
            return Reroll.BEGINS
        if run.is_superseded:
            kind = _judge_superseded(run, record)
            return left_out(pick, kind) if kind is Reroll.UNDER_WAY else kind
        if run.state is not RunState.SUCCEEDED:
            return Reroll.NO_VIDEO
        return left_out(pick, Reroll.EDITED)

    found: dict[Reroll, list[Pick]] = {}
    for pick in rerolls:
        found.setdefault(judge(pick), []).append(pick)
    return {kind: tuple(found[kind]) for kind in Reroll if kind in found}


def _judge_superseded(run: Run, record: TakeRecord) -> Reroll:
    if run.superseded_by is not Supersession.REPLACE:
        return Reroll.OTHER_RUN
    if record.state in _ON_ITS_WAY:
        return Reroll.UNDER_WAY
    return Reroll.DONE if record.state is TakeState.DONE else Reroll.ENDED
