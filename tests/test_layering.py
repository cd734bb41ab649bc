"""The architecture, as rules on imports: what each folder is for, and what it may know.

cli -> commands -> interface -> app -> (ui, report, preflight, runtime, manifest, sandbox) -> adapters -> core -> values

Imports go one way. A folder may import itself, and what RULES names for it; `core` and `values` touch no clock, no
chance, no thread, no file and no network. Read off the source of every module, imports inside functions included.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "hailuo_batch"
ROOT = Path(__file__).parents[1] / PACKAGE
MOST_FILES = 16
"""In a folder, beside its `__init__.py`: more cannot be taken in at a glance."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a folder is for, and the folders that it may import beside itself. `core` stands for all five in it."""

    purpose: str
    may_import: tuple[str, ...] = ()


CORE = ("core.model", "core.picks", "core.planning", "core.engine", "core.scheduling")
VALUES = ("values", "errors")

RULES: Mapping[str, Rule] = {
    # the plain values at the bottom, which everybody may use
    PACKAGE: Rule("the version, and the names that a program may import", ("interface", "errors")),
    "errors": Rule("exceptions, exit codes"),
    "text": Rule("text that a terminal may have: harmless, measured, wrapped, quoted, coloured"),
    "resources": Rule("the JSON Schemas that ship with the program"),
    "json_fields": Rule("fields of a JSON document, each looked at before it is believed"),
    "warning_codes": Rule("the kinds of warnings, which a manifest may accept"),
    "image_files": Rule("what the bytes of an image say, and what speaks against it", ("warning_codes",)),
    "values": Rule("frozen values: campaign, shot, take, fingerprint, money, duration", ("errors",)),
    # pure decisions
    "core.model": Rule("states and the table of their transitions, events, actions, runs, settings", VALUES),
    "core.scheduling": Rule("when the next request may go out, and which", ("core.model", *VALUES)),
    "core.picks": Rule("what a person decided about videos, and what follows from it", ("core.model", *VALUES)),
    "core.planning": Rule("plan, matching, spend, estimates, recovery", ("core.model", "core.picks", *VALUES)),
    "core.engine": Rule("what to do next", ("core.model", "core.planning", "core.scheduling", *VALUES)),
    # everything that touches the outside, each part knowing one thing
    "adapters.local": Rule("the file system, the standard streams, the window that processes share", (*CORE, *VALUES)),
    "adapters.http": Rule("connections, time-outs, origins", ("core.model", PACKAGE)),
    "adapters.runbase": Rule(
        "the only knower of Runbase's JSON", ("adapters.http", "core.model", *VALUES)
    ),  # it speaks HTTP, as what is downloaded does
    "adapters.download": Rule(
        "files, from the link to the final name", ("adapters.http", "adapters.local", "core.model", "values")
    ),  # and keeps what comes on the disk
    "adapters.stills": Rule(
        "small still pictures of files, by ffmpeg", ("adapters.download", "adapters.local", "core.model", "image_files")
    ),  # which of our files are videos and images, it does not decide for itself
    "adapters.ledger": Rule(
        "SQLite, receipts, lock", ("adapters.local", "core.model", "core.planning", *VALUES)
    ),  # whose files are opened and synced as all others are
    # the middle: each knows the adapters and the core, and not its neighbours
    "manifest": Rule(
        "text to campaign",
        (
            *("manifest.yaml", "manifest.files", "manifest.validation", "manifest.expansion", "manifest.images"),
            "manifest.lint",
            *("values", "text", "warning_codes"),
        ),
    ),
    "manifest.yaml": Rule("YAML to nodes that know where they stand", ("manifest", "manifest.files", "warning_codes")),
    "manifest.files": Rule("text files and tables", ("manifest", "manifest.yaml")),
    "manifest.validation": Rule(
        "the schema's errors, in an author's words", ("manifest", "manifest.yaml", "resources", "warning_codes")
    ),
    "manifest.images": Rule(
        "image references, URLs, local copies",
        ("manifest", "manifest.files", "manifest.yaml", "image_files", "values", "warning_codes"),
    ),
    "manifest.expansion": Rule(
        "rows, combinations, variables, IDs, sizes",
        (
            *("manifest", "manifest.yaml", "manifest.files", "manifest.validation", "manifest.images"),
            *("values", "warning_codes"),
        ),
    ),
    "manifest.lint": Rule(
        "what is odd in a campaign that is right",
        ("manifest", "manifest.yaml", "manifest.validation", "manifest.expansion", "values", "warning_codes"),
    ),
    "report": Rule(
        "ledger snapshot to model to json, markdown, csv, junit, html",
        ("adapters.local", *CORE, *VALUES, "text", "resources", PACKAGE),
    ),
    "preflight": Rule(
        "are the images on the web usable: fetch, verdict",
        ("adapters.http", "adapters.download", "image_files", "warning_codes"),
    ),  # links are followed by the downloader's rules
    "runtime": Rule(
        "driver (the loop), executor (threads), clock (the only reader of time), signals",
        (
            "adapters.local",
            *CORE,
            *VALUES,
        ),
    ),
    "sandbox.world": Rule("a pure model of Runbase: clock passed in, seeded", ("values",)),
    "sandbox": Rule("a Runbase look-alike: HTTP around that model", ("sandbox.world", *VALUES, PACKAGE)),
    "ui": Rule(
        "words and layouts for a terminal",
        ("ui.screen", "ui.status", "report", "adapters.local", *CORE, *VALUES, "text"),
    ),
    "ui.status": Rule("where a campaign stands, in words", ("ui", "ui.screen", "report", *CORE, *VALUES, "text")),
    "ui.screen": Rule("what a stream can show: colours, symbols, lines drawn again in place", ("text", "values")),
    # the use cases, and who calls them
    "app.stills": Rule(
        "a campaign's stills: which are missing, who makes them when, what the report shows of them",
        (
            *("app", "ui", "report", "runtime", "manifest", "manifest.images", "adapters.local", "adapters.stills"),
            *("adapters.download", "core.model", "values", "image_files"),
        ),
    ),
    "app": Rule(
        "the use cases, which print nothing: words of `ui` are in their messages, and a front end shows them",
        (
            "app.picks",
            "ui",
            "report",
            "preflight",
            "runtime",
            "manifest",
            "sandbox",
            "sandbox.world",
            "adapters.local",
            "adapters.ledger",
            "adapters.runbase",
            "adapters.download",
            "adapters.stills",
            "app.stills",
            *CORE,
            *VALUES,
            "text",
            "json_fields",
            "image_files",
            "warning_codes",
        ),
    ),
    "app.picks": Rule(
        "reading a file of picks, re-rolling from it, collecting what it chose",
        (
            "app",
            "ui",
            "report",
            "adapters.local",
            "core.model",
            "core.picks",
            "core.planning",
            *VALUES,
            "text",
            "json_fields",
        ),
    ),
    "app.mending": Rule(
        "what a user does about what went wrong: takes in doubt or failed, a lost ledger, damaged files",
        (
            *("app", "ui", "runtime", "adapters.local", "adapters.ledger", "adapters.runbase"),
            *("core.model", "core.planning", *VALUES),
        ),
    ),
    "app.doctor": Rule(
        "what an apply needs, looked at before it: key, network, disk, ledger, installation",
        (
            *("app", "ui", "runtime", "manifest", "adapters.local", "adapters.ledger", "adapters.runbase"),
            *("adapters.http", "core.model", "core.planning", "core.engine", *VALUES, "text", PACKAGE),
        ),
    ),  # it looks at the proxy that a connection would take
    "interface": Rule(
        "campaigns from Python: typed values in and out, a thread for each apply; the commands are built on its work",
        (
            *("app", "app.mending", "report", "runtime", "manifest", "adapters.local", "core.engine", "core.model"),
            *("core.planning", *VALUES),
        ),
    ),
    "commands": Rule(
        "one file per command, and the terminal as their front end: options in, exit code out",
        (
            "interface",
            "app",
            "app.mending",
            "app.picks",
            "app.doctor",
            "ui",
            "ui.screen",
            "ui.status",
            "report",
            "runtime",
            "manifest",
            "sandbox",
            "sandbox.world",
            "adapters.local",
            "core.engine",
            "core.model",
            "core.picks",
            "core.planning",
            *VALUES,
            "text",
            "resources",
        ),
    ),
    "cli": Rule(
        "click declarations, shared options, the one error boundary",
        (
            "commands",
            "app",
            "ui",
            "ui.screen",
            "manifest",
            "adapters.local",
            "errors",
            "text",
            PACKAGE,
            "adapters.runbase",
        ),
    ),  # whose keys no traceback may have in it
    "__main__": Rule("python -m hailuo_batch", ("cli",)),
}

HARMLESS = frozenset(
    {
        *(
            "base64",
            "bisect",
            "collections",
            "dataclasses",
            "datetime",
            "difflib",
            "enum",
            "fnmatch",
            "functools",
            "hashlib",
            "heapq",
        ),
        *("hmac", "itertools", "json", "math", "re", "shlex", "statistics", "struct", "typing", "unicodedata"),
    }
)
"""What pure code may import beside the package: whatever touches no clock, chance, thread, file or network."""
READS_OUTSIDE = frozenset({"open", "input", "print", "__import__", "eval", "exec", "now", "today", "utcnow"})
"""Functions, also of harmless modules, that pure code does not call by these names."""
PURE = frozenset({*CORE, "values", "errors", "text", "json_fields", "image_files", "sandbox.world"})
LIBRARIES: Mapping[str, str] = {
    "sqlite3": "adapters.ledger",
    "click": "cli",
    "tqdm": "ui",
    "yaml": "manifest.yaml",
}
"""The one folder that knows each of these."""

CALLED = frozenset({"app", "interface"})
"""What a program calls that imports this package."""
OF_THE_TERMINAL = frozenset(
    {"signal", *(f"{PACKAGE}.{name}" for name in ("ui.console", "runtime.signals", "adapters.local.streams"))}
)

MODULES = sorted(ROOT.rglob("*.py"))
FOLDERS = sorted(path for path in ROOT.rglob("*") if path.is_dir() and path.name != "__pycache__")


def name_of(path: Path) -> str:
    """A module's name, less the package's: `core.planning.plan`; the package's own is PACKAGE."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts) or PACKAGE


def folder_of(module: str) -> str:
    """The folder that RULES has a rule for, for each module."""
    parts = module.split(".")
    inner = ".".join(parts[:2])
    return inner if inner in RULES else parts[0]


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    """Every module that is imported anywhere in the file, by its full name."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return tuple(name for node in nodes for name in _named_in(node, path))


def _named_in(node: ast.AST, path: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{path}: a relative import"
        assert node.module is not None
        yield from (_imported(node.module, alias.name) for alias in node.names)


def _imported(module: str, name: str) -> str:
    """`from hailuo_batch.core import model` imports a module; `from hailuo_batch import __version__` does not."""
    path = ROOT.parent.joinpath(*module.split("."), name)
    is_module = module.split(".", maxsplit=1)[0] == PACKAGE and (path.is_dir() or path.with_suffix(".py").is_file())
    return f"{module}.{name}" if is_module else module


def _called(path: Path) -> Iterator[str]:
    """Names of functions that are called as they are, and of those of the module `datetime`'s classes."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id=name)):
                yield name
            case ast.Call(func=ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=name)):
                yield name
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="datetime" | "date"), attr=name)):
                yield name


def own_modules(path: Path) -> list[str]:
    """The modules of the product that a file imports, less the package's name."""
    found = [name for name in imports_of(path) if name.split(".")[0] == PACKAGE]
    return [name.removeprefix(f"{PACKAGE}.") for name in found]


def test_every_folder_has_a_rule_and_every_rule_a_folder() -> None:
    assert {folder_of(name_of(path)) for path in MODULES} - {"core", "adapters"} == RULES.keys()


@pytest.mark.parametrize("folder", sorted(RULES))
def test_imports_go_one_way(folder: str) -> None:
    allowed = {folder, *RULES[folder].may_import}
    for path in MODULES:
        if folder_of(name_of(path)) == folder:
            wrong = [name for name in own_modules(path) if folder_of(name) not in allowed]
            assert not wrong, f"{name_of(path)} imports {', '.join(wrong)}"


@pytest.mark.parametrize("path", [path for path in MODULES if folder_of(name_of(path)) in PURE], ids=name_of)
def test_what_is_pure_touches_no_clock_chance_thread_file_or_network(path: Path) -> None:
    assert {name.split(".")[0] for name in imports_of(path)} <= {*HARMLESS, PACKAGE}
    assert not READS_OUTSIDE & set(_called(path))


@pytest.mark.parametrize("package", sorted(LIBRARIES))
def test_each_third_party_package_is_known_to_one_folder(package: str) -> None:
    knowing = {folder_of(name_of(path)) for path in MODULES if package in {n.split(".")[0] for n in imports_of(path)}}
    assert knowing == {LIBRARIES[package]}


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports at the top of modules: one inside a function is made when everything is there."""
    graph = {}
    for path in MODULES:
        top = ast.parse(path.read_text(encoding="utf-8")).body
        named = {name.removeprefix(f"{PACKAGE}.") for node in top for name in _named_in(node, path)}
        graph[name_of(path)] = {name for name in named if (ROOT / name.replace(".", "/")).with_suffix(".py").is_file()}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: name_of(folder / "__init__.py"))
def test_no_folder_is_crowded_and_each_is_a_package(folder: Path) -> None:
    assert (folder / "__init__.py").is_file() or not list(folder.glob("*.py"))
    assert len([path for path in folder.iterdir() if path.is_file() and path.name != "__init__.py"]) <= MOST_FILES


@pytest.mark.parametrize("path", [path for path in MODULES if name_of(path).split(".")[0] in CALLED], ids=name_of)
def test_use_cases_and_the_interface_leave_streams_and_signals_alone(path: Path) -> None:
    """Whoever calls them owns these: a notebook, a scheduler's worker, a test."""
    assert not OF_THE_TERMINAL & set(imports_of(path))
    assert not {"print", "input"} & set(_called(path))
    assert not re.search(r"\bsys\.std(in|out|err)\b", path.read_text(encoding="utf-8"))


def test_the_rules_can_be_broken(tmp_path: Path) -> None:
    source = tmp_path / "wrong.py"
    source.write_text("def f():\n    import time\n    from hailuo_batch.runtime import clock\n")
    assert imports_of(source) == ("time", "hailuo_batch.runtime.clock")
    assert own_modules(source) == ["runtime.clock"]
