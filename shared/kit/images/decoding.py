"""PNG and JPEG decoded, upright and in sRGB. Files are untrusted: for a worker process.

Workers open no files later: every module that Pillow loads when it first needs it is imported here and in `colour`.
"""

import io
from dataclasses import dataclass, field
from typing import Final

from PIL import Image, JpegImagePlugin, PngImagePlugin

from shared.kit.images import colour, exif, jpeg, png
from shared.kit.images.changes import ImageChange
from shared.kit.images.container import Container, broken_off, damaged
from shared.kit.images.exceptions import TooManyPixels, UnreadableImage, UnreadableProfile
from shared.kit.images.signatures import other_format

PLUGINS: Final = (JpegImagePlugin, PngImagePlugin)

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Limits are checked here, on the header, before anything is decoded; Pillow's own only warns.
Image.MAX_IMAGE_PIXELS = None
Image.preinit()


@dataclass(frozen=True, slots=True)
class Picture:
    """What is to be seen of a file. `plain` is the file without metadata, where its pixels are still those of `image`.

    `format` is PNG or JPEG. `changes` are those so far.
    """

    image: Image.Image
    format: str
    plain: bytes | None = field(repr=False)
    changes: tuple[ImageChange, ...]


def decode(data: bytes, max_pixels: int) -> Picture:
    """Decode the first picture of a file.

    Raises:
        UnreadableImage: it can't be read.
        TooManyPixels: it has more than `max_pixels`.
    """
    try:
        return _decode(data, max_pixels)
    except (UnreadableImage, TooManyPixels, MemoryError):
        raise
    except Exception as error:
        # Whatever a parser raises at a broken file; Pillow's raise many kinds.
        raise damaged() from error


def _decode(data: bytes, max_pixels: int) -> Picture:
    container = _open(data, max_pixels)
    image = _load(container, max_pixels)
    changes: list[ImageChange] = []
    if container.metadata:
        changes.append(ImageChange.METADATA_REMOVED)
    if container.frames:
        changes.append(ImageChange.FRAMES_DROPPED)
    mode = image.mode
    converted, colour_changes = _in_srgb(image, container)
    same = converted is None
    image = image if converted is None else converted
    changes.extend(colour_changes)
    turn = _TURNS.get(exif.orientation(container.exif))
    if turn is not None:
        image, same = image.transpose(turn), False
        changes.append(ImageChange.TURNED_UPRIGHT)
    exact = same and container.exact
    if not exact and (container.deep or (mode == "I;16" and image.mode != mode)):
        changes.append(ImageChange.DEPTH_REDUCED)
    return Picture(image, container.format, container.plain if exact else None, tuple(changes))


def _in_srgb(image: Image.Image, container: Container) -> tuple[Image.Image | None, list[ImageChange]]:
    """The image converted to sRGB, None where its colours stay; and what that changes."""
    changes: list[ImageChange] = []
    converted = None
    if container.profile_broken:
        changes.append(ImageChange.PROFILE_UNREADABLE)
    elif container.profile is not None:
        try:
            converted = colour.to_srgb(image, container.profile)
        except UnreadableProfile:
            changes.append(ImageChange.PROFILE_UNREADABLE)
    if converted is None and image.mode == "CMYK":  # no profile says which colours its inks make
        converted = image.convert("RGB")
    if converted is not None:
        changes.append(ImageChange.CONVERTED_TO_SRGB)
    return converted, changes


def _open(data: bytes, max_pixels: int) -> Container:
    if not data:
        raise UnreadableImage("the file is empty")
    if data.startswith(png.SIGNATURE):
        _check_pixels(*png.size(data), max_pixels)
        return png.read(data)
    if data.startswith(jpeg.SIGNATURE):
        return jpeg.read(data)
    if png.SIGNATURE.startswith(data) or jpeg.SIGNATURE.startswith(data):
        raise broken_off()
    name = other_format(data)
    raise UnreadableImage("PNG and JPEG are accepted" if name is None else f"PNG and JPEG are accepted, not {name}")


def _load(container: Container, max_pixels: int) -> Image.Image:
    try:
        with Image.open(io.BytesIO(container.plain), formats=(container.format,)) as image:
            _check_pixels(*image.size, max_pixels)
            image.load()
    except (TooManyPixels, MemoryError):
        raise
    except Exception as error:
        raise (broken_off() if "truncated" in str(error) else damaged()) from error
    transparency = image.info.get("transparency")
    if container.deep and isinstance(transparency, tuple):
        transparency = tuple(value >> 8 for value in transparency)
    # Pillow would write other things again.
    image.info = {} if transparency is None else {"transparency": transparency}
    return image


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise TooManyPixels(f"an image has at most {max_pixels} pixels")
