"""Chance-corrected agreement from item x class counts, vectorised; missing answers are simply not counted.

Sources: Cohen 1960 (Educational and Psychological Measurement 20) and 1968 (Psychological Bulletin 70); Fleiss 1971
(Psychological Bulletin 76), generalised to unequal numbers of answers; Krippendorff 2011, "Computing Krippendorff's
alpha-reliability".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from services.qa.domain.votes import Answer

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Metric = Literal["nominal", "ordinal", "interval", "ratio"]


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


def counts_of(items: Integers, classes: Integers, shape: tuple[int, int]) -> Floats:
    """(I, K) how often each class was answered for each item, from one entry per vote."""
    item_count, class_count = shape
    cells = np.bincount(items * class_count + classes, minlength=item_count * class_count)
    return cells.reshape(shape).astype(np.float64)


def percent_agreement(counts: Floats) -> float:
    """The share of agreeing pairs of answers, mean over the items with at least two. NaN when there is none."""
    answers = counts.sum(axis=1)
    paired = answers >= 2  # noqa: PLR2004  # a pair
    if not paired.any():
        return float("nan")
    return float(_pair_agreement(counts[paired], answers[paired]).mean())


def cohen_kappa(confusion: Floats, disagreement: Floats | None = None) -> float:
    """Kappa of two annotators from their (K, K) contingency table.

    `disagreement` (K, K): weights with a zero diagonal (0/1, linear, squared); None is unweighted. NaN when chance
    alone explains everything (both always give the same one class).
    """
    weights = 1.0 - np.eye(len(confusion)) if disagreement is None else disagreement
    shares = confusion / confusion.sum()
    expected = float((weights * np.outer(shares.sum(axis=1), shares.sum(axis=0))).sum())
    return float("nan") if expected == 0 else 1.0 - float((weights * shares).sum()) / expected


def fleiss_kappa(counts: Floats) -> float:
    """Fleiss' kappa; items with fewer than two answers don't count, items may have unequal numbers of answers.

    Class shares are over the items that count, each item weighing the same.
    """
    answers = counts.sum(axis=1)
    paired = answers >= 2  # noqa: PLR2004  # a pair
    if not paired.any():
        return float("nan")
    kept, sizes = counts[paired], answers[paired]
    observed = float(_pair_agreement(kept, sizes).mean())
    expected = float(((kept / sizes[:, None]).mean(axis=0) ** 2).sum())
    return float("nan") if expected == 1.0 else (observed - expected) / (1.0 - expected)


def krippendorff_alpha(counts: Floats, metric: Metric | Floats = "nominal", values: Floats | None = None) -> float:
    """Krippendorff's alpha over (I, K) counts; items with a single answer don't count.

    `metric`: a named one, or a (K, K) matrix of squared distances. `values` (K,): the number that each class stands for
    (`interval`, `ratio`), default 1, 2, ...; `ordinal` takes the classes to be in rank order. NaN when nothing varies.
    """
    answers = counts.sum(axis=1)
    paired = answers >= 2  # noqa: PLR2004  # a pair
    kept, sizes = counts[paired], answers[paired]
    totals = kept.sum(axis=0)
    everything = float(totals.sum())
    if everything == 0:
        return float("nan")
    # coincidences o_ck = sum over items of n_uc n_uk / (m_u - 1), less the pairs of an answer with itself
    weighted = kept / (sizes - 1.0)[:, None]
    coincidences = weighted.T @ kept
    coincidences[np.diag_indices_from(coincidences)] -= weighted.sum(axis=0)
    distances = _squared_distances(metric, totals, values)
    expected = float((distances * np.outer(totals, totals)).sum())
    if expected == 0:
        return float("nan")
    return 1.0 - (everything - 1.0) * float((distances * coincidences).sum()) / expected


def alpha_of_answers(
    items: Sequence[Sequence[Answer]],
    distance: Callable[[Answer, Answer], float],
    generator: np.random.Generator,
    pairs: int = 20_000,
) -> float:
    """Alpha for structured answers: 1 - mean distance within items / mean distance between any two answers.

    The expected disagreement is exact up to `pairs` pairs of answers, else estimated from so many drawn ones. NaN when
    nothing varies.
    """
    paired = [answers for answers in items if len(answers) > 1]
    everything = [answer for answers in paired for answer in answers]
    if not everything:
        return float("nan")
    within = sum(
        2.0 * sum(distance(one, other) for one, other in combinations(answers, 2)) / (len(answers) - 1)
        for answers in paired
    ) / len(everything)
    if len(everything) * (len(everything) - 1) // 2 <= pairs:
        chosen = list(combinations(range(len(everything)), 2))
    else:
        first = generator.integers(len(everything), size=pairs)
        step = generator.integers(1, len(everything), size=pairs)
        chosen = list(zip(first.tolist(), ((first + step) % len(everything)).tolist(), strict=True))
    between = sum(distance(everything[one], everything[other]) for one, other in chosen) / len(chosen)
    return float("nan") if between == 0 else 1.0 - within / between


def bootstrap_interval(
    statistic: Callable[[Floats], float],
    counts: Floats,
    generator: np.random.Generator,
    *,
    rounds: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Percentile interval of `statistic(counts)` over items drawn with replacement; NaN draws are left out."""
    size = len(counts)
    drawn = np.array([statistic(counts[generator.integers(size, size=size)]) for _ in range(rounds)] if size else [])
    drawn = drawn[~np.isnan(drawn)]
    if len(drawn) == 0:
        return Interval(float("nan"), float("nan"))
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    return Interval(float(low), float(high))


def _pair_agreement(counts: Floats, answers: Floats) -> Floats:
    agreeing = np.einsum("ik,ik->i", counts, counts) - answers
    return np.asarray(agreeing / (answers * (answers - 1.0)), np.float64)


def _squared_distances(metric: Metric | Floats, totals: Floats, values: Floats | None) -> Floats:
    if isinstance(metric, np.ndarray):
        return metric
    count = len(totals)
    if metric == "nominal":
        return 1.0 - np.eye(count)
    if metric == "ordinal":
        # (sum of n_g from c to k - (n_c + n_k) / 2)^2
        middle = np.cumsum(totals) - totals / 2.0
        return np.asarray((middle[:, None] - middle[None, :]) ** 2, np.float64)
    numbers = np.arange(1.0, count + 1.0) if values is None else values
    difference = numbers[:, None] - numbers[None, :]
    if metric == "interval":
        return np.asarray(difference**2, np.float64)
    total = numbers[:, None] + numbers[None, :]
    ratio = np.divide(difference, total, out=np.zeros_like(difference), where=total != 0)
    return np.asarray(ratio**2, np.float64)
