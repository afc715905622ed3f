"""Drift is found, and a model for which nothing changes gets an alarm as seldom as is said."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from services.prelabel.compute.drift import features
from services.prelabel.domain import drift
from services.prelabel.domain.drift import MOST_BEFORE, WINDOW, LookEvidence, Predicted

LIVES, LOOKS = 300, 8
MOST_FALSE = 0.0268
"""Of 300 lives with 1 % false alarms more than 8 have one with a probability of .4 %."""

TEXTS = Path(__file__).parents[4] / "shared" / "data" / "text"


def shares(classes: int) -> np.ndarray:
    """The most common class is as often as the second and third together, and so on."""
    weights: np.ndarray = 1.0 / np.arange(1, classes + 1)
    weights /= weights.sum()
    return weights


def predicted(
    generator: np.random.Generator, probabilities: np.ndarray, count: int, sureness: float = 6.0
) -> Predicted:
    chosen = generator.choice(len(probabilities), count, p=probabilities)
    return Predicted([str(each) for each in chosen], generator.beta(sureness, 1.0, count))


def counted(generator: np.random.Generator, probabilities: np.ndarray, count: int) -> Counter[str]:
    return Counter(predicted(generator, probabilities, count).labels)


@pytest.mark.parametrize(("classes", "before"), [(2, 100), (5, MOST_BEFORE), (77, MOST_BEFORE)])
def test_predictions_and_labels_that_stay_the_same_give_an_alarm_as_seldom_as_is_said(
    classes: int, before: int
) -> None:
    generator = np.random.default_rng([1, classes])
    alarms = Counter[str]()
    for _ in range(LIVES):
        old = predicted(generator, shares(classes), before)
        found = set()
        for look in range(1, LOOKS + 1):
            new = predicted(generator, shares(classes), WINDOW)
            if drift.of_predictions(old, new).p_value <= drift.level_of(look):
                found.add("prediction")
            if drift.of_labels(Counter(old.labels), Counter(new.labels)).p_value <= drift.level_of(look):
                found.add("label")
        alarms.update(found)
    assert alarms["prediction"] / LIVES <= MOST_FALSE
    assert alarms["label"] / LIVES <= MOST_FALSE


def test_inputs_that_stay_the_same_give_small_p_values_as_seldom_as_they_say() -> None:
    """Heavy tails, unequal scales and dependence: what features of texts are like."""
    generator = np.random.default_rng(2)
    mixing = generator.normal(size=(12, 40)) * generator.lognormal(0.0, 1.0, 40)

    def records(count: int) -> np.ndarray:
        return np.maximum(0.0, generator.standard_t(3, (count, 12)) @ mixing)

    p_values = np.array([drift.of_inputs(records(200), records(WINDOW), 0.01, generator).p_value for _ in range(150)])
    assert (p_values <= 0.05).mean() <= 0.1
    assert (p_values <= 0.01).mean() <= 0.04


def share_found(make: object, level: float, projects: int = 100) -> float:
    assert callable(make)
    found: list[LookEvidence] = [make() for _ in range(projects)]
    return float(np.mean([each.p_value <= level for each in found]))


@pytest.mark.parametrize(("look", "moved", "least"), [(1, 0.2, 0.45), (1, 0.3, 0.95), (10, 0.3, 0.7)])
def test_classes_that_move_are_found(look: int, moved: float, least: float) -> None:
    """Of five classes a share of all records moves to the third."""
    generator = np.random.default_rng([3, look])
    now = (1.0 - moved) * shares(5) + moved * np.eye(5)[2]

    def labels() -> LookEvidence:
        return drift.of_labels(counted(generator, shares(5), MOST_BEFORE), counted(generator, now, WINDOW))

    assert share_found(labels, drift.level_of(look)) >= least


def test_a_model_that_is_less_sure_is_found() -> None:
    """Its mean confidence falls from .86 to .75."""
    generator = np.random.default_rng(4)

    def predictions() -> LookEvidence:
        return drift.of_predictions(
            predicted(generator, shares(5), MOST_BEFORE), predicted(generator, shares(5), WINDOW, 3.0)
        )

    assert share_found(predictions, drift.level_of(1)) >= 0.85


@pytest.fixture(scope="module")
def texts() -> dict[str, np.ndarray]:
    """Features of real questions and of real short messages."""
    if not TEXTS.is_dir():
        pytest.skip("needs the real texts")
    found = {}
    for name in ("trec_qc", "sms_spam"):
        with (TEXTS / name / "train.csv").open(encoding="utf-8", errors="replace") as opened:
            rows = list(csv.DictReader(opened))
        found[name] = np.stack([features(row["text"]) for row in rows[:1500]])
    return found


def test_real_texts_that_stay_the_same_give_no_alarm(texts: dict[str, np.ndarray]) -> None:
    generator = np.random.default_rng(5)
    p_values = []
    for _ in range(40):
        order = generator.permutation(len(texts["trec_qc"]))
        some = texts["trec_qc"][order[: MOST_BEFORE + WINDOW]]
        p_values.append(drift.of_inputs(some[:MOST_BEFORE], some[MOST_BEFORE:], 0.01, generator).p_value)
    assert np.mean(np.array(p_values) <= 0.05) <= 0.15


@pytest.mark.parametrize(("share", "least"), [(0.3, 0.4), (0.5, 0.9)])
def test_real_texts_of_another_source_are_found(texts: dict[str, np.ndarray], share: float, least: float) -> None:
    generator = np.random.default_rng(6)

    def inputs() -> LookEvidence:
        others = generator.binomial(WINDOW, share)
        some = texts["trec_qc"][generator.permutation(len(texts["trec_qc"]))[: MOST_BEFORE + WINDOW - others]]
        strange = texts["sms_spam"][generator.permutation(len(texts["sms_spam"]))[:others]]
        return drift.of_inputs(
            some[:MOST_BEFORE], np.vstack([some[MOST_BEFORE:], strange]), drift.level_of(1), generator
        )

    assert share_found(inputs, drift.level_of(1), 30) >= least
