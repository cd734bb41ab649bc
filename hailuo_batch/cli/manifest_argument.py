"""The argument MANIFEST, which may be left out where the current directory holds a manifest.yaml.

Only where it is a command's only argument: among others, a take's ID would be taken for a manifest.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from hailuo_batch.cli.parameter_types import DEFAULT_MANIFEST, MANIFEST_PATH

_FOLDERS = (Path(), Path("manifests"))
_MOST_TRIED = 20
_MOST_BYTES = 1 << 20


class NoManifestError(click.UsageError):
    """A command was given no manifest, and the current directory has no manifest.yaml."""

    def __init__(self, context: click.Context) -> None:
        super().__init__(
            f"MANIFEST is missing, and the current directory has no {DEFAULT_MANIFEST} to use instead.", context
        )


def manifest_before(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument MANIFEST before the command's others, if it has any."""
    parameters = getattr(command, "__click_params__", ())
    is_one_of_several = any(isinstance(parameter, click.Argument) for parameter in parameters)
    if is_one_of_several:
        return click.argument("manifest", type=MANIFEST_PATH)(command)
    return click.argument("manifest", type=MANIFEST_PATH, required=False, callback=_fill_in)(command)


def optional_manifest(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument MANIFEST to a command that also works without any manifest: None where there is none."""
    return click.argument("manifest", type=MANIFEST_PATH, required=False, callback=_fill_in_if_there)(command)


def default_manifest(context: click.Context) -> Path:
    """The manifest of a command that names none. Raises NoManifestError if it is not there."""
    if DEFAULT_MANIFEST.is_file():
        return DEFAULT_MANIFEST
    raise NoManifestError(context)


def find_nearby_manifest() -> Path | None:
    """The first manifest without errors in the current directory or its folder `manifests`; None if there is none."""
    from hailuo_batch.manifest import load_manifest  # only a wrong command line needs it

    return next((path for path in nearby_yaml_files() if load_manifest(path).campaign is not None), None)


def nearby_yaml_files() -> list[Path]:
    """The first YAML files there, not larger than a manifest that is read to be proposed: nobody waits for the end of
    an error message."""
    paths = [path for folder in _FOLDERS for suffix in ("yaml", "yml") for path in sorted(folder.glob(f"*.{suffix}"))]
    return [path for path in paths[:_MOST_TRIED] if path.is_file() and path.stat().st_size <= _MOST_BYTES]


def _fill_in(context: click.Context, _parameter: click.Parameter, given: Path | None) -> Path | None:
    return default_manifest(context) if given is None and not context.resilient_parsing else given


def _fill_in_if_there(_context: click.Context, _parameter: click.Parameter, given: Path | None) -> Path | None:
    return DEFAULT_MANIFEST if given is None and DEFAULT_MANIFEST.is_file() else given
