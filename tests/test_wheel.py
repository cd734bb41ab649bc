"""What is released: the same bytes wherever it is built, and a wheel that has all that it needs.

The wheel is built from the sdist, and installed and used outside the repository.
"""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
from collections.abc import Mapping
from pathlib import Path

import pytest

pytestmark = pytest.mark.deep

REPOSITORY = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    """A command's stdout; nothing of this process's Python settings reaches it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def build(source: Path, folder: Path) -> Mapping[str, bytes]:
    """Make sdist and wheel in `folder`. Returns what is in them, by their names."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source, cwd=folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sdist and wheel."""
    folder = tmp_path_factory.mktemp("dist")
    build(REPOSITORY, folder)
    return folder


@pytest.fixture(scope="module")
def program(released: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, installed from its wheel into an environment of its own.

    The dependencies are those of the environment that runs the tests, seen through a path file that does not lead to
    the repository.
    """
    folder = tmp_path_factory.mktemp("wheel")
    [wheel] = released.glob("*.whl")
    home = folder / "env"
    venv.create(home)
    python = home / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    install = ("--no-deps", "--no-index", "--quiet", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "--python", python, "install", *install, wheel, cwd=folder)
    # pip's own path files, such as that of an editable installation, are not followed from here
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin" / "hailuo-batch"


def test_it_is_the_same_wherever_and_whenever_it_is_built(released: Path, tmp_path: Path) -> None:
    [sdist] = released.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        packed.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()
    for path in source.rglob("*"):  # as another user's clone has it, of another day
        path.chmod(path.stat().st_mode & 0o700)
        os.utime(path, (1_900_000_000, 1_900_000_000))
    again = tmp_path / "again"
    again.mkdir()
    assert build(source, again) == {path.name: path.read_bytes() for path in released.iterdir()}


def test_it_is_the_installed_one(program: Path, tmp_path: Path) -> None:
    python = program.with_name("python")
    where = run(python, "-c", "import hailuo_batch; print(hailuo_batch.__file__)", cwd=tmp_path).strip()
    assert Path(where).is_relative_to(program.parents[1])


def test_a_manifest_is_validated_there(program: Path, tmp_path: Path) -> None:
    run(program, "init", "lamps.yaml", cwd=tmp_path)
    assert run(program, "validate", "lamps.yaml", cwd=tmp_path).startswith("lamps.yaml: ok")


@pytest.mark.parametrize("name", ["manifest", "report"])
def test_the_schemas_are_there(program: Path, tmp_path: Path, name: str) -> None:
    printed = run(program, "schema", name, cwd=tmp_path)
    shipped = REPOSITORY / "schemas" / f"{name}.schema.json"
    assert json.loads(printed) == json.loads(shipped.read_text(encoding="utf-8"))


def test_the_page_and_the_clips_are_there(program: Path, tmp_path: Path) -> None:
    run(program, "init", "lamps.yaml", cwd=tmp_path)
    ended = subprocess.run(
        [program, "apply", "--sandbox", "lamps.yaml", "--run-timeout", "1s"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert (tmp_path / "outputs" / "lamps.sandbox" / "report.html").is_file()
