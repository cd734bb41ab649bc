"""Links lead somewhere, every page is found from the README, and the README stays short."""

from pathlib import Path

import pytest

from tests.docs import pages
from tests.docs.pages import ROOT

MOST_LINES = 220
MOST_BYTES = 400_000


@pytest.mark.parametrize(
    ("page", "link"),
    [pytest.param(page, link, id=f"{page.name}: {link}") for page in pages.LINKING for link in pages.links(page)],
)
def test_a_link_leads_to_a_file_or_to_a_heading_in_one(page: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.is_relative_to(ROOT)
    assert target.exists()
    if anchor:
        assert anchor in pages.anchors(target)


@pytest.mark.parametrize("page", pages.DOCS, ids=lambda page: page.name)
def test_the_readme_links_to_every_page(page: Path) -> None:
    assert f"docs/{page.name}" in [link.partition("#")[0] for link in pages.links(pages.README)]


@pytest.mark.parametrize("page", pages.DOCS, ids=lambda page: page.name)
def test_every_page_links_back(page: Path) -> None:
    assert "../README.md" in pages.links(page)


def test_the_readme_is_short() -> None:
    assert len(pages.text_of(pages.README).splitlines()) <= MOST_LINES


def test_the_picture_of_the_report_is_one_and_is_small() -> None:
    picture = (ROOT / "docs" / "report.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(picture) < MOST_BYTES
    assert "docs/report.png" in pages.links(pages.README)


def test_anchors_are_those_of_github(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `first`, and last: #1\n\n```sh\n# no heading\n```\n\n## Same\n\n## Same\n", encoding="utf-8")
    assert pages.anchors(page) == {"a-first-and-last-1", "same", "same-1"}
