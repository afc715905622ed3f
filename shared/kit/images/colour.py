"""Colours turned into sRGB by an ICC profile. For worker processes: profiles are untrusted, and read by Little CMS."""

import io
from functools import cache, lru_cache
from itertools import product
from typing import Final

from PIL import Image, ImageChops, ImageCms

from shared.kit.images.exceptions import UnreadableProfile
from shared.kit.images.profiles import grey_srgb

_SPACES: Final = {"RGB": "RGB", "RGBA": "RGB", "P": "RGB", "L": "GRAY", "LA": "GRAY", "I;16": "GRAY", "CMYK": "CMYK"}
"""The profile's space that each mode of Pillow can have."""

_SMALL_BYTES: Final = 64 * 1024
"""The largest profile that is kept for the next image."""

_ROUNDING: Final = 2
"""Steps of 255 by which a colour may move and still count as the same."""


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """The image in sRGB, or in grey with its curve; None where it is so already. 16 bits of grey become 8.

    The image that is given may be the one that is returned.

    Raises:
        UnreadableProfile: it can't be read, or is for another kind of image.
    """
    if image.mode == "1":
        return None
    space = _SPACES.get(image.mode)
    if space is None:
        raise UnreadableProfile("no profile is for such an image")
    try:
        find = _conversion if len(profile) <= _SMALL_BYTES else _conversion.__wrapped__
        return find(profile, space).of(image)
    except (UnreadableProfile, MemoryError):
        raise
    except Exception as error:
        raise UnreadableProfile(f"{type(error).__name__} while converting colours") from error


class _Conversion:
    def __init__(self, profile: bytes, space: str) -> None:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != space:
            raise UnreadableProfile("the profile is for another kind of image")
        self._mode = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}[space]
        target = _target(self._mode)
        modes = {"RGB": {"RGB": "RGB", "RGBA": "RGBA"}, "GRAY": {"L": "L"}, "CMYK": {"CMYK": "RGB"}}[space]
        self._transforms = {mode: ImageCms.buildTransform(source, target, mode, made) for mode, made in modes.items()}
        probe = _probe(self._mode)
        self._changes_nothing = probe is not None and _alike(probe, self._apply(probe.copy()))

    def of(self, image: Image.Image) -> Image.Image | None:
        if self._changes_nothing:
            return None
        if image.mode == "P":
            return self._palette(image)
        if image.mode == "I;16":
            image = _shallow(image)
        if "transparency" in image.info:  # a colour that stands for transparent is another one afterwards
            image = image.convert("RGBA" if self._mode == "RGB" else "LA")
        if image.mode == "LA":
            converted = self._apply(image.getchannel("L"))
            converted.putalpha(image.getchannel("A"))
            return converted
        return self._apply(image)

    def _apply(self, image: Image.Image) -> Image.Image:
        """In place where it can be: an image of the greatest size may be in memory a few times only."""
        in_place = image.mode != "CMYK"
        converted = ImageCms.applyTransform(image, self._transforms[image.mode], inPlace=in_place) or image
        converted.info = {}  # the profile of sRGB, which Pillow would write
        return converted

    def _palette(self, image: Image.Image) -> Image.Image:
        colours = bytes(image.getpalette("RGB") or b"")
        row = Image.frombytes("RGB", (len(colours) // 3, 1), colours)
        converted = image.copy()
        converted.putpalette(self._apply(row).tobytes(), "RGB")
        return converted


@lru_cache(maxsize=4)
def _conversion(profile: bytes, space: str) -> _Conversion:
    """Kept for the next image: most of an import have the same profile, and making this takes milliseconds."""
    return _Conversion(profile, space)


@cache
def _target(mode: str) -> ImageCms.ImageCmsProfile:
    if mode == "L":
        return ImageCms.ImageCmsProfile(io.BytesIO(grey_srgb()))
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@cache
def _probe(mode: str) -> Image.Image | None:
    """Colours from the whole space, by which a profile shows whether it is sRGB."""
    if mode == "L":
        return Image.frombytes("L", (256, 1), bytes(range(256)))
    if mode == "RGB":
        return Image.frombytes(
            "RGB", (4096, 1), bytes(value for one in product(range(0, 256, 17), repeat=3) for value in one)
        )
    return None


def _alike(one: Image.Image, other: Image.Image) -> bool:
    extrema = ImageChops.difference(one, other).getextrema()
    pairs = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return all(highest <= _ROUNDING for _, highest in pairs)


def _shallow(image: Image.Image) -> Image.Image:
    """The upper 8 bits of 16 bits of grey."""
    return Image.frombytes("L", image.size, image.tobytes("raw", "I;16B")[::2])
