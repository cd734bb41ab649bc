"""Campaigns beside each other in the threads of one process, and beside readers of their ledgers."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hailuo_batch import Campaign, Created, Event
from hailuo_batch.adapters.ledger import Ledger
from hailuo_batch.adapters.local.fs import write_without_sync
from hailuo_batch.sandbox.server import SandboxServer
from tests.helpers.command_line import SLOW
from tests.interface.conftest import MakeCampaign, StartApi


def test_campaigns_of_one_workspace_are_applied_side_by_side(api: SandboxServer, make_campaign: MakeCampaign) -> None:
    campaigns = [make_campaign(api, f"lamps-{number}") for number in range(4)]
    with ThreadPoolExecutor(len(campaigns)) as pool:
        results = list(pool.map(lambda campaign: campaign.apply(consent=True), campaigns))
    assert all(result.is_done for result in results)
    assert api.world.stats.creates == 4 * 3


def test_a_ledger_is_read_while_another_thread_writes_it(api: SandboxServer, make_campaign: MakeCampaign) -> None:
    shots = tuple({"id": f"s{number}", "prompt": f"A lamp, {number}"} for number in range(40))
    campaign, others = make_campaign(api, shots=shots), make_campaign(api, "others")
    assert campaign.apply(consent=True, only="s1").is_done
    is_over = threading.Event()

    def look() -> int:
        looks = 0
        while not is_over.is_set():
            campaign.status()
            others.plan()  # reads the prices in the first one's ledger
            campaign.report("json")
            looks += 1
        return looks

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(look) for _ in range(3)]
        try:
            assert campaign.apply(consent=True).is_done
        finally:
            is_over.set()
        assert all(reader.result() for reader in readers)
    assert api.world.stats.creates == 40


def test_no_reader_takes_the_writers_locks_away(
    start_api: StartApi, make_campaign: MakeCampaign, tmp_path: Path
) -> None:
    """POSIX gives all of a file's locks up when any descriptor of it is closed: by whichever thread."""
    campaign = make_campaign(start_api(speed=SLOW))
    path = tmp_path / "work" / "state" / "lamps.db"
    with campaign.stream(consent=True) as stream:
        next(event for event in stream if isinstance(event, Created))
        log = path.with_name("lamps.db-wal")
        before = log.stat().st_ino
        for _ in range(3):
            campaign.status()
            make_campaign(start_api(), "others").plan()
        assert _opened_and_closed_elsewhere(path)
        assert log.stat().st_ino == before  # the last to close a ledger removes its log


def _opened_and_closed_elsewhere(path: Path) -> bool:
    """Have another process open the ledger and close it: it removes the log if it believes to be alone."""
    import subprocess
    import sys

    code = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); "
        "db.execute('SELECT count(*) FROM runs').fetchone(); db.close()"
    )
    return subprocess.run([sys.executable, "-c", code, str(path)], check=True).returncode == 0


def test_readers_leave_no_trace_of_a_ledger_that_is_closed(
    api: SandboxServer, campaign: Campaign, tmp_path: Path
) -> None:
    assert campaign.apply(consent=True).is_done
    path = tmp_path / "work" / "state" / "lamps.db"
    from hailuo_batch.adapters.ledger import opening

    assert not opening._open_files
    with Ledger.read(path, "lamps", api.base_url) as first, Ledger.read(path, "lamps", api.base_url) as second:
        assert list(opening._open_files.values()) == [2]
        assert first.snapshot() == second.snapshot()
    assert not opening._open_files
    assert isinstance(sqlite3.sqlite_version, str)


def test_two_threads_write_one_file_one_after_the_other(tmp_path: Path) -> None:
    texts = [str(number).encode() * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            list(pool.map(lambda text: write_without_sync(tmp_path / "report.json", text), texts))
            assert (tmp_path / "report.json").read_bytes() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_one_campaign_value_serves_several_threads(api: SandboxServer, campaign: Campaign) -> None:
    def follow() -> list[Event]:
        return list(campaign.stream(consent=True, wait="10m"))

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(follow) for _ in range(2)]
        events = [event for each in both for event in each.result()]
    assert sum(isinstance(event, Created) for event in events) == 3
    assert api.world.stats.creates == 3
