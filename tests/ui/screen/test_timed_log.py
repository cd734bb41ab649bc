"""Each line of a log begins with the local time."""

import io
import time

import pytest

from hailuo_batch.ui.progress import QuietView
from hailuo_batch.ui.screen.timed_log import TimedLog


def test_each_line_has_the_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    for zone in ("UTC", "Asia/Tokyo"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        QuietView(TimedLog(log, lambda: 1_760_000_000.0)).notice("hero: in doubt")
    monkeypatch.undo()
    time.tzset()
    assert log.getvalue().splitlines() == [
        "2025-10-09 08:53:20 hero: in doubt",
        "2025-10-09 17:53:20 hero: in doubt",
    ]
