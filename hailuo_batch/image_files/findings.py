"""What speaks against an image: one judge for local copies, `data:` URLs and what a server sent.

What cannot work is fatal: a file that is no image, or that is damaged. Everything else is a warning, since Runbase
documents no limits of sizes and kinds. What Hailuo is known to take elsewhere is said of its own models only, with the
words that it is not Runbase's word.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from hailuo_batch.image_files.content import ImageContent
from hailuo_batch.image_files.header import ImageHeader
from hailuo_batch.image_files.headers import READABLE_KINDS
from hailuo_batch.image_files.kinds import BAD_BASE64, PDF, WEB_PAGE
from hailuo_batch.warning_codes import WarningCode

TINY_BYTES = 1_000
HUGE_BYTES = 20_000_000
TINY_PIXELS = 64
HUGE_PIXELS = 8_192

# Not Runbase's word: what the vendor of the Hailuo models documents for its own API. Whether it holds for `hailuo/pro`
# is unknown, so that none of it is ever an error.
# rule kinds_taken
_HAILUO_KINDS = ("JPEG", "PNG", "WebP")
# rule bytes_taken
_HAILUO_BYTES = 20_000_000
# rule side_taken
_HAILUO_SHORT_SIDE = 300
# rule shape_taken
_HAILUO_SHAPE = (5, 2)

_NAMES = {
    "AVIF": "an AVIF image",
    "HEIC": "a HEIC image",
    "BMP": "a BMP image",
    "TIFF": "a TIFF image",
    "SVG": "an SVG drawing",
}
_READABLE = f"{', '.join(READABLE_KINDS[:-1])} or {READABLE_KINDS[-1]}"
_EXPORT = "export it as JPEG or PNG"
_EXPORT_AGAIN = "export it again, or copy it again if the copying broke off"


class ImageLimits(Enum):
    """Whose limits an image is held against."""

    GENERAL = "those of any model"
    HAILUO = "those that Hailuo is known to have elsewhere"


def limits_of(model: str) -> ImageLimits:
    """The limits for the images of a model."""
    return ImageLimits.HAILUO if model.lower().startswith("hailuo/") else ImageLimits.GENERAL


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem of an image: `what` follows its name, `hint` says what to do and may be empty.

    `fatal` is whether it cannot work. `cause` is what it has in common with the same problem of other images.
    """

    what: str
    code: WarningCode
    hint: str = ""
    fatal: bool = False
    cause: str = ""

    @property
    def text(self) -> str:
        """The problem with what to do, and the code by which a manifest accepts it if it is a warning."""
        remedy = f": {self.hint}" if self.hint else ""
        return f"{self.what}{remedy}" if self.fatal else f"{self.what} [{self.code}]{remedy}"


def judge_content(content: ImageContent, limits: ImageLimits) -> tuple[Finding, ...]:
    """Everything that speaks against this image."""
    if content.size == 0:
        return (_no_image("is empty", "export it again, or copy it again"),)
    header = content.header
    if header is None:
        return (_judge_other(content, limits),)
    if header.fault:
        what = f"is a damaged {header.kind}: {header.fault}"
        return (Finding(what, WarningCode.IMAGE_FORMAT, _EXPORT_AGAIN, fatal=True),)
    found = [*_judge_kind(header, limits)]
    # rule image_traits
    found += _judge_traits(header)
    # rule cut_short
    if content.is_cut_short:
        found.append(_format("is cut short: its end is missing", _EXPORT_AGAIN))
    return (*found, *judge_size(header, content.size, limits))


def judge_size(header: ImageHeader | None, size: int | None, limits: ImageLimits) -> tuple[Finding, ...]:
    """What speaks against the size and shape. `header` is None, and `size` too, where they are unknown."""
    sides = _sides(header)
    # rule image_limits
    judge = _judge_by_hailuo if limits is ImageLimits.HAILUO else _judge_in_general
    found = [*judge(sides, size)]
    if sides and max(sides) > HUGE_PIXELS:
        found.append(_size(f"is huge: {_pixels(sides)}", "save it smaller", "huge"))
    # rule tiny_image
    if size is not None and 0 < size < TINY_BYTES and not sides:
        found.append(_size(f"is tiny: {size:,} bytes", "", "tiny file"))
    return tuple(found)


def _judge_other(content: ImageContent, limits: ImageLimits) -> Finding:
    """What is said of a file that is no PNG, JPEG, WebP or GIF."""
    if content.other_kind:
        name = _NAMES[content.other_kind]
        if limits is ImageLimits.HAILUO:
            return _format(f"is {name}: {_KNOWN_KINDS}", _EXPORT)
        return _format(f"is {name}, not a {_READABLE} image", _EXPORT)
    if content.no_image == WEB_PAGE:
        return _no_image("is a web page, not an image", "download the image itself")
    if content.no_image == PDF:
        return _no_image("is a PDF document, not an image", "export the picture in it as JPEG or PNG")
    if content.no_image == BAD_BASE64:
        return _no_image("is not valid base64", "encode the file again")
    return _no_image(f"is not a {_READABLE} image", "open the file to check it, or export it again")


def _judge_kind(header: ImageHeader, limits: ImageLimits) -> Iterator[Finding]:
    # rule hailuo_kinds
    if limits is ImageLimits.HAILUO and header.kind not in _HAILUO_KINDS:
        yield _format(f"is a {header.kind} image: {_KNOWN_KINDS}", _EXPORT)


def _judge_traits(header: ImageHeader) -> Iterator[Finding]:
    if header.is_animated:
        what = f"is an animated {header.kind}, of which at most the first picture can be used"
        yield _format(what, "export one picture of it as JPEG or PNG")
    if header.is_cmyk:
        yield _format("is a JPEG in CMYK, the colours of printing", "save it in RGB")
    if header.is_deep:
        yield _format("is a PNG with 16 bits a colour, which not everything reads", "save it with 8 bits")
    if header.orientation > 1:
        stored, seen = _turned(header.orientation)
        what = f"is stored {stored}: the video may show it {seen}"
        yield Finding(what, WarningCode.IMAGE_SHAPE, "save it upright", cause="orientation")


def _turned(orientation: int) -> tuple[str, str]:
    """How an image with this EXIF orientation is stored, and how one sees it who does not know that."""
    if orientation == 2:
        return "mirrored", "mirrored"
    return ("upside down", "upside down") if orientation in {3, 4} else ("turned", "on its side")


def _judge_in_general(sides: tuple[int, ...], size: int | None) -> Iterator[Finding]:
    if sides and min(sides) < TINY_PIXELS:
        yield _size(f"is tiny: {_pixels(sides)}", "", "tiny")
    # rule huge_image
    if size is not None and size > HUGE_BYTES:
        yield _size(f"is huge: {size / 1e6:,.0f} MB", "save it smaller", "huge file")


def _judge_by_hailuo(sides: tuple[int, ...], size: int | None) -> Iterator[Finding]:
    # rule hailuo_side
    if sides and min(sides) <= _HAILUO_SHORT_SIDE:
        known = _known_of_hailuo(f"more than {_HAILUO_SHORT_SIDE} pixels on the short side")
        yield _size(f"is {_pixels(sides)}: {known}", "use a larger picture", "short side")
    # rule hailuo_bytes
    if size is not None and size >= _HAILUO_BYTES:
        known = _known_of_hailuo(f"less than {_HAILUO_BYTES / 1e6:,.0f} MB")
        yield _size(f"has {size / 1e6:,.1f} MB: {known}", "save it smaller", "bytes")
    # rule hailuo_shape
    if sides and max(sides) * _HAILUO_SHAPE[1] > min(sides) * _HAILUO_SHAPE[0]:
        known = _known_of_hailuo("shapes from 2:5 to 5:2")
        what = f"is {_pixels(sides)}, too {'wide' if sides[0] > sides[1] else 'tall'}: {known}"
        yield Finding(what, WarningCode.IMAGE_SHAPE, "crop it", cause="shape")


def _sides(header: ImageHeader | None) -> tuple[int, ...]:
    """Width and height in pixels as the image is seen; empty where they are unknown."""
    if header is None or header.width is None or header.height is None:
        return ()
    sides = (header.width, header.height)
    return sides if header.orientation < 5 else sides[::-1]


def _pixels(sides: tuple[int, ...]) -> str:
    return f"{sides[0]:,} x {sides[1]:,} pixels"


def _known_of_hailuo(what: str) -> str:
    return f"Hailuo is known to take {what} elsewhere; Runbase does not say"


_KNOWN_KINDS = _known_of_hailuo("JPEG, PNG and WebP")


def _format(what: str, hint: str) -> Finding:
    return Finding(what, WarningCode.IMAGE_FORMAT, hint, cause=what)


def _size(what: str, hint: str, cause: str) -> Finding:
    return Finding(what, WarningCode.IMAGE_SIZE, hint, cause=cause)


def _no_image(what: str, hint: str) -> Finding:
    return Finding(what, WarningCode.IMAGE_FORMAT, hint, fatal=True, cause=what)
