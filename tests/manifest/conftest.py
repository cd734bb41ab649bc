"""Manifests written to real files and loaded from there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hailuo_batch.manifest import LoadedManifest, load_manifest
from hailuo_batch.values import CampaignSpec

Load = Callable[[str | bytes], LoadedManifest]
LoadValid = Callable[[str | bytes], CampaignSpec]
LoadErrors = Callable[[str | bytes], list[str]]
WriteFile = Callable[[str, str | bytes], Path]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a text as a manifest."""

    def load_text(text: str | bytes) -> LoadedManifest:
        path = tmp_path / "m.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_manifest(path)

    return load_text


@pytest.fixture
def write_file(tmp_path: Path) -> WriteFile:
    """Writes a file that lies beside the manifest."""

    def write_text_or_bytes(name: str, data: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write_text_or_bytes


@pytest.fixture
def load_valid(load: Load) -> LoadValid:
    """The campaign of a manifest that must have no errors."""

    def load_text(text: str | bytes) -> CampaignSpec:
        loaded = load(text)
        assert loaded.campaign is not None, loaded.diagnostics
        return loaded.campaign

    return load_text


@pytest.fixture
def load_errors(load: Load, tmp_path: Path) -> LoadErrors:
    """The diagnostics of a manifest that gives no campaign, each as `line:column: severity: message; hint`.

    Files beside the manifest are named by their paths from there.
    """

    def load_text(text: str | bytes) -> list[str]:
        loaded = load(text)
        assert loaded.campaign is None
        errors = (str(diagnostic).removeprefix(f"{tmp_path / 'm.yaml'}:") for diagnostic in loaded.diagnostics)
        return [error.replace(f"{tmp_path}/", "") for error in errors]

    return load_text
