"""Which records are worth a person's time next.

The cold start is half chance, half representative: the centres of k-means. A later batch is taken from the smallest margins,
divided over the classes that the model predicts and within each over clusters; a tenth is chosen by chance
(docs/decisions/0011, docs/science.md). Every choice has the probability with which it was made.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.prelabel.domain.calibration import Floats
from services.prelabel.domain.clustering import nearest_to_centres

POOL_FACTOR: Final = 3
"""A batch is chosen from this many times its size of the most unsure records. A wider pool spreads the batch more, over
records that the model is less unsure of; k-means among ten times the batch lost to the plain margin on real texts."""

MOST_CLUSTERS: Final = 500
"""A larger batch is filled up in the order of preference: so many clusters spread it well enough, and more take long."""

CHANCE_SHARE: Final = 0.1
"""The share of a batch chosen by chance, which finds what the model is wrongly sure of."""

_MOST_CLUSTERED: Final = 20 * MOST_CLUSTERS
_CLASS_POWER: Final = 0.5


@dataclass(frozen=True, slots=True)
class ChanceWindow:
    """The draws in [start, start + width), around 1 to 0: who has one is chosen by chance.

    `start` is drawn anew for each batch, so whatever draw a record has, and however many batches it has seen, it is in the
    window with the probability `width`.
    """

    start: float
    width: float

    @classmethod
    def of(cls, expected: float, total: int, die: float) -> "ChanceWindow":
        """The window that holds so many of `total` candidates on average; `die` in [0, 1)."""
        return cls(die, min(1.0, expected / total) if total else 1.0)

    def after_start(self, draw: float) -> float:
        """How far a draw lies behind the start."""
        return (draw - self.start) % 1.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that may be chosen. `draw` in [0, 1) is its keyed die.

    `label` is the class that the model gives it; None without a model, and where that has no answer.
    """

    score: float
    draw: float
    label: str | None = None


Features = Callable[[Sequence[int]], Sequence[Floats | None]]
"""What the candidates at these indices look like, vectors of one length in which near ones are alike; None for those that
have no look. Asked for those only that are put into clusters: for a large batch they are a small part."""


@dataclass(frozen=True, slots=True)
class SelectedCandidate:
    """The candidate at `index`, chosen by `strategy` with `probability`."""

    index: int
    strategy: str
    probability: float


def expected_by_chance(size: int, *, cold: bool) -> float:
    """How many of a batch are chosen by chance on average: half of a cold start."""
    return size / 2 if cold else size * CHANCE_SHARE


def cold_start(
    candidates: Sequence[Candidate], features: Features, size: int, seed: int, window: ChanceWindow
) -> list[SelectedCandidate]:
    """Half by chance, half nearest to the centres of k-means: without a model nothing else is known.

    `candidates` must hold all those in the window.
    """
    if size >= len(candidates):
        return _everybody(candidates)
    chosen = _by_chance(candidates, size, seed, window)
    taken = {choice.index for choice in chosen}
    free = [index for index in range(len(candidates)) if index not in taken]
    central = _central(features, free, size - len(chosen), seed)
    taken.update(central)
    rest = [index for index in free if index not in taken][: size - len(chosen) - len(central)]
    return [*chosen, *(SelectedCandidate(index, "k_means", 1.0) for index in (*central, *rest))]


def next_batch(
    candidates: Sequence[Candidate], features: Features, size: int, seed: int, window: ChanceWindow
) -> list[SelectedCandidate]:
    """The most unsure, spread over the predicted classes and clusters, and some by chance.

    Of the pool of the most unsure each class gets a share that grows with the square root of its number (power
    allocation, Bankier 1988): what is rare is seen before much is known of it, and nothing common is left out. Within a
    class as many clusters are found as it has places, and the one nearest to each centre is taken: the most unsure of a
    cluster is more often unlike anything else. `score` is the unsureness by margin; `candidates` must hold the highest
    scores and all those in the window.
    """
    if size >= len(candidates):
        return _everybody(candidates)
    chosen = _by_chance(candidates, size, seed, window)
    taken = {choice.index for choice in chosen}
    unsure_first = [index for index in _unsure_first(candidates) if index not in taken]
    places = size - len(chosen)
    spread = _spread_over_classes(candidates, features, unsure_first[: places * POOL_FACTOR], places, seed)
    taken.update(spread)
    rest = [index for index in unsure_first if index not in taken][: places - len(spread)]
    return [*chosen, *(SelectedCandidate(index, "margin_clusters", 1.0) for index in (*spread, *rest))]


def class_shares(counts: Sequence[int], places: int) -> list[int]:
    """Divide places over classes by the square root of their counts: at most its count for each, `places` in all if there
    are so many.
    """
    shares = [0] * len(counts)
    while (left := min(places, sum(counts)) - sum(shares)) > 0:
        weights = [
            float(count) ** _CLASS_POWER if count > share else 0.0 for count, share in zip(counts, shares, strict=True)
        ]
        wanted = [left * weight / sum(weights) for weight in weights]
        more = [min(int(want), count - share) for want, count, share in zip(wanted, counts, shares, strict=True)]
        if not any(more):  # less than a place each: the largest remainders, the commoner first
            order = sorted(range(len(counts)), key=lambda at: (-wanted[at], -counts[at], at))
            for at in [at for at in order if wanted[at] > 0][:left]:
                more[at] = 1
        shares = [share + one for share, one in zip(shares, more, strict=True)]
    return shares


def _everybody(candidates: Sequence[Candidate]) -> list[SelectedCandidate]:
    return [SelectedCandidate(index, "all", 1.0) for index in range(len(candidates))]


def _by_chance(candidates: Sequence[Candidate], size: int, seed: int, window: ChanceWindow) -> list[SelectedCandidate]:
    """Those in the window; if they are more than the batch holds, some of them by chance."""
    inside = [index for index, each in enumerate(candidates) if window.after_start(each.draw) < window.width]
    probability = window.width
    if len(inside) > size:
        probability *= size / len(inside)
        inside = sorted(np.random.default_rng(seed).permutation(inside)[:size].tolist())
    return [SelectedCandidate(index, "chance", probability) for index in inside]


def _unsure_first(candidates: Sequence[Candidate]) -> list[int]:
    return sorted(range(len(candidates)), key=lambda index: (-candidates[index].score, candidates[index].draw))


def _spread_over_classes(
    candidates: Sequence[Candidate], features: Features, pool: Sequence[int], places: int, seed: int
) -> list[int]:
    """From the pool, the most unsure first: of each class as many as it has places, spread over clusters."""
    counts = Counter(candidates[index].label for index in pool)
    labels = sorted(counts, key=lambda label: (-counts[label], label or ""))
    found: list[int] = []
    for label, share in zip(labels, class_shares([counts[label] for label in labels], places), strict=True):
        members = [index for index in pool if candidates[index].label == label]
        most = min(share, max(1, MOST_CLUSTERS * share // places))
        central = _central(features, members[: _MOST_CLUSTERED * share // places], most, seed)
        taken = set(central)
        found.extend([*central, *(index for index in members if index not in taken)][:share])
    return found


def _central(features: Features, free: Sequence[int], count: int, seed: int) -> list[int]:
    known, points = _with_features(features, free)
    return [known[place] for place in nearest_to_centres(points, min(count, MOST_CLUSTERS), seed)] if known else []


def _with_features(features: Features, indices: Sequence[int]) -> tuple[list[int], Floats]:
    known = [(index, vector) for index, vector in zip(indices, features(indices), strict=True) if vector is not None]
    return [index for index, _ in known], np.stack([vector for _, vector in known]) if known else np.empty((0, 0))
