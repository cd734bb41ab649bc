"""The pages that users read, and what can be found on them: code blocks, files, links, headings, commands.

Knows Markdown as far as these pages use it, and nothing of the product.
"""

import re
import shlex
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = tuple(sorted((ROOT / "docs").glob("*.md")))
PAGES = (README, *DOCS)
LINKING = tuple(page for name in ("CHANGELOG.md", "CONTRIBUTING.md") if (page := ROOT / name).is_file()) + PAGES

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^`([\w.-]+)`[^\n]*:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_OPERATORS = frozenset("();<>|&")


@dataclass(frozen=True, slots=True)
class Block:
    """A code block: the page it stands on, its language, which may be empty, and its text."""

    page: Path
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}: {self.text.splitlines()[0][:40]}"


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[Block]:
    """The page's code blocks in this language."""
    found = _BLOCK.findall(text_of(page))
    return [Block(page, name, text) for name, text in found if name == language]


def files(page: Path) -> dict[str, str]:
    """The blocks that show a file, by its name, which stands in a line of its own before each."""
    return dict(_FILE.findall(text_of(page)))


def inline_code(page: Path) -> list[str]:
    """What stands in backticks within the text."""
    return _CODE.findall(_BLOCK.sub("", text_of(page)))


def links(page: Path) -> list[str]:
    """Where the page's links and pictures lead, but for those to other sites."""
    found = _LINK.findall(_CODE.sub("", _BLOCK.sub("", text_of(page))))
    return [link for link in found if "://" not in link]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the page's headings."""
    given: dict[str, int] = {}
    for heading in _HEADING.findall(_BLOCK.sub("", text_of(page))):
        letters = (c for c in heading.lower() if c in "-_ " or unicodedata.category(c)[0] in "LN")
        slug = "".join(letters).replace(" ", "-")
        given[slug] = given.get(slug, -1) + 1
    return {f"{slug}-{number}" if number else slug for slug, count in given.items() for number in range(count + 1)}


def shell_lines(page: Path) -> Iterator[str]:
    """The lines that a reader types: those of shell blocks, after a prompt, and of the steps of workflows."""
    for block in blocks(page, "sh"):
        yield from block.text.splitlines()
    for block in blocks(page, ""):
        yield from (line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ "))
    for block in blocks(page, "yaml"):
        yield from runs(yaml.safe_load(block.text))


def runs(data: Any) -> Iterator[str]:
    """The lines under `run` in a workflow."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from value.splitlines() if key == "run" else runs(value)
    elif isinstance(data, list):
        for item in data:
            yield from runs(item)


def commands(line: str, program: str) -> Iterator[list[str]]:
    """The arguments of each call of the program in a line of a shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if not set(word) <= _OPERATORS:
            words.append(word)
            continue
        if words and words[0].rpartition("/")[2] == program:
            yield words[1:]
        words = []
