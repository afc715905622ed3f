"""How much two classes agree: fully or not at all, or partly where the classes have an order.

Sources: Cohen 1968 (Psychological Bulletin 70), linear and quadratic weights; Gwet 2014, "Handbook of Inter-Rater
Reliability", 4th edition, chapter 3, ordinal weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import comb
from typing import Final

import numpy as np

from services.qa.domain.arrays import Floats, Integers

MOST_ORDERED: Final = 100
"""A scale of more classes than this is treated as unordered: every pair of its classes has its own weight."""


class Weighting(StrEnum):
    """`nominal`: different classes don't agree at all. The others: the less, the further apart they are."""

    NOMINAL = "nominal"
    LINEAR = "linear"
    QUADRATIC = "quadratic"
    ORDINAL = "ordinal"


@dataclass(frozen=True, slots=True)
class ClassScale:
    """The classes that could be answered, whether they were or not; `ordered`: as they stand here."""

    classes: tuple[str, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class ClassWeights:
    """Agreement of each two of K classes, in parts of `whole`: `units` (K, K), None for the identity.

    `total`: the sum of the weights over all pairs of the scale's `classes`, in [classes, classes squared].
    """

    units: Integers | None
    whole: int
    total: Fraction
    classes: int

    @property
    def matrix(self) -> Floats | None:
        """(K, K) in [0, 1]; None for the identity."""
        return None if self.units is None else np.asarray(self.units / self.whole, np.float64)


def class_weights(weighting: Weighting, classes: int) -> ClassWeights:
    """Return the weights of a scale of so many classes, all of them in order unless `weighting` is nominal."""
    if weighting is Weighting.NOMINAL or classes < 2:  # noqa: PLR2004  # a pair
        return ClassWeights(None, 1, Fraction(classes), classes)
    by_distance = [_disagreement(weighting, apart) for apart in range(classes)]
    return _weights_of([[by_distance[abs(one - other)] for other in range(classes)] for one in range(classes)])


def weights_of_disagreement(disagreement: Sequence[Sequence[int]]) -> ClassWeights:
    """Return the weights for any disagreement of two classes: (K, K) of integers, symmetric, 0 on the diagonal."""
    return _weights_of(disagreement)


def _disagreement(weighting: Weighting, apart: int) -> int:
    """Of two classes so many places apart."""
    if weighting is Weighting.LINEAR:
        return apart
    return apart * apart if weighting is Weighting.QUADRATIC else comb(apart + 1, 2)


def _weights_of(disagreement: Sequence[Sequence[int]]) -> ClassWeights:
    apart = np.array(disagreement, np.int64)
    whole = max(1, int(apart.max()))
    units = whole - apart
    return ClassWeights(units, whole, Fraction(int(units.sum()), whole), len(units))
