"""PNG and JPEG to numbers. The files are untrusted: `reduce` is for a confined worker."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image, ImageChops

from services.prelabel.domain.calibration import Floats
from services.prelabel.domain.items import Pixels, Shape, Thumbnail
from services.prelabel.exceptions import UnreadablePicture
from shared.kit.images.decoding import decode
from shared.kit.images.exceptions import TooManyPixels, UnreadableImage

THUMBNAIL_SIDE: Final = 32
"""The longer side of a thumbnail, in pixels. Models trained here read nothing larger."""

_SKETCH_SIDE: Final = 16
_WHITE: Final = 255
_GREY: Final = {1: "L", 3: "RGB"}
_DEEP: Final = ("I;16", "I;16B", "I;16L")

AT_ONCE: Final = 16
"""Pictures that one call reads at most: so many originals are held at a time."""

Reduced = tuple[Pixels | None, Pixels | None]
"""A picture in the shape that was asked for, if one was, and its thumbnail; None for what can't be read."""


def reduce(originals: Sequence[bytes], shape: Shape | None, max_pixels: int) -> list[Reduced]:
    """Read pictures and make them small; (None, None) for what can't be read."""
    return [_reduced(data, shape, max_pixels) for data in originals]


def _reduced(data: bytes, shape: Shape | None, max_pixels: int) -> Reduced:
    try:
        image = read(data, max_pixels)
    except UnreadablePicture:
        return None, None
    return None if shape is None else pixels(image, *shape), thumbnail(image).array()


def read(data: bytes, max_pixels: int) -> Image.Image:
    """Decode an image to grey or to RGB, upright and in sRGB as records hold it; what is transparent becomes white.

    Raises:
        UnreadablePicture: see there.
    """
    try:
        return _plain(decode(data, max_pixels).image)
    except (TooManyPixels, UnreadableImage) as error:
        raise UnreadablePicture(str(error)) from error
    except Exception as error:  # Pillow's decoders raise many kinds on broken files; none is ours
        raise UnreadablePicture(f"{type(error).__name__} while decoding the image") from error


def thumbnail(image: Image.Image) -> Thumbnail:
    """Scale down to 32 pixels on the longer side."""
    scale = min(1.0, THUMBNAIL_SIDE / max(image.size))
    width, height = (max(1, round(side * scale)) for side in image.size)
    channels = len(image.getbands())
    return Thumbnail(width, height, channels, pixels(image, width, height, channels).tobytes())


def of_thumbnail(small: Thumbnail) -> Image.Image:
    array = small.array()
    return Image.fromarray(array[:, :, 0] if small.channels == 1 else array)


def pixels(image: Image.Image, width: int, height: int, channels: int) -> Pixels:
    """Scale and convert to exactly this shape; nothing is cut off, so the proportions may change."""
    wanted = _GREY[channels]
    if image.mode != wanted:
        image = image.convert(wanted)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.uint8).reshape(height, width, channels)


def sketch(small: Thumbnail) -> Floats:
    """A vector of 16 x 16 grey values in [0, 1], in which images that look alike are near."""
    image = of_thumbnail(small).convert("L").resize((_SKETCH_SIDE, _SKETCH_SIDE), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.float64).reshape(-1) / 255.0


def _plain(image: Image.Image) -> Image.Image:
    if image.mode in _DEEP:
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    if image.mode in {"L", "1"} and "transparency" not in image.info:
        return image.convert("L")
    if "A" in image.getbands() or "transparency" in image.info:
        layered = image if image.mode == "RGBA" else image.convert("RGBA")
        grey, image = _is_grey(layered), _on_white(layered)
        if grey:
            return image.getchannel("R")
    return image.convert("RGB")


def _on_white(layered: Image.Image) -> Image.Image:
    flat = Image.new("RGBA", layered.size, (_WHITE, _WHITE, _WHITE, _WHITE))
    flat.alpha_composite(layered)
    return flat


def _is_grey(image: Image.Image) -> bool:
    """Whether red, green and blue are the same everywhere; one channel at a time, since the largest pictures are large."""
    red = image.getchannel("R")
    return all(ImageChops.difference(red, image.getchannel(other)).getbbox() is None for other in "GB")
