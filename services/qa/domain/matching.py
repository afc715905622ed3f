"""Geometry and one-to-one matching, shared by the kinds that are sets of parts."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def overlap(one: Floats, other: Floats) -> Floats:
    """Intersection over union of [start, end) intervals: (n, 2) x (m, 2) -> (n, m)."""
    raise NotImplementedError


def intersection_over_union(one: Floats, other: Floats) -> Floats:
    """Intersection over union of axis-parallel boxes (x, y, width, height): (n, 4) x (m, 4) -> (n, m)."""
    raise NotImplementedError


def assign(similarity: Floats, at_least: float) -> list[tuple[int, int]]:
    """The one-to-one matching of greatest total similarity among pairs of at least `at_least` (Hungarian)."""
    raise NotImplementedError
