"""Coefficients against published worked examples; sources beside each."""

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.qa.domain.agreement_coefficients import (
    CountedPattern,
    QuestionAgreement,
    SampledDistances,
    of_classes,
    of_distances,
    of_pair,
)
from services.qa.domain.agreement_counts import UNITS, GivenAnswer, counted_answers
from shared.kit.clock import new_id

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


def agreement(counts: Sequence[Sequence[int]]) -> QuestionAgreement:
    """Of items by how often each class was answered."""
    texts = Counter(
        json.dumps([str(label) for label, count in enumerate(row) for _ in range(count)])
        for row in counts
        if sum(row) >= 2
    )
    return of_classes([CountedPattern(text, records, 0) for text, records in texts.items()])


def counts_from(ratings: list[list[int]]) -> list[list[int]]:
    most = max(max(row) for row in ratings)
    return [[column.count(label) for label in range(1, most + 1)] for column in zip(*ratings, strict=True)]


def counts_from_confusion(confusion: list[list[int]]) -> list[list[int]]:
    rows = []
    for one, row in enumerate(confusion):
        for other, times in enumerate(row):
            counts = [0] * len(confusion)
            counts[one] += 1
            counts[other] += 1
            rows += [counts] * times
    return rows


def fleiss_counts() -> list[list[int]]:
    return [[int(digit) for digit in row] for row in FLEISS_1971.split()]


@pytest.mark.parametrize(
    ("ratings", "expected"), [(KRIPPENDORFF_C, 0.74342), (KRIPPENDORFF_B, 0.692), (WIKIPEDIA_ALPHA, 0.691)]
)
def test_alpha_is_the_published_one(ratings: list[list[int]], expected: float) -> None:
    assert agreement(counts_from(ratings)).krippendorff_alpha.value == pytest.approx(expected, abs=6e-4)


def test_alpha_of_two_observers_is_the_published_one() -> None:
    found = agreement(counts_from_confusion(GWET_ABSTRACTORS))
    assert found.krippendorff_alpha.value == pytest.approx(0.79726, abs=1e-5)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [(counts_from(KRIPPENDORFF_C), 0.81818), (counts_from_confusion(GWET_ABSTRACTORS), 0.89)],
)
def test_percent_agreement_is_the_published_one(counts: list[list[int]], expected: float) -> None:
    found = agreement(counts).percent_agreement
    assert found is not None
    assert found.value == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (fleiss_counts(), 0.43024),
        (WIKIPEDIA_FLEISS, 0.20993),
        (counts_from_confusion(GWET_ABSTRACTORS), 0.79624),  # of two raters it is Scott's pi
        (counts_from_confusion([[20, 5], [10, 15]]), 0.39394),
    ],
)
def test_fleiss_kappa_is_the_published_one(counts: list[list[int]], expected: float) -> None:
    found = agreement(counts).fleiss_kappa
    assert found is not None
    assert found.value == pytest.approx(expected, abs=1e-5)
    assert found.low is not None
    assert found.high is not None
    assert found.low < expected < found.high
    assert agreement(counts).fleiss_kappa == found, "its interval is drawn from one seed"


@pytest.mark.parametrize(
    ("confusion", "expected"), [(COHEN_1968, 0.492), (GWET_ABSTRACTORS, 0.79641), ([[20, 5], [10, 15]], 0.4)]
)
def test_cohen_kappa_is_the_published_one(confusion: list[list[int]], expected: float) -> None:
    cells = {(str(one), str(other)): count for one, row in enumerate(confusion) for other, count in enumerate(row)}
    found = of_pair(("ada", "bob"), cells)
    assert found.records == sum(cells.values())
    assert found.kappa.value == pytest.approx(expected, abs=5e-4)


def test_nothing_to_compare_is_undefined() -> None:
    single = agreement([[1, 0, 0], [0, 1, 0]])
    assert single.krippendorff_alpha.value is None
    alike = agreement([[3, 0], [2, 0]])  # nothing varies
    assert alike.krippendorff_alpha.value is None
    assert alike.fleiss_kappa is not None
    assert alike.fleiss_kappa.value is None
    assert of_pair(("ada", "bob"), {("a", "a"): 5}).kappa.value is None


def test_alpha_of_distances_agrees_with_that_of_classes() -> None:
    """With the distance 0 or 1 between two classes."""
    columns = [[value for value in column if value] for column in zip(*KRIPPENDORFF_C, strict=True)]
    columns = [column for column in columns if len(column) > 1]
    patterns: Counter[str] = Counter()
    units: Counter[str] = Counter()
    for column in columns:
        unequal = sum(one != other for at, one in enumerate(column) for other in column[:at])
        text = json.dumps([len(column), round(unequal / (len(column) * (len(column) - 1) / 2) * 100)])
        patterns[text] += 1
        units[text] += unequal * UNITS
    pairs = [(one, other) for at, one in enumerate(columns) for other in columns[:at]]
    sampled = SampledDistances(
        sum(UNITS * (one != other) for ones, others in pairs for one in ones for other in others),
        sum(len(ones) * len(others) for ones, others in pairs),
    )
    found = of_distances([CountedPattern(text, patterns[text], units[text]) for text in patterns], sampled)
    assert found.krippendorff_alpha.value == pytest.approx(0.74342, abs=1e-5)


matrices = st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=2, max_size=8)


@given(matrices, st.randoms(use_true_random=False))
@settings(max_examples=6)
def test_agreement_does_not_depend_on_the_order_of_classes(counts: list[list[int]], random: object) -> None:
    classes = list(range(3))
    random.shuffle(classes)  # type: ignore[attr-defined]
    found, shuffled = agreement(counts), agreement([[row[label] for label in classes] for row in counts])
    for name in ("percent_agreement", "fleiss_kappa", "krippendorff_alpha"):
        assert getattr(found, name).value == getattr(shuffled, name).value
        assert getattr(found, name).value is None or getattr(found, name).value <= 1.0


@given(matrices)
@settings(max_examples=6)
def test_full_agreement_is_one(counts: list[list[int]]) -> None:
    found = agreement([[sum(row) if label == int(np.argmax(row)) else 0 for label in range(3)] for row in counts])
    for name in ("percent_agreement", "fleiss_kappa", "krippendorff_alpha"):
        assert getattr(found, name).value in {None, 1.0}


@pytest.mark.parametrize(
    ("due_total", "roles", "due"),
    [
        (2, ["vote", "vote", "vote"], [True, True, False]),
        (2, ["vote", "void", "vote"], [True, False]),
        (2, ["void", "decision", "late"], [True]),
        (2, ["gold", "gold", "gold"], [True, True, False]),
        (0, ["vote", "vote"], [False, False]),
    ],
)
def test_the_first_answers_of_the_first_round_are_due(due_total: int, roles: list[str], due: list[bool]) -> None:
    given = [GivenAnswer(new_id(), role, 1, 1, {"animal": {"label": "cat"}}) for role in roles]
    assert [one.due for one in counted_answers(due_total, given)] == due


def test_answers_of_later_rounds_and_erased_ones_are_never_due() -> None:
    answers = {"animal": {"label": "cat"}}
    given = [GivenAnswer(new_id(), "vote", 1, 1, None), GivenAnswer(new_id(), "vote", 2, 1, answers)]
    assert [one.due for one in counted_answers(2, given)] == [False]
