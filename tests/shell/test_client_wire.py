"""What the client stands on: bodies that must not grow, connections that must not come back to life."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from hailuo_batch.shell.client.fields import decode_body
from hailuo_batch.shell.wire.line import BROKEN, Dialer
from hailuo_batch.shell.wire.origin import Origin
from hailuo_batch.shell.wire.patience import Patience
from tests.helpers import http
from tests.helpers.http import LoopbackServer
from tests.helpers.patience import PATIENCE_S


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_body_is_decompressed_up_to_the_limit_and_no_further(compress: Callable[[bytes], bytes]) -> None:
    for encoding in ("gzip", " Deflate "):
        assert decode_body(compress(bytes(1000)), encoding, 1000) == bytes(1000)
        assert decode_body(compress(bytes(1001)), encoding, 1000) is None
        assert decode_body(compress(bytes(1000))[:-1], encoding, 1000) is None


def test_decompression_bomb_takes_no_memory() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    tracemalloc.start()
    try:
        assert decode_body(bomb, "gzip", 1000) is None
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_closed_line_never_dials_again_by_itself() -> None:
    with LoopbackServer(http.answer(200, {})) as server:
        patience = Patience(PATIENCE_S, PATIENCE_S)
        line = Dialer(PATIENCE_S).dial(Origin("http", *server.address), patience)
        line.close()
        with pytest.raises(BROKEN):
            line.request("POST", "/", {}, b"{}", patience)
    assert server.requests == []
    assert server.connections <= 1
