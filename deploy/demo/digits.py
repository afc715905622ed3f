"""The 1,797 handwritten digits that scikit-learn ships (UCI, test part of Optdigits), as PNG images.

The true values are used to drive the simulated people, to place gold and to score the outcome; no service sees them
but for gold.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 8
INK_LEVELS = 16
"""A pixel holds 0 (paper) to 16 (full ink)."""
LABELS = tuple(str(value) for value in range(10))


@dataclass(frozen=True, slots=True)
class Digit:
    external_id: str
    value: int
    png: bytes


def load_digits() -> list[Digit]:
    from sklearn.datasets import load_digits as load

    bunch = load()
    pairs = zip(bunch.images, bunch.target, strict=True)
    return [
        Digit(external_id=f"digit-{place:04d}", value=int(value), png=to_png(image))
        for place, (image, value) in enumerate(pairs)
    ]


def to_png(image: NDArray[np.float64]) -> bytes:
    """8 x 8 ink values in [0, 16] as a grey PNG; `from_png` gives the same values back."""
    grey = np.rint(image * (255 / INK_LEVELS)).astype(np.uint8)
    target = io.BytesIO()
    Image.fromarray(grey, mode="L").save(target, format="PNG", optimize=True)
    return target.getvalue()


def from_png(png: bytes) -> NDArray[np.float64]:
    grey = np.asarray(Image.open(io.BytesIO(png)).convert("L"), dtype=np.float64)
    return np.rint(grey * (INK_LEVELS / 255))


def seen_in(png: bytes) -> bytes:
    """What an eye sees: equal for equal pixels, however the file was written."""
    return from_png(png).astype(np.uint8).tobytes()


@cache
def _grey(png: bytes) -> NDArray[np.float32]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"), dtype=np.float32)


def as_model_input(digits: Sequence[Digit], *, scale: float, layout: str) -> NDArray[np.float32]:
    """Grey pixels / `scale`, float32: [n, 64] when `flat`, [n, 1, 8, 8] when `nchw`."""
    pixels = np.stack([_grey(digit.png) for digit in digits]) / np.float32(scale)
    return pixels.reshape(len(digits), -1) if layout == "flat" else pixels.reshape(len(digits), 1, SIDE, SIDE)
