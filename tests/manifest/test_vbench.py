"""A real campaign nobody here wrote: the 946 prompts of VBench as the rows of one manifest."""

import csv
import shutil
from pathlib import Path

import pytest

from hailuo_batch.manifest import load_manifest

PROMPTS = Path(__file__).parents[3] / "shared" / "data" / "vbench" / "prompts.csv"
MANIFEST = """\
version: 1
campaign: vbench
shots:
  - id: ${dimension}-${number}
    prompt: ${prompt}
    tags: ["${dimension}"]
    rows: prompts.csv
"""


@pytest.mark.skipif(not PROMPTS.is_file(), reason="the prompts of VBench are not part of the repository")
def test_the_prompts_of_vbench_are_one_campaign(tmp_path: Path) -> None:
    shutil.copy(PROMPTS, tmp_path / "prompts.csv")
    (tmp_path / "m.yaml").write_text(MANIFEST)
    loaded = load_manifest(tmp_path / "m.yaml")
    assert loaded.diagnostics == ()
    assert loaded.campaign is not None
    takes = list(loaded.campaign.takes)
    with PROMPTS.open(encoding="utf-8", newline="") as file:
        written = [row["prompt"].strip() for row in csv.DictReader(file)]
    assert [take.input["prompt"] for take in takes] == written
    assert (len(takes), len({take.id for take in takes})) == (946, 946)
    assert len({take.fingerprint for take in takes}) == len(set(written)) < 946
