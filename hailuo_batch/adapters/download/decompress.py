"""A file that its server sends compressed although nobody asked for it, unpacked piece by piece as it comes. Pure.

What comes out is bounded, however little came in: a few bytes can stand for a disk full of zeros, and a video is as
good as incompressible. Its invariant: memory depends neither on what comes in nor on what comes out.
"""

import zlib
from collections.abc import Iterator

from hailuo_batch.adapters.download.links import BadLinkError

PIECE_BYTES = 1 << 18
"""Given out at once, at most."""

MAX_BYTES = 8 << 30
"""Of one file, unpacked: many times the longest video that a model of today makes."""

_MAX_RATIO = 50
_FREE_BYTES = 16 << 20  # so much may come out of whatever came in: a short clip of one colour shrinks well
_GZIP, _ZLIB, _RAW = 31, 15, -15  # zlib's window bits


class DecompressionError(BadLinkError):
    """What came cannot be unpacked, or becomes too large."""


class Decompressor:
    """Unpacks one file. `finish` must be called at its end."""

    def __init__(self, window_bits: int | None) -> None:
        self._bits = window_bits  # None: to be told from the first two bytes
        self._inflater = None if window_bits is None else zlib.decompressobj(window_bits)
        self._prefix = b""
        self._bytes_in = self._bytes_out = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What these next bytes unpack to, in pieces. Raises PackedError."""
        self._bytes_in += len(data)
        if self._inflater is None:
            data = self._prefix = self._prefix + data
            if len(data) < 2:
                return
            self._inflater = zlib.decompressobj(_ZLIB if _begins_like_zlib(data) else _RAW)
        try:
            yield from self._inflate(data)
        except zlib.error as error:
            raise DecompressionError("what came compressed cannot be unpacked") from error

    def finish(self) -> None:
        """Raises PackedError where the end is missing; where it is not, the checksum in it was right."""
        if self._inflater is None or not self._inflater.eof:
            raise DecompressionError("what came compressed ends early")

    def _inflate(self, data: bytes) -> Iterator[bytes]:
        assert self._inflater is not None
        piece = b""
        while data or len(piece) == PIECE_BYTES:  # a full piece may have left some inside
            if self._inflater.eof:
                data = data.lstrip(b"\0")  # some tools fill up a block with zeros, which gzip itself passes over
                if not data:
                    return
                self._inflater = self._next_member()
            piece = self._inflater.decompress(data, PIECE_BYTES)
            self._count_output(len(piece))
            if piece:
                yield piece
            data = self._inflater.unused_data if self._inflater.eof else self._inflater.unconsumed_tail

    def _next_member(self) -> "zlib._Decompress":
        """RFC 1952, section 2.2: a gzip file may have several members, one after the other."""
        if self._bits != _GZIP:
            raise DecompressionError("what came compressed cannot be unpacked: more follows after its end")
        return zlib.decompressobj(_GZIP)

    def _count_output(self, count: int) -> None:
        self._bytes_out += count
        most = min(MAX_BYTES, max(_FREE_BYTES, _MAX_RATIO * self._bytes_in))
        if self._bytes_out > most:
            raise DecompressionError(
                f"the file server sent the file compressed, and it becomes more than {most:,} bytes, as no video does"
            )


def decompressor_for(encoding: str) -> Decompressor | None:
    """What unpacks a body with this Content-Encoding, None where it is not packed. Raises PackedError for one that
    cannot be unpacked here."""
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
                f"the file server sent the file compressed ({', '.join(codings)}), which was not asked for and cannot "
                "be unpacked here"
            )


def _begins_like_zlib(data: bytes) -> bool:
    """RFC 1950, section 2.2. `deflate` means this, and some servers send what is inside it alone."""
    return data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
