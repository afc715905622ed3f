"""ICC profiles (ICC.1:2022) made here: of sRGB in grey, and of what a PNG says of its colours without a profile."""

import struct
from collections.abc import Sequence
from typing import Final

from shared.kit.images.exceptions import UnreadableProfile

_D50: Final = (0.9642, 1.0, 0.8249)
_SRGB_GAMMA: Final = 45455
"""What a PNG of sRGB gives as gAMA, and below as cHRM, in 100,000ths."""

_SRGB_PRIMARIES: Final = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
_NEAR: Final = 100
_STEEPEST: Final = 10.0
_SCALE: Final = 100_000
_SRGB_CURVE: Final = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_BRADFORD: Final = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))

Vector = tuple[float, ...]
Matrix = tuple[Vector, ...]


def grey_srgb() -> bytes:
    """Grey with the curve of sRGB."""
    return _profile(b"GRAY", {b"kTRC": _curve(_SRGB_CURVE)})


def of_png(gamma: int | None, primaries: Sequence[int] | None, *, grey: bool) -> bytes | None:
    """A profile of gAMA and cHRM as they stand in the file; None where they are those of sRGB.

    Raises:
        UnreadableProfile: no colours are like that.
    """
    curve: Vector = _SRGB_CURVE
    if gamma is not None and abs(gamma - _SRGB_GAMMA) > _NEAR:
        if not 1 / _STEEPEST <= gamma / _SCALE <= _STEEPEST:
            raise UnreadableProfile("no curve is like that")
        curve = (_SCALE / gamma,)
    if primaries is not None and all(
        abs(one - other) <= _NEAR for one, other in zip(primaries, _SRGB_PRIMARIES, strict=True)
    ):
        primaries = None
    if curve is _SRGB_CURVE and primaries is None:
        return None
    if grey:
        return _profile(b"GRAY", {b"kTRC": _curve(curve)})
    try:
        columns = _colorants([value / _SCALE for value in primaries or _SRGB_PRIMARIES])
        tags = {name: _xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)}
    except (ZeroDivisionError, struct.error):
        raise UnreadableProfile("no colours are like that") from None
    return _profile(b"RGB ", {**tags, b"rTRC": _curve(curve), b"gTRC": _curve(curve), b"bTRC": _curve(curve)})


def _colorants(xy: Sequence[float]) -> Matrix:
    """The XYZ of red, green and blue, adapted to D50 as ICC.1:2022, annex E, does. `xy` begins with the white point."""
    white, *primaries = [(x / y, 1.0, (1 - x - y) / y) for x, y in zip(xy[::2], xy[1::2], strict=True)]
    scales = _apply(_inverse(_transposed(primaries)), white)
    cone, cone_d50 = _apply(_BRADFORD, white), _apply(_BRADFORD, _D50)
    back = _inverse(_BRADFORD)
    adapted: list[Vector] = []
    for scale, primary in zip(scales, primaries, strict=True):
        seen = _apply(_BRADFORD, tuple(scale * value for value in primary))
        adapted.append(_apply(back, tuple(s * d / w for s, d, w in zip(seen, cone_d50, cone, strict=True))))
    return tuple(adapted)


def _apply(matrix: Matrix, vector: Vector) -> Vector:
    return tuple(sum(one * other for one, other in zip(row, vector, strict=True)) for row in matrix)


def _transposed(rows: Sequence[Vector]) -> Matrix:
    return tuple(zip(*rows, strict=True))


def _inverse(matrix: Matrix) -> Matrix:
    """Of 3 x 3, by cofactors."""
    cofactors = tuple(
        tuple(
            matrix[(row + 1) % 3][(column + 1) % 3] * matrix[(row + 2) % 3][(column + 2) % 3]
            - matrix[(row + 1) % 3][(column + 2) % 3] * matrix[(row + 2) % 3][(column + 1) % 3]
            for row in range(3)
        )
        for column in range(3)
    )
    determinant = sum(matrix[0][column] * cofactors[column][0] for column in range(3))
    return tuple(tuple(value / determinant for value in row) for row in cofactors)


def _curve(values: Vector) -> bytes:
    """A parametric curve: an exponent alone, or the five numbers of a curve that begins straight (type 3)."""
    kind = 0 if len(values) == 1 else 3
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + _fixed(values)


def _xyz(values: Vector) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _fixed(values: Vector) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    tags = {b"wtpt": _xyz(_D50), **tags}
    place = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        table += name + struct.pack(">II", place + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    head = struct.pack(
        ">I4sI4s4s4s12s4s28s", place + len(body), b"", 0x04300000, b"mntr", space, b"XYZ ", b"", b"acsp", b""
    )
    return (head + _fixed(_D50)).ljust(128, b"\0") + table + body
