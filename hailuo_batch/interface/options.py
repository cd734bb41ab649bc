"""What `plan`, `apply` and `stream` take by name, and what the use cases make of it: one place for both."""

import math
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from operator import index
from os import PathLike
from pathlib import Path
from typing import TypedDict

from hailuo_batch.app.config import NO_CAP, ApplyOptions
from hailuo_batch.app.plan_campaign import PlanOptions
from hailuo_batch.errors import UsageError

Names = str | Iterable[str]
"""One pattern, or several."""
Amount = str | int | float | Decimal
"""US dollars: `40`, `"12.50"`, `Decimal("0.28")`; `"none"` for no limit."""
Duration = str | int | float | timedelta
"""A duration: seconds, a `timedelta`, or a text such as `"90s"`, `"45m"`, `"2h"`."""


class PlanSettings(TypedDict, total=False):
    """What `plan` takes beside the campaign's shots.

    `only` and `replace` are patterns for take IDs, or `tag:PATTERN`; `replace_from` is a file of picks whose re-rolls
    are requested again; `limit` is the most runs to create this time;
    `in_doubt` is `hold` or `resubmit`; `max_spend` caps what the campaign may spend, refunds deducted. `strict` makes
    errors of warnings.
    """

    only: Names
    replace: Names
    replace_from: str | PathLike[str] | None
    limit: int | None
    in_doubt: str
    max_spend: Amount | None
    rate_limit: str | None
    check_images: bool | None
    strict: bool


class ApplySettings(PlanSettings, total=False):
    """What `apply` and `stream` take besides.

    `max_duration` stops the apply in good order after that time, `wait` waits so long for another apply of the
    campaign. `accept_price` goes on even if a run costs more than was planned. `sidecars=False` writes no JSON file
    beside each video.
    """

    max_in_flight: int | None
    run_timeout: Duration | None
    max_duration: Duration | None
    wait: Duration | None
    accept_price: bool
    new_ledger: bool
    require_ledger: bool
    sidecars: bool


def plan_options(given: PlanSettings) -> PlanOptions:
    """The options of a plan. Raises UsageError for a name or a value that there is not."""
    _check_names(given, PlanSettings)
    return PlanOptions(
        only=_names(given.get("only", ())),
        replace=_names(given.get("replace", ())),
        replace_from=_path(given.get("replace_from")),
        limit=_whole("limit", given.get("limit"), least=0),
        in_doubt=_in_doubt(given),
        max_spend=_amount(given.get("max_spend")),
        rate_limit=given.get("rate_limit"),
        check_images=bool(given.get("check_images")),
        strict=given.get("strict", False),
    )


def apply_options(given: ApplySettings) -> ApplyOptions:
    """The options of an apply. Raises UsageError for a name or a value that there is not."""
    _check_names(given, ApplySettings)
    return ApplyOptions(
        only=_names(given.get("only", ())),
        replace=_names(given.get("replace", ())),
        replace_from=_path(given.get("replace_from")),
        limit=_whole("limit", given.get("limit"), least=0),
        in_doubt=_in_doubt(given),
        max_spend=_amount(given.get("max_spend")),
        rate_limit=given.get("rate_limit"),
        check_images=given.get("check_images"),
        strict=given.get("strict", False),
        max_in_flight=_whole("max_in_flight", given.get("max_in_flight"), least=1),
        run_timeout=_duration(given.get("run_timeout")),
        max_duration=_duration(given.get("max_duration")),
        wait=_duration(given.get("wait")),
        accept_price=given.get("accept_price", False),
        new_ledger=given.get("new_ledger", False),
        require_ledger=given.get("require_ledger", False),
        no_sidecar=not given.get("sidecars", True),
    )


def _check_names(given: PlanSettings, known: type) -> None:
    unknown = sorted(given.keys() - known.__optional_keys__)  # type: ignore[attr-defined]
    if unknown:
        raise UsageError(f"There is no argument {unknown[0]!r}. Nothing was sent.")


def _names(given: Names) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _path(given: str | PathLike[str] | None) -> Path | None:
    return None if given is None else Path(given)


def _whole(name: str, given: int | None, least: int) -> int | None:
    """The number. Whatever is none holds nothing back: each comparison with a data frame's NaN is false."""
    if given is None:
        return None
    try:
        number = least - 1 if isinstance(given, bool) else index(given)  # numpy has whole numbers of its own
    except TypeError:
        number = least - 1
    if number < least:
        raise UsageError(f"{name}: {given!r} is not a whole number of at least {least}. Nothing was sent.")
    return number


def _in_doubt(given: PlanSettings) -> str:
    policy = given.get("in_doubt", "hold")
    if policy not in {"hold", "resubmit"}:
        raise UsageError(f"in_doubt: {policy!r} is neither 'hold' nor 'resubmit'. Nothing was sent.")
    return policy


def _amount(given: Amount | None) -> str | None:
    if given is None or given == NO_CAP or isinstance(given, str):
        return None if given is None else str(given)
    exact = given if isinstance(given, Decimal) else Decimal(repr(given))
    return format(exact, "f") if exact.is_finite() else str(exact)


def _duration(given: Duration | None) -> str | None:
    if given is None or isinstance(given, str):
        return given
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    return f"{math.ceil(seconds)}s" if math.isfinite(seconds) else str(seconds)
