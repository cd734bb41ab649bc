"""Manifests of the first version keep their fingerprints: an edit of the language makes nobody pay again.

`first_version/fingerprints.json` was written by the first version itself.
"""

import json
from pathlib import Path

import pytest

from hailuo_batch.manifest import load_manifest

FOLDER = Path(__file__).parent / "first_version"
FINGERPRINTS = json.loads((FOLDER / "fingerprints.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_a_manifest_of_the_first_version_keeps_its_fingerprints(name: str) -> None:
    loaded = load_manifest(FOLDER / f"{name}.yaml")
    assert loaded.campaign is not None, loaded.diagnostics
    assert {take.id: take.fingerprint for take in loaded.campaign.takes} == FINGERPRINTS[name]


def test_there_are_twenty_of_them() -> None:
    assert len(FINGERPRINTS) >= 20
    assert {path.stem for path in FOLDER.glob("*.yaml")} == FINGERPRINTS.keys()
