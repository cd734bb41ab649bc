"""Which recorded run serves which take of the manifest. Because of these rules a renamed take, two swapped takes or a
prompt that is changed back cost nothing.

Pure. They are described at the end of the manifest's language.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from hailuo_batch.core.model.runs import Run, Supersession, TakeRecord
from hailuo_batch.core.model.states import MAYBE_PAID, RunState
from hailuo_batch.values import Take


def serves(run: Run, take: Take) -> bool:
    """Whether this run is what the take asks for. Hashes of images count only where both sides have one."""
    # rule hashes_compared
    images_differ = None not in (run.images_sha256, take.images_sha256) and run.images_sha256 != take.images_sha256
    # rule same_input
    return run.fingerprint == take.fingerprint and not images_differ


def match_runs(wanted: Mapping[str, Take], recorded: Mapping[str, TakeRecord]) -> dict[str, Run]:
    """The recorded run that serves each take of the manifest. A take that is missing here must be paid for."""
    served: dict[str, Run] = {}
    spare = _spare_runs(recorded.values())
    # a take keeps its own run first, so that no other take can carry it off: the live one, else what it had before an
    # edit, so that two takes of one shot that is changed back keep the files that each had
    # rule same_take_first
    _take_over(wanted, recorded, served, spare, _own_runs)
    _take_over(wanted, recorded, served, spare)
    # a failed run that was exchanged is spare itself, and may serve a take that has none yet
    while _prefer_paid(wanted, served, spare):
        _take_over(wanted, recorded, served, spare)
    return served


def is_spare(run: Run, scope: frozenset[str]) -> bool:
    """Whether this run is paid for, or may be, and serves none of the takes in `scope`."""
    is_free = run.superseded_by is Supersession.EDIT or (not run.is_superseded and run.take_id not in scope)
    return is_free and run.state in MAYBE_PAID


def _spare_runs(records: Iterable[TakeRecord]) -> dict[str, list[Run]]:
    """Recorded runs that may serve a take, by fingerprint, newest first.

    Only live runs, and those an edit superseded: the others gave way because the user, or a failure, asked for another.
    """
    spare: dict[str, list[Run]] = defaultdict(list)
    for record in records:
        # name spare_record
        live = record.live
        for run in record.runs:
            # rule unwanted_run
            is_free = run is live or run.superseded_by is Supersession.EDIT
            # rule usable_run
            if is_free and run.state is not RunState.UNSENT:
                spare[run.fingerprint].append(run)
    for pool in spare.values():
        pool.sort(key=_newest_first)
    return spare


def _take_over(
    wanted: Mapping[str, Take],
    recorded: Mapping[str, TakeRecord],
    served: dict[str, Run],
    spare: Mapping[str, list[Run]],
    candidates: Callable[[list[Run], str], list[Run]] = lambda pool, _: pool,
) -> None:
    """Give each take without a run a spare one that serves it, the first of the candidates for its ID."""
    # rule manifest_order
    for id_, take in wanted.items():
        if id_ in served:
            continue
        pool, promised = spare.get(take.fingerprint, []), _promised_because(recorded.get(id_), take)
        offered = candidates(pool, id_)
        # rule next_spare_run
        taken = next((run for run in offered if serves(run, take) and _keeps_promise(promised, run)), None)
        if taken is not None:
            # rule one_run_one_take
            pool.remove(taken)
            # rule take_over
            served[id_] = taken


def _own_runs(pool: list[Run], take_id: str) -> list[Run]:
    """The take's own runs: the live one, then those before an edit, newest first."""
    # rule own_runs
    return sorted((run for run in pool if run.take_id == take_id), key=lambda run: run.is_superseded)


def _prefer_paid(wanted: Mapping[str, Take], served: dict[str, Run], spare: Mapping[str, list[Run]]) -> bool:
    """Exchange failed runs for spare ones that are paid for, or may be. Returns whether one was exchanged.

    A failed run may have to be repeated, and nothing is paid for while a paid run of the same request is left.
    """
    has_exchanged = False
    for id_, run in served.items():
        pool = spare.get(run.fingerprint, []) if run.state is RunState.FAILED else []
        better = next((other for other in pool if other.state in MAYBE_PAID and serves(other, wanted[id_])), None)
        if better is not None:
            pool[pool.index(better)] = run
            pool.sort(key=_newest_first)
            served[id_] = better
            has_exchanged = True
    return has_exchanged


def _newest_first(run: Run) -> tuple[int, int]:
    # rule newest_first
    return -(run.create_number or 0), -run.key


def _promised_because(record: TakeRecord | None, take: Take) -> frozenset[Supersession]:
    """Why the take has an unsent attempt at this very request, other than an edit: the user asked for one more, or one
    failed."""
    live = record.live if record is not None else None
    if record is None or live is None or live.state is not RunState.UNSENT or not serves(live, take):
        return frozenset()
    before = (run.superseded_by for run in record.runs if serves(run, take))
    return frozenset(why for why in before if why not in {None, Supersession.EDIT})


def _keeps_promise(promised: frozenset[Supersession], run: Run) -> bool:
    """Whether an old run may serve although another attempt is promised.

    A paid run may replace the retry of a failed one: the user gets the video and saves the price. It may not replace an
    attempt that the user asked for, because the user wants another video than the one that exists.
    """
    return not promised or (promised == {Supersession.RETRY} and run.state in MAYBE_PAID)
