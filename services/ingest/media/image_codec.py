"""Images made safe: decoded within limits, kept upright, in sRGB and without any metadata.

Only worker processes import this module, which can open no files later.
"""

import hashlib
import io
from typing import Final

from services.ingest.exceptions import ImageTooLarge, NotAnImage
from services.ingest.media.port import FileLimits, SafeFile
from shared.kit.images.changes import ImageChange
from shared.kit.images.decoding import Picture, decode
from shared.kit.images.exceptions import TooManyPixels, UnreadableImage

FORMATS: Final = {"PNG": "image/png", "JPEG": "image/jpeg"}
JPEG_QUALITY: Final = 95


def make_safe(data: bytes, limits: FileLimits) -> SafeFile:
    """Keep the pixels as they were compressed, unless they must be turned or their colours converted: then write them again.

    Raises:
        NotAnImage: it can't be read.
        ImageTooLarge: it passes a limit.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(f"an image has at most {limits.max_bytes} bytes")
    try:
        picture = decode(data, limits.max_pixels)
    except TooManyPixels as error:
        raise ImageTooLarge(str(error)) from None
    except UnreadableImage as error:
        raise NotAnImage(str(error)) from None
    written, changes = (picture.plain, picture.changes) if picture.plain is not None else _write(picture)
    size = picture.image.size
    return SafeFile(written, FORMATS[picture.format], *size, hashlib.sha256(written).hexdigest(), changes)


def _write(picture: Picture) -> tuple[bytes, tuple[ImageChange, ...]]:
    out = io.BytesIO()
    if picture.format == "PNG":
        picture.image.save(out, "PNG")
        return out.getvalue(), picture.changes
    picture.image.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue(), (*picture.changes, ImageChange.RE_ENCODED)
