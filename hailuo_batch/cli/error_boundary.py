"""The one error boundary: every error becomes a message on stderr and an exit code.

Every expected failure is a HailuoBatchError. Anything else is a bug: one line for the user, a traceback kept for
whoever fixes it, and the API key in neither.
"""

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import click

from hailuo_batch.adapters.local.streams import flush_pending
from hailuo_batch.adapters.runbase.key_shape import given_keys
from hailuo_batch.cli.options import PROGRAM, Invocation
from hailuo_batch.errors import ExitCode, HailuoBatchError, ManifestError, ReaderGoneError
from hailuo_batch.text import one_line, sanitize

if TYPE_CHECKING:
    from hailuo_batch.ui.console import Console

DETAILED = "--detailed-exitcode"


def run_guarded(cli: click.Group, arguments: Sequence[str]) -> int:
    """Run the command line. Returns the exit code, after printing whatever went wrong."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    invocation = Invocation()
    try:
        return _run(cli, arguments, invocation)
    except ManifestError as error:
        with suppress(ReaderGoneError):
            invocation.console().print_verbatim(str(error))
        return _error_code(error.exit_code, arguments)
    except ReaderGoneError as error:
        return _error_code(error.exit_code, arguments)  # nobody reads what is printed
    except HailuoBatchError as error:
        with suppress(ReaderGoneError):
            text, *below = map(str, error.args or ("",))
            invocation.console().print_warning(f"{PROGRAM}: error: {text}", *below)
        return _error_code(error.exit_code, arguments)
    except click.ClickException as error:
        with suppress(ReaderGoneError):
            _print_usage_error(error, cli, arguments, invocation.console())
        return _error_code(ExitCode.USAGE, arguments)
    except (KeyboardInterrupt, click.Abort):
        return _report_interrupt()
    except Exception as error:  # noqa: BLE001 - the one boundary: a bug is printed in a line, its traceback kept
        return _report_interrupt() if _is_interrupt(error) else _report_bug(error, invocation)


def _report_interrupt() -> int:
    """Ctrl-C before anything was sent: from consent on, an apply handles it itself."""
    click.echo("\nStopped. Nothing was paid.", err=True)
    return ExitCode.SIGINT


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C caused the error: Python wraps what is raised while it creates a class."""
    return error is not None and (isinstance(error, KeyboardInterrupt) or _is_interrupt(error.__cause__))


def _run(cli: click.Group, arguments: Sequence[str], invocation: Invocation) -> int:
    code = int(cli.main(list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=invocation) or 0)
    if not invocation.has_begun:
        invocation.console().check_stdout()  # --help or --version
    return code


def _print_usage_error(
    error: click.ClickException, cli: click.Group, arguments: Sequence[str], console: "Console"
) -> None:
    """Print how the command is used, what is wrong, and at the end the nearest right command line."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        console.print_verbatim(error.format_message())  # the help, which quotes nothing
        return
    from hailuo_batch.cli.suggestions import suggestion_for  # only a wrong command line needs it

    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        console.print_verbatim(f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n")
    is_unknown = isinstance(error, click.NoSuchOption | click.exceptions.NoSuchCommand)
    message = error.message if is_unknown else error.format_message()  # the former's would have a second suggestion
    message = message.replace("\n\t", " ")  # click lists an argument's choices in lines of their own
    end = "" if message.endswith((".", "?")) else "."
    hint = suggestion_for(error, cli, arguments)
    console.print_warning(f"{PROGRAM}: error: {message}{end} {hint}".rstrip())


def exit_with(code: int) -> NoReturn:
    """Exit with this code. A signal that comes too late to change it makes the process exit at once, with it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: os._exit(code))
    flush_pending()
    sys.exit(code)


def open_missing_streams() -> None:
    """Replace standard streams that are closed: otherwise the next file opened would get their descriptor."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            _open_devnull(number)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115


def _open_devnull(number: int) -> None:
    devnull = os.open(os.devnull, os.O_RDWR)
    if devnull != number:
        os.dup2(devnull, number)
        os.close(devnull)


def _error_code(code: ExitCode, arguments: Sequence[str]) -> ExitCode:
    """The exit code of an error: with --detailed-exitcode, where 2 is no error, every error is a 1."""
    # rule errors_are_1
    return ExitCode.UNFINISHED if DETAILED in arguments else code


def _report_bug(bug: Exception, invocation: Invocation) -> int:
    """Report a bug: one line for the user, the traceback on stderr or in a file, the key in neither."""
    trace = sanitize(_without_key("".join(traceback.format_exception(bug))))
    line = one_line(_without_key(f"{type(bug).__name__}: {bug}".splitlines()[0]))
    if invocation.verbose:
        where = "its traceback is above"
        click.echo(trace, err=True)
    else:
        where = f"its traceback is in {_save_traceback(trace)}"
    click.echo(
        f"{PROGRAM}: error: this is a bug in {PROGRAM} ({line}); {where}. Everything that was sent is in the ledger: "
        "run the same command to continue.",
        err=True,
    )
    return ExitCode.UNFINISHED


def _save_traceback(trace: str) -> str:
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix=f"{PROGRAM}-", suffix=".log", delete=False, encoding="utf-8"
        ) as log:
            log.write(trace)
    except OSError:
        return "no file, since none could be written: run the command again with -v"
    return log.name


def _without_key(text: str) -> str:
    for key in sorted(given_keys(os.environ), key=len, reverse=True):
        text = text.replace(key, "[API key]")
    return text
