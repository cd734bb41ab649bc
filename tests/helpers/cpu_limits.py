"""Bounds on the processor's time that hold on a slow machine too, and are no wider on a fast one."""

import time

_USUAL_S = 0.18  # what the work below takes where the bounds were set


def within(took_s: float, bound_s: float) -> bool:
    """Whether something took less than that, in the processor's seconds of a machine no slower than is usual.

    A processor whose cores are shared takes several times as long for the same; how long, fixed work tells.
    """
    return took_s < bound_s or took_s < bound_s * _fixed_work_s() / _USUAL_S


def _fixed_work_s() -> float:
    began_at = time.process_time()
    table: dict[str, list[int]] = {}
    for number in range(1_000_000):
        table.setdefault(str(number % 5000), []).append(number)
    return time.process_time() - began_at
