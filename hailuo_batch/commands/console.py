"""Where a command's words go: results to stdout, all else to stderr, documents raw.

Knows how much the user wants to hear and what the streams are; knows nothing of campaigns. A document is written as
bytes, by nothing that wraps, colours or interprets it.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TextIO

from hailuo_batch.errors import StreamError
from hailuo_batch.shell.progress import terminal_columns, wrap


class Verbosity(IntEnum):
    """How much a user wants to hear."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


@dataclass(frozen=True, slots=True)
class Console:
    """The user's end of a command. With `as_json`, stdout belongs to the one document."""

    verbosity: Verbosity = Verbosity.NORMAL
    as_json: bool = False

    def result(self, text: str) -> None:
        """What was asked for, in words; nowhere where a document is the answer."""
        if not self.as_json:
            _write(sys.stdout, text)

    def say_result(self, text: str) -> None:
        """As `result`, for what goes without saying where the user wants quiet."""
        if self.verbosity > Verbosity.QUIET:
            self.result(text)

    def document(self, data: Mapping[str, Any]) -> None:
        """What was asked for, as one JSON document."""
        self.raw(json.dumps(data, ensure_ascii=True, allow_nan=False, indent=2) + "\n")

    def raw(self, text: str) -> None:
        """Text to stdout, byte for byte."""
        with _writing(sys.stdout):
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode("utf-8"))
            sys.stdout.buffer.flush()

    def say(self, text: str) -> None:
        """What goes along with the work, unless the user wants quiet."""
        if self.verbosity > Verbosity.QUIET:
            _write(sys.stderr, self._wrapped(text))

    def lay_out(self, text: str) -> None:
        """As `say`, for lines that fit the terminal already."""
        if self.verbosity > Verbosity.QUIET:
            _write(sys.stderr, text)

    def warn(self, text: str) -> None:
        """What the user must hear."""
        _write(sys.stderr, self._wrapped(text))

    def complain(self, text: str) -> None:
        """What the user must hear, as it stands: findings that other programs read too."""
        _write(sys.stderr, text)

    @property
    def is_interactive(self) -> bool:
        """Whether a question can be asked and answered."""
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def is_verbose(self) -> bool:
        """Whether the user wants to hear everything."""
        return self.verbosity is Verbosity.VERBOSE

    def ask(self, question: str) -> bool:
        """A question that only `y` or `yes` answers with yes. Raises KeyboardInterrupt."""
        sys.stderr.write(self._wrapped(f"{question} [y/N] ") + " ")
        sys.stderr.flush()
        answer = sys.stdin.readline()
        if not answer.endswith("\n"):
            _write(sys.stderr, "")
        return answer.strip().lower() in {"y", "yes"}

    def _wrapped(self, text: str) -> str:
        return wrap(text, terminal_columns(sys.stderr)) if sys.stderr.isatty() else text


def columns_of(stream: TextIO) -> int | None:
    """The width of the terminal behind the stream, None where it is no terminal."""
    return terminal_columns(stream) if stream.isatty() else None


def _write(stream: TextIO, text: str) -> None:
    with _writing(stream):
        stream.write(text + "\n")
        stream.flush()


@contextmanager
def _writing(stream: TextIO) -> Iterator[None]:
    """Raises StreamError where the stream cannot be written; a reader that has gone is another matter."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        name = "stderr" if stream is sys.stderr else "stdout"
        raise StreamError(
            f"{name} cannot be written ({error.strerror}). Whatever was sent is in the ledger; `status` shows it."
        ) from error
