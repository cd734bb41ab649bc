"""The header of a JPEG (ITU T.81, B.2): its segments up to the frame, with the EXIF orientation (EXIF 2.3, 4.6.4)."""

from dataclasses import replace

from hailuo_batch.image_files.header import ImageHeader, sized

_STANDALONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD8)})  # without a length
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # of a frame, which contains the size
_EXIF_MARKER = 0xE1
_ORIENTATION_TAG = 0x0112
_SHORT_TYPE = 3
_CMYK_COMPONENTS = 4


def parse_jpeg(data: bytes) -> ImageHeader:
    """Parse the header of a JPEG from its first bytes."""
    at, orientation = 2, 1
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return ImageHeader("JPEG", fault="its segments are out of order")
        marker = data[at + 1]
        if marker == 0xFF:  # any number of these may fill the space between segments
            at += 1
        elif marker in _STANDALONE_MARKERS:
            at += 2
        elif marker in _FRAME_MARKERS:
            return replace(_frame(data, at), orientation=orientation)
        elif marker in {0xD9, 0xDA}:
            return ImageHeader("JPEG", fault="it has no frame")
        else:
            end = at + 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
            if marker == _EXIF_MARKER and data[at + 4 : at + 10] == b"Exif\0\0":
                orientation = _exif_orientation(data[at + 10 : end])
            at = end
    return ImageHeader("JPEG")


def _frame(data: bytes, at: int) -> ImageHeader:
    height, width = (int.from_bytes(data[at + skip : at + skip + 2], "big") for skip in (5, 7))
    is_cmyk = data[at + 9 : at + 10] == bytes([_CMYK_COMPONENTS])
    return replace(sized("JPEG", width, height, data[at + 8 : at + 9]), is_cmyk=is_cmyk, body_at=at)


def _exif_orientation(exif: bytes) -> int:
    """The orientation that EXIF data gives, 1 (upright) where it gives none that can be read."""
    is_little = exif.startswith(b"II*\0")
    if not is_little and not exif.startswith(b"MM\0*"):
        return 1

    def number(at: int, size: int) -> int:
        return int.from_bytes(exif[at : at + size], "little" if is_little else "big")

    first = number(4, 4)
    entries = min(number(first, 2), (len(exif) - first) // 12) if first + 2 <= len(exif) else 0
    for at in range(first + 2, first + 2 + 12 * entries, 12):
        if number(at, 2) == _ORIENTATION_TAG and number(at + 2, 2) == _SHORT_TYPE:
            found = number(at + 8, 2)
            return found if 1 <= found <= 8 else 1
    return 1
