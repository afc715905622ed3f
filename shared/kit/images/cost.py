"""What it takes to read a picture, by its header."""

from typing import Final

from shared.kit.images import jpeg, png
from shared.kit.images.exceptions import UnreadableImage

# Four bytes a pixel, as decoded and as turned, what Pillow needs to write it.
_BYTES_PER_PIXEL: Final = 14
_MIB: Final = 1024 * 1024


def decoding_mb(data: bytes, max_pixels: int) -> int:
    """MiB of memory that reading and writing a file takes at most; 1 where its pixels are not read at all."""
    pixels = _pixels(data)
    decoded = pixels * _BYTES_PER_PIXEL if pixels <= max_pixels else 0
    return 1 + (decoded + 3 * len(data)) // _MIB


def _pixels(data: bytes) -> int:
    try:
        if data.startswith(png.SIGNATURE):
            width, height = png.size(data)
        elif data.startswith(jpeg.SIGNATURE):
            width, height = jpeg.size(data)
        else:
            return 0
    except UnreadableImage:
        return 0
    return width * height
