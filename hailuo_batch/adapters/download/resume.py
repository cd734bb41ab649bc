"""What an interrupted download left: which file the bytes belong to, and how many of them count. Pure.

A note beside the bytes says so and outlives the program. It is verified before use: the bytes must have its digest, and
the server must still have the very file it names. Invariant: bytes of two files, or of two versions of one, are never
joined.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from hailuo_batch.values import SHA256

OVERLAP_BYTES = 1 << 16
"""Requested again when a download resumes, to verify that the response continues the bytes that are here."""

_MAX_BYTES = 1 << 62


@dataclass(frozen=True, slots=True)
class DownloadSource:
    """A file on a server. `validator` is a strong ETag with its quotes, or a Last-Modified date; empty for neither.

    `total` is the length in bytes, None where the server did not say. `url` is the link that the API returned.
    """

    url: str
    validator: str = ""
    total: int | None = None
    content_type: str = ""

    @property
    def has_etag(self) -> bool:
        """Whether the validator is an ETag, which identifies one version; a date also fits other files."""
        return self.validator.startswith('"')


@dataclass(frozen=True, slots=True)
class PartialFile:
    """The first `size` bytes of a source, and their SHA-256."""

    source: DownloadSource
    size: int
    sha256: str

    @property
    def is_worth_keeping(self) -> bool:
        """Whether a later download can resume from here."""
        return bool(self.source.validator) and self.size > OVERLAP_BYTES

    def can_resume_from(self, url: str) -> bool:
        """Whether a download of this link may resume from here.

        A new link to the same output has another URL; then only an ETag can show that the file is the same.
        """
        return self.is_worth_keeping and (self.source.has_etag or self.source.url == url)

    @property
    def resumes_at(self) -> int:
        """The offset of the first byte to request."""
        return self.size - OVERLAP_BYTES


def render_note(partial: PartialFile) -> str:
    """Render the note."""
    return json.dumps(asdict(partial))


def parse_note(text: str) -> PartialFile | None:
    """Parse a note; None where it is malformed or implausible."""
    try:
        data = json.loads(text)
        source = DownloadSource(**data["source"])
        partial = PartialFile(source, data["size"], data["sha256"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    texts = (source.url, source.validator, source.content_type, partial.sha256)
    sizes = (partial.size, partial.size if source.total is None else source.total)
    if not all(isinstance(text, str) for text in texts) or not all(_is_size(size) for size in sizes):
        return None
    plausible = SHA256.fullmatch(partial.sha256) and partial.size <= sizes[1]
    return partial if plausible and source.validator == clean_validator(source.validator) else None


def clean_validator(text: str) -> str:
    """Return the validator if it may be sent back in a header, else an empty text."""
    return text if len(text) <= 256 and text.isascii() and text.isprintable() else ""


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_BYTES
