"""A real Chromium that opens report pages from disk, one for each worker; skipped where there is none."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome

from hailuo_batch.core.model.runs import TakeRecord
from hailuo_batch.core.model.states import TakeState
from hailuo_batch.report.advice import CommandBuilder
from hailuo_batch.report.files import Format, write_reports
from hailuo_batch.report.model import build_report
from hailuo_batch.sandbox.media import load_clips
from tests.browser import chromium
from tests.browser.sheet import Sheet
from tests.helpers.snapshots import STARTED_AT, snapshot
from tests.helpers.timeouts import TEST_TIMEOUT_S

OpenSheet = Callable[..., Sheet]


@pytest.fixture(scope="session")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    if not chromium.is_here():
        pytest.skip(chromium.MISSING)
    browser = chromium.start(tmp_path_factory.mktemp("chromium"))
    browser.set_script_timeout(TEST_TIMEOUT_S)
    try:
        yield browser
    finally:
        browser.quit()


@pytest.fixture
def open_sheet(chrome: Chrome, tmp_path: Path) -> OpenSheet:
    """Writes the page of these takes beside their videos and opens it. Each test has a campaign of its own."""

    def open_sheet(*records: TakeRecord, **options: Any) -> Sheet:
        write_page(tmp_path, *records, **options)
        sheet = Sheet(chrome, tmp_path)
        sheet.open()
        return sheet

    return open_sheet


def write_page(
    folder: Path,
    *records: TakeRecord,
    applying: bool = False,
    generated_at: float = STARTED_AT + 3600,
    description: str = "Spring catalogue",
    videos: bool = True,
) -> None:
    """report.html, and a clip under the name of each file that the ledger calls saved."""
    ledger = snapshot(*records, campaign=folder.name, description=description)
    report = build_report(
        ledger,
        generated_at=generated_at,
        commands=CommandBuilder("manifests/spring lamps.yaml", ledger.endpoint),
        submitting_state=TakeState.WAITING if applying else TakeState.IN_DOUBT,
    )
    write_reports(report, folder, (Format.HTML,))
    first = folder / "clip.mp4"
    first.write_bytes(load_clips()[0])
    for run in ledger.runs if videos else ():
        for output in run.outputs:
            if output.path is not None:
                (folder / output.path).parent.mkdir(exist_ok=True)
                (folder / output.path).unlink(missing_ok=True)
                os.link(first, folder / output.path)
