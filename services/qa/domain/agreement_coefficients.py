"""Coefficients of agreement from counts of patterns: exact values, and bootstrap intervals over records.

Values are computed in rational numbers and rounded once, so equal counts give equal values to the last digit. An interval
draws records with replacement, which for patterns is a multinomial draw; the same counts give the same draws.

Sources: Fleiss 1971 (Psychological Bulletin 76), generalised to unequal numbers of answers; Cohen 1960 (Educational and
Psychological Measurement 20); Krippendorff 2011, "Computing Krippendorff's alpha-reliability".
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, NamedTuple

import numpy as np
from scipy import sparse

from services.qa.domain.agreement_counts import BASIS, LEFT_OUT, UNITS
from services.qa.domain.arrays import Floats, Integers

_SEED: Final = 20_240_229
_ROUNDS: Final = 1000
_LEAST_ROUNDS: Final = 100
_PAIR_ROUNDS: Final = 200
_MOST_DRAWS: Final = 20_000_000
_CELLS_AT_ONCE: Final = 4_000_000
_TAILS: Final = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Coefficient:
    """With its 95 % interval. None where it is not defined: nothing varies, or nobody answered the same record."""

    value: float | None
    low: float | None
    high: float | None


UNDEFINED: Final = Coefficient(None, None, None)


@dataclass(frozen=True, slots=True)
class CountedPattern:
    """`records` have the pattern `text`; `units`: the distances between the answers of each, summed over all."""

    text: str
    records: int
    units: int


@dataclass(frozen=True, slots=True)
class SampledDistances:
    """Distances between answers of different records: `units` over `pairs` of them."""

    units: int
    pairs: int


@dataclass(frozen=True, slots=True)
class PairKappa:
    annotators: tuple[str, str]
    records: int
    kappa: Coefficient


@dataclass(frozen=True, slots=True)
class QuestionAgreement:
    """`records`: those with at least two due answers, `annotations`: these answers. Kappas only of classes.

    `records_left_out`: those with at least two answers of which none counts, `annotations_left_out`: all answers to records
    with at least two that don't count.
    """

    records: int
    annotations: int
    percent_agreement: Coefficient | None
    fleiss_kappa: Coefficient | None
    krippendorff_alpha: Coefficient
    basis: str = BASIS
    records_left_out: int = 0
    annotations_left_out: int = 0


def of_classes(patterns: Sequence[CountedPattern]) -> QuestionAgreement:
    """Measure a question that chooses one class: nominal coefficients."""
    counted, left_out = _split(patterns)
    labels = [Counter(json.loads(one.text)) for one in counted]
    records = sum(one.records for one in counted)
    sizes = [sum(one.values()) for one in labels]
    if not records:
        return QuestionAgreement(
            0,
            0,
            UNDEFINED,
            UNDEFINED,
            UNDEFINED,
            records_left_out=left_out.records,
            annotations_left_out=left_out.annotations,
        )
    squares = [sum(count * count for count in one.values()) for one in labels]
    agreeing, unequal = Fraction(), Fraction()  # pairs of equal answers, by size; coincidences of unequal ones
    totals: Counter[str] = Counter()
    by_size: dict[int, list[int]] = {}
    shares_by_size: dict[int, Counter[str]] = {}
    for pattern, counts, size, square in zip(counted, labels, sizes, squares, strict=True):
        sums = by_size.setdefault(size, [0, 0])
        sums[0] += pattern.records * (square - size)
        sums[1] += pattern.records * (size * size - square)
        for label, count in counts.items():
            totals[label] += pattern.records * count
            shares_by_size.setdefault(size, Counter())[label] += pattern.records * count
    for size, (equal, different) in by_size.items():
        agreeing += Fraction(equal, size * (size - 1))
        unequal += Fraction(different, size - 1)
    observed = agreeing / records
    expected = sum(
        ((sum((Fraction(by[label], size) for size, by in shares_by_size.items()), Fraction()) / records) ** 2)
        for label in totals
    )
    answers = sum(totals.values())
    chance = answers * answers - sum(total * total for total in totals.values())
    draw = _ClassDraws(counted, labels, sizes, squares)
    return QuestionAgreement(
        records=records,
        annotations=answers,
        percent_agreement=_coefficient(observed, draw, _ClassDraws.percent_agreement),
        fleiss_kappa=_coefficient(
            None if expected == 1 else (observed - expected) / (1 - expected), draw, _ClassDraws.fleiss_kappa
        ),
        krippendorff_alpha=_coefficient(
            None if chance == 0 else 1 - (answers - 1) * unequal / chance, draw, _ClassDraws.krippendorff_alpha
        ),
        records_left_out=left_out.records,
        annotations_left_out=left_out.annotations,
    )


def of_distances(patterns: Sequence[CountedPattern], sampled: SampledDistances) -> QuestionAgreement:
    """Measure any other question by its kind's distance; the interval holds the disagreement by chance fixed.

    That is the mean distance between any two answers: within records it is known exactly, between records from a sample.
    """
    counted, left_out = _split(patterns)
    shades: list[tuple[int, int]] = [tuple(json.loads(one.text)) for one in counted]
    records = sum(one.records for one in counted)
    answers = sum(one.records * size for one, (size, _) in zip(counted, shades, strict=True))
    if not records:
        return QuestionAgreement(
            0, 0, None, None, UNDEFINED, records_left_out=left_out.records, annotations_left_out=left_out.annotations
        )
    units_by_size: Counter[int] = Counter()
    pairs_within = 0
    for one, (size, _) in zip(counted, shades, strict=True):
        units_by_size[size] += one.units
        pairs_within += one.records * size * (size - 1) // 2
    within = sum((Fraction(2 * units, size - 1) for size, units in units_by_size.items()), Fraction()) / answers
    pairs = answers * (answers - 1) // 2
    apart = Fraction(sampled.units, sampled.pairs) if sampled.pairs else Fraction()
    chance = (sum(units_by_size.values()) + (pairs - pairs_within) * apart) / pairs
    alpha = None if chance == 0 else 1 - within / chance
    sizes = np.array([size for size, _ in shades], np.float64)
    means = np.array([one.units / one.records / UNITS for one in counted]) * 2.0 / (sizes - 1.0)

    def statistic(weights: Floats) -> Floats:
        return np.asarray(1.0 - (weights @ means) / (weights @ sizes) / (float(chance) / UNITS), np.float64)

    interval = _interval(np.array([one.records for one in counted], np.int64), statistic, _ROUNDS)
    return QuestionAgreement(
        records,
        answers,
        None,
        None,
        _rounded(alpha, interval),
        records_left_out=left_out.records,
        annotations_left_out=left_out.annotations,
    )


class _LeftOut(NamedTuple):
    records: int
    annotations: int


def _split(patterns: Sequence[CountedPattern]) -> tuple[list[CountedPattern], _LeftOut]:
    """Return the patterns that count, in the order of their texts, and how much is left out."""
    counted = sorted((one for one in patterns if one.records and one.text != LEFT_OUT), key=lambda one: one.text)
    left_out = [one for one in patterns if one.text == LEFT_OUT]
    return counted, _LeftOut(sum(one.records for one in left_out), sum(one.units for one in left_out))


def of_pair(annotators: tuple[str, str], cells: Mapping[tuple[str, str], int]) -> PairKappa:
    """Cohen's kappa of two annotators; `cells`: how often the first answered one label and the second another."""
    cells = {labels: count for labels, count in sorted(cells.items()) if count}
    records = sum(cells.values())
    rows, columns = Counter[str](), Counter[str]()
    for (one, other), count in cells.items():
        rows[one] += count
        columns[other] += count
    equal = sum(count for (one, other), count in cells.items() if one == other)
    by_chance = sum(count * columns[label] for label, count in rows.items())
    unequal_by_chance = records * records - by_chance
    kappa = None if unequal_by_chance == 0 else 1 - Fraction(records * (records - equal), unequal_by_chance)
    labels = {label: at for at, label in enumerate(sorted({*rows, *columns}))}
    first = np.array([labels[one] for one, _ in cells], np.int64)
    second = np.array([labels[other] for _, other in cells], np.int64)
    of_first, of_second = np.eye(len(labels))[first], np.eye(len(labels))[second]

    def statistic(weights: Floats) -> Floats:
        drawn = weights.sum(axis=1)
        chance = 1.0 - np.einsum("rk,rk->r", weights @ of_first, weights @ of_second) / drawn**2
        return np.asarray(1.0 - (weights @ (first != second).astype(np.float64)) / drawn / chance, np.float64)

    interval = _interval(np.array(list(cells.values()), np.int64), statistic, _PAIR_ROUNDS)
    return PairKappa(annotators, records, _rounded(kappa, interval))


class _ClassDraws:
    """Statistics of drawn records; each method takes the (R, P) weights of the patterns in R draws."""

    def __init__(
        self,
        counted: Sequence[CountedPattern],
        labels: Sequence[Counter[str]],
        sizes: Sequence[int],
        squares: Sequence[int],
    ) -> None:
        self.records = np.array([one.records for one in counted], np.int64)
        self._sizes = np.array(sizes, np.float64)
        square = np.array(squares, np.float64)
        self._agreement = (square - self._sizes) / (self._sizes * (self._sizes - 1.0))
        self._unequal = (self._sizes**2 - square) / (self._sizes - 1.0)
        place = {label: at for at, label in enumerate(sorted(set().union(*labels)))}
        rows = [row for row, one in enumerate(labels) for _ in one]
        columns = [place[label] for one in labels for label in one]
        counts = [float(count) for one in labels for count in one.values()]
        self._counts = sparse.csr_array((counts, (rows, columns)), shape=(len(labels), len(place)))
        self._shares = sparse.csr_array(sparse.diags_array(1.0 / self._sizes) @ self._counts)

    def percent_agreement(self, weights: Floats) -> Floats:
        return np.asarray((weights @ self._agreement) / weights.sum(axis=1), np.float64)

    def fleiss_kappa(self, weights: Floats) -> Floats:
        drawn = weights.sum(axis=1)
        expected = (np.asarray((self._shares.T @ weights.T).T / drawn[:, None]) ** 2).sum(axis=1)
        return np.asarray(((weights @ self._agreement) / drawn - expected) / (1.0 - expected), np.float64)

    def krippendorff_alpha(self, weights: Floats) -> Floats:
        answers = weights @ self._sizes
        chance = answers**2 - (np.asarray((self._counts.T @ weights.T).T) ** 2).sum(axis=1)
        return np.asarray(1.0 - (answers - 1.0) * (weights @ self._unequal) / chance, np.float64)


def _coefficient(
    value: Fraction | int | None, draws: _ClassDraws, statistic: Callable[[_ClassDraws, Floats], Floats]
) -> Coefficient:
    return _rounded(value, _interval(draws.records, lambda weights: statistic(draws, weights), _ROUNDS))


def _rounded(value: Fraction | int | None, interval: tuple[float | None, float | None]) -> Coefficient:
    return Coefficient(None if value is None else float(value), *interval)


def _interval(
    records: Integers, statistic: Callable[[Floats], Floats], rounds: int
) -> tuple[float | None, float | None]:
    """Percentiles of the statistic over draws of as many records with replacement; undefined draws are left out."""
    rounds = min(rounds, max(_LEAST_ROUNDS, _MOST_DRAWS // len(records)))
    generator = np.random.default_rng(_SEED)
    total = int(records.sum())
    at_once = max(1, _CELLS_AT_ONCE // len(records))
    found: list[Any] = []
    with np.errstate(all="ignore"):
        for first in range(0, rounds, at_once):
            size = min(at_once, rounds - first)
            weights = generator.multinomial(total, records / total, size=size).astype(np.float64)
            found.append(statistic(weights))
    drawn = np.concatenate(found)
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) == 0:
        return None, None
    low, high = np.quantile(drawn, _TAILS)
    return float(low), float(high)
