"""The fixtures of a command line, for the tests of this folder."""

from tests.helpers.cli_fixtures import (
    _cheap_hashes,
    _fast_time,
    api,
    doubtful,
    follow,
    keep,
    kept,
    lost,
    shell,
    start_api,
    uncapped,
)

__all__ = [
    "_cheap_hashes",
    "_fast_time",
    "api",
    "doubtful",
    "follow",
    "keep",
    "kept",
    "lost",
    "shell",
    "start_api",
    "uncapped",
]
