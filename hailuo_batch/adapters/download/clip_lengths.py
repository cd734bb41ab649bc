"""How long the videos on disk play, for the report.

A length that cannot be read is not known, which is no error. Nothing is read but the headers of the boxes.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from hailuo_batch.adapters.download.mp4 import read_length_s
from hailuo_batch.adapters.local.fs import open_regular
from hailuo_batch.core.model.runs import Output


def read_clip_lengths(folder: Path, outputs: Iterable[Output]) -> dict[str, float]:
    """Return the length in seconds of each saved MP4 in the folder, by its path there, as far as it can be read."""
    lengths = ((output.path, _length_s(folder / output.path, output.bytes)) for output in outputs if output.path)
    return {path: length_s for path, length_s in lengths if length_s is not None}


def _length_s(path: Path, size: int | None) -> float | None:
    """Return the length of the file; None where it is not the one that the ledger calls saved, or is no MP4."""
    try:
        descriptor = open_regular(path, os.O_RDONLY)
    except (OSError, ValueError):  # the latter for a name that no file can have
        return None
    try:
        if os.fstat(descriptor).st_size != size:
            return None
        return read_length_s(lambda offset, count: os.pread(descriptor, count, offset), size)
    except OSError:
        return None
    finally:
        os.close(descriptor)
