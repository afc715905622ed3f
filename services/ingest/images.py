"""Images made safe: read within limits, turned as their metadata says, written again without any metadata.

Everything here takes CPU time: call it in a thread.
"""

import hashlib
import io
import struct
import zlib
from dataclasses import dataclass, field

from PIL import Image, ImageOps

FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg"}
JPEG_QUALITY = 95
ORIENTATION = 0x0112
"""The Exif tag."""

# Limits are checked here, on the header, before anything is decoded; Pillow's own only warns.
Image.MAX_IMAGE_PIXELS = None


class NotAnImage(ValueError):
    """The data is not a PNG or JPEG image that can be read."""


class ImageTooLarge(ValueError):
    """The image has more bytes or pixels than are accepted."""


@dataclass(frozen=True, slots=True)
class SafeImage:
    """What is kept of an image; `sha256` in hex."""

    data: bytes = field(repr=False)
    media_type: str
    width: int
    height: int
    sha256: str


def make_safe(data: bytes, max_bytes: int, max_pixels: int) -> SafeImage:
    """Decode and write again. A PNG keeps its pixels exactly; a JPEG keeps its quantisation unless it must be turned.

    Raises:
        NotAnImage: it can't be read.
        ImageTooLarge: it passes a limit.
    """
    if len(data) > max_bytes:
        raise ImageTooLarge(f"an image has at most {max_bytes} bytes")
    try:
        return _rewrite(data, max_pixels)
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, Warning) as error:
        if isinstance(error, ImageTooLarge):
            raise
        raise NotAnImage("PNG and JPEG are accepted") from None


def _rewrite(data: bytes, max_pixels: int) -> SafeImage:
    with Image.open(io.BytesIO(data), formats=tuple(FORMATS)) as image:
        if image.width * image.height > max_pixels:
            raise ImageTooLarge(f"an image has at most {max_pixels} pixels")
        kind = image.format or ""
        image.load()
        turned = ImageOps.exif_transpose(image)
        is_turned = turned.size != image.size or _is_marked(image)
        out = io.BytesIO()
        if kind == "PNG":
            _forget(turned, keep="transparency")
            turned.save(out, "PNG")
        elif is_turned:
            _forget(turned)
            turned.save(out, "JPEG", quality=JPEG_QUALITY)
        else:
            _forget(image)
            image.save(out, "JPEG", quality="keep")
        written = out.getvalue()
        return SafeImage(written, FORMATS[kind], turned.width, turned.height, hashlib.sha256(written).hexdigest())


def _is_marked(image: Image.Image) -> bool:
    """Whether the metadata asks for the image to be turned or mirrored."""
    return bool(image.getexif().get(ORIENTATION, 1) != 1)


def _forget(image: Image.Image, keep: str | None = None) -> None:
    """Drop everything that came beside the pixels (Pillow would write some of it again)."""
    image.info = {name: value for name, value in image.info.items() if name == keep}
