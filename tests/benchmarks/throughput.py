"""How many requests a second the program makes where the key allows 400, and what keeps it from more.

`python -m tests.benchmarks.throughput` applies a campaign with `--rate-limit 4000/10s` against a sandbox in a process
of its own, whose answers take 0.1 s and whose runs about one second. Two requests are counted for each take. What the
engine makes of the same campaign in virtual time, where nothing costs processor time, says how many could be had. The
two processes share the machine's cores, so that the sandbox may be what limits: its processor time for each request
stands beside the program's. Last, a plain load of creates, each on a connection of its own, and of reads on a few that
are kept says how many requests the sandbox answers by itself.
"""

import argparse
import socket
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from tests.benchmarks.real_time import virtual_s
from tests.benchmarks.whole import Api, apply, sandbox

_LATENCY_S = 0.1
_SPEED = 100.0
_LOAD_THREADS = 8
_NO_LIMIT = "99999/1s"
_BODY = b'{"model":"hailuo/pro","input":{"prompt":"a lamp"}}'


def campaign(takes: int, limit: str) -> str:
    """A campaign's line of the table."""
    requests, window_s = limit.removesuffix("s").split("/")
    options = ("--rate-limit", limit, "--latency", str(_LATENCY_S), "--speed", str(_SPEED))
    with sandbox(*options) as api, tempfile.TemporaryDirectory() as folder:
        before_s = api.cpu_s()
        applied = apply(Path(folder), api, takes, limit)
        sandbox_s = api.cpu_s() - before_s
    made = 2 * takes
    promised_s = virtual_s(applied, int(requests), float(window_s), _LATENCY_S)
    cells = [
        limit,
        f"{made / promised_s:,.0f}",
        f"{made / applied.campaign_s:,.0f}",
        f"{promised_s / applied.campaign_s:.2f}",
        f"{1000 * applied.cpu_s / made:.2f} ms",
        f"{1000 * sandbox_s / made:.2f} ms",
    ]
    return f"| {takes:,} | {' | '.join(cells)} |"


def plain_load(creates: int) -> str:
    """What the sandbox answers in a second where nothing but it and a few threads are at work."""
    with sandbox("--rate-limit", _NO_LIMIT) as api, ThreadPoolExecutor(_LOAD_THREADS) as threads:
        each = creates // _LOAD_THREADS
        began = time.monotonic()
        list(threads.map(partial(_create, api), [each] * _LOAD_THREADS))
        created_s, began = time.monotonic() - began, time.monotonic()
        list(threads.map(partial(_read, api), [each] * _LOAD_THREADS))
        read_s = time.monotonic() - began
    return f"sandbox alone: {creates / created_s:,.0f} creates or {creates / read_s:,.0f} reads a second"


def _create(api: Api, count: int) -> None:
    head = f"Connection: close\r\nContent-Length: {len(_BODY)}\r\n"
    for _ in range(count):
        with _connected(api) as line:
            line.sendall(_head(api, "POST /api/v1/runs", head) + _BODY)
            while line.recv(65536):
                pass


def _read(api: Api, count: int) -> None:
    request = _head(api, "GET /api/v1/runs/run_unknown")
    with _connected(api) as line:
        for _ in range(count):
            line.sendall(request)
            line.recv(65536)


def _connected(api: Api) -> socket.socket:
    address = urlsplit(api.base_url)
    return socket.create_connection((address.hostname, address.port))


def _head(api: Api, request: str, further: str = "") -> bytes:
    return f"{request} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {api.keys[0]}\r\n{further}\r\n".encode(
        "ascii"
    )


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.throughput")
    parser.add_argument("--takes", type=int, default=4000)
    parser.add_argument("--limits", nargs="+", default=["4000/10s", "200/1s", "400/1s", "800/1s"])
    options = parser.parse_args()
    print("| takes | limit | a second, in virtual time | in reality | share | CPU a request, program | sandbox |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for limit in options.limits:
        print(campaign(options.takes, limit), flush=True)
    print(plain_load(options.takes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
