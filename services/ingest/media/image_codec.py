"""Images made safe: read within limits, turned as their metadata says, written again without any metadata.

Only worker processes import this module, which can open no files later: every plugin that Pillow loads when it first
needs it is imported here.
"""

import hashlib
import io
from typing import Final

from PIL import Image, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin

from services.ingest.exceptions import ImageTooLarge, NotAnImage
from services.ingest.media.port import FileLimits, SafeFile

FORMATS: Final = {"PNG": "image/png", "JPEG": "image/jpeg"}
JPEG_QUALITY: Final = 95
ORIENTATION: Final = 0x0112
"""The Exif tag."""

_UPRIGHT: Final = 1
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

PLUGINS: Final = (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin)

# Limits are checked here, on the header, before anything is decoded; Pillow's own only warns.
Image.MAX_IMAGE_PIXELS = None
Image.preinit()


def make_safe(data: bytes, limits: FileLimits) -> SafeFile:
    """Decode and write again. A PNG keeps its pixels exactly; a JPEG keeps its quantisation unless it must be turned.

    Raises:
        NotAnImage: it can't be read.
        ImageTooLarge: it passes a limit.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(f"an image has at most {limits.max_bytes} bytes")
    try:
        return _rewrite(data, limits.max_pixels)
    except (ImageTooLarge, MemoryError):
        raise
    except Exception:  # noqa: BLE001  whatever a parser raises at a broken file
        raise NotAnImage("PNG and JPEG are accepted") from None


def _rewrite(data: bytes, max_pixels: int) -> SafeFile:
    with Image.open(io.BytesIO(data), formats=tuple(FORMATS)) as image:
        if image.width * image.height > max_pixels:
            raise ImageTooLarge(f"an image has at most {max_pixels} pixels")
        kind = "PNG" if image.format == "PNG" else "JPEG"  # a phone's MPO is a JPEG with more frames behind it
        image.load()
        turn = _TURNS.get(_orientation(image))
        turned = image if turn is None else image.transpose(turn)
        out = io.BytesIO()
        if kind == "PNG":
            _forget(turned, keep="transparency")
            turned.save(out, "PNG")
        elif turned is not image or image.format != "JPEG":
            _forget(turned)
            turned.save(out, "JPEG", quality=JPEG_QUALITY)
        else:
            _forget(image)
            image.save(out, "JPEG", quality="keep")
        written = out.getvalue()
        return SafeFile(written, FORMATS[kind], turned.width, turned.height, hashlib.sha256(written).hexdigest())


def _orientation(image: Image.Image) -> int:
    """The orientation that the metadata gives; nothing else of them is read, so nothing else can be wrong."""
    try:
        found = image.getexif().get(ORIENTATION)
    except Exception:  # noqa: BLE001  unreadable metadata give no orientation
        return _UPRIGHT
    return found if isinstance(found, int) else _UPRIGHT


def _forget(image: Image.Image, keep: str | None = None) -> None:
    """Drop everything that came beside the pixels (Pillow would write some of it again)."""
    image.info = {name: value for name, value in image.info.items() if name == keep}
