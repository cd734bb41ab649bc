"""`sandbox`: serves a Runbase look-alike on loopback until it is stopped."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from hailuo_batch.app.api_target import SANDBOX_KEY
from hailuo_batch.app.config import parse_option, parse_rate_limit
from hailuo_batch.errors import ExitCode, UsageError
from hailuo_batch.sandbox.server import SandboxServer
from hailuo_batch.sandbox.world import WorldSettings, check_account
from hailuo_batch.ui.console import Console
from hailuo_batch.values import parse_usd


class _Stopped(BaseException):
    """Raised by a signal. A BaseException, so that no handler of connection failures catches it."""

    def __init__(self, code: ExitCode) -> None:
        self.code = code


def run(console: Console, **options: Any) -> ExitCode:
    """Serve until a signal comes. Raises UsageError for impossible settings and a port that cannot be opened."""
    server = _server(**options)
    try:
        with _stopped_by_signal():
            console.write_stdout(f"export RUNBASE_BASE_URL={server.base_url} {_variables(server.world.settings)}\n")
            console.print_info(
                "The sandbox is running. Paste this line into another terminal to use it. A campaign that is applied "
                "here keeps its ledger for this address and cannot be applied at Runbase with it: to practise before "
                "the real one, use another `campaign:` name, or `--sandbox`, which needs no server and keeps a ledger "
                "of its own. Press Ctrl-C to stop it."
            )
            server.serve_forever()
    except _Stopped as stopped:
        return stopped.code
    finally:
        server.stop()
    return ExitCode.DONE


def _variables(settings: WorldSettings) -> str:
    """The variables with the keys to use, all of them practice keys."""
    if not settings.accounts:
        return f"RUNBASE_API_KEY={SANDBOX_KEY}"
    keys = ",".join(key for key, _ in settings.accounts)
    return f"RUNBASE_API_KEY= RUNBASE_API_KEYS={keys}"  # emptied: a real key in it would be used beside these


def _server(*, port: int, latency_s: float, speed: float, **world: Any) -> SandboxServer:
    try:
        return SandboxServer(_settings(**world), port=port, latency_s=latency_s, speed=speed)
    except ValueError as error:
        raise UsageError(f"Invalid sandbox settings: {error}.") from error
    except OSError as error:
        raise UsageError(
            f"Port {port} cannot be opened: {error.strerror}. Leave --port out to get a free one."
        ) from error


def _settings(
    *,
    fail_rate: float,
    sensitive_rate: float,
    rate_limit: str,
    balance: str | None,
    accounts: tuple[str, ...],
    seed: int,
) -> WorldSettings:
    rate = parse_option("--rate-limit", rate_limit, parse_rate_limit)
    return WorldSettings(
        seed=seed,
        balance_micro_usd=None if balance is None else parse_option("--balance", balance, parse_usd),
        fail_rate=fail_rate,
        sensitive_rate=sensitive_rate,
        rate_limit=rate.requests,
        rate_window_s=rate.window_s,
        accounts=tuple(parse_option("--account", account, _parse_account) for account in accounts),
    )


def _parse_account(text: str) -> tuple[str, str]:
    """A key and the name of its account. Raises ValueError, which does not repeat the key."""
    key, equals, name = text.partition("=")
    if not equals:
        raise ValueError("give a practice key and the name of its account, such as sk-laptop=studio")
    check_account(key, name)
    return key, name


@contextmanager
def _stopped_by_signal() -> Iterator[None]:
    codes = {signal.SIGINT: ExitCode.SIGINT, signal.SIGTERM: ExitCode.SIGTERM, signal.SIGHUP: ExitCode.SIGTERM}

    def stop(number: int, _frame: FrameType | None) -> None:
        raise _Stopped(codes[signal.Signals(number)])

    before = {number: signal.signal(number, stop) for number in codes}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
