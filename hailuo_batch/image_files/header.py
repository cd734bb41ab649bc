"""The header of an image, as a value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """The header of an image. `width` and `height` are in pixels as stored, None where the bytes do not say.

    `fault` says what is wrong with the image, else it is empty. `orientation` is that of EXIF: 1 is upright, 2 to 4
    are mirrored or upside down, 5 to 8 lie on a side. `is_deep` is whether it has 16 bits a colour, `body_at` where its
    picture begins at the earliest, and `said_size` how many bytes the file has by its own account, None if it gives
    none.
    """

    kind: str
    width: int | None = None
    height: int | None = None
    fault: str = ""
    orientation: int = 1
    is_cmyk: bool = False
    is_deep: bool = False
    is_animated: bool = False
    body_at: int = 0
    said_size: int | None = None


def sized(kind: str, width: int, height: int, last_byte: bytes) -> ImageHeader:
    """Make a header. `last_byte` is the last byte of the size, empty where the data ends before it."""
    if not last_byte:
        return ImageHeader(kind)
    if width == 0 or height == 0:
        return ImageHeader(kind, fault=f"its header says {width} x {height} pixels")
    return ImageHeader(kind, width, height)
