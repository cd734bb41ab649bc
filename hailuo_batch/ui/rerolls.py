"""What becomes of the re-rolls of a file of picks, in words: one sentence for each kind, with the takes it is about."""

from collections.abc import Mapping, Sequence

from hailuo_batch.core.picks.picks import Pick
from hailuo_batch.core.picks.rerolls import Reroll
from hailuo_batch.text import one_line
from hailuo_batch.ui.text import clean, elide, name_some

MOST_NAMED = 10
"""The most takes named in a sentence."""
_LONGEST_NAME = 60

_TEXTS: Mapping[Reroll, tuple[str, str]] = {
    Reroll.LATER: ("is left for later by --limit", "are left for later by --limit"),
    Reroll.LEFT_OUT: (
        "is left out by --only and not requested this time",
        "are left out by --only and not requested this time",
    ),
    Reroll.UNDER_WAY: (
        "was begun before; this finishes it and starts no second one",
        "were begun before; this finishes them and starts no second ones",
    ),
    Reroll.DONE: (
        "is done already; its take has another video now",
        "are done already; their takes have other videos now",
    ),
    Reroll.ENDED: (
        "was begun before and came to nothing; `hailuo-batch status MANIFEST` shows what to do",
        "were begun before and came to nothing; `hailuo-batch status MANIFEST` shows what to do",
    ),
    Reroll.EDITED: (
        "is of a take that changed in the manifest and is requested for that reason",
        "are of takes that changed in the manifest and are requested for that reason",
    ),
    Reroll.NO_VIDEO: (
        "is of a run that has no finished video; nothing is paid for it",
        "are of runs that have no finished video; nothing is paid for them",
    ),
    Reroll.OTHER_RUN: (
        "is of a run that is not its take's current one; nothing is paid for it",
        "are of runs that are not their takes' current ones; nothing is paid for them",
    ),
    Reroll.NOT_WANTED: (
        "is of a take that is not in the manifest; nothing is paid for it",
        "are of takes that are not in the manifest; nothing is paid for them",
    ),
    Reroll.UNKNOWN: (
        "is of a take or a run that this campaign does not know; nothing is paid for it",
        "are of takes or runs that this campaign does not know; nothing is paid for them",
    ),
}
"""What is said of one, and of several. Those that begin are in the plan."""


def render_rerolls(judged: Mapping[Reroll, Sequence[Pick]], source: str) -> list[str]:
    """A sentence for each kind of re-roll that does not begin now. `source` is the file that asked for them."""
    total, name = sum(map(len, judged.values())), one_line(source)
    if not total:
        return [f"{name} marks no video as a re-roll."]
    rerolls = f"{total:,} re-roll{'' if total == 1 else 's'} in {name}"
    sentences = []
    for kind, picks in judged.items():
        if kind in _TEXTS:
            one, several = _TEXTS[kind]
            names = name_some([clean(elide(pick.take_id, _LONGEST_NAME)) for pick in picks], MOST_NAMED)
            sentences.append(f"{len(picks):,} of {rerolls} {one if len(picks) == 1 else several}: {names}.")
    return sentences
