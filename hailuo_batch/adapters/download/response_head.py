"""What the head of an answer says: whether the file comes, whole or from where on, and which version of it. Pure.

The rules are those of RFC 9110 (sections 8.8, 13.1.5, 14.4 and 15.3.7), read strictly: where a server says less than
it must, the download begins anew.
"""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from hailuo_batch.adapters.download.decompress import decompressor_for
from hailuo_batch.adapters.download.file_names import is_document, media_type
from hailuo_batch.adapters.download.links import BadLinkError
from hailuo_batch.adapters.download.resume import DownloadSource, PartialFile, clean_validator

_GONE = frozenset({403, 404, 410})
_ETAG = re.compile(r'"[\x21\x23-\x7e]+"', re.ASCII)
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.ASCII | re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


class CannotResumeError(Exception):
    """The server has no continuation of what is here: only a download from the start can help."""


def range_headers(partial: PartialFile | None) -> dict[str, str]:
    """What asks for the rest of a file, and for the whole of it if it has changed."""
    if partial is None:
        return {}
    return {"Range": f"bytes={partial.resumes_at}-", "If-Range": partial.source.validator}


def parse_response_head(
    status: int, headers: Mapping[str, str], url: str, requested: PartialFile | None
) -> tuple[DownloadSource, int]:
    """Which file comes, and from which byte on.

    `asked` is what the server was asked to go on from, None for the whole file. Raises BadLinkError for an answer
    that is no file, MisfitError for one that does not go on from there.
    """
    content_type = headers.get("Content-Type", "")
    if requested is not None and status == 416:
        raise CannotResumeError
    if status != 200 and (requested is None or status != 206):
        raise BadLinkError(f"the file server answered HTTP {status}", gone=status in _GONE)
    if is_document(content_type):
        raise BadLinkError(f"the file server sent {media_type(content_type)}, not a video")
    if headers.get("Transfer-Encoding", "chunked").strip().lower() not in {"", "chunked", "identity"}:
        raise BadLinkError("the file server sent the file in a way that was not asked for")
    is_compressed = _is_compressed(headers)
    if requested is not None and status == 206:
        if is_compressed:  # lengths and places are those of the compressed bytes, and those are not what is here
            raise CannotResumeError
        return _continued_source(headers, content_type, url, requested), requested.resumes_at
    if is_compressed:  # how long it will be is not known, and no part of it can be asked for
        return DownloadSource(url, content_type=content_type), 0
    return DownloadSource(url, _validator(headers), _length(headers), content_type), 0


def _is_compressed(headers: Mapping[str, str]) -> bool:
    """Whether the body is compressed. Raises PackedError where it is so in a way that cannot be undone here."""
    return decompressor_for(headers.get("Content-Encoding", "")) is not None


def _continued_source(
    headers: Mapping[str, str], content_type: str, url: str, requested: PartialFile
) -> DownloadSource:
    match = _RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if match is None:
        raise CannotResumeError
    first, last, total = map(int, match.groups())
    whole = first == requested.resumes_at and last == total - 1 and requested.source.total in {None, total}
    length = _length(headers)
    if not whole or length not in {None, last - first + 1} or not _is_same_version(headers, requested.source):
        raise CannotResumeError
    return DownloadSource(url, requested.source.validator, total, content_type or requested.source.content_type)


def _is_same_version(headers: Mapping[str, str], known: DownloadSource) -> bool:
    """A part must repeat the file's ETag; its date it may leave out."""
    if known.has_etag:
        return headers.get("ETag", "").strip() == known.validator
    return headers.get("Last-Modified", known.validator).strip() == known.validator


def _validator(headers: Mapping[str, str]) -> str:
    """What names this version of the file; empty where nothing does for certain.

    A date counts only where there is no ETag, and where the answer is younger by a second: until then the file may
    change once more within the same second.
    """
    etag = headers.get("ETag", "").strip()
    if etag:
        return clean_validator(etag) if _ETAG.fullmatch(etag) else ""
    modified = headers.get("Last-Modified", "").strip()
    try:
        age = parsedate_to_datetime(headers.get("Date", "")) - parsedate_to_datetime(modified)
    except (ValueError, TypeError):
        return ""
    return clean_validator(modified) if age.total_seconds() >= 1 else ""


def _length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("Content-Length", "").strip()
    return int(text) if _LENGTH.fullmatch(text) and "Transfer-Encoding" not in headers else None
