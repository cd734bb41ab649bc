"""Where a command's output goes: results to stdout, everything else to stderr, JSON documents raw.

Knows the verbosity and the streams; knows nothing of campaigns. A document is written as bytes, by nothing that wraps,
colours or interprets it.

A result must be written: if stdout cannot be written, that is an error. Messages need not be: a stderr on a full disk
only goes silent, and the work continues. If nobody reads the output any more, the command ends, at once, or in an apply
as on a signal.
"""

import re
import sys
import termios
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TextIO

from hailuo_batch.adapters.local.stop_request import StopRequest
from hailuo_batch.adapters.local.streams import is_reader_gone, terminal_columns, write_failure_of
from hailuo_batch.errors import ExitCode, ReaderGoneError, StreamError
from hailuo_batch.text import COLOURED, Palette, one_line, sanitize, wrap
from hailuo_batch.ui.screen.colour import Colour, fit_to, palette_of
from hailuo_batch.ui.screen.paint import Style, paint_text, styled
from hailuo_batch.values import json_pieces

_LABEL = re.compile(r"(hailuo-batch: )?(error|warning):(?= )")


class Verbosity(IntEnum):
    """How much to print."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


@dataclass(frozen=True, slots=True)
class Console:
    """The output of one command. With `as_json`, stdout is only for the document.

    `colour` is what the command line says of colours. `fill_in_commands` puts the command's campaign into every command
    that a message names, None for a command without one. `stop` records the user's request to stop. Raises StreamError
    if a result cannot be written, and ReaderGoneError if nobody reads the output any more.
    """

    verbosity: Verbosity = Verbosity.NORMAL
    as_json: bool = False
    colour: Colour = Colour.AUTO
    fill_in_commands: Callable[[str], str] | None = None
    stop: StopRequest = field(default_factory=StopRequest)

    def print_result(self, text: str) -> None:
        """Print a result on stdout; nothing with `--json`. Raises StreamError if it cannot be written."""
        self._print_result(self.with_full_commands(text))

    def print_result_in_colour(self, text: str) -> None:
        """Print a result with the colours in it, which must be ours, and with nothing filled in: it quotes a user."""
        self._print_result(text, keep=COLOURED.codes)

    def print_summary(self, text: str) -> None:
        """Print on stdout, with its colours, how the work ended, unless quiet. It is done even if this cannot be
        written."""
        if self.verbosity > Verbosity.QUIET and not self.as_json:
            written = _write(sys.stdout, self.with_full_commands(text), keep=COLOURED.codes)
            self._handle_write_failure(sys.stdout, written)

    def print_result_unless_quiet(self, text: str) -> None:
        """As `print_result`, unless quiet."""
        if self.verbosity > Verbosity.QUIET:
            self.print_result(text)

    def print_json(self, data: Mapping[str, Any]) -> None:
        """Print a result as one JSON document."""
        self._write_pieces(json_pieces(data))

    def write_stdout(self, text: str) -> None:
        """Write text to stdout, byte for byte. Raises StreamError if it cannot be written."""
        self._write_pieces([text])

    def write_frame(self, text: str) -> None:
        """Write on stdout, which is a terminal, what moves its cursor. The text must be harmless but for that."""
        self._write_pieces([text])

    def _write_pieces(self, pieces: Iterable[str]) -> None:
        try:
            sys.stdout.flush()
            for piece in pieces:
                sys.stdout.buffer.write(piece.encode("utf-8"))
            sys.stdout.buffer.flush()
        except OSError as error:
            self._require_written(sys.stdout, error)
        self.check_stdout()

    def print_info(self, text: str) -> None:
        """Print a message on stderr, as one wrapped paragraph, unless quiet."""
        if self.verbosity > Verbosity.QUIET:
            self._handle_write_failure(sys.stderr, _write(sys.stderr, self._wrapped(text)))

    def print_info_lines(self, text: str) -> None:
        """Print lines on stderr that fit the terminal already, unless quiet."""
        if self.verbosity > Verbosity.QUIET:
            self._handle_write_failure(sys.stderr, _write(sys.stderr, self.with_full_commands(text)))

    def print_info_in_colour(self, text: str) -> None:
        """Print lines on stderr, unless quiet, as `print_result_in_colour` prints them on stdout."""
        if self.verbosity > Verbosity.QUIET:
            self._handle_write_failure(sys.stderr, _write(sys.stderr, text, keep=COLOURED.codes))

    def print_warning(self, text: str, *below: str) -> None:
        """Print a warning or an error on stderr, also if quiet: one wrapped paragraph, and lines below it.

        If it begins with what it is, such as `hailuo-batch: error:`, that is in the colour of it.
        """
        lines = "\n".join(map(self._wrapped, (text, *below)))
        labelled = paint_text(_mark_label(lines), self.palette(sys.stderr))
        self._handle_write_failure(sys.stderr, _write(sys.stderr, labelled, keep=COLOURED.codes))

    def print_verbatim(self, text: str) -> None:
        """Print text on stderr as it is, with its colours, also if quiet: other programs read findings too."""
        self._handle_write_failure(sys.stderr, _write(sys.stderr, text, keep=COLOURED.codes))

    def with_full_commands(self, text: str) -> str:
        """The text with each command in it completed, ready to be typed."""
        return text if self.fill_in_commands is None else self.fill_in_commands(text)

    def palette(self, stream: TextIO) -> Palette:
        """The colours for what is printed on the stream."""
        return palette_of(stream, self.colour)

    @property
    def is_interactive(self) -> bool:
        """Whether stdin and stderr are terminals, so that a question can be asked and answered."""
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def is_verbose(self) -> bool:
        """Whether to print everything."""
        return self.verbosity is Verbosity.VERBOSE

    def ask(self, question: str) -> bool:
        """Ask a question. Only `y` or `yes`, typed after it was printed, means yes. Raises KeyboardInterrupt."""
        _discard_typeahead()
        self._handle_write_failure(sys.stderr, _write(sys.stderr, self._wrapped(f"{question} [y/N] "), end=" "))
        if write_failure_of(sys.stderr) is not None:
            return False  # the question was not seen, so nothing typed can answer it
        try:
            answer = sys.stdin.readline()
        except (OSError, ValueError):
            answer = ""  # the terminal is gone, or what was typed is not text
        if not answer.endswith("\n"):
            self._handle_write_failure(sys.stderr, _write(sys.stderr, ""))
        return answer.strip().lower() in {"y", "yes"}

    def check_stdout(self) -> None:
        """Raises StreamError or ReaderGoneError if anything sent to stdout so far could not be written."""
        self._require_written(sys.stdout, write_failure_of(sys.stdout))

    def _print_result(self, text: str, keep: Sequence[str] = ()) -> None:
        # rule json_alone
        if not self.as_json:
            self._require_written(sys.stdout, _write(sys.stdout, text, keep=keep))

    def _require_written(self, stream: TextIO, failure: OSError | None) -> None:
        """Raise for a failure to write a result."""
        self._handle_write_failure(stream, failure)
        if failure is not None:
            sent = " Everything that was sent is in the ledger; `hailuo-batch status MANIFEST` shows it."
            raise StreamError(f"stdout cannot be written ({failure.strerror}).{sent if self.fill_in_commands else ''}")

    def _handle_write_failure(self, stream: TextIO, failure: OSError | None) -> None:
        """Ignore a failure to write, unless the reader is gone: then end the command, or stop an apply."""
        if failure is None or not is_reader_gone(failure, _number_of(stream)):
            return
        if not self.stop.is_acknowledged:
            raise ReaderGoneError("Nobody reads the output any more.")
        self.stop.request(ExitCode.SIGTERM)

    def _wrapped(self, text: str) -> str:
        line = one_line(self.with_full_commands(text))
        return wrap(line, terminal_columns(sys.stderr)) if sys.stderr.isatty() else line


def _mark_label(text: str) -> str:
    """The text with the place and the kind marked that it begins with, if it does."""
    found = _LABEL.match(text)
    if found is None:
        return text
    place = styled(Style.QUIET, found[1].rstrip()) + " " if found[1] else ""
    kind = styled(Style.ERROR if found[2] == "error" else Style.WARNING, f"{found[2]}:")
    return place + kind + text[found.end() :]


def _discard_typeahead() -> None:
    """Discard what was typed before the question: a key pressed for something else must not pay."""
    with suppress(termios.error, OSError, ValueError):
        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def columns_of(stream: TextIO) -> int | None:
    """The width of the terminal behind the stream, None if it is not a terminal."""
    return terminal_columns(stream) if stream.isatty() else None


def _write(stream: TextIO, text: str, end: str = "\n", keep: Sequence[str] = ()) -> OSError | None:
    """Write the text. Returns the error if it cannot be written. Escapes all control sequences but those of `keep`."""
    try:
        stream.write(fit_to(stream, sanitize(text, keep)) + end)
        stream.flush()
    except OSError as error:
        return error
    return write_failure_of(stream)


def _number_of(stream: TextIO) -> int | None:
    """The stream's file descriptor, None if it has none."""
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None
