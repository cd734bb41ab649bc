"""What is known of a file that should be an image: read from its first bytes, its size and, where it is all there, its
end."""

from dataclasses import dataclass

from hailuo_batch.image_files.header import ImageHeader
from hailuo_batch.image_files.headers import parse_image_header
from hailuo_batch.image_files.kinds import name_no_image, name_other_image

_END_MARKS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}
"""What a picture ends with. More may follow: cameras and editors append to both kinds."""


@dataclass(frozen=True, slots=True)
class ImageContent:
    """A file that should be an image.

    `size` is that of the whole file in bytes, None where it is unknown. `header` is that of a PNG, JPEG, WebP or GIF,
    None for anything else; `other_kind` then names another kind of image, and `no_image` what else it is; both are
    empty where nobody knows. `is_cut_short` is whether its end is missing, as far as that can be told.
    """

    size: int | None
    header: ImageHeader | None
    other_kind: str = ""
    no_image: str = ""
    is_cut_short: bool = False

    @property
    def kind(self) -> str:
        """The kind of image; empty for none."""
        return self.other_kind if self.header is None else self.header.kind


class EndSearch:
    """Looks for the end of a picture in the bytes of its file, which are given piece by piece from the first on."""

    def __init__(self, header: ImageHeader | None) -> None:
        self._mark = b"" if header is None or header.width is None else _END_MARKS.get(header.kind, b"")
        self._skip = 0 if header is None else header.body_at  # a preview in the header has an end of its own
        self._before = b""
        self.is_found = not self._mark

    def feed(self, piece: bytes) -> None:
        """Take in the next bytes."""
        if self.is_found:
            return
        body = piece[self._skip :] if self._skip else piece
        self._skip = max(0, self._skip - len(piece))
        if not body:
            return
        # the mark may lie across two pieces
        self.is_found = self._mark in body or self._mark in self._before + body[: len(self._mark)]
        self._before = (self._before + body[-len(self._mark) :])[1 - len(self._mark) :]


def read_content(start: bytes, size: int | None) -> ImageContent:
    """Read what the first bytes say. They are the whole file if there are `size` of them."""
    is_whole = size is not None and len(start) >= size
    header = parse_image_header(start, is_whole=is_whole)
    if header is None:
        other_kind = name_other_image(start)
        return ImageContent(size, None, other_kind, "" if other_kind else name_no_image(start))
    end = EndSearch(header)
    end.feed(start)
    is_short_by_itself = header.said_size is not None and size is not None and size < header.said_size
    return ImageContent(size, header, is_cut_short=is_short_by_itself or (is_whole and not end.is_found))
