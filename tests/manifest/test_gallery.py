"""The gallery: wrong manifests, each beside the messages it must give.

`python -m tests.manifest.test_gallery` writes the messages anew after a change that was meant; read the difference.
"""

from pathlib import Path

import pytest

from hailuo_batch.manifest import Severity, load_manifest, render_diagnostic

GALLERY = Path(__file__).parent / "gallery"
NAMES = sorted(path.stem for path in GALLERY.glob("*.yaml"))


def messages(name: str) -> str:
    loaded = load_manifest(GALLERY / f"{name}.yaml")
    assert (loaded.campaign is None) == any(d.severity is Severity.ERROR for d in loaded.diagnostics)
    return (
        "".join(f"{render_diagnostic(d)}\n" for d in loaded.diagnostics)
        .replace(f"{GALLERY}/", "")
        .replace(str(GALLERY), ".")
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_manifest_gets_its_messages(name: str) -> None:
    assert messages(name) == (GALLERY / f"{name}.txt").read_text(encoding="utf-8")


def test_the_gallery_has_no_messages_without_a_manifest() -> None:
    assert sorted(path.stem for path in GALLERY.glob("*.txt")) == NAMES


def test_every_wrong_manifest_states_something() -> None:
    assert len(NAMES) >= 60
    assert all(messages(name) for name in NAMES)


if __name__ == "__main__":
    for each in NAMES:
        (GALLERY / f"{each}.txt").write_text(messages(each), encoding="utf-8")
