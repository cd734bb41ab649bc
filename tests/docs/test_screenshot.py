"""The picture of the report can be made again, and says in one line what is missing where it cannot."""

from pathlib import Path

import pytest

from docs import screenshot
from tests.browser import chromium


@pytest.mark.deep
def test_the_picture_is_made_of_a_real_campaign(tmp_path: Path) -> None:
    if not chromium.is_here():
        pytest.skip(chromium.MISSING)
    screenshot.make_campaign(tmp_path)
    picture = screenshot.photograph(tmp_path / "outputs" / "spring-lamps", tmp_path / "profile")
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")


def test_without_a_browser_one_line_states_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(chromium, "is_here", lambda: False)
    assert screenshot.main() == 1
    assert capsys.readouterr().err == f"{chromium.MISSING}\n"
