"""The intervals of agreement hold the truth as often as they promise: few and many records and annotators, rare classes, gaps.

Records are simulated with a known truth; annotators answer it, or with a known share any class by how common it is, and more
often so on hard records. The true coefficients are those of very many records. TOUCHSTONE_GATE_ROUNDS sets how many projects
are simulated in each case.
"""

import json
import os
from collections import Counter
from functools import cache
from itertools import combinations
from math import sqrt

import numpy as np
import pytest

from bench import _textbook
from services.qa.domain.agreement_coefficients import Coefficient, QuestionAgreement, of_classes
from services.qa.domain.agreement_counts import UNITS, CountChanges
from services.qa.domain.class_tables import CountedPattern
from services.qa.domain.class_weights import ClassScale
from services.qa.domain.distance_agreement import SampledDistances, SampledRecord, of_distances
from services.qa.domain.intraclass import icc_1, icc_2

ROUNDS = int(os.environ.get("TOUCHSTONE_GATE_ROUNDS", "120"))
MANY = 200_000
COMMON, RARE, FIVE = (0.5, 0.5), (0.95, 0.05), (0.2,) * 5
NAMES = ("percent_agreement", "fleiss_kappa", "krippendorff_alpha", "gwet_ac1")


def answers(
    generator: np.random.Generator, records: int, annotators: int, shares: tuple[float, ...], lapse: float, gaps: float
) -> np.ndarray:
    """(records, annotators) classes, -1 where there is no answer; a tenth of the records is hard."""
    truth = generator.choice(len(shares), records, p=shares)
    lapses = np.where(generator.random(records) < 0.1, 0.5, lapse)[:, None] * np.linspace(0.7, 1.3, annotators)
    other = generator.choice(len(shares), (records, annotators), p=shares)
    given = np.where(generator.random((records, annotators)) < lapses, other, truth[:, None])
    return np.where(generator.random((records, annotators)) < gaps, -1, given)


def measured(given: np.ndarray, classes: int) -> QuestionAgreement:
    texts = Counter(json.dumps(sorted(str(one) for one in row if one >= 0)) for row in given)
    scale = ClassScale(tuple(str(one) for one in range(classes)))
    return of_classes([CountedPattern(text, times, 0) for text, times in texts.items() if text != "[]"], scale)


def truths(given: np.ndarray, classes: int) -> dict[str, float]:
    counts = np.stack([(given == one).sum(axis=1) for one in range(classes)], axis=1).astype(np.float64)
    percent = _textbook.percent_agreement(counts)
    shares = (counts / np.maximum(1.0, counts.sum(axis=1))[:, None])[counts.sum(axis=1) > 0].mean(axis=0)
    chance = float((shares * (1.0 - shares)).sum()) / (classes - 1)
    return {
        "percent_agreement": percent,
        "fleiss_kappa": _textbook.fleiss_kappa(counts),
        "krippendorff_alpha": _textbook.krippendorff_alpha(counts),
        "gwet_ac1": (percent - chance) / (1.0 - chance),
    }


def holds(coefficient: Coefficient, truth: float) -> bool | None:
    """Whether its interval holds the truth; None where it is not defined."""
    if coefficient.value is None:
        return None
    assert coefficient.low is not None
    assert coefficient.high is not None
    return coefficient.low <= truth <= coefficient.high


def covered(held: list[bool | None]) -> float:
    defined = [one for one in held if one is not None]
    return sum(defined) / len(defined)


def least(rounds: int) -> float:
    """Of so many projects: .93, less three standard deviations of chance."""
    return 0.93 - 3 * sqrt(0.93 * 0.07 / rounds)


CASES = [
    (2, COMMON, 0.2, 0.0),
    (2, RARE, 0.2, 0.0),
    (2, FIVE, 0.05, 0.3),
    (3, COMMON, 0.05, 0.0),
    (3, RARE, 0.2, 0.3),
    (5, RARE, 0.2, 0.0),
    (5, FIVE, 0.5, 0.0),
    (10, COMMON, 0.2, 0.3),
    (10, FIVE, 0.05, 0.0),
]


@cache
def coverage(records: int, annotators: int, shares: tuple[float, ...], lapse: float, gaps: float) -> dict[str, float]:
    generator = np.random.default_rng([records, annotators, len(shares), int(100 * lapse)])
    truth = truths(answers(generator, MANY, annotators, shares, lapse, gaps), len(shares))
    held: dict[str, list[bool | None]] = {name: [] for name in NAMES}
    for _ in range(ROUNDS):
        found = measured(answers(generator, records, annotators, shares, lapse, gaps), len(shares))
        for name in NAMES:
            held[name].append(holds(getattr(found, name), truth[name]))
    return {name: covered(held[name]) for name in NAMES}


@pytest.mark.parametrize("records", [20, 50, 200])
@pytest.mark.parametrize("case", CASES)
def test_the_intervals_of_classes_hold_the_truth(
    records: int, case: tuple[int, tuple[float, ...], float, float]
) -> None:
    found = coverage(records, *case)
    assert min(found.values()) >= least(ROUNDS), found


@pytest.mark.parametrize(("records", "most"), [(20, 0.985), (50, 0.975), (200, 0.97)])
@pytest.mark.parametrize("name", NAMES)
def test_over_all_cases_the_intervals_are_neither_too_narrow_nor_too_wide(name: str, records: int, most: float) -> None:
    """With 20 records and a rare class they are wide, for such records show next to nothing."""
    shares = [coverage(records, *case)[name] for case in CASES]
    assert 0.935 <= float(np.mean(shares)) <= most, shares


def marks(generator: np.random.Generator, records: int, annotators: int, lapse: float) -> np.ndarray:
    """(records, annotators, 8) answers that mark some of eight places, as spans and boxes do."""
    truth = generator.random((records, 1, 8)) < 0.35
    lapses = np.where(generator.random((records, 1, 1)) < 0.1, 0.45, lapse)
    shape = (records, annotators, 8)
    return np.where(generator.random(shape) < lapses, generator.random(shape) < 0.35, truth)


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """1 - F1 of the marks."""
    both, total = (one & other).sum(axis=-1), one.sum(axis=-1) + other.sum(axis=-1)
    return np.asarray(np.where(total == 0, 0.0, 1.0 - 2.0 * both / np.maximum(1, total)))


def alpha_of(given: np.ndarray) -> Coefficient:
    """By the counts that are kept up, with the sample that is taken."""
    records, annotators, _ = given.shape
    pairs = list(combinations(range(annotators), 2))
    within = sum(np.rint(distances(given[:, one], given[:, other]) * UNITS) for one, other in pairs)
    changes = CountChanges()
    for units in within:
        changes.add({"1": {"marks": {"answers": annotators, "units": int(units)}}}, 1)
    sample = given[: min(records, 100, -(-200 // annotators))]
    between = np.rint(distances(sample[:, None, :, None], sample[None, :, None, :]) * UNITS).sum(axis=(2, 3))
    np.fill_diagonal(between, 0)
    sampled = [SampledRecord(annotators, int(own), int(row.sum())) for own, row in zip(within, between, strict=False)]
    counted = [CountedPattern(one.text, times, changes.units[one]) for one, times in changes.records.items()]
    return of_distances(counted, SampledDistances.of(sampled)).krippendorff_alpha


@pytest.mark.parametrize(
    ("records", "annotators", "lapse"), [(20, 2, 0.02), (20, 3, 0.1), (50, 2, 0.5), (200, 5, 0.1), (1000, 2, 0.1)]
)
def test_the_interval_by_distances_holds_the_truth(records: int, annotators: int, lapse: float) -> None:
    generator = np.random.default_rng([records, annotators])
    many = marks(generator, MANY // 4, annotators, lapse)
    within = np.mean([distances(many[:, one], many[:, two]).mean() for one, two in combinations(range(annotators), 2)])
    truth = 1.0 - float(within) / float(distances(many[:-1, 0], many[1:, 1]).mean())
    held = [holds(alpha_of(marks(generator, records, annotators, lapse)), truth) for _ in range(ROUNDS)]
    assert covered(held) >= least(ROUNDS)


@pytest.mark.parametrize("tails", ["normal", "heavy"])
@pytest.mark.parametrize(("records", "annotators"), [(20, 3), (200, 2), (200, 5)])
def test_the_intervals_of_intraclass_correlations_hold_the_truth(records: int, annotators: int, tails: str) -> None:
    """Heavy: Student's t with 6 degrees of freedom."""
    generator = np.random.default_rng([records, annotators])
    between, apart, noise = 0.6, 0.1, 0.3
    offsets = np.linspace(-1.0, 1.0, annotators)
    offsets *= (apart / offsets.var(ddof=1)) ** 0.5

    def drawn(*shape: int) -> np.ndarray:
        if tails == "normal":
            return np.asarray(generator.normal(size=shape))
        return np.asarray(generator.standard_t(6, shape)) / sqrt(1.5)

    one_way, two_ways = [], []
    for _ in range(ROUNDS):
        level, residual = drawn(records, 1) * between**0.5, drawn(records, annotators) * noise**0.5
        gaps = generator.random((records, annotators)) < 0.2
        rows = [row[~gap].tolist() for row, gap in zip(level + residual, gaps, strict=True)]
        one_way.append(holds(icc_1(rows).single, between / (between + noise)))
        two_ways.append(holds(icc_2(level + residual + offsets).single, between))
    # at 20 records of heavy tails .90 is what there is
    lowest = least(ROUNDS) - (0.03 if tails == "heavy" else 0.0)
    assert covered(one_way) >= lowest
    assert covered(two_ways) >= lowest
