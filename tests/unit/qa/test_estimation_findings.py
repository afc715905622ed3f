"""From a window of annotations to what is found of each annotator."""

from uuid import UUID

import numpy as np
import orjson

from services.qa.compute.estimation import AnnotatorFinding, EstimationWindow, WindowAnnotation, WindowRecord, estimate
from shared.contracts.answers import LabelSchema
from shared.contracts.values import AssessmentStatus

LABELS = ["bad", "good"]
SCHEMA = LabelSchema.model_validate(
    {
        "fields": [{"name": "text", "kind": "text"}],
        "questions": [{"name": "mood", "kind": "choice", "labels": LABELS}],
    }
)
PEOPLE = [UUID(int=number + 1) for number in range(5)]


def answer(label: int) -> str:
    return orjson.dumps({"mood": {"label": LABELS[label]}}).decode()


def distribution(label: int) -> str:
    return orjson.dumps({"mood": {LABELS[label]: 0.9, LABELS[1 - label]: 0.1}}).decode()


def findings(given: np.ndarray, predicted: np.ndarray | None = None) -> dict[UUID, AnnotatorFinding]:
    """(people, records) classes; every fifth record is gold. The last two people were shown `predicted`."""
    people, count = given.shape
    records = [
        WindowRecord(
            truth=answer(int(given[0, at])) if at % 5 == 0 else None,
            is_gold=at % 5 == 0,
            closed=True,
            predicted=None if predicted is None else distribution(int(predicted[at])),
        )
        for at in range(count)
    ]
    annotations = [
        WindowAnnotation(
            record=at,
            annotator=who,
            answers=answer(int(given[who, at])),
            submitted_us=at * 10 + who,
            gold=at % 5 == 0,
            era=0,
            saw_prediction=predicted is not None and who >= people - 2,
        )
        for at in range(count)
        for who in range(people)
    ]
    window = EstimationWindow(SCHEMA, annotations, records, PEOPLE, frozenset())
    return dict(estimate(window).findings)


def crowd(records: int = 300) -> np.ndarray:
    """Nine of ten records are good; the first person knows, the others err in one of eight."""
    generator = np.random.default_rng(0)
    truth = (generator.random(records) < 0.9).astype(np.int64)
    wrong = generator.random((5, records)) < 0.125
    wrong[0] = False
    return np.where(wrong, 1 - truth, truth)


def test_a_constant_answer_is_paused_though_it_is_mostly_right() -> None:
    given = crowd(150)
    given[4] = 1
    found = findings(given)
    verdict = found[PEOPLE[4]].assessment
    assert (verdict.status, verdict.reason) == (AssessmentStatus.PAUSED, "spam_by_consensus")
    assert verdict.accuracy is not None
    assert verdict.accuracy > 0.8
    assert {found[one].assessment.status for one in PEOPLE[:4]} == {AssessmentStatus.ACTIVE}


def test_who_copies_is_shown_and_not_paused() -> None:
    given = crowd()
    given[4] = given[3]
    found = findings(given)
    (copied,) = found[PEOPLE[4]].copies
    assert (copied.source, copied.other, copied.agreed, copied.records) == ("annotator", str(PEOPLE[3]), 300, 300)
    assert copied.expected < 290
    assert found[PEOPLE[4]].assessment.status is AssessmentStatus.ACTIVE
    assert [found[one].copies for one in PEOPLE[:3]] == [(), (), ()]


def test_who_takes_over_predictions_is_shown() -> None:
    given = crowd()
    predicted = np.where(np.random.default_rng(1).random(300) < 0.15, 1 - given[0], given[0])
    given[4] = predicted
    found = findings(given, predicted)
    assert [one.source for one in found[PEOPLE[4]].copies] == ["prediction"]
    assert all(not found[one].copies for one in PEOPLE[:4])
