"""Which records are worth a person's time next.

Measured on real data: k-means together with chance for the cold start, then the margin times the diversity of clusters
with a tenth by chance (docs/decisions/0011). Every choice has the probability with which it was made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.prelabel.domain.calibration import Floats
from services.prelabel.domain.clustering import nearest_to_centres

POOL_FACTOR: Final = 10
"""The clusters of a batch are found among this many times its size of the most unsure records."""

MOST_CLUSTERS: Final = 500
"""A larger batch is filled up in the order of preference: so many clusters spread it well enough, and more take long."""

CHANCE_SHARE: Final = 0.1
"""The share of a batch chosen by chance, which finds what the model is wrongly sure of."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that may be chosen. `draw` in [0, 1) is its keyed die; `features` is None when they can't be had."""

    score: float
    draw: float
    features: Floats | None


@dataclass(frozen=True, slots=True)
class SelectedCandidate:
    """The candidate at `index`, chosen by `strategy` with `probability`."""

    index: int
    strategy: str
    probability: float


def cold_start(candidates: Sequence[Candidate], size: int, seed: int, total: int) -> list[SelectedCandidate]:
    """Half by chance, half nearest to the centres of k-means: without a model nothing else is known.

    `candidates` must hold the lowest draws of all; `total` is how many there are in all.
    """
    if size >= len(candidates):
        return [SelectedCandidate(index, "all", 1.0) for index in range(len(candidates))]
    by_chance = _by_chance(candidates, size - size // 2, total)
    return _filled(candidates, by_chance, range(len(candidates)), size, seed, "k_means")


def next_batch(candidates: Sequence[Candidate], size: int, seed: int, total: int) -> list[SelectedCandidate]:
    """The margin times diversity, and some by chance.

    Of the most unsure, those nearest to the centres of as many clusters are chosen. `score` is the unsureness by
    margin; `candidates` must hold the highest scores and the lowest draws of all, of whom there are `total`.
    """
    if size >= len(candidates):
        return [SelectedCandidate(index, "all", 1.0) for index in range(len(candidates))]
    by_chance = _by_chance(candidates, round(size * CHANCE_SHARE), total)
    unsure_first = sorted(range(len(candidates)), key=lambda index: (-candidates[index].score, candidates[index].draw))
    return _filled(candidates, by_chance, unsure_first[: size * POOL_FACTOR], size, seed, "margin_clusters")


def _by_chance(candidates: Sequence[Candidate], count: int, total: int) -> list[SelectedCandidate]:
    """The lowest draws: a simple random sample, the same one whenever it is asked for."""
    lowest = sorted(range(len(candidates)), key=lambda index: (candidates[index].draw, index))[:count]
    return [SelectedCandidate(index, "chance", min(1.0, count / total)) for index in lowest]


def _filled(
    candidates: Sequence[Candidate],
    chosen: list[SelectedCandidate],
    pool: Sequence[int],
    size: int,
    seed: int,
    strategy: str,
) -> list[SelectedCandidate]:
    """Add to `chosen` from `pool`, whose order is its preference, up to `size`: clusters first, then by preference."""
    taken = {choice.index for choice in chosen}
    free = [index for index in pool if index not in taken]
    clustered = _diverse(candidates, free, size - len(chosen), seed)
    taken.update(clustered)
    rest = [index for index in free if index not in taken][: size - len(chosen) - len(clustered)]
    return [*chosen, *(SelectedCandidate(index, strategy, 1.0) for index in (*clustered, *rest))]


def _diverse(candidates: Sequence[Candidate], pool: Sequence[int], count: int, seed: int) -> list[int]:
    known = [(index, vector) for index in pool if (vector := candidates[index].features) is not None]
    if not known:
        return []
    points = np.stack([vector for _, vector in known])
    return [known[place][0] for place in nearest_to_centres(points, min(count, MOST_CLUSTERS), seed)]
