"""Moments as the reports write them: RFC 3339, UTC, milliseconds, `Z`.

Owns that one format. Reads no clock: every moment is passed in, in seconds since the epoch.
"""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_time(epoch_s: float | None) -> str | None:
    """`2025-11-22T08:00:00.000Z` for seconds since the epoch; None for None and for what no calendar holds."""
    if epoch_s is None:
        return None
    try:
        moment = _EPOCH + timedelta(milliseconds=round(epoch_s * 1000))
    except (OverflowError, ValueError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
