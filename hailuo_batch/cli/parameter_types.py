"""The parameters that a shell completes from files: manifests by their names, takes by the IDs in a manifest.

Completing is silent: where a manifest cannot be read, nothing is offered.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

DEFAULT_MANIFEST = Path("manifest.yaml")
_MOST_OFFERED = 200
_MOST_BYTES = 1 << 20
_SUFFIXES = frozenset({".yaml", ".yml"})
_PICKS_SUFFIXES = frozenset({".json"})
_PATTERNS = frozenset({"only", "replace"})
"""Options whose patterns are take IDs as often as not."""
_ABOUT_SOME_TAKES = frozenset({"retry", "resolve"})
"""The commands that are for takes in some states alone."""


class FilePath(click.Path):
    """A file's path, completed with what `find` finds for the text that is typed so far."""

    def __init__(self, find: Callable[[str], Iterator[str]]) -> None:
        super().__init__(path_type=Path)
        self._find = find

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> "list[CompletionItem[str]]":
        """The files that begin so; whatever the shell finds where there is none."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(path) for path in islice(self._find(incomplete), _MOST_OFFERED)]
        return found or [CompletionItem(incomplete, type="file")]


class TakeId(click.ParamType[str]):
    """A take's ID, or a pattern of IDs: completed with those of the manifest."""

    name = "text"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> "list[CompletionItem[str]]":
        """The takes of the manifest that begin so."""
        from click.shell_completion import CompletionItem

        manifest = ctx.params.get("manifest") or _manifest_typed() or DEFAULT_MANIFEST
        command = ctx.info_name or ""
        decides = command in _ABOUT_SOME_TAKES
        takes = _takes_to_decide(ctx, manifest, command) if decides else _take_ids(manifest)
        found = (take for take in takes if take.startswith(incomplete))
        return [CompletionItem(take) for take in islice(found, _MOST_OFFERED)]


def complete_takes(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let every parameter of a command that names takes complete their IDs."""
    for parameter in getattr(command, "__click_params__", ()):
        if parameter.type is click.STRING and ("TAKE" in (parameter.metavar or "") or parameter.name in _PATTERNS):
            parameter.type = TakeId()
    return command


def _yaml_files(incomplete: str) -> Iterator[str]:
    """The YAML files in the folder that is typed so far; without one, also those in the folder `manifests`."""
    typed, slash, _ = incomplete.rpartition("/")
    for folder in (f"{typed}{slash}",) if slash else ("", "manifests/"):
        yield from _files_in(folder, incomplete, _SUFFIXES)


def _json_files(incomplete: str) -> Iterator[str]:
    """The JSON files in the folder that is typed so far."""
    typed, slash, _ = incomplete.rpartition("/")
    return _files_in(f"{typed}{slash}", incomplete, _PICKS_SUFFIXES)


def _files_in(folder: str, incomplete: str, suffixes: Collection[str]) -> Iterator[str]:
    """The files in the folder whose paths begin so and end with one of the suffixes. `folder` is empty or ends with a
    slash."""
    try:
        paths = sorted(Path(folder or ".").iterdir())
    except OSError:
        return
    names = (f"{folder}{path.name}" for path in paths if path.suffix in suffixes and path.is_file())
    yield from (name for name in names if name.startswith(incomplete))


MANIFEST_PATH = FilePath(_yaml_files)
"""A manifest's path."""
PICKS_PATH = FilePath(_json_files)
"""The path of a file of picks."""


def _manifest_typed() -> Path | None:
    """The manifest on the command line that is completed: click knows none once an option's value is missing."""
    from click.shell_completion import split_arg_string

    words = split_arg_string(os.environ.get("COMP_WORDS", ""))
    return next((path for word in words if (path := Path(word)).suffix in _SUFFIXES and path.is_file()), None)


def _take_ids(manifest: Path) -> Iterator[str]:
    from hailuo_batch.manifest import load_manifest  # a second's work for those who complete takes alone

    try:
        campaign = load_manifest(manifest).campaign if manifest.stat().st_size <= _MOST_BYTES else None
    except OSError:
        return
    if campaign is not None:
        yield from (take.id for take in campaign.takes)


def _takes_to_decide(context: click.Context, manifest: Path, command: str) -> Iterable[str]:
    from hailuo_batch.app.status.to_decide import takes_to_decide  # as above
    from hailuo_batch.app.workspace import CampaignLocation

    given = context.params
    where = CampaignLocation(manifest, bool(given.get("sandbox")), given.get("state_dir"), given.get("output_dir"))
    return takes_to_decide(command, where, _MOST_BYTES)
