from collections import Counter

import numpy as np
import pytest

from services.prelabel.domain import drift
from services.prelabel.domain.drift import Predicted


def test_the_levels_of_all_looks_add_up_to_the_stated_risk() -> None:
    levels = [drift.level_of(look) for look in range(1, 100_000)]
    assert sum(levels) < drift.FALSE_ALARMS
    assert sum(levels) > 0.93 * drift.FALSE_ALARMS
    assert levels == sorted(levels, reverse=True)
    assert levels[0] == pytest.approx(0.369 * drift.FALSE_ALARMS, abs=1e-5)


def test_predictions_are_compared_by_class_and_by_confidence() -> None:
    generator = np.random.default_rng(1)
    before = Predicted(["a", "b"] * 100, generator.beta(8, 1, 200))
    other_classes = Predicted(["a"] * 90 + ["b"] * 10, generator.beta(8, 1, 100))
    less_sure = Predicted(["a", "b"] * 50, generator.beta(3, 1, 100))
    same = Predicted(["a", "b"] * 50, generator.beta(8, 1, 100))
    assert drift.of_predictions(before, same).p_value > 0.05
    assert drift.of_predictions(before, other_classes).p_value < 1e-6
    found = drift.of_predictions(before, less_sure)
    assert found.p_value < 1e-4
    assert found.confidence_before is not None
    assert found.confidence_now is not None
    assert found.confidence_now < found.confidence_before - 0.05


def test_records_without_an_answer_are_a_class_of_their_own() -> None:
    before = Predicted(["a", "b"] * 100, np.full(200, 0.9))
    now = Predicted([drift.NO_ANSWER] * 40 + ["a", "b"] * 30, np.array([np.nan] * 40 + [0.9] * 60))
    found = drift.of_predictions(before, now)
    assert found.p_value < 1e-6
    assert found.shares[0].label == drift.NO_ANSWER
    assert found.shares[0].now == 0.4
    nothing = Predicted([drift.NO_ANSWER] * 100, np.full(100, np.nan))
    assert drift.of_predictions(nothing, nothing).p_value == 1.0


def test_the_classes_that_changed_most_are_shown() -> None:
    before, now = Counter({"a": 50, "b": 30, "c": 20}), Counter({"a": 20, "b": 30, "c": 50})
    found = drift.of_labels(before, now)
    assert {each.label for each in found.shares[:2]} == {"a", "c"}
    assert (found.before, found.now) == (100, 100)
    assert found.size == pytest.approx(0.3)
