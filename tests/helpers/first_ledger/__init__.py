"""A campaign whose ledger is of the first version, as the program of that time left it; `make.py` says how."""

import shutil
from pathlib import Path

WORKSPACE = Path(__file__).with_name("workspace")


def workspace_of_the_first_version(folder: Path) -> Path:
    """A copy of the whole workspace in `folder`. Returns its manifest."""
    shutil.copytree(WORKSPACE, folder)
    return folder / "manifest.yaml"
