"""Manifests written to real files and loaded from there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hailuo_batch.manifest import LoadedManifest, load_manifest
from hailuo_batch.values import CampaignSpec

Load = Callable[[str | bytes], LoadedManifest]
Accept = Callable[[str | bytes], CampaignSpec]
Complain = Callable[[str | bytes], list[str]]
Beside = Callable[[str, str | bytes], Path]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a text as a manifest."""

    def load_text(text: str | bytes) -> LoadedManifest:
        path = tmp_path / "m.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_manifest(path)

    return load_text


@pytest.fixture
def beside(tmp_path: Path) -> Beside:
    """Writes a file that lies beside the manifest."""

    def write_beside(name: str, data: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write_beside


@pytest.fixture
def accept(load: Load) -> Accept:
    """The campaign of a manifest that must have nothing wrong with it."""

    def accept_text(text: str | bytes) -> CampaignSpec:
        loaded = load(text)
        assert loaded.diagnostics == ()
        assert loaded.campaign is not None
        return loaded.campaign

    return accept_text


@pytest.fixture
def complain(load: Load, tmp_path: Path) -> Complain:
    """What is said of a manifest that gives no campaign, each finding as `line:column: severity: message; hint`.

    Files beside the manifest are named by their paths from there.
    """

    def complaints(text: str | bytes) -> list[str]:
        loaded = load(text)
        assert loaded.campaign is None
        said = (str(diagnostic).removeprefix(f"{tmp_path / 'm.yaml'}:") for diagnostic in loaded.diagnostics)
        return [text.replace(f"{tmp_path}/", "") for text in said]

    return complaints
