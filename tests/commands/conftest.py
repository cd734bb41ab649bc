"""The fixtures of a command line, for the tests of this folder."""

from tests.helpers.cli_fixtures import *  # noqa: F403
