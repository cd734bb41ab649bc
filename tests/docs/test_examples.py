"""Every manifest and table that is shown is valid, and makes what the text beside it says."""

import re
from pathlib import Path

import pytest
import yaml

from hailuo_batch.manifest import load_manifest
from hailuo_batch.values import CampaignSpec
from hailuo_batch.warning_codes import WarningCode
from tests.docs import pages
from tests.docs.pages import Block
from tests.helpers.images import png

MANIFEST = pages.ROOT / "docs" / "manifest.md"
UNCHECKED = "model: another/model"
ABSENT = {"version": "version: 1\n", "campaign": "campaign: example\n", "shots": "shots: [{id: one, prompt: A lamp}]\n"}


def is_workflow(block: Block) -> bool:
    data = yaml.safe_load(block.text)
    return isinstance(data, dict) and "jobs" in data


def whole(text: str) -> str:
    """A part of a manifest, with what it lacks to be one; a list is taken for shots."""
    if text.startswith("- "):
        text = f"shots:\n{text}"
    return "".join(line for key, line in ABSENT.items() if key not in yaml.safe_load(text)) + text


def laid_out(page: Path, folder: Path) -> Path:
    """The folder with the files that the page shows, and a picture under each name that one has there."""
    for name, text in pages.files(page).items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "images").mkdir()
    for name in re.findall(r"\b[\w-]+\.jpg\b", pages.text_of(page)):
        (folder / "images" / name).write_bytes(png())
    return folder


MANIFESTS = [block for page in pages.PAGES for block in pages.blocks(page, "yaml") if not is_workflow(block)]


@pytest.mark.parametrize("block", MANIFESTS, ids=str)
def test_every_example_manifest_is_valid(block: Block, tmp_path: Path) -> None:
    path = laid_out(block.page, tmp_path) / "example.yaml"
    path.write_text(whole(block.text), encoding="utf-8")
    loaded = load_manifest(path)
    assert loaded.campaign is not None, loaded.diagnostics
    assert len(loaded.diagnostics) == block.text.count(UNCHECKED), loaded.diagnostics


@pytest.mark.parametrize("page", [pages.README, MANIFEST], ids=lambda page: page.name)
def test_whole_manifests_and_tables_are_shown(page: Path) -> None:
    assert {"products.csv", "catalogue.yaml"} <= pages.files(page).keys()
    assert len(pages.blocks(page, "csv")) == len([name for name in pages.files(page) if name.endswith(".csv")])


def made(text: str, page: Path, folder: Path) -> CampaignSpec:
    """The campaign that a manifest of the page asks for."""
    path = laid_out(page, folder) / "example.yaml"
    path.write_text(whole(text), encoding="utf-8")
    campaign = load_manifest(path).campaign
    assert campaign is not None
    return campaign


def test_the_catalogue_of_the_readme_makes_what_the_readme_states(tmp_path: Path) -> None:
    campaign = made(pages.files(pages.README)["catalogue.yaml"], pages.README, tmp_path)
    takes = [take.id for take in campaign.takes]
    printed = re.search(r"makes 3 rows x 3 combinations = (\d+) videos.*?`(\S+)\.mp4` to\s+`(\S+)\.mp4`", _flat())
    assert printed
    assert printed.groups() == (str(len(takes)), takes[0], takes[-1])


def test_the_campaign_of_the_picture_is_valid() -> None:
    loaded = load_manifest(pages.ROOT / "docs" / "screenshot.yaml")
    assert loaded.campaign is not None
    assert loaded.diagnostics == ()


def _flat() -> str:
    return " ".join(pages.text_of(pages.README).split())


def test_the_matrix_makes_the_shots_that_stand_below_it(tmp_path: Path) -> None:
    _, _, below = pages.text_of(MANIFEST).partition("\nThat makes four shots:")
    named = re.findall(r"`([^`]+)`", below.partition(",\nwith")[0].partition(", with")[0])
    [block] = [block for block in pages.blocks(MANIFEST, "yaml") if block.text.startswith("- id: lamp-")]
    assert [shot.id for shot in made(block.text, MANIFEST, tmp_path).shots] == named
    assert len(named) == 4


def test_every_kind_of_warning_is_in_the_table() -> None:
    text = MANIFEST.read_text(encoding="utf-8")
    table = text[text.index("| code | what is odd |") :].partition("\n\n")[0]
    assert {f"`{code}`" for code in WarningCode} <= set(re.findall(r"`[a-z-]+`", table))
