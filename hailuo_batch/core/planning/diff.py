"""Why a take is paid for, and what differs between what a recorded run was made from and what is asked for now.

Pure. The reason names the parts that differ; `diff_words` tells two texts apart word by word, so that a reviewer sees
which words of a prompt are new. How that looks on a screen is decided elsewhere.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum
from itertools import zip_longest
from typing import Any

from hailuo_batch.core.model.runs import Run, Supersession, TakeRecord
from hailuo_batch.core.model.states import RunState
from hailuo_batch.core.planning.matching import serves
from hailuo_batch.values import Take, is_partial


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """What a run was made from: its model, and its input as it was recorded."""

    model: str
    input_json: str

    @property
    def input(self) -> Mapping[str, Any]:
        """The input as data."""
        parsed: Mapping[str, Any] = json.loads(self.input_json)
        return parsed

    @property
    def is_whole(self) -> bool:
        """Whether the whole input is known: after a loss of files, only a part of it may be."""
        return not is_partial(self.input_json)


@dataclass(frozen=True, slots=True)
class Difference:
    """Why a take is paid for, such as `changed: prompt`.

    `before` is what the recorded run was made from that is replaced, None where that is no other request. `image_urls`
    are those that differ, each as it was and as it is, empty where there is none. They show the user a signed URL that
    is new with every export.
    """

    reason: str
    image_urls: tuple[tuple[str, str], ...] = ()
    before: RecordedRequest | None = None


def describe_difference(run: Run, take: Take) -> Difference:
    """Name the parts of the request that differ."""
    request = RecordedRequest(run.model, run.input_json)
    before, after = request.input, take.input
    parts = ["model"] if run.model != take.model else []
    # rule changed_names
    parts += [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    is_another = bool(parts)
    both_known = None not in (run.images_sha256, take.images_sha256)
    if run.images_sha256 != take.images_sha256 and (both_known or not parts):
        parts.append("the bytes of an image")
    if not parts:
        return Difference("new")
    urls = zip_longest(image_urls_of(before), image_urls_of(after), fillvalue="")
    # rule changed_urls
    changed_urls = tuple((was, now) for was, now in urls if was != now)
    return Difference(f"changed: {', '.join(parts)}", changed_urls, request if is_another else None)


def image_urls_of(request_input: Mapping[str, Any]) -> tuple[str, ...]:
    """The image URLs of an input. What is no list has none: an input of another model may use the name differently."""
    urls = request_input.get("image_urls")
    return tuple(map(str, urls)) if isinstance(urls, list) else ()


def why_unserved(take: Take, record: TakeRecord | None) -> Difference:
    """Why a take that no recorded run serves must be paid for."""
    if record is None or not record.runs:
        # rule reason_new
        return Difference("new")
    live, before = record.live, attempt_before(record)
    if live is None or live.state is not RunState.UNSENT:
        return describe_difference(live or record.runs[-1], take)
    if before is not None and serves(live, take) and serves(before, take):
        return Difference(_attempted_again(live, before))
    if before is not None:
        return describe_difference(before, take)
    return Difference("new" if live.reason is None or not serves(live, take) else f"not created yet: {live.reason}")


def attempt_before(record: TakeRecord) -> Run | None:
    """The attempt before the live one, None where there is none."""
    live = record.live
    older = [run for run in record.runs if live is not None and run.attempt < live.attempt]
    return older[-1] if older else None


def _attempted_again(live: Run, before: Run) -> str:
    ended = "failed" if before.state is RunState.FAILED else f"was {before.state}"
    return {
        Supersession.REPLACE: "--replace, not created yet",
        Supersession.RETRY: f"attempt {live.attempt}, after one that {ended}",
        Supersession.RESUBMIT: "repeated, as requested",
    }.get(before.superseded_by or Supersession.EDIT, "new")


class Change(Enum):
    """What became of a piece of text."""

    KEPT = "kept"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text with one fate. The kept and removed ones make the old text, the kept and added ones the new."""

    change: Change
    text: str


_WIDE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_WIDE}]|[^\s{_WIDE}]+ ?|\s")
"""A word with the blank after it, or another white space. Chinese and Japanese have no blanks: each sign is a word."""
_MOST_PAIRS = 100_000
"""The most pairs of equal words that are looked at. Comparing takes time in proportion, or worse."""


def diff_words(was: str, now: str) -> tuple[Piece, ...]:
    """The two texts word by word, the removed words before those that stand in their place.

    Where a comparison would take long, what lies between the first and the last difference counts as replaced.
    """
    old, new = _WORD.findall(was), _WORD.findall(now)
    pieces = _diff(old, new, [*map(_without_blank, old)], [*map(_without_blank, new)])
    if was != now and all(piece.change is Change.KEPT for piece in pieces):
        return _diff(old, new, old, new)  # a blank more or less after a word counts where nothing else differs
    return pieces


def _without_blank(word: str) -> str:
    return word.rstrip(" ") or word


def _diff(old: Sequence[str], new: Sequence[str], old_keys: list[str], new_keys: list[str]) -> tuple[Piece, ...]:
    start = _shared(old_keys, new_keys)
    rest = _shared(old_keys[start:][::-1], new_keys[start:][::-1])
    old_end, new_end = len(old) - rest, len(new) - rest
    found = [(Change.KEPT, new[:start])]
    for i, i_end, j, j_end, is_equal in _blocks(old_keys[start:old_end], new_keys[start:new_end]):
        if is_equal:
            found.append((Change.KEPT, new[start + j : start + j_end]))
        else:
            found.append((Change.REMOVED, old[start + i : start + i_end]))
            found.append((Change.ADDED, new[start + j : start + j_end]))
    found.append((Change.KEPT, new[new_end:]))
    return tuple(Piece(change, "".join(words)) for change, words in found if words)


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words at the start are the same in both."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _blocks(old: list[str], new: list[str]) -> list[tuple[int, int, int, int, bool]]:
    """The stretches of both, and whether they are equal."""
    counts = Counter(new)
    if sum(counts[word] for word in old) > _MOST_PAIRS:
        return [(0, len(old), 0, len(new), False)]
    opcodes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [(i, i_end, j, j_end, tag == "equal") for tag, i, i_end, j, j_end in opcodes]
