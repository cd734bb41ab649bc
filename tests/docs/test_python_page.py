"""What docs/python.md shows works as it stands, on the sandbox, and its table of names is the package's."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import hailuo_batch
from tests.docs import pages
from tests.docs.pages import Block
from tests.helpers.cli_fixtures import _cheap_hashes, _fast_time

__all__ = ["_cheap_hashes", "_fast_time"]

PAGE = pages.ROOT / "docs" / "python.md"
_COMMENT = re.compile(r"^ *print\(.*\)  # (.+)$", re.MULTILINE)


@pytest.mark.parametrize("block", pages.blocks(PAGE, "python"), ids=str)
def test_every_example_runs(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hailuo_batch.app.api_target._SANDBOX_SPEED", 1000.0)
    monkeypatch.chdir(tmp_path)
    exec(compile(block.text, str(block), "exec"), {"__name__": "__main__"})
    out, err = capfd.readouterr()
    assert err == ""
    for shown in _COMMENT.findall(block.text):
        assert shown.removesuffix(" ...") in out


@pytest.mark.deep
def test_a_user_who_checks_types_may_write_them_so(tmp_path: Path) -> None:
    for number, block in enumerate(pages.blocks(PAGE, "python")):
        (tmp_path / f"example_{number}.py").write_text(block.text, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", *map(str, tmp_path.glob("*.py"))]
    checked = subprocess.run(command, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_the_page_begins_with_one_that_makes_videos() -> None:
    first = pages.blocks(PAGE, "python")[0].text
    assert len(first.splitlines()) <= 18
    assert "campaign.apply(consent=plan)" in first


def test_the_names_that_stay_are_those_of_the_package() -> None:
    table = pages.text_of(PAGE).partition("## Names that stay")[2]
    named = set(re.findall(r"`(\w+)`", table.partition("| | |")[2]))
    assert named == set(hailuo_batch.__all__)


def test_every_event_and_every_error_is_explained() -> None:
    before, _, table = pages.text_of(PAGE).partition("## Names that stay")
    rows = [row for row in table.splitlines() if row.startswith(("| events", "| errors"))]
    names = set(re.findall(r"`(\w+)`", "".join(rows))) - {"Event", "ExitCode"}
    assert len(names) == 18
    assert {name for name in names if not re.search(rf"`{name}`", before)} == set()
