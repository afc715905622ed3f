"""Chance-corrected agreement from item x class counts, vectorised; missing answers are simply not counted.

Sources: Cohen 1960, 1968 (Psychological Bulletin 70); Fleiss 1971, generalised to unequal numbers of answers;
Krippendorff 2011, "Computing Krippendorff's alpha-reliability".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from services.qa.domain.voting import Answer

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Metric = Literal["nominal", "ordinal", "interval", "ratio"]


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


def counts_of(items: Integers, classes: Integers, shape: tuple[int, int]) -> Floats:
    """(I, K) how often each class was answered for each item."""
    raise NotImplementedError


def percent_agreement(counts: Floats) -> float:
    """The share of agreeing pairs of answers, mean over the items with at least two. NaN when there is none."""
    raise NotImplementedError


def cohen_kappa(confusion: Floats, disagreement: Floats | None = None) -> float:
    """Kappa of two annotators from their (K, K) contingency table.

    `disagreement` (K, K): weights with a zero diagonal (0/1, linear, squared); None is unweighted.
    """
    raise NotImplementedError


def fleiss_kappa(counts: Floats) -> float:
    """Fleiss' kappa; items with fewer than two answers don't count, items may have unequal numbers of answers."""
    raise NotImplementedError


def krippendorff_alpha(counts: Floats, metric: Metric | Floats = "nominal", values: Floats | None = None) -> float:
    """Krippendorff's alpha over (I, K) counts; items with a single answer don't count.

    `metric`: a named one, or a (K, K) matrix of squared distances. `values` (K,): the number each class stands for
    (interval, ratio); its rank order is the class order; default 0, 1, ... (ratio: 1, 2, ...). NaN when nothing varies.
    """
    raise NotImplementedError


def alpha_of_answers(
    items: Sequence[Sequence[Answer]],
    distance: Callable[[Answer, Answer], float],
    generator: np.random.Generator,
    pairs: int = 20_000,
) -> float:
    """Alpha for structured answers: 1 - mean distance within items / mean distance between any two answers.

    The expected disagreement is exact up to `pairs` pairs of answers, else estimated from so many drawn ones.
    """
    raise NotImplementedError


def bootstrap_interval(
    statistic: Callable[[Floats], float],
    counts: Floats,
    generator: np.random.Generator,
    *,
    rounds: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Percentile interval of `statistic(counts)` over items drawn with replacement."""
    raise NotImplementedError
