"""The installed program: its version, its packages, and whether a second copy of it is in the way."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import hailuo_batch
from hailuo_batch import __version__
from hailuo_batch.app.doctor.finding import Finding, Level
from hailuo_batch.app.doctor.requirements import judge_packages
from hailuo_batch.text import quote

PROGRAM = "hailuo-batch"
_SHEBANG_BYTES = 1024
_INTERPRETER = re.compile(rb"(/[^\s\"'\0]*/python[0-9.]*)[\"'\s]")


def check_installation() -> Iterator[Finding]:
    """Look at the program itself, at its packages, and at other copies of both."""
    text = f"{PROGRAM} {__version__} on Python {platform.python_version()}, in {Path(sys.prefix)}."
    yield Finding(Level.OK, "program", text)
    yield from _check_packages()
    yield from _check_copies()
    yield from _check_path()
    yield _check_ffmpeg()


def _check_packages() -> Iterator[Finding]:
    try:
        required = metadata.requires(PROGRAM) or []
    except metadata.PackageNotFoundError:
        return  # run from its source folder
    installed = {}
    for name in {re.split(r"[^A-Za-z0-9._-]", text)[0] for text in required}:
        try:
            installed[name.lower()] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    yield from judge_packages(required, installed, quote(sys.executable))


def _check_copies() -> Iterator[Finding]:
    """Whether the package that runs is the one that was installed."""
    home = Path(hailuo_batch.__file__).parent.parent
    given = [Path(part).absolute() for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    versions = {distribution.version for distribution in metadata.distributions(name=PROGRAM)}
    if versions and home in given:
        text = f"PYTHONPATH makes Python load {PROGRAM} from {home}, whatever is installed."
        yield Finding(Level.WARNING, "program", text, "To run the installed one:", ("unset PYTHONPATH",))
        return
    if versions and versions != {__version__}:
        listed = ", ".join(sorted(versions))
        text = f"The program that runs is {__version__}, but {listed} is installed: two copies of it are mixed."
        remove = f"{quote(sys.executable)} -m pip uninstall -y {PROGRAM}"
        yield Finding(Level.WARNING, "program", text, "Remove both, one at a time, and install it again:", (remove,))


def _check_path() -> Iterator[Finding]:
    """Whether typing the program's name starts this program: every advice names it so."""
    on_path = list(_programs_on_path())
    mine = Path(sys.executable).parent
    others = [path for path in on_path if not _is_mine(path, mine)]
    if not on_path:
        text = f"{PROGRAM} is not on your PATH, so the commands in messages are not found as they are printed."
        yield Finding(Level.NOTE, "PATH", text, *_put_first(mine))
    elif on_path[0] in others:
        text = f"Typing {PROGRAM} starts another one, {on_path[0]}, and not the one that runs now, in {mine}."
        yield Finding(Level.WARNING, "PATH", text, *_put_first(mine))
    elif others:
        text = f"Another {PROGRAM} is further down your PATH: {others[0]}. It is not used."
        yield Finding(Level.NOTE, "PATH", text)
    else:
        yield Finding(Level.OK, "PATH", f"Typing {PROGRAM} starts this one, {on_path[0]}.")


def _put_first(folder: Path) -> tuple[str, tuple[str, ...]]:
    return "To use this one in this terminal:", (f'export PATH={quote(str(folder))}:"$PATH"; hash -r',)


def _programs_on_path() -> Iterator[Path]:
    """Every program of this name on the PATH, in the order in which a shell finds them; links to one count once."""
    seen = set[str]()
    for folder in os.get_exec_path():
        found = shutil.which(PROGRAM, path=folder) if folder else None
        if found is not None and (real := os.path.realpath(found)) not in seen:
            seen.add(real)
            yield Path(found)


def _is_mine(program: Path, mine: Path) -> bool:
    """Whether a program's script belongs to the environment of this interpreter, whose programs lie in `mine`."""
    if Path(os.path.realpath(program)).parent == Path(os.path.realpath(mine)):
        return True
    try:
        with program.open("rb") as file:
            found = _INTERPRETER.search(file.read(_SHEBANG_BYTES))
    except OSError:
        return False
    return found is not None and Path(os.fsdecode(found[1])).parent == mine


def _check_ffmpeg() -> Finding:
    found = shutil.which("ffmpeg")
    if found is None:
        return Finding(Level.NOTE, "ffmpeg", "ffmpeg is not installed. It is optional: an apply works without it.")
    return Finding(Level.OK, "ffmpeg", f"{found} is there.")
