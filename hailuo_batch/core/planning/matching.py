"""Which recorded run serves which wanted take: the rules at the end of the manifest's language.

They are why a rename, a swap or a prompt that is changed back costs nothing. Pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

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
    """Which recorded run serves which wanted take; a take that is missing here has none."""
    served: dict[str, Run] = {}
    for id_, take in wanted.items():
        live = recorded[id_].live if id_ in recorded else None
        if live is not None and live.state is not RunState.UNSENT and serves(live, take):
            # rule same_take_first
            served[id_] = live
    # rule spare_runs
    spare = _spare(recorded.values(), {run.key for run in served.values()})
    _take_over(wanted, recorded, served, spare)
    while _prefer_paid(wanted, served, spare):
        _take_over(wanted, recorded, served, spare)
    return served


def _take_over(
    wanted: Mapping[str, Take],
    recorded: Mapping[str, TakeRecord],
    served: dict[str, Run],
    spare: Mapping[str, list[Run]],
) -> None:
    """Each wanted take that has no run takes over one that nobody wants any more."""
    # rule manifest_order
    for id_, take in wanted.items():
        if id_ in served:
            continue
        pool, promise = spare.get(take.fingerprint, []), _promised_because(recorded.get(id_), take)
        # rule next_spare_run
        taken = next((run for run in pool if serves(run, take) and _keeps_promise(promise, run)), None)
        if taken is not None:
            # rule one_run_one_take
            pool.remove(taken)
            # rule take_over
            served[id_] = taken


def _prefer_paid(wanted: Mapping[str, Take], served: dict[str, Run], spare: Mapping[str, list[Run]]) -> bool:
    """A run that failed gives way to one that is paid for, or may be: nothing is made anew while one is left.

    Whether one did: it is free then, and may serve another take.
    """
    freed = False
    for id_, run in served.items():
        pool = spare.get(run.fingerprint, []) if run.state is RunState.FAILED else []
        better = next((other for other in pool if other.state in MAYBE_PAID and serves(other, wanted[id_])), None)
        if better is not None:
            pool[pool.index(better)] = run
            pool.sort(key=_newest_first)
            served[id_] = better
            freed = True
    return freed


def _spare(records: Iterable[TakeRecord], used: set[int]) -> dict[str, list[Run]]:
    """Recorded runs that nobody wants any more, by fingerprint, newest first."""
    spare: dict[str, list[Run]] = defaultdict(list)
    for record in records:
        # name spare_record
        live = record.live
        for run in record.runs:
            # rule unwanted_run
            free = run is live or run.superseded_by is Supersession.EDIT
            # rule usable_run
            if free and run.key not in used and run.state is not RunState.UNSENT:
                spare[run.fingerprint].append(run)
    for pool in spare.values():
        pool.sort(key=_newest_first)
    return spare


def is_spare(run: Run, scope: frozenset[str]) -> bool:
    """Whether this run is paid for, or may be, and serves none of the takes in `scope`."""
    is_free = run.superseded_by is Supersession.EDIT or (not run.is_superseded and run.take_id not in scope)
    return is_free and run.state in MAYBE_PAID


def _newest_first(run: Run) -> tuple[int, int]:
    # rule newest_first
    return -(run.create_number or 0), -run.key


def _promised_because(record: TakeRecord | None, take: Take) -> frozenset[Supersession]:
    """Why an unsent attempt at just this stands there, beyond an edit: the user asked for one more, or it failed."""
    live = record.live if record is not None else None
    if record is None or live is None or live.state is not RunState.UNSENT or not serves(live, take):
        return frozenset()
    before = (run.superseded_by for run in record.runs if serves(run, take))
    return frozenset(why for why in before if why not in {None, Supersession.EDIT})


def _keeps_promise(promise: frozenset[Supersession], run: Run) -> bool:
    """Whether an old run may serve although one more attempt is promised: in place of one that failed, what is paid
    for, or may be; in place of one that the user wants anew, nothing."""
    return not promise or (promise == {Supersession.RETRY} and run.state in MAYBE_PAID)
