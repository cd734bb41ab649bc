"""What a download that broke off has left: whose bytes they are, and how many of them can be trusted. Pure.

The note that tells it lies beside the bytes and outlives the program. Nothing in it is believed: the bytes must have
the digest it names, and the server must still have the very file it names. Its invariant: bytes of two files, or of
two versions of one, are never joined.
"""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

OVERLAP_BYTES = 1 << 16
"""Asked for a second time where a download goes on, to see that what comes continues what is there."""

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MAX_BYTES = 1 << 62


@dataclass(frozen=True, slots=True)
class DownloadSource:
    """A file on a server. `validator` is a strong ETag with its quotes, or a Last-Modified date; empty for neither.

    `total` is the length in bytes, None where the server did not say. `url` is the link as the API gave it.
    """

    url: str
    validator: str = ""
    total: int | None = None
    content_type: str = ""

    @property
    def has_etag(self) -> bool:
        """Whether the validator is an ETag, which names one version; a date alone also fits another file."""
        return self.validator.startswith('"')


@dataclass(frozen=True, slots=True)
class PartialFile:
    """The first `size` bytes of a source, with that digest."""

    source: DownloadSource
    size: int
    sha256: str

    @property
    def is_worth_keeping(self) -> bool:
        """Whether a later download can go on from here."""
        return bool(self.source.validator) and self.size > OVERLAP_BYTES

    def can_resume_from(self, url: str) -> bool:
        """Whether the server may be asked to go on from here at this link.

        A fresh link to the same output has another URL; there an ETag must say that the file is the same.
        """
        return self.is_worth_keeping and (self.source.has_etag or self.source.url == url)

    @property
    def resumes_at(self) -> int:
        """The first byte to ask for."""
        return self.size - OVERLAP_BYTES


def render_note(partial: PartialFile) -> str:
    """The note, as text."""
    return json.dumps(asdict(partial))


def parse_note(text: str) -> PartialFile | None:
    """What a note says; None where it says nothing that could be right."""
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
    plausible = _SHA256.fullmatch(partial.sha256) and partial.size <= sizes[1]
    return partial if plausible and source.validator == clean_validator(source.validator) else None


def clean_validator(text: str) -> str:
    """The validator if it is fit to be sent back in a header, else an empty text."""
    return text if len(text) <= 256 and text.isascii() and text.isprintable() else ""


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_BYTES
