"""Krippendorff's alpha by the distance of any kind of answer: 1 - the mean distance within records over that by chance.

The mean distance by chance is that of any two answers: within records it is known exactly, between records from a sample. How far
the sample may be off, and how it goes with the distance within records, comes from leaving out one sampled record at a time
(the jackknife; Efron and Stein 1981, The Annals of Statistics 9) and is part of the interval.

Source: Krippendorff 2011, "Computing Krippendorff's alpha-reliability"; with distances that are no squares, Krippendorff 2018,
"Content Analysis", 4th edition, chapter 12.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import sqrt
from typing import Final

import numpy as np

from services.qa.domain.agreement_coefficients import Coefficient, QuestionAgreement, counted_patterns, nothing_yet
from services.qa.domain.agreement_counts import LEFT_OUT, UNITS
from services.qa.domain.agreement_intervals import (
    AGREEING_MASS,
    DIFFERING_MASS,
    Interval,
    differing,
    intervals,
    widening,
)
from services.qa.domain.arrays import Floats
from services.qa.domain.class_tables import CountedPattern, Estimate, estimate_of

_NOISE: Final = 400.0
"""The mass of a column whose weight is close to normal, with mean 400 and deviation 20."""


@dataclass(frozen=True, slots=True)
class SampledRecord:
    """`answers` to it, the `within` distances of their pairs, summed, and the `between` ones to all others of the sample."""

    answers: int
    within: int
    between: int


@dataclass(frozen=True, slots=True)
class SampledDistances:
    """Distances between answers of different records: `units` over `pairs` of them, from so many `records`.

    `relative_error`: the standard error of their mean as a share of it. `slope`: by what share of it that mean rises when the
    mean distance within records rises by one.
    """

    units: int
    pairs: int
    records: int = 0
    relative_error: float = 0.0
    slope: float = 0.0

    @classmethod
    def of(cls, sample: Sequence[SampledRecord]) -> "SampledDistances":
        answers = sum(one.answers for one in sample)
        units = sum(one.between for one in sample) // 2
        pairs = sum(one.answers * (answers - one.answers) for one in sample) // 2
        if len(sample) < 3 or units == 0:  # noqa: PLR2004  # of two, nothing is left to compare when one is left out
            return cls(units, pairs, len(sample))
        sizes = np.array([one.answers for one in sample], np.float64)
        between = np.array([one.between for one in sample], np.float64)
        own = np.array([one.within for one in sample], np.float64) * 2.0 / np.maximum(1.0, sizes - 1.0) / UNITS
        means = (units - between) / (pairs - sizes * (answers - sizes)) / (units / pairs)
        within = (own.sum() - own) / (answers - sizes)
        means, within = means - means.mean(), within - within.mean()
        scale = (len(sample) - 1) / len(sample)
        spread = float(within @ within)
        return cls(
            units,
            pairs,
            len(sample),
            sqrt(scale * float(means @ means)),
            float(within @ means) / spread if spread > 0.0 else 0.0,
        )


@dataclass(frozen=True, slots=True)
class _Within:
    """Of S shades: records (S,), sizes (S,) and what each record adds to the distance within, size x mean distance (S,)."""

    records: Floats
    sizes: Floats
    distances: Floats


def of_distances(patterns: Sequence[CountedPattern], sampled: SampledDistances) -> QuestionAgreement:
    """Measure a question of any kind but one of classes."""
    counted = counted_patterns(patterns)
    left_out = [one for one in patterns if one.text == LEFT_OUT]
    shades: list[tuple[int, int]] = [tuple(json.loads(one.text)) for one in counted]
    records = sum(one.records for one in counted)
    answers = sum(one.records * size for one, (size, _) in zip(counted, shades, strict=True))
    found = nothing_yet(classes=False, ordered=False)
    if records:
        sizes = [size for size, _ in shades]
        alpha = _alpha(counted, sizes, answers, sampled)
        found = replace(found, records=records, annotations=answers, krippendorff_alpha=alpha)
    return replace(
        found,
        records_left_out=sum(one.records for one in left_out),
        annotations_left_out=sum(one.units for one in left_out),
    )


def _alpha(
    counted: Sequence[CountedPattern], sizes: Sequence[int], answers: int, sampled: SampledDistances
) -> Coefficient:
    records = sum(one.records for one in counted)
    units_by_size: Counter[int] = Counter()
    pairs_within = 0
    for one, size in zip(counted, sizes, strict=True):
        units_by_size[size] += one.units
        pairs_within += one.records * size * (size - 1) // 2
    within = sum((Fraction(2 * units, size - 1) for size, units in units_by_size.items()), Fraction()) / answers
    pairs = answers * (answers - 1) // 2
    apart = Fraction(sampled.units, sampled.pairs) if sampled.pairs else Fraction()
    chance = (sum(units_by_size.values()) + (pairs - pairs_within) * apart) / pairs
    if chance == 0:
        return Coefficient(None, None, None, None, records, answers)
    value = float(1 - within / chance)
    shares = _Within(
        np.array([one.records for one in counted], np.float64),
        np.array(sizes, np.float64),
        np.array(
            [2.0 * one.units / one.records / UNITS / (size - 1) for one, size in zip(counted, sizes, strict=True)]
        ),
    )
    by_chance = float(chance) / UNITS
    estimate = _estimate(shares, by_chance, sampled, value)
    interval = _interval(shares, by_chance, sampled, estimate)
    return Coefficient(value, *interval, estimate.standard_error, records, answers)


def _interval(shares: _Within, by_chance: float, sampled: SampledDistances, estimate: Estimate) -> Interval:
    records = float(shares.records.sum())
    mean_size = float(shares.records @ shares.sizes) / records
    differ = shares.distances > 0.0
    observed = float(shares.records[differ] @ (shares.distances / shares.sizes)[differ])
    added = mean_size * differing(mean_size, observed, float(shares.records[differ].sum()))
    masses = np.r_[shares.records, AGREEING_MASS, DIFFERING_MASS, _NOISE]

    def statistics(weights: Floats) -> Floats:
        patterns, agreeing, unequal = weights[:, :-3], weights[:, -3], weights[:, -2]
        noise = (weights[:, -1] - _NOISE) / sqrt(_NOISE)
        within = (patterns @ shares.distances + unequal * added) / (
            patterns @ shares.sizes + mean_size * (agreeing + unequal)
        )
        moved = sampled.slope * (within - within.mean())
        left = widening(sampled.records) * sqrt(max(0.0, sampled.relative_error**2 - float(moved.var())))
        return np.asarray(1.0 - within / (by_chance * np.maximum(0.01, 1.0 + moved + left * noise)), np.float64)[None]

    return intervals(masses, [estimate], statistics)[0]


def _estimate(shares: _Within, by_chance: float, sampled: SampledDistances, value: float) -> Estimate:
    """With the standard error of the ratio of two means, that go together as in the sample."""
    records = float(shares.records.sum())
    answers = float(shares.records @ shares.sizes)
    within = float(shares.records @ shares.distances) / answers
    deviations = (shares.distances - within * shares.sizes) * records / answers
    of_within = estimate_of(value, deviations, shares.records, int(records))
    if of_within.standard_error is None:
        return of_within
    spread = of_within.standard_error**2
    moved = min(sampled.relative_error**2, sampled.slope**2 * spread)
    ratio = (1.0 / by_chance - (1.0 - value) * sampled.slope) ** 2 * spread
    error = sqrt(ratio + (1.0 - value) ** 2 * (sampled.relative_error**2 - moved))
    return replace(of_within, standard_error=error)
