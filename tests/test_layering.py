"""Imports go one way: read off the source of every module, imports inside functions included."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "hailuo_batch"
ROOT = Path(__file__).parents[1] / PACKAGE

ALLOWED: dict[str, frozenset[str]] = {
    PACKAGE: frozenset(),
    "errors": frozenset(),
    "resources": frozenset(),
    "text": frozenset(),
    "values": frozenset({"errors"}),
    "core": frozenset({"core", "values", "errors"}),
    "manifest": frozenset({"manifest", "values", "errors", "resources", "text"}),
    "sandbox.world": frozenset({"sandbox.world", "values"}),
    "sandbox": frozenset({"sandbox", "sandbox.world", "core", "values", "errors", PACKAGE}),
    "report": frozenset({"report", "core", "values", "errors", "resources", "text", PACKAGE}),
    "shell": frozenset({"core", "values", "errors", "text", PACKAGE}),
    "commands": frozenset(
        {
            "commands",
            "shell",
            "report",
            "manifest",
            "sandbox",
            "sandbox.world",
            "core",
            "values",
            "errors",
            "resources",
            "text",
        }
    ),
    "cli_options": frozenset({"commands", PACKAGE}),
    "cli_boundary": frozenset({"cli_options", "shell", "errors", "text"}),
    "cli": frozenset({"cli_options", "cli_boundary", "commands", "shell", PACKAGE}),
    "__main__": frozenset({"cli"}),
}
"""What each room may import. The rooms of the shell are also strangers to each other, but for SHELL_ALLOWED."""

SHELL_ALLOWED: dict[str, frozenset[str]] = {
    "client": frozenset({"wire"}),
    "downloader": frozenset({"wire", "disk"}),
    "preflight": frozenset({"wire", "downloader"}),
    "files": frozenset({"disk"}),
    "room": frozenset({"disk"}),
    "key_window": frozenset({"disk"}),
    "ledger": frozenset({"disk"}),
    "receipts": frozenset({"disk"}),
    "lock": frozenset({"disk"}),
    "progress": frozenset({"streams"}),
    "tally": frozenset({"progress"}),
    "driver": frozenset(
        {"clock", "executor", "files", "key_window", "ledger", "lock", "progress", "receipts", "client", "downloader"}
    ),
}
"""`wire` is what those who speak HTTP speak it with, `disk` what files are kept safe with. The preflight follows links
by the downloader's rules; the progress is written to streams, and a tally is a bar like it; the driver holds all the
parts together."""

IMPURE = frozenset({"time", "random", "os", "threading", "socket", "sqlite3", "urllib3", "tqdm", "click"})
PURE = frozenset({"core", "values", "text"})

MODULES = sorted(ROOT.rglob("*.py"))


def name_of(path: Path) -> str:
    """A module's name, less the package's: `core.plan`; the package's own is PACKAGE."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts) or PACKAGE


def room_of(module: str) -> str:
    """The room that a module lies in."""
    if module == "sandbox.world" or module.startswith("sandbox.world."):
        return "sandbox.world"
    return module.split(".", maxsplit=1)[0]


def imports_of(path: Path) -> Iterator[str]:
    """Every module that is imported anywhere in the file, by its full name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module is not None
            yield from (_imported(node.module, alias.name) for alias in node.names)


def _imported(module: str, name: str) -> str:
    """`from hailuo_batch.core import plan` imports a module; `from hailuo_batch import __version__` does not."""
    path = ROOT.parent.joinpath(*module.split("."), name)
    is_module = module.split(".", maxsplit=1)[0] == PACKAGE and (path.is_dir() or path.with_suffix(".py").is_file())
    return f"{module}.{name}" if is_module else module


def own(path: Path) -> list[str]:
    """The modules of the product that a file imports, less the package's name."""
    found = [name for name in imports_of(path) if name.split(".")[0] == PACKAGE]
    return [name.removeprefix(f"{PACKAGE}.") for name in found]


def test_every_room_is_known() -> None:
    assert {room_of(name_of(path)) for path in MODULES} <= ALLOWED.keys()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    room = room_of(name_of(path))
    for imported in own(path):
        if room == "shell" and room_of(imported) == "shell":
            continue  # the next test's
        assert room_of(imported) in ALLOWED[room], f"{name_of(path)} imports {imported}"


@pytest.mark.parametrize("path", [path for path in MODULES if room_of(name_of(path)) == "shell"], ids=name_of)
def test_the_rooms_of_the_shell_are_strangers(path: Path) -> None:
    _, *room = name_of(path).split(".")[:2]
    for imported in own(path):
        if room_of(imported) == "shell":
            other = imported.split(".")[1:2]
            allowed = {*room, *SHELL_ALLOWED.get("".join(room), ())}
            assert other, f"{name_of(path)} imports the whole shell"
            assert other[0] in allowed, f"{name_of(path)} imports {imported}"


@pytest.mark.parametrize("path", [path for path in MODULES if room_of(name_of(path)) in PURE], ids=name_of)
def test_what_is_pure_touches_no_clock_chance_thread_file_or_network(path: Path) -> None:
    assert not IMPURE & {name.split(".")[0] for name in imports_of(path)}


def test_the_rules_can_be_broken(tmp_path: Path) -> None:
    source = tmp_path / "wrong.py"
    source.write_text("def f():\n    import time\n    from hailuo_batch.shell import clock\n")
    assert list(imports_of(source)) == ["time", "hailuo_batch.runtime.clock"]
    assert own(source) == ["shell.clock"]
