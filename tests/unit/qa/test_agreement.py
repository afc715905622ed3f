"""Coefficients against published worked examples; sources beside each."""

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.qa.domain.agreement_coefficients import Coefficient, QuestionAgreement, of_classes
from services.qa.domain.agreement_counts import UNITS, GivenAnswer, contributions_of, counted_answers
from services.qa.domain.class_tables import ClassTable, CountedPattern, WeightedAgreement
from services.qa.domain.class_weights import (
    ClassScale,
    Weighting,
    class_weights,
    weights_of_disagreement,
)
from services.qa.domain.conger import conger_kappa
from services.qa.domain.distance_agreement import SampledDistances, SampledRecord, of_distances
from services.qa.domain.pair_agreement import PairTable, of_pair
from shared.contracts.answers import LabelSchema
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
# Cohen 1968, with the disagreement of each two classes
COHEN_1968 = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
COHEN_1968_DISAGREEMENT = [[0, 1, 3], [1, 0, 6], [3, 6, 0]]
# Gwet 2014, cont3x3abstractors
GWET_ABSTRACTORS = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]
TWO_BY_TWO = [[20, 5], [10, 15]]

Counts = Sequence[Sequence[int]]


def patterns(counts: Counts) -> list[CountedPattern]:
    """Of items by how often each class was answered."""
    texts = Counter(
        json.dumps([str(label) for label, count in enumerate(row, 1) for _ in range(count)])
        for row in counts
        if sum(row)
    )
    return [CountedPattern(text, records, 0) for text, records in texts.items()]


def scale(classes: int, *, ordered: bool = False) -> ClassScale:
    return ClassScale(tuple(str(label) for label in range(1, classes + 1)), ordered=ordered)


def agreement(counts: Counts, *, ordered: bool = False) -> QuestionAgreement:
    return of_classes(patterns(counts), scale(len(counts[0]), ordered=ordered))


def value(coefficient: Coefficient | None) -> float:
    assert coefficient is not None
    assert coefficient.value is not None
    return coefficient.value


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


def cells(confusion: list[list[int]]) -> dict[tuple[str, str], int]:
    return {(str(one), str(other)): count for one, row in enumerate(confusion, 1) for other, count in enumerate(row, 1)}


def fleiss_counts() -> list[list[int]]:
    return [[int(digit) for digit in row] for row in FLEISS_1971.split()]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("percent_agreement", 0.81818),
        ("fleiss_kappa", 0.76117),
        ("gwet_ac1", 0.77544),
        ("brennan_prediger", 0.77273),
        ("krippendorff_alpha", 0.74342),
    ],
)
def test_with_missing_answers_the_coefficients_are_the_published_ones(name: str, expected: float) -> None:
    """One item has a single answer, which counts in the shares of the classes."""
    found = agreement(counts_from(KRIPPENDORFF_C))
    assert value(getattr(found, name)) == pytest.approx(expected, abs=6e-6)
    assert (found.records, found.annotations, found.single_annotations) == (11, 40, 1)


def test_standard_errors_are_the_published_ones() -> None:
    found = agreement(counts_from(KRIPPENDORFF_C))
    assert found.krippendorff_alpha.standard_error == pytest.approx(0.14557, abs=6e-6)
    assert found.gwet_ac1 is not None
    assert found.gwet_ac1.standard_error is not None
    # published as the lower end of an interval by Student's t with 11 degrees of freedom: .461
    assert value(found.gwet_ac1) - 2.20099 * found.gwet_ac1.standard_error == pytest.approx(0.461, abs=6e-4)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gwet_ac2_quadratic", 0.91400),
        ("gwet_ac2_linear", 0.85874),
        ("gwet_ac2_ordinal", 0.89894),
        ("krippendorff_alpha_ordinal", 0.815),
    ],
)
def test_of_classes_in_order_the_coefficients_are_the_published_ones(name: str, expected: float) -> None:
    ordered = agreement(counts_from(KRIPPENDORFF_C), ordered=True).ordered
    digits = 6e-4 if expected == 0.815 else 6e-6
    assert value(getattr(ordered, name)) == pytest.approx(expected, abs=digits)


def test_congers_kappa_is_the_published_one() -> None:
    by_annotator = np.array([[row.count(label) for label in range(1, 6)] for row in KRIPPENDORFF_C])
    nominal = class_weights(Weighting.NOMINAL, 5)
    percent = value(agreement(counts_from(KRIPPENDORFF_C)).percent_agreement)
    assert conger_kappa(percent, by_annotator, nominal) == pytest.approx(0.76207, abs=6e-6)
    assert conger_kappa(percent, by_annotator[:1], nominal) is None


def test_congers_kappa_of_two_is_cohens() -> None:
    table = np.array(GWET_ABSTRACTORS)
    by_annotator = np.array([table.sum(axis=1), table.sum(axis=0)])
    found = conger_kappa(0.89, by_annotator, class_weights(Weighting.NOMINAL, 3))
    assert found == pytest.approx(0.79641, abs=6e-6)


@pytest.mark.parametrize(
    ("ratings", "disagreement", "expected"),
    [
        (KRIPPENDORFF_C, lambda one, other: (one - other) ** 2, 0.849),
        (
            KRIPPENDORFF_C,
            lambda one, other: round(25 * 36 * 49 * 64 * 81 * ((one - other) / (one + other)) ** 2),
            0.797,
        ),
        (WIKIPEDIA_ALPHA, lambda one, other: (one - other) ** 2, 0.811),
    ],
)
def test_alpha_takes_any_disagreement_of_two_classes(
    ratings: list[list[int]], disagreement: object, expected: float
) -> None:
    counts = counts_from(ratings)
    labels = range(1, len(counts[0]) + 1)
    weights = weights_of_disagreement([[disagreement(one, other) for other in labels] for one in labels])  # type: ignore[operator]
    table = ClassTable(patterns(counts), scale(len(labels), ordered=True))
    assert WeightedAgreement(table, weights).krippendorff().value == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize(
    ("ratings", "expected"), [(KRIPPENDORFF_C, 0.74342), (KRIPPENDORFF_B, 0.692), (WIKIPEDIA_ALPHA, 0.691)]
)
def test_alpha_is_the_published_one(ratings: list[list[int]], expected: float) -> None:
    assert agreement(counts_from(ratings)).krippendorff_alpha.value == pytest.approx(expected, abs=6e-4)


def test_of_two_observers_the_coefficients_are_the_published_ones() -> None:
    found = agreement(counts_from_confusion(GWET_ABSTRACTORS))
    assert value(found.krippendorff_alpha) == pytest.approx(0.79726, abs=6e-6)
    assert value(found.percent_agreement) == pytest.approx(0.89, abs=6e-6)
    assert value(found.gwet_ac1) == pytest.approx(0.84933, abs=6e-6)
    assert value(found.brennan_prediger) == pytest.approx(0.835, abs=6e-6)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (fleiss_counts(), 0.43024),
        (WIKIPEDIA_FLEISS, 0.20993),
        (counts_from_confusion(GWET_ABSTRACTORS), 0.79624),  # of two raters it is Scott's pi
        (counts_from_confusion(TWO_BY_TWO), 0.39394),
    ],
)
def test_fleiss_kappa_is_the_published_one(counts: list[list[int]], expected: float) -> None:
    found = agreement(counts).fleiss_kappa
    assert found is not None
    assert found.value == pytest.approx(expected, abs=6e-6)
    assert found.low is not None
    assert found.high is not None
    assert found.low < expected < found.high
    assert agreement(counts).fleiss_kappa == found, "its interval is drawn from one seed"


@pytest.mark.parametrize(
    ("confusion", "cohen", "scott", "gwet"),
    [
        (COHEN_1968, 0.492, None, None),
        (GWET_ABSTRACTORS, 0.79641, 0.79624, 0.84933),
        (TWO_BY_TWO, 0.4, 0.39394, 0.40594),
    ],
)
def test_the_coefficients_of_a_pair_are_the_published_ones(
    confusion: list[list[int]], cohen: float, scott: float | None, gwet: float | None
) -> None:
    found = of_pair(("ada", "bob"), cells(confusion), scale(len(confusion)))
    assert found.records == sum(cells(confusion).values())
    assert value(found.kappa) == pytest.approx(cohen, abs=5e-4 if scott is None else 6e-6)
    assert found.kappa_linear is None
    if scott is not None:
        assert value(found.scott_pi) == pytest.approx(scott, abs=6e-6)
    if gwet is not None:
        assert value(found.gwet_ac1) == pytest.approx(gwet, abs=6e-6)


def test_the_standard_errors_of_a_pair_are_the_published_ones() -> None:
    found = of_pair(("ada", "bob"), cells(GWET_ABSTRACTORS), scale(3))
    assert found.kappa.standard_error == pytest.approx(0.05891, abs=6e-6)
    assert found.gwet_ac1.standard_error == pytest.approx(0.04322, abs=6e-6)


def test_weighted_kappa_is_the_published_one() -> None:
    table = PairTable(cells(COHEN_1968), scale(3), ordered=True)
    (found,) = table.measure([(weights_of_disagreement(COHEN_1968_DISAGREEMENT), "cohen")])
    assert value(found) == pytest.approx(0.348, abs=5e-4)
    assert found.low is not None
    assert found.low < 0.348


def test_the_weighted_kappas_of_a_pair_follow_their_definition() -> None:
    found = of_pair(("ada", "bob"), cells(GWET_ABSTRACTORS), scale(3, ordered=True))
    shares = np.array(GWET_ABSTRACTORS) / 100
    apart = np.abs(np.subtract.outer(range(3), range(3)))
    for coefficient, disagreement in ((found.kappa_linear, apart), (found.kappa_quadratic, apart**2)):
        by_chance = np.outer(shares.sum(axis=1), shares.sum(axis=0))
        assert value(coefficient) == pytest.approx(1 - (shares * disagreement).sum() / (by_chance * disagreement).sum())


def test_nothing_to_compare_is_undefined() -> None:
    single = agreement([[1, 0, 0], [0, 1, 0]])
    assert (single.records, single.single_annotations) == (0, 2)
    assert single.krippendorff_alpha.value is None
    alike = agreement([[3, 0], [2, 0]])  # nothing varies
    assert alike.krippendorff_alpha == Coefficient(None, None, None, None, 2, 5)
    assert alike.fleiss_kappa is not None
    assert alike.fleiss_kappa.value is None
    assert value(alike.gwet_ac1) == 1.0
    assert of_pair(("ada", "bob"), {("a", "a"): 5}).kappa.value is None


@pytest.mark.parametrize(("records", "least", "most"), [(2, -1.0, 0.0), (20, 0.6, 0.85), (200, 0.95, 0.985)])
def test_perfect_agreement_on_few_records_is_not_certain(records: int, least: float, most: float) -> None:
    """Of n records without a disagreement, 3 / n may still have one (95 %, one-sided), and kappa doubles its share."""
    found = agreement([[2, 0], [0, 2]] * (records // 2))
    for coefficient in (found.fleiss_kappa, found.krippendorff_alpha, found.gwet_ac1):
        assert coefficient is not None
        assert (coefficient.value, coefficient.high) == (1.0, 1.0)
        assert coefficient.low is not None
        assert least <= coefficient.low <= most


def test_an_interval_narrows_with_the_records() -> None:
    counts = counts_from_confusion(TWO_BY_TWO)
    widths = []
    for times in (1, 4, 16):
        found = agreement(counts * times).krippendorff_alpha
        assert found.low is not None
        assert found.high is not None
        widths.append(found.high - found.low)
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.2)
    assert widths[1] / widths[2] == pytest.approx(2, rel=0.2)


def distances_of(columns: list[list[int]]) -> tuple[list[CountedPattern], SampledDistances]:
    """Of items by their answers: the patterns and the sampled distances, where different answers have the distance 1."""
    texts: Counter[str] = Counter()
    units: Counter[str] = Counter()
    sample = []
    for row, column in enumerate(columns):
        unequal = sum(one != other for at, one in enumerate(column) for other in column[:at])
        text = json.dumps([len(column), round(unequal / (len(column) * (len(column) - 1) / 2) * 100)])
        texts[text] += 1
        units[text] += unequal * UNITS
        others = [other for at, each in enumerate(columns) if at != row for other in each]
        between = sum(UNITS * (one != other) for one in column for other in others)
        sample.append(SampledRecord(len(column), unequal * UNITS, between))
    return [CountedPattern(text, texts[text], units[text]) for text in texts], SampledDistances.of(sample)


def test_alpha_of_distances_agrees_with_that_of_classes() -> None:
    columns = [[one for one in column if one] for column in zip(*KRIPPENDORFF_C, strict=True)]
    paired = [column for column in columns if len(column) > 1]
    found = of_distances(*distances_of(paired)).krippendorff_alpha
    of_labels = agreement(counts_from(KRIPPENDORFF_C)).krippendorff_alpha
    assert found.value == pytest.approx(0.74342, abs=1e-5)
    assert (found.records, found.annotations) == (of_labels.records, of_labels.annotations)
    for name, tolerance in (("low", 0.1), ("high", 0.05), ("standard_error", 0.02)):
        assert getattr(found, name) == pytest.approx(getattr(of_labels, name), abs=tolerance)


def test_perfect_agreement_by_distances_is_not_certain() -> None:
    found = of_distances(*distances_of([[1, 1], [2, 2], [3, 3], [1, 1]])).krippendorff_alpha
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low is not None
    assert found.low < 0.7


matrices = st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=2, max_size=8)
NAMES = ("percent_agreement", "fleiss_kappa", "krippendorff_alpha", "gwet_ac1", "brennan_prediger")


@given(matrices, st.randoms(use_true_random=False))
@settings(max_examples=6)
def test_agreement_does_not_depend_on_the_order_of_classes(counts: list[list[int]], random: object) -> None:
    classes = list(range(3))
    random.shuffle(classes)  # type: ignore[attr-defined]
    found, shuffled = agreement(counts), agreement([[row[label] for label in classes] for row in counts])
    for name in NAMES:
        assert getattr(found, name).value == getattr(shuffled, name).value
        assert getattr(found, name).value is None or getattr(found, name).value <= 1.0


@given(matrices)
@settings(max_examples=6)
def test_full_agreement_is_one(counts: list[list[int]]) -> None:
    found = agreement([[sum(row) if label == int(np.argmax(row)) else 0 for label in range(3)] for row in counts])
    for name in NAMES:
        assert getattr(found, name).value in {None, 1.0}


@given(matrices)
@settings(max_examples=6)
def test_an_interval_holds_its_value(counts: list[list[int]]) -> None:
    found = agreement(counts, ordered=True)
    for coefficient in (*(getattr(found, name) for name in NAMES), found.ordered and found.ordered.gwet_ac2_linear):
        assert coefficient is not None
        if coefficient.value is not None:
            assert coefficient.low is not None
            assert coefficient.high is not None
            assert coefficient.low <= coefficient.value <= coefficient.high <= 1.0


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


@pytest.mark.parametrize(
    ("due_total", "labels", "classes", "left_out"),
    [(2, "a", "a", None), (0, "a", None, None), (1, "ab", "a", 2), (2, "abc", "ab", 1), (0, "ab", None, 2)],
)
def test_a_single_due_answer_counts_in_the_shares_and_is_not_compared(
    due_total: int, labels: str, classes: str | None, left_out: int | None
) -> None:
    schema = LabelSchema.model_validate(
        {
            "fields": [{"name": "text", "kind": "text"}],
            "questions": [{"name": "question", "kind": "choice", "labels": ["a", "b", "c"]}],
        }
    )
    given = [GivenAnswer(new_id(), "vote", 1, 1, {"question": {"label": label}}) for label in labels]
    found = contributions_of({1: schema}, counted_answers(due_total, given)).get("1", {}).get("question", {})
    counted = found.get("classes")
    assert (None if counted is None else sorted(label for _, label in counted)) == (classes and list(classes))
    assert found.get("left_out") == left_out
