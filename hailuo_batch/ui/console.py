"""Where a command's words go: results to stdout, all else to stderr, documents raw.

Knows how much the user wants to hear and what the streams are; knows nothing of campaigns. A document is written as
bytes, by nothing that wraps, colours or interprets it.

What was asked for must come through: a stdout that cannot be written is an error. What goes along with the work need
not: a stderr on a full disk is silent, and the work goes on. Where nobody reads any more, the command ends, at once or,
where an apply is at work, as it does on a signal.
"""

import json
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TextIO

from hailuo_batch.adapters.local.stop_request import StopRequest
from hailuo_batch.adapters.local.streams import is_reader_gone, terminal_columns, write_failure_of
from hailuo_batch.errors import ExitCode, ReaderGoneError, StreamError
from hailuo_batch.text import COLOURED, one_line, sanitize, wrap


class Verbosity(IntEnum):
    """How much a user wants to hear."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


@dataclass(frozen=True, slots=True)
class Console:
    """The user's end of a command. With `as_json`, stdout belongs to the one document. `stop` is the user's wish that
    the command should end. `fill_in_commands` puts the campaign that the command is about into every command that a
    text names, None for a command that is about none.

    Raises StreamError where what was asked for cannot be written, and ReaderGoneError where nobody reads any more.
    """

    verbosity: Verbosity = Verbosity.NORMAL
    as_json: bool = False
    fill_in_commands: Callable[[str], str] | None = None
    stop: StopRequest = field(default_factory=StopRequest)

    def print_result(self, text: str) -> None:
        """What was asked for, in words; nowhere where a document is the answer."""
        # rule json_alone
        if not self.as_json:
            self._require_written(sys.stdout, _write(sys.stdout, self.with_full_commands(text)))

    def print_summary(self, text: str) -> None:
        """How it ended, for work that was not asked for to be read about: it is done whether or not this is written."""
        if self.verbosity > Verbosity.QUIET and not self.as_json:
            self._handle_write_failure(sys.stdout, _write(sys.stdout, self.with_full_commands(text)))

    def print_result_unless_quiet(self, text: str) -> None:
        """As `result`, for what goes without saying where the user wants quiet."""
        if self.verbosity > Verbosity.QUIET:
            self.print_result(text)

    def print_json(self, data: Mapping[str, Any]) -> None:
        """What was asked for, as one JSON document."""
        self.write_stdout(json.dumps(data, ensure_ascii=True, allow_nan=False, indent=2) + "\n")

    def write_stdout(self, text: str) -> None:
        """Text to stdout, byte for byte."""
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode("utf-8"))
            sys.stdout.buffer.flush()
        except OSError as error:
            self._require_written(sys.stdout, error)
        self.check_stdout()

    def print_info(self, text: str) -> None:
        """What goes along with the work, as one paragraph, unless the user wants quiet."""
        if self.verbosity > Verbosity.QUIET:
            self._handle_write_failure(sys.stderr, _write(sys.stderr, self._wrapped(text)))

    def print_info_lines(self, text: str) -> None:
        """As `say`, for lines that fit the terminal already."""
        if self.verbosity > Verbosity.QUIET:
            self._handle_write_failure(sys.stderr, _write(sys.stderr, self.with_full_commands(text)))

    def print_warning(self, text: str, *below: str) -> None:
        """What the user must hear, as one paragraph, with lines of their own below it."""
        self._handle_write_failure(sys.stderr, _write(sys.stderr, "\n".join(map(self._wrapped, (text, *below)))))

    def print_verbatim(self, text: str) -> None:
        """What the user must hear, as it stands and in its colours: findings that other programs read too."""
        self._handle_write_failure(sys.stderr, _write(sys.stderr, text, keep=COLOURED.codes))

    def with_full_commands(self, text: str) -> str:
        """The text with each command in it as this user has to type it."""
        return text if self.fill_in_commands is None else self.fill_in_commands(text)

    @property
    def is_interactive(self) -> bool:
        """Whether a question can be asked and answered."""
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def is_verbose(self) -> bool:
        """Whether the user wants to hear everything."""
        return self.verbosity is Verbosity.VERBOSE

    def ask(self, question: str) -> bool:
        """A question that only `y` or `yes`, typed after it was asked, answers with yes. Raises KeyboardInterrupt."""
        _discard_typeahead()
        self._handle_write_failure(sys.stderr, _write(sys.stderr, self._wrapped(f"{question} [y/N] "), end=" "))
        if write_failure_of(sys.stderr) is not None:
            return False  # what was not asked is not answered
        try:
            answer = sys.stdin.readline()
        except (OSError, ValueError):
            answer = ""  # the terminal is gone, or what was typed is no text
        if not answer.endswith("\n"):
            self._handle_write_failure(sys.stderr, _write(sys.stderr, ""))
        return answer.strip().lower() in {"y", "yes"}

    def check_stdout(self) -> None:
        """Raises what `result` raises where anything that went to stdout so far could not be written."""
        self._require_written(sys.stdout, write_failure_of(sys.stdout))

    def _require_written(self, stream: TextIO, failure: OSError | None) -> None:
        """What could not be written was asked for."""
        self._handle_write_failure(stream, failure)
        if failure is not None:
            sent = " Whatever was sent is in the ledger; `hailuo-batch status MANIFEST` shows it."
            raise StreamError(f"stdout cannot be written ({failure.strerror}).{sent if self.fill_in_commands else ''}")

    def _handle_write_failure(self, stream: TextIO, failure: OSError | None) -> None:
        """What could not be written went along with the work."""
        if failure is None or not is_reader_gone(failure, _number_of(stream)):
            return
        if not self.stop.is_acknowledged:
            raise ReaderGoneError("Nobody reads what is printed any more.")
        self.stop.request(ExitCode.SIGTERM)

    def _wrapped(self, text: str) -> str:
        line = one_line(self.with_full_commands(text))
        return wrap(line, terminal_columns(sys.stderr)) if sys.stderr.isatty() else line


def _discard_typeahead() -> None:
    """Drop what was typed ahead: a key pressed for something else shall not pay."""
    with suppress(termios.error, OSError, ValueError):
        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def columns_of(stream: TextIO) -> int | None:
    """The width of the terminal behind the stream, None where it is no terminal."""
    return terminal_columns(stream) if stream.isatty() else None


def _write(stream: TextIO, text: str, end: str = "\n", keep: Sequence[str] = ()) -> OSError | None:
    """Write the text, and return what stands in the way where it cannot be. Nothing gets past here that a terminal
    would take for an order, but what is in `keep`."""
    try:
        stream.write(sanitize(text, keep) + end)
        stream.flush()
    except OSError as error:
        return error
    return write_failure_of(stream)


def _number_of(stream: TextIO) -> int | None:
    """Its file descriptor, None where it has none."""
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None
