"""The nearest right command line to a wrong one, for the end of the message about it.

What is proposed has been parsed first, as the program would parse it, and the manifest in it exists: nothing is
proposed that the next call would refuse for the same kind of reason. No proposal agrees to a payment where the user has
not typed something that means so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from typing import Any

import click

from hailuo_batch.cli.manifest_argument import NoManifestError, find_nearby_manifest, nearby_yaml_files
from hailuo_batch.cli.near_words import COMMANDS_MEANT, EXAMPLES, OPTIONS_MEANT, PLAN_MEANT
from hailuo_batch.cli.options import PROGRAM, Invocation
from hailuo_batch.errors import UsageError
from hailuo_batch.text import quote, shell_line

Words = Sequence[str]
_PAYS = "--yes"
_PRINTS_AND_EXITS = frozenset({"-h", "--help", "--version"})
_NEAR = 0.7
_MANIFEST_SUFFIXES = frozenset({".yaml", ".yml"})
_PICKS_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class _Typed:
    """A wrong command line: all its words, the command that they name, and how many of the words name it."""

    cli: click.Group
    words: tuple[str, ...]
    command: click.Command
    depth: int

    @property
    def given(self) -> tuple[str, ...]:
        """The words after the command's name."""
        return self.words[self.depth :]

    def instead(self, *words: str) -> tuple[str, ...]:
        """The command line with other words after the command's name."""
        return (*self.words[: self.depth], *words)

    def replaced(self, place: int, *by: str) -> tuple[str, ...]:
        """The command line with other words in the place of one."""
        return (*self.words[:place], *by, *self.words[place + 1 :])


def suggestion_for(error: click.ClickException, cli: click.Group, arguments: Words) -> str:
    """The end of the message: the nearest right command line, or what the value looks like. Empty without one."""
    command, depth = _find_command(cli, arguments)
    typed = _Typed(cli, tuple(arguments), command, depth)
    match error:
        case click.exceptions.NoSuchCommand():
            return _for_command(typed, error.command_name)
        case click.NoSuchOption():
            return _for_option(typed, error.option_name)
        case NoManifestError():
            return _for_manifest(typed) or "To write one: `hailuo-batch init`."
        case click.MissingParameter():
            return _for_missing(typed, error.param)
        case click.BadOptionUsage():
            return _example(error.option_name)
        case click.BadParameter():
            return _for_value(typed, error.param)
        case click.UsageError():
            return _for_extra_argument(typed)
        case _:
            return ""


def _find_command(cli: click.Group, words: Words) -> tuple[click.Command, int]:
    """The command that the words name, as far as it is right, and how many words name it."""
    command: click.Command = cli
    depth = 0
    while depth < len(words):
        if isinstance(command, click.Group) and words[depth] in _options_of(command):
            depth += 1  # an option of the program: none of them takes a value
        elif isinstance(command, click.Group) and words[depth] in command.commands:
            command, depth = command.commands[words[depth]], depth + 1
            if not isinstance(command, click.Group):
                break
        else:
            break
    return command, depth


def _is_accepted(cli: click.Group, words: Words) -> bool:
    """Whether the program understands these words, and finds the manifests among them."""
    command, depth = _find_command(cli, words)
    if isinstance(command, click.Group) or _PRINTS_AND_EXITS.intersection(words):
        return False
    above = click.Context(cli, info_name=PROGRAM, obj=Invocation(), **cli.context_settings)
    try:
        values = command.make_context(command.name, list(words[depth:]), parent=above).params
    except (click.ClickException, click.exceptions.Exit):
        return False
    manifests = [values["manifest"]] if "manifest" in values else values.get("manifests", ())
    are_there = all(manifest is None or manifest.is_file() for manifest in manifests)
    return are_there and (command is not cli.commands.get("resolve") or _is_resolvable(values))


def _is_resolvable(values: Mapping[str, Any]) -> bool:
    """Whether these are options and takes that `resolve` takes together."""
    from hailuo_batch.commands.resolve import parse_request  # only a wrong command line needs it

    try:
        parse_request(**{name: values[name] for name in signature(parse_request).parameters})
    except UsageError:
        return False
    return True


def _did_you_mean(cli: click.Group, candidates: Iterable[Words], otherwise: str = "") -> str:
    """The first command line that is accepted; else a single word."""
    for words in candidates:
        if _is_accepted(cli, words):
            return f"Did you mean `{PROGRAM} {shell_line(words)}`?"
    return f"Did you mean `{otherwise}`?" if otherwise else ""


def _guess(cli: click.Group, candidates: Iterable[Words], otherwise: str = "") -> str:
    """The same where it is guessed what is meant. The user has agreed to no payment for a guess: `apply` asks again."""
    return _did_you_mean(cli, ([word for word in words if word != _PAYS] for words in candidates), otherwise)


def _for_command(typed: _Typed, name: str) -> str:
    group = typed.command if isinstance(typed.command, click.Group) else typed.cli
    place, rest = typed.depth, typed.words[typed.depth + 1 :]
    if group is typed.cli and _is_manifest_name(name):
        return _for_manifest_alone(typed, name, place)
    if name.lower() == "help":
        known = next(iter(rest), "")
        return f"Did you mean `{shell_line([PROGRAM, *([known] if known in group.commands else []), '--help'])}`?"
    nearest = list(_near_commands(group, name))
    candidates = [typed.replaced(place, *near.split()) for near in nearest]
    return _guess(typed.cli, candidates, next(iter(nearest), "")) or (f"`{PROGRAM} --help` lists the commands.")


def _for_manifest_alone(typed: _Typed, name: str, place: int) -> str:
    before, after = typed.words[:place], typed.words[place:]
    if Path(name).is_file():
        return _guess(typed.cli, [(*before, command, *after) for command in ("apply", "plan")])
    if len(after) > 1:
        return f"There is no file {quote(name)} either."
    return f"There is no file {quote(name)} either. To write a manifest of this name: `{PROGRAM} init {quote(name)}`."


def _near_commands(group: click.Group, name: str) -> Iterator[str]:
    """The commands that may be meant, nearest first; those of a group below with its name before them."""
    meant = COMMANDS_MEANT.get(name.lower(), "")
    if meant in group.commands:
        yield meant
    for above, below in group.commands.items():
        if isinstance(below, click.Group) and name.lower() in below.commands:
            yield f"{above} {name.lower()}"
    yield from get_close_matches(name.lower(), group.commands, cutoff=0.6)


def _is_manifest_name(name: str) -> bool:
    return Path(name).suffix.lower() in _MANIFEST_SUFFIXES


def _for_option(typed: _Typed, name: str) -> str:
    place = next((i for i, word in enumerate(typed.words) if _is_option(word, name)), None)
    if place is None:
        return ""
    word = typed.words[place]
    exact = _exact_option(word, _options_of(typed.command))
    if exact:
        return _did_you_mean(typed.cli, [typed.replaced(place, exact + _value_of(word))], exact)
    if word.partition("=")[0] in PLAN_MEANT and "plan" in typed.cli.commands:
        rest = [each for i, each in enumerate(typed.words) if i not in {place, typed.depth - 1}]
        return _did_you_mean(typed.cli, [("plan", *rest)], "plan")
    # one of another command that is spelled exactly so comes before a near one of this command, which may do anything
    return _for_option_of_another(typed, word, place) or _for_near_option(typed, word, place)


def _for_near_option(typed: _Typed, word: str, place: int) -> str:
    near = _near_option(word, _options_of(typed.command))
    if near:
        propose = _did_you_mean if near == _PAYS else _guess
        return propose(typed.cli, [typed.replaced(place, near + _value_of(word))], near)
    return f"`{shell_line([PROGRAM, *_names(typed), '--help'])}` lists the options."


def _for_option_of_another(typed: _Typed, word: str, place: int) -> str:
    """Which other commands have the option, and the command line if that is certain."""
    having = {
        command: name for command, below in _leaves(typed.cli) if (name := _exact_option(word, _options_of(below)))
    }
    if not having:
        return ""
    if isinstance(typed.command, click.Group):
        moved = _did_you_mean(typed.cli, [_moved_behind(typed, place)])
        if moved:
            return f"Options come after the command. {moved}"
    commands = [f"`{command}`" for command in having]
    said = f"{next(iter(having.values()))} is an option of {_listed(commands)}."
    if _PAYS in having.values() or len(having) > 1:
        return said  # a command that pays is not put into anybody's mouth
    [(command, name)] = having.items()
    words = typed.replaced(place, name + _value_of(word))[typed.depth :]
    return f"{said} {_did_you_mean(typed.cli, [(*command.split(), *words)])}".rstrip()


def _moved_behind(typed: _Typed, place: int) -> Words:
    """The command line with an option that stands before the command, and with its value, at the end."""
    end = place + (2 if typed.words[place] in EXAMPLES else 1)
    return (*typed.words[:place], *typed.words[end:], *typed.words[place:end])


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _names(typed: _Typed) -> list[str]:
    return [word for word in typed.words[: typed.depth] if not word.startswith("-")]


def _is_option(word: str, name: str) -> bool:
    """Whether click means this word by the name of an option that does not exist."""
    if word.partition("=")[0] == name:
        return True
    return len(name) == 2 and word.startswith(name) and not word.startswith("--")


def _exact_option(word: str, known: Sequence[str]) -> str:
    """The option that a word means, but for its dashes and capitals or in the words of others; empty if none."""
    name = _option_name(word)
    return next((each for each in (name, f"-{name}", OPTIONS_MEANT.get(name, "")) if each in known), "")


def _near_option(word: str, known: Sequence[str]) -> str:
    """The option that is spelled nearly so; empty if none is near."""
    long_ones = [each for each in known if each.startswith("--")]
    name = _option_name(word)
    return next(iter(get_close_matches(name, long_ones, n=1, cutoff=_NEAR)), "") if name.startswith("--") else ""


def _option_name(word: str) -> str:
    return word.partition("=")[0].lower().replace("_", "-")


def _value_of(word: str) -> str:
    _, equals, value = word.partition("=")
    return equals + value


def _options_of(command: click.Command) -> list[str]:
    options = (each for each in command.params if isinstance(each, click.Option))
    return [name for option in options for name in (*option.opts, *option.secondary_opts)]


def _leaves(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its whole name."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _leaves(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _for_missing(typed: _Typed, parameter: click.Parameter | None) -> str:
    """An example of a missing option, the picks that lie there, or the manifest before what was typed.

    No manifest is put before a word that may be one itself, and none that is one of several: the ledger of another
    campaign is not to be changed because of a guess.
    """
    if isinstance(parameter, click.Option):
        return _example(next(iter(parameter.opts), ""))
    words = [word for word in typed.given if not word.startswith("-")]
    if parameter is not None and parameter.name == "picks":
        return _for_picks(typed, words)
    if taken := _taken_for_a_value(typed):
        return taken
    folders = [path.parent for path in nearby_yaml_files()]
    is_clear = folders.count(folders[0]) == 1 if folders else False
    return _for_manifest(typed) if is_clear and not any(_is_manifest_name(word) for word in words) else ""


def _for_picks(typed: _Typed, words: Sequence[str]) -> str:
    """What to write in the place of PICKS: the newest of the manifest's name, or the only one that lies here."""
    first = next(iter(words), "")
    if Path(first).suffix.lower() == _PICKS_SUFFIX:
        return f"{quote(first)} is in the place of the manifest, which comes first."
    found = sorted(path for path in Path().glob("*.picks*.json") if path.is_file())
    own = [path for path in found if path.name.startswith(f"{Path(first).stem}.picks.")]
    picks = max(own, key=lambda path: path.stat().st_mtime) if own else found[0] if len(found) == 1 else None
    if picks is None or first not in typed.given:
        return ""
    place = typed.words.index(first, typed.depth)
    return _guess(typed.cli, [typed.replaced(place, first, str(picks))])


def _for_manifest(typed: _Typed) -> str:
    """The command line with the manifest that lies nearby, or that an option has taken for its value."""
    if taken := _taken_for_a_value(typed):
        return taken
    if any(_is_manifest_name(word) and Path(word).is_file() for word in typed.given):
        return ""  # something else is missing
    found = find_nearby_manifest()
    return "" if found is None else _guess(typed.cli, [typed.instead(str(found), *typed.given)])


def _taken_for_a_value(typed: _Typed) -> str:
    """Which option has taken the manifest for its value; empty if none has."""
    for option, value in zip(typed.given, typed.given[1:], strict=False):
        if option in EXAMPLES and _is_manifest_name(value) and Path(value).is_file():
            return f"{option} took {quote(value)} for its value. {_example(option)}"
    return ""


def _for_value(typed: _Typed, parameter: click.Parameter | None) -> str:
    """The command line with the nearest of an option's choices, or an example of its value."""
    if parameter is None:
        return ""
    if not isinstance(parameter.type, click.Choice):
        return _example(next(iter(parameter.opts), ""))
    choices = [str(choice) for choice in parameter.type.choices]
    candidates = [
        typed.replaced(place, near)
        for place, word in enumerate(typed.words)
        if place >= typed.depth
        for near in get_close_matches(word.lower(), choices, n=1, cutoff=0.6)
    ]
    return _guess(typed.cli, candidates)


def _example(option: str) -> str:
    return f"Write it like `{option} {EXAMPLES[option]}`." if option in EXAMPLES else ""


def _for_extra_argument(typed: _Typed) -> str:
    """The command line with a superfluous word as the take that it may name."""
    if sum(_is_manifest_name(word) for word in typed.given) > 1:
        return f"`{' '.join(_names(typed))}` takes one manifest at a time."
    extra = [word for word in typed.given if not word.startswith("-") and not Path(word).exists()]
    if "--only" not in _options_of(typed.command) or len(extra) != 1:
        return ""
    place = typed.words.index(extra[0], typed.depth)
    words = typed.replaced(place, "--only", extra[0])
    return _guess(typed.cli, [words]) if _names_a_take(words, extra[0]) else ""


def _names_a_take(words: Words, pattern: str) -> bool:
    from hailuo_batch.app.config import check_only  # only a wrong command line needs it
    from hailuo_batch.manifest import load_manifest

    paths = [Path(word) for word in words if _is_manifest_name(word) and Path(word).is_file()]
    campaign = load_manifest(paths[0]).campaign if paths else None
    if campaign is None:
        return False
    try:
        check_only((pattern,), list(campaign.takes))
    except UsageError:
        return False
    return True
