"""What a record gives to a model: a text, or pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.contracts.events import ModelManifest

Pixels = NDArray[np.uint8]
"""Shape [height, width, channels], 0 is black."""

Item = str | Pixels
"""What one record gives to a model: its text, or its pixels in the manifest's shape."""

Shape = tuple[int, int, int]
"""Width, height and channels of a picture."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small copy of an image; one that is small enough already is copied exactly."""

    width: int
    height: int
    channels: int
    pixels: bytes

    @property
    def shape(self) -> Shape:
        return self.width, self.height, self.channels

    def array(self) -> Pixels:
        return np.frombuffer(self.pixels, dtype=np.uint8).reshape(self.height, self.width, self.channels)


def read_text(manifest: ModelManifest, text: str) -> str:
    """A text as the model reads it."""
    if manifest.collapse_whitespace and not _is_collapsed(text):
        text = " ".join(text.split())
    return text.lower() if manifest.lowercase else text


def _is_collapsed(text: str) -> bool:
    """Whether its words are known to stand one space apart, as in most texts: a fifth of what it costs to split it."""
    # Of all that separates words the space alone is printable.
    return text.isprintable() and "  " not in text and not text.startswith(" ") and not text.endswith(" ")


def shape_of(manifest: ModelManifest) -> Shape:
    """The shape in which an image model reads pictures."""
    return manifest.width or 1, manifest.height or 1, manifest.channels
