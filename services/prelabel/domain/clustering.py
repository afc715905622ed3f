"""k-means, for choosing records that differ from each other."""

from typing import Final

import numpy as np

from services.prelabel.domain.calibration import Floats, Indices

_ROUNDS: Final = 25
_BLOCK: Final = 4096


def nearest_to_centres(points: Floats, clusters: int, seed: int) -> list[int]:
    """The index of the point nearest to each k-means centre: at most `clusters` of them, all different.

    Lloyd's algorithm after k-means++ (Arthur & Vassilvitskii 2007, section 2.2), fixed by `seed`. Empty clusters and
    points that coincide give fewer indices than asked for.
    """
    if clusters <= 0 or len(points) == 0:
        return []
    if clusters >= len(points):
        return list(range(len(points)))
    centres = _spread(points, clusters, np.random.default_rng(seed))
    belongs = _assign(points, centres)[0]
    for _ in range(_ROUNDS):
        centres = _means(points, belongs, centres)
        again, _ = _assign(points, centres)
        if np.array_equal(again, belongs):
            break
        belongs = again
    belongs, distance = _assign(points, centres)
    chosen: list[int] = []
    for cluster in range(len(centres)):
        members = np.flatnonzero(belongs == cluster)
        if len(members):
            chosen.append(int(members[distance[members].argmin()]))
    return chosen


def _spread(points: Floats, clusters: int, generator: np.random.Generator) -> Floats:
    """k-means++: each next centre is drawn with a chance proportional to its squared distance from the centres so far."""
    first = int(generator.integers(len(points)))
    chosen = [first]
    distance = _squared(points, points[first : first + 1])[:, 0]
    while len(chosen) < clusters:
        total = float(distance.sum())
        if total <= 0.0:
            break
        place = int(np.searchsorted(np.cumsum(distance), generator.random() * total, side="right"))
        place = min(place, len(points) - 1)
        chosen.append(place)
        distance = np.minimum(distance, _squared(points, points[place : place + 1])[:, 0])
    return points[chosen].copy()


def _assign(points: Floats, centres: Floats) -> tuple[Indices, Floats]:
    belongs = np.empty(len(points), dtype=np.int64)
    distance = np.empty(len(points), dtype=np.float64)
    for start in range(0, len(points), _BLOCK):
        block = _squared(points[start : start + _BLOCK], centres)
        nearest = block.argmin(axis=1)
        belongs[start : start + _BLOCK] = nearest
        distance[start : start + _BLOCK] = block[np.arange(len(nearest)), nearest]
    return belongs, distance


def _means(points: Floats, belongs: Indices, centres: Floats) -> Floats:
    """The mean of each cluster's points; an empty cluster keeps its centre."""
    count = np.bincount(belongs, minlength=len(centres))
    order = np.argsort(belongs, kind="stable")
    filled = np.flatnonzero(count)
    starts = np.concatenate(([0], np.cumsum(count)[:-1]))[filled]
    sums = np.add.reduceat(points[order], starts, axis=0)
    moved = centres.copy()
    moved[filled] = sums / count[filled, None]
    return moved


def _squared(points: Floats, centres: Floats) -> Floats:
    squared: Floats = (points**2).sum(axis=1)[:, None] - 2.0 * (points @ centres.T) + (centres**2).sum(axis=1)[None, :]
    return np.maximum(squared, 0.0)
