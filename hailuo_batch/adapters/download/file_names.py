"""Names of downloaded files: whether what comes can be a video at all, which extension fits, where it may lie. Pure.

Its invariant: nothing a server says can choose more of a path than one short, harmless extension.
"""

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

_EXTENSIONS = {
    "video/mp4": "mp4",
    "application/mp4": "mp4",
    "video/x-m4v": "m4v",
    "video/webm": "webm",
    "video/quicktime": "mov",
    "video/x-matroska": "mkv",
    "video/mpeg": "mpg",
    "video/ogg": "ogv",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/avif": "avif",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/wav": "wav",
}
_DOCUMENTS = frozenset({"application/json", "application/xml"})
_FROM_URL = re.compile(r"\.([a-z0-9]{1,5})", re.ASCII)
# What a browser or a desktop would run, and what stands beside a video for other reasons.
_FORBIDDEN_EXTENSIONS = re.compile(
    r"app|bat|cmd|com|cpl|css|db|dll|exe|hta|jar|jse?|json|lnk|mjs|msi|part|php|pif|ps1|py|scr|sh|vb[es]?|ws[fh]"
    r"|x?html?|xht|shtml|svgz?|xml|xsl",
    re.ASCII,
)


def media_type(content_type: str) -> str:
    """The type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def is_document(content_type: str) -> bool:
    """Whether this is what servers send instead of a file: a web page, an error as JSON, XML or plain text."""
    kind = media_type(content_type)
    return kind in _DOCUMENTS or kind.startswith("text/") or kind.endswith(("+json", "+xml"))


def begins_like_document(head: bytes) -> bool:
    """Whether these first bytes are those of a web page or of JSON, whatever the server calls them."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"<", b"{", b"["}


def is_mp4_extension(extension: str) -> bool:
    """Whether a file with this extension has to be an MP4."""
    return extension in {".mp4", ".m4v"}


def hinted_extension(content_type: str, url: str) -> str:
    """The extension that is hinted at, with its dot: by the Content-Type, else as in the URL's path, else `.bin`."""
    known = _EXTENSIONS.get(media_type(content_type))
    if known is not None:
        return f".{known}"
    match = _FROM_URL.fullmatch(PurePosixPath(unquote(urlsplit(url).path)).suffix.lower())
    return match[0] if match and not _FORBIDDEN_EXTENSIONS.fullmatch(match[1]) else ".bin"


def is_safe_stem(stem: str) -> bool:
    """Whether the stem, with `/` between its parts, stays inside the folder it is joined to."""
    parts = stem.split("/")
    return all(part not in {"", ".", ".."} and not set(part) & {"\\", "\0", ":"} for part in parts)
