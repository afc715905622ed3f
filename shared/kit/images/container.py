"""What a file holds beside its pixels."""

from dataclasses import dataclass, field
from typing import Final

from shared.kit.images.exceptions import UnreadableImage

BROKEN_OFF: Final = "the file is broken off: its end is missing"
DAMAGED: Final = "the file is damaged"


@dataclass(slots=True)
class Container:
    """`plain` is the file with nothing but its pixels, for a decoder that then meets no metadata.

    `exact` False: it holds more than the pixels, so it can't be kept as it is. `deep`: of its 16 bits Pillow reads 8.
    `profile` is an ICC profile. `profile_broken`: the file has one, or another note of its colours, that can't be read.
    """

    format: str
    plain: bytes = field(repr=False)
    exif: bytes | None = field(default=None, repr=False)
    profile: bytes | None = field(default=None, repr=False)
    profile_broken: bool = False
    metadata: bool = False
    frames: bool = False
    deep: bool = False
    exact: bool = True


def broken_off() -> UnreadableImage:
    return UnreadableImage(BROKEN_OFF)


def damaged() -> UnreadableImage:
    return UnreadableImage(DAMAGED)
