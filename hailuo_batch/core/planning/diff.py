"""What changed between a recorded run and the take that is wanted now, in words for the plan."""

import json
from dataclasses import dataclass
from itertools import zip_longest

from hailuo_batch.core.model.runs import Run
from hailuo_batch.values import Take


@dataclass(frozen=True, slots=True)
class Difference:
    """Why a take is paid for, such as `changed: prompt`.

    `image_urls` are those that differ, each as it was and as it is now, empty where there is none: a signed URL that is
    new with every export is seen for what it is.
    """

    reason: str
    image_urls: tuple[tuple[str, str], ...] = ()


def describe_difference(run: Run, take: Take) -> Difference:
    """Names the parts of the request that differ."""
    before, after = json.loads(run.input_json), json.loads(take.input_json)
    parts = ["model"] if run.model != take.model else []
    # rule changed_names
    parts += [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    both_known = None not in (run.images_sha256, take.images_sha256)
    if run.images_sha256 != take.images_sha256 and (both_known or not parts):
        parts.append("the bytes of an image")
    if not parts:
        return Difference("new")
    urls = zip_longest(before.get("image_urls", []), after.get("image_urls", []), fillvalue="")
    # rule changed_urls
    return Difference(f"changed: {', '.join(parts)}", tuple((was, now) for was, now in urls if was != now))
