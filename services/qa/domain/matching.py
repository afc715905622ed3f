"""Geometry and one-to-one matching, shared by the kinds whose answers are sets of parts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Point = tuple[float, float]


def interval_overlap(one: Floats, other: Floats) -> Floats:
    """Intersection over union of [start, end) intervals: (n, 2) x (m, 2) -> (n, m)."""
    start = np.maximum(one[:, None, 0], other[None, :, 0])
    end = np.minimum(one[:, None, 1], other[None, :, 1])
    shared = np.maximum(end - start, 0.0)
    union = (one[:, 1] - one[:, 0])[:, None] + (other[:, 1] - other[:, 0])[None, :] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0), np.float64)


def box_overlap(one: Floats, other: Floats) -> Floats:
    """Intersection over union of boxes (x, y, width, height, rotation in degrees): (n, 5) x (m, 5) -> (n, m)."""
    wide = np.minimum(one[:, None, 0] + one[:, None, 2], other[None, :, 0] + other[None, :, 2]) - np.maximum(
        one[:, None, 0], other[None, :, 0]
    )
    high = np.minimum(one[:, None, 1] + one[:, None, 3], other[None, :, 1] + other[None, :, 3]) - np.maximum(
        one[:, None, 1], other[None, :, 1]
    )
    shared = np.maximum(wide, 0.0) * np.maximum(high, 0.0)
    turned = _turned(one, other)
    if turned.any():
        shared[turned] = 0.0
        for row, column in np.argwhere(turned & _near(one, other)):
            shared[row, column] = _shared_area(_corners(one[row]), _corners(other[column]))
    union = (one[:, 2] * one[:, 3])[:, None] + (other[:, 2] * other[:, 3])[None, :] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0), np.float64)


def assign(similarity: Floats, at_least: float) -> list[tuple[int, int]]:
    """The one-to-one matching with the most pairs of at least `at_least`, of these the most similar (Hungarian)."""
    if similarity.size == 0:
        return []
    allowed = similarity >= at_least
    rows, columns = linear_sum_assignment(
        np.where(allowed, 1.0 + similarity / (2.0 * max(similarity.shape)), 0.0), True
    )
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if bool(allowed[row, column])]


def f1(matched: int, one: int, other: int) -> float:
    """F1 of two sets with `matched` common members; two empty sets agree."""
    return 1.0 if one + other == 0 else 2.0 * matched / (one + other)


def _turned(one: Floats, other: Floats) -> Mask:
    """Pairs of which one is turned, so that the upright intersection says nothing."""
    return np.asarray((one[:, None, 4] % 180.0 != 0) | (other[None, :, 4] % 180.0 != 0), np.bool_)


def _near(one: Floats, other: Floats) -> Mask:
    """Pairs whose surrounding circles meet."""
    centre_one, centre_other = one[:, :2] + one[:, 2:4] / 2, other[:, :2] + other[:, 2:4] / 2
    apart = np.hypot(*(centre_one[:, None] - centre_other[None]).transpose(2, 0, 1))
    reach_one, reach_other = np.hypot(one[:, 2], one[:, 3]) / 2, np.hypot(other[:, 2], other[:, 3]) / 2
    return np.asarray(apart <= reach_one[:, None] + reach_other[None], np.bool_)


def _corners(box: Floats) -> list[Point]:
    x, y, width, height, rotation = (float(value) for value in box)
    angle = np.radians(rotation)
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    centre_x, centre_y = x + width / 2, y + height / 2
    return [
        (centre_x + dx * cos - dy * sin, centre_y + dx * sin + dy * cos)
        for dx, dy in (
            (-width / 2, -height / 2),
            (width / 2, -height / 2),
            (width / 2, height / 2),
            (-width / 2, height / 2),
        )
    ]


def _shared_area(one: Sequence[Point], other: Sequence[Point]) -> float:
    """Area of the intersection of two convex polygons of the same orientation (Sutherland & Hodgman 1974)."""
    shape = list(one)
    for index, end in enumerate(other):
        shape = _clip(shape, other[index - 1], end)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(shape, shape[1:] + shape[:1], strict=True))) / 2.0


def _clip(shape: list[Point], start: Point, end: Point) -> list[Point]:
    def side(point: Point) -> float:
        return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])

    kept: list[Point] = []
    for index, point in enumerate(shape):
        before = shape[index - 1]
        here, there = side(point), side(before)
        if (here >= 0) != (there >= 0):
            share = there / (there - here)
            kept.append((before[0] + share * (point[0] - before[0]), before[1] + share * (point[1] - before[1])))
        if here >= 0:
            kept.append(point)
    return kept
