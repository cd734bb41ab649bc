"""What a loopback server does when it plays the proxy: a tunnel that leads where the test wants."""

import select
import socket
from contextlib import suppress

from tests.helpers.http import Act, Peer, Request


def tunnel_to(address: tuple[str, int]) -> Act:
    """A proxy's answer to CONNECT: whatever was asked for, the tunnel leads to `address`."""

    def act(peer: Peer, _request: Request) -> None:
        with socket.create_connection(address) as onward:
            peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _pump(peer, onward)
        peer.end()

    return act


def _pump(peer: Peer, onward: socket.socket) -> None:
    other = {peer.sock: onward, onward: peer.sock}
    with suppress(OSError):
        while not peer.stopping.is_set():
            for ready in select.select(list(other), [], [], 0.05)[0]:
                data = ready.recv(65536)
                if not data:
                    return
                other[ready].sendall(data)
