"""What a record looks like to k-means: a vector in which near records are alike. Not what a model reads."""

import re
import zlib
from typing import Final

import numpy as np

from services.prelabel.domain.calibration import Floats

DIMENSIONS: Final = 256
_WORD: Final = re.compile(r"\w+")
_MOST_CHARACTERS: Final = 20_000


def text_features(text: str) -> Floats:
    """Words and letter trigrams, hashed into 256 buckets with a sign (Weinberger et al. 2009), square-rooted, of unit
    length. The hash is CRC-32, so the vector is the same in every process. Empty text gives zeros.
    """
    vector = np.zeros(DIMENSIONS)
    lowered = text[:_MOST_CHARACTERS].lower()
    for word in _WORD.findall(lowered):
        _count(vector, word)
        padded = f"<{word}>"
        for start in range(len(padded) - 2):
            _count(vector, padded[start : start + 3])
    vector = np.sign(vector) * np.sqrt(np.abs(vector))
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


def _count(vector: Floats, token: str) -> None:
    code = zlib.crc32(token.encode())
    vector[code % DIMENSIONS] += 1.0 if code & 0x8000_0000 else -1.0
