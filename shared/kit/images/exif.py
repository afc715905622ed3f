"""The orientation that Exif data give. Nothing else of them is read, so nothing else in them can be wrong."""

from typing import Final, Literal

UPRIGHT: Final = 1
_ORIENTATION: Final = 0x0112
_PREFIX: Final = b"Exif\0\0"
_INTEGERS: Final = {1: 1, 3: 2, 4: 4}
"""TIFF's types of unsigned integers, and their bytes."""

_ENTRY: Final = 12


def orientation(exif: bytes | None) -> int:
    """1 to 8 (TIFF 6.0, section 8, Orientation); 1 where there is none or it can't be read."""
    if exif is None:
        return UPRIGHT
    tiff = exif.removeprefix(_PREFIX)
    if tiff[:4] == b"II*\0":
        return _find(tiff, "little")
    return _find(tiff, "big") if tiff[:4] == b"MM\0*" else UPRIGHT


def _find(tiff: bytes, order: Literal["little", "big"]) -> int:
    start = int.from_bytes(tiff[4:8], order)
    entries = int.from_bytes(tiff[start : start + 2], order)
    for place in range(start + 2, min(start + 2 + entries * _ENTRY, len(tiff)), _ENTRY):
        if int.from_bytes(tiff[place : place + 2], order) != _ORIENTATION:
            continue
        size = _INTEGERS.get(int.from_bytes(tiff[place + 2 : place + 4], order))
        if size is None:
            return UPRIGHT
        found = int.from_bytes(tiff[place + 8 : place + 8 + size], order)
        return found if UPRIGHT <= found <= 8 else UPRIGHT  # noqa: PLR2004  the orientations that there are
    return UPRIGHT
