"""Coefficients against published worked examples; sources beside each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.qa.domain.agreement import (
    alpha_of_answers,
    bootstrap_interval,
    cohen_kappa,
    counts_of,
    fleiss_kappa,
    krippendorff_alpha,
    percent_agreement,
)

# Krippendorff 2011, "Computing Krippendorff's alpha-reliability", example C (also Gwet's cac.raw4raters); 0: missing
KRIPPENDORFF_C = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
    [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
]
# the same paper, example B
KRIPPENDORFF_B = [
    [1, 1, 2, 2, 4, 3, 3, 3, 5, 4, 4, 1],
    [2, 1, 2, 2, 2, 3, 3, 3, 5, 4, 4, 4],
]
# Wikipedia, "Krippendorff's alpha", 3 observers x 15 units
WIKIPEDIA_ALPHA = [
    [0, 0, 0, 0, 0, 3, 4, 1, 2, 1, 1, 3, 3, 0, 3],
    [1, 0, 2, 1, 3, 3, 4, 3, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 2, 1, 3, 4, 4, 0, 2, 1, 1, 3, 3, 0, 4],
]
# Fleiss 1971, table 1: 30 subjects, 6 raters, 5 categories
FLEISS_1971 = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031
00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""
# Wikipedia, "Fleiss' kappa": 10 subjects, 14 raters
WIKIPEDIA_FLEISS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip
COHEN_1968 = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
GWET_ABSTRACTORS = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]


def counts_from(ratings: list[list[int]]) -> np.ndarray:
    table = np.array(ratings)
    observers, items = np.nonzero(table)
    return counts_of(items, table[observers, items] - 1, (table.shape[1], int(table.max())))


def counts_from_confusion(confusion: list[list[int]]) -> np.ndarray:
    rows = []
    for one, row in enumerate(confusion):
        for other, times in enumerate(row):
            counts = np.zeros(len(confusion))
            counts[one] += 1
            counts[other] += 1
            rows += [counts] * times
    return np.array(rows)


def fleiss_counts() -> np.ndarray:
    return np.array([[int(digit) for digit in row] for row in FLEISS_1971.split()], float)


@pytest.mark.parametrize(
    ("ratings", "metric", "expected"),
    [
        (KRIPPENDORFF_C, "nominal", 0.74342),
        (KRIPPENDORFF_C, "ordinal", 0.815),
        (KRIPPENDORFF_C, "interval", 0.849),
        (KRIPPENDORFF_C, "ratio", 0.797),
        (KRIPPENDORFF_B, "nominal", 0.692),
        (WIKIPEDIA_ALPHA, "nominal", 0.691),
        (WIKIPEDIA_ALPHA, "interval", 0.811),
    ],
)
def test_alpha_is_the_published_one(ratings: list[list[int]], metric: str, expected: float) -> None:
    assert krippendorff_alpha(counts_from(ratings), metric) == pytest.approx(expected, abs=6e-4)  # type: ignore[arg-type]


def test_alpha_takes_any_matrix_of_squared_distances() -> None:
    counts = counts_from(KRIPPENDORFF_C)
    values = np.arange(1.0, 6.0)
    squared = (values[:, None] - values[None, :]) ** 2
    assert krippendorff_alpha(counts, squared) == pytest.approx(krippendorff_alpha(counts, "interval"))


def test_alpha_of_two_observers_is_the_published_one() -> None:
    assert krippendorff_alpha(counts_from_confusion(GWET_ABSTRACTORS)) == pytest.approx(0.79726, abs=1e-5)


def test_percent_agreement_is_the_published_one() -> None:
    assert percent_agreement(counts_from(KRIPPENDORFF_C)) == pytest.approx(0.81818, abs=1e-5)
    assert percent_agreement(counts_from_confusion(GWET_ABSTRACTORS)) == pytest.approx(0.89)


def test_fleiss_kappa_is_the_published_one() -> None:
    assert fleiss_kappa(fleiss_counts()) == pytest.approx(0.43024, abs=1e-5)
    assert fleiss_kappa(np.array(WIKIPEDIA_FLEISS, float)) == pytest.approx(0.20993, abs=1e-5)


def test_fleiss_kappa_of_two_raters_is_scotts_pi() -> None:
    assert fleiss_kappa(counts_from_confusion(GWET_ABSTRACTORS)) == pytest.approx(0.79624, abs=1e-5)
    assert fleiss_kappa(counts_from_confusion([[20, 5], [10, 15]])) == pytest.approx(0.39394, abs=1e-5)


@pytest.mark.parametrize(
    ("confusion", "expected"), [(COHEN_1968, 0.492), (GWET_ABSTRACTORS, 0.79641), ([[20, 5], [10, 15]], 0.4)]
)
def test_cohen_kappa_is_the_published_one(confusion: list[list[int]], expected: float) -> None:
    assert cohen_kappa(np.array(confusion, float)) == pytest.approx(expected, abs=5e-4)


def test_weighted_kappa_is_the_published_one() -> None:
    disagreement = np.array([[0, 1, 3], [1, 0, 6], [3, 6, 0]], float)
    assert cohen_kappa(np.array(COHEN_1968, float), disagreement) == pytest.approx(0.348, abs=5e-4)


def test_nothing_to_compare_is_not_a_number() -> None:
    single = np.eye(3)
    assert np.isnan(percent_agreement(single))
    assert np.isnan(fleiss_kappa(single))
    assert np.isnan(krippendorff_alpha(single))
    assert np.isnan(krippendorff_alpha(np.array([[3.0, 0.0], [2.0, 0.0]])))  # nothing varies
    assert np.isnan(cohen_kappa(np.array([[5.0, 0.0], [0.0, 0.0]])))
    assert np.isnan(
        alpha_of_answers([[{"label": "a"}]], lambda one, other: float(one != other), np.random.default_rng(0))
    )


def test_single_answers_do_not_count() -> None:
    counts = counts_from(KRIPPENDORFF_C)
    more = np.vstack([counts, [[0, 0, 0, 0, 1]]])
    assert krippendorff_alpha(more) == pytest.approx(krippendorff_alpha(counts))
    assert fleiss_kappa(more) == pytest.approx(fleiss_kappa(counts))


def nominal(one: object, other: object) -> float:
    return float(one != other)


def test_alpha_of_answers_agrees_with_the_counts() -> None:
    table = np.array(KRIPPENDORFF_C)
    items = [[{"value": int(value)} for value in column if value] for column in table.T]
    generator = np.random.default_rng(0)
    assert alpha_of_answers(items, nominal, generator) == pytest.approx(0.74342, abs=1e-5)
    assert alpha_of_answers(items, nominal, generator, pairs=500) == pytest.approx(0.743, abs=0.05)


def test_the_bootstrap_is_repeatable_and_holds_the_estimate() -> None:
    counts = fleiss_counts()
    first, second = (bootstrap_interval(fleiss_kappa, counts, np.random.default_rng(1), rounds=200) for _ in range(2))
    assert first == second
    assert first.low < 0.43024 < first.high
    assert 0.1 < first.high - first.low < 0.5


matrices = st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=2, max_size=8).map(
    lambda rows: np.array(rows, float)
)


@given(matrices, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_agreement_does_not_depend_on_the_order_of_items_or_nominal_classes(counts: np.ndarray, random: object) -> None:
    items, classes = list(range(len(counts))), list(range(counts.shape[1]))
    random.shuffle(items)  # type: ignore[attr-defined]
    random.shuffle(classes)  # type: ignore[attr-defined]
    shuffled = counts[items][:, classes]
    for statistic in (percent_agreement, fleiss_kappa, krippendorff_alpha):
        assert statistic(shuffled) == pytest.approx(statistic(counts), nan_ok=True)
        assert np.isnan(statistic(counts)) or statistic(counts) <= 1.0 + 1e-9


@given(matrices)
@settings(max_examples=25, deadline=None)
def test_full_agreement_is_one(counts: np.ndarray) -> None:
    agreed = np.zeros_like(counts)
    agreed[np.arange(len(counts)), counts.argmax(axis=1)] = counts.sum(axis=1)
    for statistic in (fleiss_kappa, krippendorff_alpha, percent_agreement):
        assert np.isnan(statistic(agreed)) or statistic(agreed) == pytest.approx(1.0)
