"""The program's entry point, also for `python -m hailuo_batch`: the command line, and Ctrl-C while that is loaded.

Imports nothing at the top: what is imported before `main` runs cannot be interrupted without a traceback.
"""

_INTERRUPTED = 130  # `errors.ExitCode.SIGINT`, which is not loaded yet


def main() -> None:
    """Run the command line and exit with its code. Ctrl-C at any moment exits with 130 and prints no traceback."""
    try:
        from hailuo_batch.cli import main as run_command_line

        run_command_line()
    except BaseException as error:
        if not _is_interrupt(error):
            raise
        import os

        os.write(2, b"\nStopped. Nothing was paid.\n")  # nothing is sent before a command has begun
        raise SystemExit(_INTERRUPTED) from None


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C caused the error: Python wraps what is raised while it creates a class."""
    return error is not None and (isinstance(error, KeyboardInterrupt) or _is_interrupt(error.__cause__))


if __name__ == "__main__":
    main()
