"""What a file is by its first bytes, for the extension of its name. Pure.

A server's Content-Type and a link's ending are hints: where the bytes say what they are and that is something else,
the bytes win, because players and editors go by the name.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

HEAD_BYTES = 512
"""As many of the first bytes as are ever looked at."""


@dataclass(frozen=True, slots=True)
class _FileType:
    """The extension of a kind of file, and others that its files may bear as well."""

    extension: str
    others: frozenset[str] = frozenset()


_ISO = _FileType(".mp4", frozenset({".m4v", ".mov", ".m4a", ".3gp"}))  # one container, whose brand says little
_QUICKTIME = _FileType(
    ".mov", frozenset({".mp4", ".m4v"})
)  # without a brand; an MP4 that lost its beginning looks so too
_BRANDS = {
    b"qt  ": _FileType(".mov"),
    b"M4V ": _FileType(".m4v", frozenset({".mp4"})),
    b"M4A ": _FileType(".m4a"),
    b"avif": _FileType(".avif"),
    b"avis": _FileType(".avif"),
    b"heic": _FileType(".heic"),
    b"heix": _FileType(".heic"),
}
_STILL_IMAGE_BRANDS = frozenset({b"mif1", b"msf1"})  # a still in the same container: the brands that follow say which
_RIFF = {b"AVI ": _FileType(".avi"), b"WAVE": _FileType(".wav"), b"WEBP": _FileType(".webp")}
_QUICKTIME_BOXES = frozenset({b"moov", b"mdat", b"wide", b"pnot"})
_SIGNATURES: tuple[tuple[bytes, _FileType], ...] = (
    (b"GIF87a", _FileType(".gif")),
    (b"GIF89a", _FileType(".gif")),
    (b"\x89PNG\r\n\x1a\n", _FileType(".png")),
    (b"\xff\xd8\xff", _FileType(".jpg", frozenset({".jpeg"}))),
    (b"OggS\0", _FileType(".ogv", frozenset({".ogg", ".oga", ".opus"}))),
    (b"FLV\x01", _FileType(".flv")),
    (b"\0\0\x01\xba", _FileType(".mpg", frozenset({".mpeg", ".vob"}))),
    (b"ID3", _FileType(".mp3")),
    (b"fLaC", _FileType(".flac")),
    (b"PK\x03\x04", _FileType(".zip")),
    (b"\x1f\x8b\x08", _FileType(".gz", frozenset({".tgz"}))),
    (b"7z\xbc\xaf\x27\x1c", _FileType(".7z")),
    (b"Rar!\x1a\x07", _FileType(".rar")),
    (b"%PDF-", _FileType(".pdf")),
)


def detect_extension(head: bytes, hint: str) -> str:
    """The extension that fits a file with these first bytes; `hint`, with its dot, where they do not contradict it."""
    kind = next((kind for look in _DETECTORS for kind in look(head)), None)
    return hint if kind is None or hint in kind.others else kind.extension


def _by_box(head: bytes) -> Iterator[_FileType]:
    """ISO/IEC 14496-12, section 4.3: an `ftyp` box with a major brand, a version and compatible brands."""
    name = head[4:8]
    if name == b"ftyp" and len(head) >= 12:
        brands = [head[8:12]]
        if brands[0] in _STILL_IMAGE_BRANDS:
            size = min(int.from_bytes(head[:4], "big"), len(head))
            brands += [head[at : at + 4] for at in range(16, size, 4)]
        yield next((_BRANDS[brand] for brand in brands if brand in _BRANDS), _ISO)
    elif name in _QUICKTIME_BOXES:
        yield _QUICKTIME


def _by_doc_type(head: bytes) -> Iterator[_FileType]:
    """RFC 8794 and RFC 9559: an EBML header whose DocType is `webm` or `matroska`."""
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        kind = head[:64].partition(b"\x42\x82")[2][1:5]
        others = {".mka", ".mks"} if kind == b"matr" else {".webm", ".mka"}
        yield _FileType(".webm") if kind == b"webm" else _FileType(".mkv", frozenset(others))


def _by_riff(head: bytes) -> Iterator[_FileType]:
    if head.startswith(b"RIFF") and head[8:12] in _RIFF:
        yield _RIFF[head[8:12]]


def _by_signature(head: bytes) -> Iterator[_FileType]:
    yield from (kind for signature, kind in _SIGNATURES if head.startswith(signature))
    if head[257:262] == b"ustar":
        yield _FileType(".tar")


_DETECTORS: tuple[Callable[[bytes], Iterator[_FileType]], ...] = (_by_box, _by_doc_type, _by_riff, _by_signature)
