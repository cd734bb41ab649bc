"""A campaign as a flow of Prefect: a plan, a bound on what it may cost, and an apply that is tried again and goes on.

A worker that is killed, or a task that fails half-way, loses nothing: the next try continues in the same workspace.
"""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task

from hailuo_batch import Campaign, Downloaded, Failed, Plan

WORKSPACE = Path(os.environ.get("VIDEO_WORKSPACE", "work"))  # where every worker of this flow finds it


def campaign_of(rows: list[dict[str, Any]]) -> Campaign:
    """The campaign of these rows."""
    return Campaign.from_shots("nightly", rows, prompt="A ${colour} lamp on a desk", id="${sku}", workspace=WORKSPACE)


@task
def plan_videos(rows: list[dict[str, Any]], most_usd: Decimal) -> Plan:
    """The plan, if it costs no more than that."""
    plan = campaign_of(rows).plan(max_spend=str(most_usd))
    get_run_logger().info("%s", plan)
    return plan


@task(retries=3, retry_delay_seconds=1)
def make_videos(rows: list[dict[str, Any]], plan: Plan) -> list[str]:
    """Carry the plan out. Raises where something is left to be done, so that it is tried again."""
    log = get_run_logger()
    with campaign_of(rows).stream(consent=plan) as stream:
        for event in stream:
            if isinstance(event, Downloaded):
                log.info("%s is at %s", event.take_id, event.path)
            elif isinstance(event, Failed):
                log.warning("%s has no video: %s", event.take_id, event.reason)
    stream.result.raise_for_unfinished()
    return [str(file) for take in stream.result.takes for file in take.files]


@flow(name="nightly-videos")
def nightly_videos(rows: list[dict[str, Any]], most_usd: Decimal = Decimal(5)) -> list[str]:
    """Make the videos of these rows, for at most so much money. Returns their files."""
    files: list[str] = make_videos(rows, plan_videos(rows, most_usd))
    return files
