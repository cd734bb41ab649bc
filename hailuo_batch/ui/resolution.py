"""What `resolve` says before and after a decision about one attempt or about several. Pure."""

from collections.abc import Iterable, Sequence

from hailuo_batch.core.model.runs import Run, Snapshot
from hailuo_batch.core.planning.spend import highest_costs
from hailuo_batch.report.model import state_text
from hailuo_batch.ui.text import count, name_some
from hailuo_batch.values import format_usd

MOST_NAMED = 10
"""The most takes named in a message."""


def describe_runs(snapshot: Snapshot, runs: Sequence[Run]) -> str:
    """What is known of the attempts: `hero: attempt 1 is in doubt, and may have cost $0.28`."""
    if len(runs) == 1:
        [run] = runs
        return f"{run.take_id}: attempt {run.attempt} is {state_text(run.take_state)}{cost_text(snapshot, runs)}"
    return f"{count(len(runs), 'attempt')} chosen{cost_text(snapshot, runs)}: {_names(runs)}"


def pays_again_text(snapshot: Snapshot, runs: Sequence[Run]) -> str:
    """What another request for each costs, as the beginning of a sentence."""
    if len(runs) == 1:
        return "Requesting it again pays for it again"
    amount = _sum(highest_costs(snapshot.paid_runs).get(run.model) for run in runs)
    most = "an amount that is not known yet" if amount is None else f"at most {format_usd(amount)}"
    return f"Requesting them again pays for them again, {most}"


def resubmitted_text(runs: Sequence[Run]) -> str:
    """What follows from a resubmission."""
    subject = runs[0].take_id if len(runs) == 1 else count(len(runs), "take")
    named = "" if len(runs) == 1 else f": {_names(runs)}"
    it = "it" if len(runs) == 1 else "them"
    return f"The next apply requests {subject} again, and pays for {it}{named}. {apply_hint(runs)}"


def abandoned_text(snapshot: Snapshot, runs: Sequence[Run]) -> str:
    """What is given up, what it may cost, and what to do if it turns up."""
    if len(runs) > 1:
        return (
            f"{count(len(runs), 'attempt')} abandoned{cost_text(snapshot, runs)}: {_names(runs)}. You may lose what "
            "they made; the money still counts. If a run turns up: `hailuo-batch resolve MANIFEST TAKE --run-id ID`."
        )
    [run] = runs
    what = "a run that may exist" if run.run_id is None else f"the run {run.run_id}"
    attempt = f" --attempt {run.attempt}" if run.is_superseded else ""
    return (
        f"{run.take_id}: attempt {run.attempt} is abandoned{cost_text(snapshot, runs)}. You may lose {what}; the money "
        f"still counts. If the run turns up: `hailuo-batch resolve MANIFEST {run.take_id}{attempt} --run-id ID`."
    )


def apply_hint(runs: Sequence[Run]) -> str:
    """The command that starts what was decided, and nothing else where it can name all takes."""
    takes = [*dict.fromkeys(run.take_id for run in runs)]
    if len(takes) > MOST_NAMED:
        return "To start them, with whatever else is missing: `hailuo-batch apply MANIFEST`."
    only = " ".join(f"--only {take}" for take in takes)
    return f"To start {'it' if len(takes) == 1 else 'them'}: `hailuo-batch apply MANIFEST {only}`."


def cost_text(snapshot: Snapshot, runs: Sequence[Run]) -> str:
    """What the attempts cost, or may have cost at the most, as the end of a clause."""
    known = [run.cost_micro_usd for run in runs]
    paid = _sum(known)
    if paid is not None:
        return f", {format_usd(paid)} paid"
    highest = highest_costs(snapshot.paid_runs)
    most = _sum(highest.get(run.model) if run.cost_micro_usd is None else run.cost_micro_usd for run in runs)
    which = "and" if len(runs) == 1 else "which"
    return ", of unknown cost" if most is None else f", {which} may have cost {format_usd(most)}"


def _names(runs: Sequence[Run]) -> str:
    return name_some([*dict.fromkeys(run.take_id for run in runs)], MOST_NAMED)


def _sum(amounts: Iterable[int | None]) -> int | None:
    """The sum, None where one of them is unknown."""
    total = 0
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total
