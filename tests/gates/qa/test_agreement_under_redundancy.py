"""Reported agreement is the annotators', though further answers are requested where the first differ.

Annotators of known error rates answer simulated records; a third and later answers are requested until two thirds agree. The
true kappa follows from the error rates.
"""

from itertools import combinations
from uuid import UUID

import numpy as np
import pytest

from services.qa.domain.agreement_coefficients import CountedPattern, QuestionAgreement, of_classes
from services.qa.domain.agreement_counts import CountChanges, GivenAnswer, contributions_of, counted_answers
from shared.contracts.answers import LabelSchema

LABELS = ["a", "b", "c", "d"]
SHARES = np.array([0.4, 0.3, 0.2, 0.1])
SCHEMA = LabelSchema.model_validate(
    {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "question", "kind": "choice", "labels": LABELS}],
    }
)
RECORDS, DUE, MOST, PROJECTS = 400, 2, 5, 40


def true_kappa(errors: list[float]) -> float:
    """Of two different annotators drawn by chance; an error is any of the other classes alike."""
    others = len(LABELS) - 1
    pairs = list(combinations(errors, 2))
    equal = float(np.mean([(1 - one) * (1 - other) + one * other / others for one, other in pairs]))
    error = float(np.mean(errors))
    shares = SHARES * (1 - error) + (1 - SHARES) * error / others
    return float((equal - (shares**2).sum()) / (1 - (shares**2).sum()))


def answered(generator: np.random.Generator, errors: list[float]) -> list[GivenAnswer]:
    """One record's answers: two, and more while fewer than two thirds agree."""
    truth = int(generator.choice(len(LABELS), p=SHARES))
    given: list[int] = []
    order = generator.permutation(len(errors))[:MOST]
    for who in order:
        wrong = (truth + int(generator.integers(1, len(LABELS)))) % len(LABELS)
        given.append(wrong if generator.random() < errors[who] else truth)
        if len(given) >= DUE and 3 * max(given.count(one) for one in given) >= 2 * len(given):
            break
    return [
        GivenAnswer(UUID(int=int(who)), "vote", 1, 1, {"question": {"label": LABELS[label]}})
        for who, label in zip(order, given, strict=False)
    ]


def measured(project: list[list[GivenAnswer]], due_total: int) -> QuestionAgreement:
    changes = CountChanges()
    for given in project:
        changes.add(contributions_of({1: SCHEMA}, counted_answers(due_total, given)), 1)
    return of_classes(
        [
            CountedPattern(one.text, changes.records[one], changes.units[one])
            for one in {*changes.records, *changes.units}
        ]
    )


@pytest.mark.parametrize("errors", [[0.05, 0.1, 0.15, 0.2, 0.3, 0.1], [0.3, 0.4, 0.35, 0.3, 0.45, 0.5], [0.1] * 6])
def test_the_interval_holds_the_true_kappa(errors: list[float]) -> None:
    truth = true_kappa(errors)
    generator = np.random.default_rng(int(100 * sum(errors)))
    held = 0
    values = []
    for _ in range(PROJECTS):
        found = measured([answered(generator, errors) for _ in range(RECORDS)], DUE).fleiss_kappa
        assert found is not None
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        values.append(found.value)
        held += found.low <= truth <= found.high
    assert held >= 0.85 * PROJECTS  # 95 % in the mean; fewer than 34 of 40 have a chance of 1 in 250
    assert abs(float(np.mean(values)) - truth) < 0.02


def test_to_count_what_was_requested_would_not_do() -> None:
    """Why only those that were due: requests until people agree raise kappa (same people, same records)."""
    errors = [0.05, 0.1, 0.15, 0.2, 0.3, 0.1]
    generator = np.random.default_rng(1)
    found = measured([answered(generator, errors) for _ in range(RECORDS)], MOST)
    assert found.fleiss_kappa is not None
    assert found.fleiss_kappa.low is not None
    assert found.fleiss_kappa.low > true_kappa(errors)


def test_to_count_records_that_a_model_routed_would_not_do() -> None:
    """Why not these: one answer is due, and more are requested where it differs from the model's, which lowers kappa."""
    errors = [0.05, 0.1, 0.15, 0.2, 0.3, 0.1]
    generator = np.random.default_rng(1)
    project = []
    for _ in range(5 * RECORDS):
        given = answered(generator, errors)
        model_errs = generator.random() < 0.1
        agree = len(given) == DUE
        project.append(given[:1] if agree and not model_errs else given)
    found = measured(project, MOST)
    assert found.fleiss_kappa is not None
    assert found.fleiss_kappa.high is not None
    assert found.fleiss_kappa.high < true_kappa(errors)
    assert measured(project, 0).records == 0
