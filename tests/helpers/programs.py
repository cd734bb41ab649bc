"""Programs of a few lines of shell, and the ffmpeg of this machine. Knows nothing of the product."""

import shutil
from pathlib import Path

import pytest

FFMPEG = shutil.which("ffmpeg")
"""Where the real one is, found before any test has hidden it; None where there is none."""
needs_ffmpeg = pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is not installed")


def write_program(path: Path, script: str) -> Path:
    """An executable file that does this. It can leave its mark as a folder where it may write no file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path
