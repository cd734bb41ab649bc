"""What changed between a recorded run and the take that is wanted now, in words for the plan."""

import json

from hailuo_batch.core.records import Run
from hailuo_batch.values import Take


def describe_change(run: Run, take: Take) -> str:
    """Names the parts of the request that differ, such as `changed: prompt`."""
    before, after = json.loads(run.input_json), json.loads(take.input_json)
    parts = ["model"] if run.model != take.model else []
    parts += [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    if not parts and run.images_sha256 != take.images_sha256:
        parts = ["the bytes of an image"]
    return f"changed: {', '.join(parts)}" if parts else "new"
