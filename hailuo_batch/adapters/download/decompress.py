"""Decompresses a file that its server compressed unasked, piece by piece as it arrives. Pure.

The output is bounded by the input, since a few bytes can expand to a disk full of zeros and a video hardly compresses.
Invariant: memory depends neither on the input's size nor on the output's.
"""

import zlib
from collections.abc import Iterator

from hailuo_batch.adapters.download.links import BadLinkError

PIECE_BYTES = 1 << 18
"""The largest piece of output."""

MAX_BYTES = 8 << 30
"""The most that one file may expand to: many times the longest video of today's models."""

_MAX_RATIO = 50
_FREE_BYTES = 16 << 20  # always allowed: a short clip of one colour compresses well
_GZIP, _ZLIB, _RAW = 31, 15, -15  # zlib's window bits


class DecompressionError(BadLinkError):
    """The file cannot be decompressed, or becomes too large."""


class Decompressor:
    """Decompresses one file. Call `finish` at its end."""

    def __init__(self, window_bits: int | None) -> None:
        self._bits = window_bits  # None: the first two bytes decide
        self._inflater = None if window_bits is None else zlib.decompressobj(window_bits)
        self._prefix = b""
        self._bytes_in = self._bytes_out = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decompress the next bytes, in pieces. Raises DecompressionError."""
        self._bytes_in += len(data)
        if self._inflater is None:
            data = self._prefix = self._prefix + data
            if len(data) < 2:
                return
            self._inflater = zlib.decompressobj(_ZLIB if _begins_like_zlib(data) else _RAW)
        try:
            yield from self._inflate(data)
        except zlib.error as error:
            raise DecompressionError("the file server sent damaged compressed data") from error

    def finish(self) -> None:
        """Check that the end arrived, whose checksum zlib has verified. Raises DecompressionError."""
        if self._inflater is None or not self._inflater.eof:
            raise DecompressionError("the compressed file ends early")

    def _inflate(self, data: bytes) -> Iterator[bytes]:
        assert self._inflater is not None
        piece = b""
        while data or len(piece) == PIECE_BYTES:  # after a full piece, more output may be waiting
            if self._inflater.eof:
                data = data.lstrip(b"\0")  # some tools pad with zeros, which gzip itself skips
                if not data:
                    return
                self._inflater = self._next_member()
            piece = self._inflater.decompress(data, PIECE_BYTES)
            self._count_output(len(piece))
            if piece:
                yield piece
            data = self._inflater.unused_data if self._inflater.eof else self._inflater.unconsumed_tail

    def _next_member(self) -> "zlib._Decompress":
        """Start the next member: a gzip file may have several (RFC 1952, section 2.2)."""
        if self._bits != _GZIP:
            raise DecompressionError("the file server sent more data after the end of the compressed file")
        return zlib.decompressobj(_GZIP)

    def _count_output(self, count: int) -> None:
        self._bytes_out += count
        most = min(MAX_BYTES, max(_FREE_BYTES, _MAX_RATIO * self._bytes_in))
        if self._bytes_out > most:
            raise DecompressionError(f"the compressed file expands to more than {most:,} bytes, unlike any video")


def decompressor_for(encoding: str) -> Decompressor | None:
    """Return the decompressor for this Content-Encoding, None for none. Raises DecompressionError if unsupported."""
    codings = [name for name in (part.strip() for part in encoding.lower().split(",")) if name not in {"", "identity"}]
    match codings:
        case []:
            return None
        case ["gzip" | "x-gzip"]:
            return Decompressor(_GZIP)
        case ["deflate"]:
            return Decompressor(None)
        case _:
            raise DecompressionError(
                f"the file server sent the file in an unsupported compression ({', '.join(codings)})"
            )


def _begins_like_zlib(data: bytes) -> bool:
    """Whether this is a zlib header (RFC 1950, section 2.2). Some servers send `deflate` without it."""
    return data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
