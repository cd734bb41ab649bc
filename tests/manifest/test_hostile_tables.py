"""Tables made to do harm: refused at once, with one clear message, and without filling the memory."""

from pathlib import Path

import pytest

from hailuo_batch.manifest.files.file_cache import MAX_BYTES
from tests.helpers.cpu_limits import within
from tests.manifest.conftest import LoadErrors, WriteFile
from tests.manifest.load_in_process import load_in_subprocess

MANIFEST = "version: 1\ncampaign: lamps\nshots: [{id: 's-$a', prompt: '$b', rows: t.csv}]\n"
TABLES = {
    "one row of commas": (b"," * 3_000_000, "this row is longer than 1 MiB"),
    "rows without end": (b"a,b\n" + b"1,2\n" * 400_000, "the table has more than 300,000 rows"),
    "short rows": (b"a,b\n" + b"1\n" * 250_000, "this row has 1 field, but the header has 2, and for 249,999 more"),
    "a quote never closed": (b'a,b\n"' + b"x\n" * 1_000_000, "a field of this row is longer than 131,072 characters"),
    "quoted line breaks": (b"a,b\n" + b'"\n",' * 500_000, "this row is longer than 1 MiB"),
    "columns without end": (b",".join(b"c%d" % n for n in range(100_000)) + b"\n1\n", "more than 1,000 columns"),
    "one ID for all rows": (b"a,b\n" + b"1,2\n" * 99_000, "and for 98,998 more"),
    "all takes at once": (b"a,b\n" + b"1,2\n" * 250_000, "250,000 rows make 250,000 takes"),
}


@pytest.mark.deep
def test_every_table_is_refused_quickly_and_in_little_memory(tmp_path: Path) -> None:
    """In a process of their own, where the peak is that of loading alone."""
    manifests = []
    for number, (data, _) in enumerate(TABLES.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "t.csv").write_bytes(data)
        (folder / "m.yaml").write_text(MANIFEST)
        manifests.append(folder / "m.yaml")
    for (name, (_, expected)), result in zip(TABLES.items(), load_in_subprocess(*manifests), strict=True):
        assert expected in result.diagnostics[-1], name
        assert within(result.seconds, 2), name
        assert result.peak_bytes < 200 * 1024 * 1024, name


def test_a_table_that_is_too_large_is_not_read(load_errors: LoadErrors, write_file: WriteFile) -> None:
    with write_file("t.csv", "").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    (error,) = load_errors(MANIFEST)
    assert "the file is larger than 64 MiB" in error
