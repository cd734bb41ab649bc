"""A hint that says what to write is right: written so, the finding is gone, and nothing new is wrong in its place.

Each hint of the gallery is applied to its manifest at its place, and the manifest is loaded again. What only its author
can decide stands in a list, with the reason: a hint that is neither applied nor listed fails.
"""

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hailuo_batch.manifest import Diagnostic, load_manifest
from tests.manifest.test_gallery import GALLERY, NAMES

QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'"""
VARIABLE = re.compile(r"\$\{[^}]*\}|\$\w+")
KEY = r"[^:,\[\]{}\n]*?(?=:(?:\s|$))"
VALUE = re.compile(rf"{QUOTED}|{KEY}|[^\n]+")
ITEM = re.compile(rf"{QUOTED}|{KEY}|[^,\[\]{{}}\n]+")

# by the beginning of a hint: why it cannot be applied by a program
BY_HAND = {
    "known: ": "several are named, and the author chooses",
    "write it like ": "an example",
    "write one like ": "an example",
    "write each like ": "an example",
    "write each as ": "an example",
    "begin it with ": "an example",
    "end it with ": "an example",
    "write a whole URL": "an example",
    "name a file below": "an example",
    "write it in plain digits": "an example",
    "it must be ": "an empty value: only the author has one",
    "say what the video shows": "only the author knows",
    "choose another": "only the author has another name",
    "rename one": "the author chooses which",
    "give one of them another name": "the author chooses which",
    "keep one of them": "the author chooses which",
    "keep at least one": "the author chooses which",
    "remove it: ": "the author chooses which to keep",
    "remove it": "the author may want to write something else",
    "change one of them, or add `${row}` to the ID": "the author chooses by what they differ",
    "each shot needs its own ID": "the author chooses by what they differ",
    "if you want several videos of it": "the author may want to change one of them",
    "split the campaign": "the author chooses where",
    "add it to `vars`": "only the author has a value",
    "add it": "only the author has a value",
    "add `images: ": "only the author has a URL",
    "add one": "only the author has a row",
    "download it": "is done elsewhere",
    "open the file": "is done elsewhere",
    "save ": "is done elsewhere",
    "put it in a file of its own": "is done elsewhere",
    "paths are relative": "says where it was looked for",
    "`hailuo-batch init`": "a command",
    "put it in quotes, or write": "the author chooses whether it is a number",
    "put the whole text in ": "a text that is not all on one short line",
    "put a field with": "in a table",
    "put text with a comma": "in a table",
    "round it": "the author chooses to what",
    "close it with `": "the author knows where it ends",
    "close it on its line": "the author knows where it ends",
    "start every key": "the author knows which key it goes with",
    "start keys": "the author knows which key it goes with",
    "write each `- `": "the author knows whether it is a list; its other half is applied below",
    "use spaces": "the author knows how many",
    "write the character itself": "only the author knows it",
    "merge several with": "an example",
}
IN_TABLES = "a change to a table"


@dataclass(frozen=True)
class Manifest:
    """A manifest's text, and the place of a finding in it."""

    text: str
    line: int
    column: int

    @property
    def before(self) -> str:
        lines = self.text.splitlines(keepends=True)
        return "".join(lines[: self.line - 1]) + lines[self.line - 1][: self.column - 1]

    @property
    def after(self) -> str:
        return self.text[len(self.before) :]

    def with_line(self, line: str) -> str:
        """The text with another line in this place, as far indented."""
        lines = self.text.split("\n")
        old = lines[self.line - 1]
        lines[self.line - 1] = old[: len(old) - len(old.lstrip(" \u00a0"))] + line
        return "\n".join(lines)

    def token(self) -> str:
        """The key, value, item or variable that begins in this place."""
        inside = VARIABLE.sub("", self.before.split("\n")[-1])
        is_item = sum(map(inside.count, "[{")) > sum(map(inside.count, "]}"))
        found = VARIABLE.match(self.after) or (ITEM if is_item else VALUE).match(self.after)
        assert found is not None
        return found[0]

    def with_token(self, token: str) -> str:
        """The text with another key, value, item or variable in this place."""
        old = self.token()
        wanted = f"${{{token}}}" if old.startswith("$") and not token.startswith("$") else token
        return self.before + wanted + self.after[len(old) :]


Apply = Callable[[Manifest, str], str]


def write_line_or_token(manifest: Manifest, right: str) -> str:
    whole = manifest.text.split("\n")[manifest.line - 1]
    is_line = re.match(r"- |[\w\"']+: ", right) and not re.match(r".*[{\[]", whole[: manifest.column - 1])
    return manifest.with_line(right) if is_line else manifest.with_token(right)


def add_key(manifest: Manifest, entry: str) -> str:
    key = f"{entry} [{{id: added, prompt: A lamp}}]" if entry.endswith("shots:") else entry
    return f"{manifest.before}{key.replace(', ${style}', '')}\n{' ' * (manifest.column - 1)}{manifest.after}"


APPLIED: dict[str, Apply] = {
    r"(?:.*, or )?put (?:it|the text) in quotes: `(.*)`": Manifest.with_line,
    r"close it: `(.*)`": Manifest.with_line,
    r"put it in quotes: ([\"'].*)": lambda manifest, right: (
        manifest.with_token(right) if ": " not in right else manifest.with_line(right)
    ),
    r"did you mean `(.*)`\?": Manifest.with_token,
    r"write `(https://)`": lambda manifest, right: manifest.before + manifest.after.replace("http://", right, 1),
    r"write `(\$\$)` for a dollar sign": lambda manifest, right: manifest.before + right + manifest.after[1:],
    r"write `(\\\\)` for a backslash": lambda manifest, right: manifest.before + right + manifest.after[1:],
    r"write (%20) for a space": lambda manifest, right: manifest.with_token(
        re.sub(r"[ \t\u200b]|\\t|\\u200b", right, manifest.token())
    ),
    r"write (a plain space)": lambda manifest, _: f"{manifest.before} {manifest.after[1:]}",
    r"write `([^`]*)`(?:: keys of your own .*)?": write_line_or_token,
    r"use `(/)` instead": lambda manifest, right: manifest.before + manifest.after.replace("\\", right, 1),
    r"remove (the quotes)": lambda manifest, _: manifest.with_token(manifest.token()[1:-1]),
    r"add `([^`]*)`": add_key,
    r"add (`\$\{\w+\}`(?: and `\$\{\w+\}`)*) to it": lambda manifest, right: manifest.with_line(
        manifest.text.split("\n")[manifest.line - 1].strip() + "".join(f"-{name}" for name in VARIABLE.findall(right))
    ),
}


def hints() -> list[tuple[str, Diagnostic]]:
    """Each hint of the gallery with its finding."""
    return [
        (name, found) for name in NAMES for found in load_manifest(GALLERY / f"{name}.yaml").diagnostics if found.hint
    ]


HINTS = hints()


def reason_against(found: Diagnostic) -> str:
    """Why the hint is not applied; empty if it is."""
    if not found.path.endswith(".yaml"):
        return IN_TABLES
    if any(re.fullmatch(pattern, found.hint) for pattern in APPLIED):
        return ""
    return next((why for begin, why in BY_HAND.items() if found.hint.startswith(begin)), "")


def apply(manifest: Manifest, hint: str) -> str:
    for pattern, change in APPLIED.items():
        matched = re.fullmatch(pattern, hint)
        if matched is not None:
            return change(manifest, matched[1])
    raise AssertionError(f"a hint that is neither applied nor listed: {hint}")


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gallery") / "copy"
    shutil.copytree(GALLERY, folder)
    return folder


@pytest.mark.parametrize(
    ("name", "found"),
    [
        pytest.param(name, found, id=f"{name}-{found.line}-{found.column}")
        for name, found in HINTS
        if not reason_against(found)
    ],
)
def test_a_hint_leads_to_what_is_right(name: str, found: Diagnostic, gallery: Path) -> None:
    text = (gallery / f"{name}.yaml").read_text(encoding="utf-8")
    changed = apply(Manifest(text, found.line, found.column), found.hint)
    assert changed != text
    path = gallery / "changed.yaml"
    path.write_text(changed, encoding="utf-8")
    before = Counter(on_line(load_manifest(gallery / f"{name}.yaml").diagnostics, found))
    loaded = load_manifest(path).diagnostics
    if not found.more:
        before[kind_of(found, found)] -= 1
    assert Counter(on_line(loaded, found)) - before == Counter(), [str(each) for each in loaded]
    assert kind_of(found, found) not in {
        kind_of(each, found) for each in loaded if (each.line, each.column) == (found.line, found.column)
    }


def kind_of(each: Diagnostic, found: Diagnostic) -> str:
    """The message; if a finding has several places, without what it names: the rest is about another of them."""
    message = re.sub(r", and for .* more$", "", each.message)
    return re.sub(r"`.*`|\d+|, which YAML reads as .*", "…", message) if found.more else message


def on_line(diagnostics: Iterable[Diagnostic], found: Diagnostic) -> list[str]:
    same = (each for each in diagnostics if each.line == found.line and each.path.endswith(".yaml"))
    return [kind_of(each, found) for each in same]


def test_every_reason_is_needed() -> None:
    unused = [begin for begin in BY_HAND if not any(found.hint.startswith(begin) for _, found in HINTS)]
    assert unused == []
