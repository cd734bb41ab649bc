"""The one error boundary: what goes wrong becomes words on stderr and an exit code.

Every expected failure is a HailuoBatchError. Whatever else comes up is a bug: one line for the user, a traceback kept
for whoever mends it, and the API key in neither.
"""

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from io import StringIO
from typing import NoReturn

import click

from hailuo_batch.adapters.local.streams import catch_up
from hailuo_batch.cli.options import PROGRAM, Spoken
from hailuo_batch.errors import ExitCode, HailuoBatchError, ManifestError, ReaderGoneError
from hailuo_batch.text import harmless, one_line

DETAILED = "--detailed-exitcode"


def run_guarded(cli: click.Group, arguments: Sequence[str]) -> int:
    """Run the command line. Returns the exit code; whatever went wrong has been said."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    spoken = Spoken()
    try:
        return _run(cli, arguments, spoken)
    except ManifestError as error:
        with suppress(ReaderGoneError):
            spoken.console().complain(str(error))
        return _failed(error.exit_code, arguments)
    except ReaderGoneError as error:
        return _failed(error.exit_code, arguments)  # there is nobody to say anything to
    except HailuoBatchError as error:
        with suppress(ReaderGoneError):
            text, *below = map(str, error.args or ("",))
            spoken.console().warn(f"{PROGRAM}: error: {text}", *below)
        return _failed(error.exit_code, arguments)
    except click.ClickException as error:
        with suppress(ReaderGoneError):
            spoken.console().complain(_shown(error))
        return _failed(ExitCode.USAGE, arguments)
    except (KeyboardInterrupt, click.Abort):
        return _stopped()
    except Exception as error:  # noqa: BLE001 - the one boundary: a bug is said in a line, its traceback kept
        return _stopped() if _is_interrupt(error) else _confess(error, spoken)


def _stopped() -> int:
    """Ctrl-C where nothing was sent yet: from consent on, an apply heeds it itself."""
    click.echo("\nStopped. Nothing was paid.", err=True)
    return ExitCode.SIGINT


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether this is Ctrl-C under another name: Python wraps what comes up while it makes a class."""
    return error is not None and (isinstance(error, KeyboardInterrupt) or _is_interrupt(error.__cause__))


def _run(cli: click.Group, arguments: Sequence[str], spoken: Spoken) -> int:
    code = int(cli.main(list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=spoken) or 0)
    if not spoken.has_begun:
        spoken.console().demand_written()  # it was help, or the version
    return code


def _shown(error: click.ClickException) -> str:
    """What click says of wrong usage. It quotes what was typed, or what a script was given."""
    said = StringIO()
    error.show(said)
    message = error.format_message()
    return said.getvalue().replace(message, one_line(message)).removesuffix("\n")


def leave(code: int) -> NoReturn:
    """End the process. Its code stands by now: a signal that comes too late to change it makes it come at once."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: os._exit(code))
    catch_up()
    sys.exit(code)


def open_missing_streams() -> None:
    """Have a standard stream that was closed lead nowhere: no file of ours may come to stand in its place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            _lead_nowhere(number)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115


def _lead_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)


def _failed(code: ExitCode, arguments: Sequence[str]) -> ExitCode:
    """An error's code: with a detailed exit code, where 2 is no error, every error has the same one."""
    # rule errors_are_1
    return ExitCode.UNFINISHED if DETAILED in arguments else code


def _confess(bug: Exception, spoken: Spoken) -> int:
    """A bug of ours: one line for the user, the traceback to stderr or to a file, the key in neither."""
    trace = harmless(_without_key("".join(traceback.format_exception(bug))))
    line = one_line(_without_key(f"{type(bug).__name__}: {bug}".splitlines()[0]))
    if spoken.verbose:
        where = "its traceback is above"
        click.echo(trace, err=True)
    else:
        where = f"its traceback is in {_keep(trace)}"
    click.echo(
        f"{PROGRAM}: error: this is a bug in {PROGRAM} ({line}); {where}. Whatever was sent is in the ledger: the same "
        "command goes on where it stopped.",
        err=True,
    )
    return ExitCode.UNFINISHED


def _keep(trace: str) -> str:
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix=f"{PROGRAM}-", suffix=".log", delete=False, encoding="utf-8"
        ) as log:
            log.write(trace)
    except OSError:
        return "no file, for none could be written: run the command again with -v"
    return log.name


def _without_key(text: str) -> str:
    key = os.environ.get("RUNBASE_API_KEY", "").strip()
    return text.replace(key, "[API key]") if key else text
