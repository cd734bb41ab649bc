"""The program's messages, which are written for a shell, in the words of whoever calls from Python.

Commands that have a method become its call; the others are completed, so that they can be typed as they stand. Options
become arguments.
"""

import re
import shlex
from collections.abc import Iterable
from contextlib import suppress

from hailuo_batch.app.workspace import CampaignLocation, fill_in_commands
from hailuo_batch.errors import HailuoBatchError
from hailuo_batch.interface.shots import keep_manifest

_COMMAND = re.compile(r"`hailuo-batch (?P<name>[a-z]+) MANIFEST(?P<words>[^`]*)`|(?<![\w`-])--[a-z]+(?:-[a-z]+)*")
_METHODS = frozenset({"apply", "plan", "report", "resolve", "retry", "status", "validate"})
_ARGUMENTS = {
    "--yes": "consent=True",
    "--sandbox": "sandbox=True",
    "--no-check-images": "check_images=False",
    "--new-ledger": "new_ledger=True",
    "--accept-price": "accept_price=True",
    "--run-id": "by=NameRun(...)",
    "--resubmit": "by=Resubmit(...)",
    "--abandon": "by=Abandon()",
}
_DECISIONS = {"--resubmit": "by=Resubmit(consent=True)", "--abandon": "by=Abandon()"}
_NOT_ARGUMENTS = frozenset({"--all", "--out", "--json"})
_PHRASES = (("un the same command", "un the same call"), ("the same command", "the same call"))


def in_python(text: str, where: CampaignLocation) -> str:
    """The text with calls in place of commands."""
    for said, meant in _PHRASES:
        text = text.replace(said, meant)
    said = _COMMAND.sub(_reword, text)
    filled = fill_in_commands(said, where)
    if filled != said and where.text is not None:
        with suppress(HailuoBatchError):
            keep_manifest(where)  # a command names it
    return filled


def reworded(error: HailuoBatchError, where: CampaignLocation) -> HailuoBatchError:
    """The same error, with its text in these words."""
    error.args = tuple(in_python(part, where) if isinstance(part, str) else part for part in error.args)
    return error


def _reword(found: re.Match[str]) -> str:
    name = found["name"]
    if name is None:
        option = found[0]
        return _ARGUMENTS.get(option, option.removeprefix("--").replace("-", "_"))
    if name not in _METHODS:
        return found[0]
    try:
        words = shlex.split(found["words"])
    except ValueError:
        return found[0]
    return f"`campaign.{name}({', '.join(_arguments(words))})`"


def _arguments(words: Iterable[str]) -> list[str]:
    """The words of a command as the arguments of its method."""
    given: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word in _DECISIONS:
            given.append(_DECISIONS[word])
        elif word == "--run-id":
            given.append(f"by=NameRun({left.pop(0)!r})" if left else "by=NameRun(...)")
        elif word in _ARGUMENTS:
            given.append(_ARGUMENTS[word])
        elif word in _NOT_ARGUMENTS or not word.startswith("--"):
            if word == "--out":
                left = left[1:]
            elif not word.startswith("-"):
                given.append(repr(word))
        elif left and not left[0].startswith("-"):
            value = left.pop(0)
            given.append(f"{word[2:].replace('-', '_')}={int(value) if value.isdecimal() else value!r}")
        else:
            given.append(f"{word[2:].replace('-', '_')}=True")
    return given
