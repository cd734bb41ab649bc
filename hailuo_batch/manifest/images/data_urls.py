"""What a `data:` URL holds, as an image."""

import base64
import binascii
from urllib.parse import unquote_to_bytes

from hailuo_batch.image_files.content import ImageContent, read_content
from hailuo_batch.image_files.kinds import BAD_BASE64


def decode_data_url(url: str) -> ImageContent:
    """The image in a `data:` URL."""
    header, _, payload = url.partition(",")
    data = unquote_to_bytes(payload)
    if header.lower().rstrip().endswith(";base64"):
        try:
            data = base64.b64decode(b"".join(data.split()), validate=True)
        except (binascii.Error, ValueError):
            return ImageContent(None, None, no_image=BAD_BASE64)
    return read_content(data, len(data))
