"""Intersection over union of intervals and of boxes, each of one set with each of another.

A pair costs about 6 ns upright and 30 to 100 ns turned (one core, 2026); temporary memory is bounded whatever the sizes.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from services.qa.domain.arrays import Flags, Floats, Integers

_BATCH = 1 << 15
"""Pairs that are computed at a time: their temporaries stay in the second-level cache."""
_COARSE_FROM = 250_000
"""From so many pairs on, pairs of near boxes are likely, and where boxes lie thick they are compared in single precision
first, again in double near the threshold."""
_COARSE_MARGIN = 0.01

_NEAREST = 16
"""How many of the nearest boxes are compared first where there are too many to compare all."""

_LEAST_SLOPE = {np.float64: 1e-8, np.float32: 2.5e-4}
"""Slopes nearer to 0 are held here; areas are exact to about this share of the first box."""
_ROUNDING = 1.0 - 1e-9
_TINY = 1e-300
_FARTHEST = 1e100  # its square is finite

_Reals = NDArray[np.floating]


class Shape(Protocol):
    """What is compared: an extent is a row of numbers, its overlap with another is in [0, 1]."""

    def overlap(self, one: Floats, other: Floats, at_least: float = 0.0) -> Floats:
        """(n, d) x (m, d) -> (n, m). Below `at_least` it may be 0 instead."""
        ...

    def overlap_of_pairs(self, one: Floats, other: Floats) -> Floats:
        """(n, d) x (n, d) -> (n,): of each of `one` with that at the same place of `other`."""
        ...

    def likely_pairs(self, one: Floats, other: Floats) -> tuple[Integers, Integers] | None:
        """Rows and columns of pairs worth comparing first; None where comparing all is cheap enough."""
        ...


class Intervals:
    """[start, end): (start, end)."""

    def overlap(self, one: Floats, other: Floats, at_least: float = 0.0) -> Floats:
        del at_least  # there is nothing cheaper than the exact value
        one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
        found = np.empty((len(one), len(other)))
        for rows in _blocks(len(one), len(other)):
            block = one[rows]
            shared = np.minimum(block[:, None, 1], other[None, :, 1]) - np.maximum(block[:, None, 0], other[None, :, 0])
            shared = np.maximum(shared, 0.0)
            found[rows] = _over_union(shared, block[:, 1] - block[:, 0], other[:, 1] - other[:, 0])
        return found

    def overlap_of_pairs(self, one: Floats, other: Floats) -> Floats:
        shared = np.maximum(np.minimum(one[:, 1], other[:, 1]) - np.maximum(one[:, 0], other[:, 0]), 0.0)
        union = one[:, 1] - one[:, 0] + other[:, 1] - other[:, 0] - shared
        return np.asarray(shared / np.maximum(union, _TINY), np.float64)

    def likely_pairs(self, one: Floats, other: Floats) -> tuple[Integers, Integers] | None:
        del one, other
        return None


class Boxes:
    """(x, y, width, height, rotation in degrees clockwise about the centre); x and y of the corner before it is turned."""

    def overlap(self, one: Floats, other: Floats, at_least: float = 0.0) -> Floats:
        """As `Shape`. Where many are turned, values are exact to about 1e-3; on which side of `at_least` they lie is exact."""
        mixed = _differ(one, other)
        if not mixed and len(one) and one[0, 4] % 180.0:
            one, other = _turned_back(one), _turned_back(other)
        area_one, area_other = one[:, 2] * one[:, 3], other[:, 2] * other[:, 3]
        found = np.empty((len(one), len(other)))
        prepared = (_Boxes.of(one), _Boxes.of(other)) if mixed else None
        for rows in _blocks(len(one), len(other)):
            shared = _upright_intersection(one[rows], other)
            if prepared is not None:
                _compare_turned(shared, *prepared, rows, at_least)
            found[rows] = _over_union(shared, area_one[rows], area_other)
        return found

    def overlap_of_pairs(self, one: Floats, other: Floats) -> Floats:
        left, right = _Boxes.of(one), _Boxes.of(other)
        shared = _intersection(left.geometry, right.geometry)
        return np.asarray(shared / np.maximum(left.area + right.area - shared, _TINY), np.float64)

    def likely_pairs(self, one: Floats, other: Floats) -> tuple[Integers, Integers] | None:
        """Nearest in place, size and angle; and those of the same rank from left to right, in case all are near to all."""
        if len(one) * len(other) < _COARSE_FROM:
            return None
        scale = float(np.sqrt(np.median(np.concatenate([one, other])[:, 2:4].prod(axis=1)))) or 1.0
        features, others = _features(one, scale), _features(other, scale)
        to, at = _nearest(features, others), _nearest(others, features)
        ranked = min(len(one), len(other))
        rows = [np.repeat(np.arange(len(one)), to.shape[1]), at.ravel(), np.argsort(features[:, 0])[:ranked]]
        columns = [to.ravel(), np.repeat(np.arange(len(other)), at.shape[1]), np.argsort(others[:, 0])[:ranked]]
        cells = np.zeros(len(one) * len(other), np.bool_)
        cells[np.concatenate(rows) * len(other) + np.concatenate(columns)] = True
        return np.divmod(np.flatnonzero(cells), len(other))


INTERVALS, BOXES = Intervals(), Boxes()


def _differ(one: Floats, other: Floats) -> bool:
    """Whether not all boxes are turned alike."""
    angles = np.concatenate([one[:, 4], other[:, 4]]) % 180.0
    return bool((angles != angles[:1]).any())


def _nearest(points: Floats, others: Floats) -> Integers:
    """(n, d), (m, d) -> (n, at most `_NEAREST`) the places of the nearest others of each point."""
    count = np.arange(1, min(_NEAREST, len(others)) + 1)
    return np.asarray(KDTree(others).query(points, count)[1], np.int64)


def _features(boxes: Floats, scale: float) -> Floats:
    """(n, 6) numbers that are near for like boxes: centre and size in units of `scale`, and the angle.

    Finite, also for boxes whose areas a double can't hold.
    """
    angle = np.radians(boxes[:, 4]) * 2.0
    centre = boxes[:, :2] + boxes[:, 2:4] / 2.0
    place = (centre - centre.mean(axis=0)) / scale
    found = np.concatenate([place, boxes[:, 2:4] / scale, np.cos(angle)[:, None], np.sin(angle)[:, None]], axis=1)
    return np.asarray(np.clip(np.nan_to_num(found), -_FARTHEST, _FARTHEST), np.float64)


def _blocks(rows: int, columns: int) -> list[slice]:
    step = max(_BATCH // max(columns, 1), 1)
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]


def _over_union(shared: Floats, one: Floats, other: Floats) -> Floats:
    union = one[:, None] + other[None, :]
    union -= shared
    return np.asarray(np.divide(shared, np.maximum(union, _TINY, out=union), out=union), np.float64)


def _upright_intersection(one: Floats, other: Floats) -> Floats:
    end_one, end_other = one[:, :2] + one[:, 2:4], other[:, :2] + other[:, 2:4]
    shared = np.minimum(end_one[:, None, 0], end_other[None, :, 0])
    shared -= np.maximum(one[:, None, 0], other[None, :, 0])
    np.maximum(shared, 0.0, out=shared)
    high = np.minimum(end_one[:, None, 1], end_other[None, :, 1])
    high -= np.maximum(one[:, None, 1], other[None, :, 1])
    shared *= np.maximum(high, 0.0, out=high)
    return np.asarray(shared, np.float64)


def _turned_back(boxes: Floats) -> Floats:
    """Boxes of one rotation as upright ones, turned back about the origin."""
    if len(boxes) == 0:
        return boxes
    angle = np.radians(boxes[0, 4])
    half = boxes[:, 2:4] / 2.0
    x, y = (boxes[:, :2] + half).T
    centre = np.stack([x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)], axis=1)
    return np.concatenate([centre - half, boxes[:, 2:4], np.zeros((len(boxes), 1))], axis=1)


@dataclass(frozen=True, slots=True)
class _Boxes:
    """`geometry` (6, n): centre x and y, half width and height, cosine and sine of the rotation.

    `long_x`, `long_y`: the direction of the longer sides; `short`: the length of the shorter ones; `reach`: half the
    diagonal.
    """

    geometry: Floats
    long_x: Floats
    long_y: Floats
    short: Floats
    area: Floats
    reach: Floats
    turned: Flags

    @classmethod
    def of(cls, boxes: Floats) -> "_Boxes":
        half = boxes[:, 2:4] / 2.0
        centre = boxes[:, :2] + half
        angle = np.radians(boxes[:, 4])
        cos, sin = np.cos(angle), np.sin(angle)
        is_high = half[:, 1] > half[:, 0]
        return cls(
            geometry=np.stack([centre[:, 0], centre[:, 1], half[:, 0], half[:, 1], cos, sin]),
            long_x=np.where(is_high, -sin, cos),
            long_y=np.where(is_high, cos, sin),
            short=2.0 * half.min(axis=1),
            area=boxes[:, 2] * boxes[:, 3],
            reach=np.hypot(half[:, 0], half[:, 1]),
            turned=boxes[:, 4] % 180.0 != 0,
        )


def _compare_turned(shared: Floats, one: _Boxes, other: _Boxes, rows: slice, at_least: float) -> None:
    """Put the right area into `shared` (rows, m) for each pair of which one is turned."""
    coarse = len(one.area) * len(other.area) >= _COARSE_FROM
    turned = one.turned[rows, None] | other.turned[None, :]
    shared[turned] = 0.0
    turned &= _may_reach(one, other, rows, at_least)
    first, second = one.geometry[:, rows, None], other.geometry[:, None]
    if coarse and np.count_nonzero(turned) > turned.size / 4:
        np.copyto(shared, _intersection(first, second, np.float32), where=turned)
        iou = _over_union(shared, one.area[rows], other.area)
        turned &= np.abs(iou - at_least) < _COARSE_MARGIN
    at, to = np.nonzero(turned)
    shared[at, to] = _intersection(first[:, at, 0], second[:, 0, to])


def _may_reach(one: _Boxes, other: _Boxes, rows: slice, at_least: float) -> Flags:
    """Pairs whose surrounding circles meet, and which could share enough: no more than the smaller of the two, nor than
    the parallelogram in which their shorter sides cross.
    """
    (x, y), (other_x, other_y) = one.geometry[:2, rows, None], other.geometry[:2, None]
    near = (x - other_x) ** 2 + (y - other_y) ** 2 <= (one.reach[rows, None] + other.reach[None]) ** 2
    if at_least > 0:
        needed = at_least / (1.0 + at_least) * (one.area[rows, None] + other.area[None]) * _ROUNDING
        near &= np.minimum(one.area[rows, None], other.area[None]) >= needed
        sine = np.abs(one.long_y[rows, None] * other.long_x[None] - one.long_x[rows, None] * other.long_y[None])
        near &= one.short[rows, None] * other.short[None] >= sine * needed
    return np.asarray(near, np.bool_)


def _intersection(one: Floats, other: Floats, precision: type[np.floating] = np.float64) -> _Reals:
    """The area that two rectangles share, both as `_Boxes.geometry`; whatever follows the first axis is broadcast.

    In the frame of the first and in units of its half sides, so that it is R = [-1, 1] x [-1, 1], the second is a
    parallelogram. The nearest point of R to (x, y) is (clip x, clip y); that map keeps areas inside R and flattens
    everything outside, so by Green's theorem the shared area is the integral of clip(x) d clip(y) around the second.
    Along an edge x is linear in y, and clip has the antiderivative G(x) = min(|x|, 1) (|x| - min(|x|, 1) / 2): an edge
    gives the difference of G at its ends over its slope dx/dy.
    """
    apart_x, apart_y = (other[0] - one[0]).astype(precision), (other[1] - one[1]).astype(precision)
    a, b, cos_one, sin_one = (values.astype(precision, copy=False) for values in one[2:])
    width, height, cos_other, sin_other = (values.astype(precision, copy=False) for values in other[2:])
    x, y = (apart_x * cos_one + apart_y * sin_one) / a, (apart_y * cos_one - apart_x * sin_one) / b
    cos, sin = cos_other * cos_one + sin_other * sin_one, sin_other * cos_one - cos_other * sin_one
    wide_x, wide_y = width * cos / a, width * sin / b
    high_x, high_y = height * sin / -a, height * cos / b
    left, right, low, high = x - wide_x, x + wide_x, y - wide_y, y + wide_y
    xs = (left - high_x, right - high_x, right + high_x, left + high_x)
    ys = (low - high_y, high - high_y, high + high_y, low + high_y)
    inside = [np.minimum(np.maximum(value, -1.0), 1.0) for value in ys]
    total = np.zeros_like(x)
    for (slope, held), edges in ((_slopes(wide_x, wide_y), (0, 2)), (_slopes(high_x, high_y), (1, 3))):
        gained = np.zeros_like(x)
        for edge in edges:
            on_axis = xs[edge] - ys[edge] * slope
            for end, gain in ((inside[edge], np.subtract), (inside[(edge + 1) % 4], np.add)):
                where = end * held
                where += on_axis
                np.abs(where, out=where)
                near = np.minimum(where, 1.0)
                where -= near * 0.5
                where *= near
                gain(gained, where, out=gained)
        gained /= held
        total += gained
    total *= a * b
    return np.asarray(np.maximum(total, 0.0), dtype=precision)


def _slopes(across: _Reals, along: _Reals) -> tuple[_Reals, _Reals]:
    """dx/dy of an edge, never infinite, and the same held away from 0, where rounding would destroy what it divides."""
    least = _LEAST_SLOPE[across.dtype.type]
    with np.errstate(divide="ignore", over="ignore"):
        slope = across / along
    np.clip(slope, -1.0 / least, 1.0 / least, out=slope)
    return slope, np.where(np.abs(slope) < least, across.dtype.type(least), slope)
