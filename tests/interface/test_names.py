"""The names that a program imports: all there, typed, and imported only when they are asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

import hailuo_batch

HEAVY = ("urllib3", "jsonschema", "yaml", "sqlite3", "hailuo_batch.interface", "hailuo_batch.errors")


@pytest.mark.parametrize("name", hailuo_batch.__all__)
def test_every_name_is_there(name: str) -> None:
    value = getattr(hailuo_batch, name)
    assert name in {"__version__", "Event"} or value.__doc__
    assert name in dir(hailuo_batch)


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'campaign_of'"):
        _ = hailuo_batch.campaign_of  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="cannot import name"):
        exec("from hailuo_batch import campaign_of")


def test_importing_the_package_imports_nothing_of_it() -> None:
    code = f"import sys, hailuo_batch; print([name for name in {HEAVY} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_every_name_has_one_place() -> None:
    assert set(hailuo_batch._MODULES) == set(hailuo_batch.__all__) - {"__version__"}


def test_a_user_who_checks_types_finds_them() -> None:
    assert (Path(hailuo_batch.__file__).parent / "py.typed").is_file()
