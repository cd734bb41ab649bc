"""The failures that a user, a network, a disk or a server can cause, each with its exit code.

Every error carries one short paragraph for the user: what happened, to which take, whether anything was paid, what to
do next. Any other exception that reaches the command line is a bug. Nothing here prints or exits.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    UNFINISHED = 1
    USAGE = 2
    ACCOUNT = 3
    LEDGER = 4
    BUSY = 5
    SIGINT = 130
    SIGTERM = 143


class HailuoBatchError(Exception):
    """An expected failure. Its first argument is the paragraph the user reads; each further one is a line below it."""

    exit_code = ExitCode.UNFINISHED

    def __str__(self) -> str:
        return "\n".join(map(str, self.args))


class UsageError(HailuoBatchError):
    """Wrong usage; nothing was sent."""

    # rule usage_code
    exit_code = ExitCode.USAGE


class ConsentMissingError(UsageError):
    """It would pay, and nobody has agreed to that; nothing was sent."""


class ManifestError(HailuoBatchError):
    """An invalid manifest; nothing was sent. `str(error)` holds every diagnostic, one to a line."""

    exit_code = ExitCode.USAGE


class UnfinishedError(HailuoBatchError):
    """An apply ended before all was done, with this exit code; everything that was paid for is recorded."""

    def __init__(self, text: str, exit_code: ExitCode = ExitCode.UNFINISHED) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class AccountError(HailuoBatchError):
    """The account prevents it: no key, a wrong key, balance, quota or spending limit."""

    exit_code = ExitCode.ACCOUNT


class LedgerError(HailuoBatchError):
    """The ledger cannot be used: damaged, missing, foreign, newer, older than the files beside it, or not writable."""

    exit_code = ExitCode.LEDGER


class EndpointError(LedgerError):
    """The ledger is of another endpoint, `recorded`."""

    def __init__(self, text: str, recorded: str = "") -> None:
        super().__init__(text)
        self.recorded = recorded


class BusyError(HailuoBatchError):
    """Another process holds the campaign's lock; nothing was sent."""

    exit_code = ExitCode.BUSY


class StreamError(HailuoBatchError):
    """Standard output cannot be written: the user did not get what was asked for."""

    exit_code = ExitCode.UNFINISHED


class ReaderGoneError(StreamError):
    """Nobody reads the output any more."""


class OutputError(HailuoBatchError):
    """A file of the report or an output folder cannot be written; the ledger is untouched."""

    exit_code = ExitCode.UNFINISHED
