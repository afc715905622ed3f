import numpy as np
import pytest

from services.prelabel.domain.calibration_error import CalibrationError, estimate


def test_the_error_is_the_gap_between_confidence_and_accuracy() -> None:
    found = estimate(np.full(1000, 0.9), np.arange(1000) % 10 < 7)
    assert found.value == pytest.approx(0.2, abs=0.01)
    assert found.low < 0.2 < found.high


def test_labels_that_agree_with_the_confidence_show_no_error() -> None:
    found = estimate(np.full(1000, 0.9), np.arange(1000) % 10 < 9)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high < 0.05


def test_the_square_is_unbiased_also_on_few_labels() -> None:
    """Without cutting off at 0: over-confident by .1, ten labels."""
    generator = np.random.default_rng(1)
    confidence = np.full(10, 0.8)
    squares = []
    for _ in range(20_000):
        gap = confidence - (generator.random(10) < 0.7)
        squares.append((gap.sum() ** 2 - (gap**2).sum()) / 90)
    assert np.mean(squares) == pytest.approx(0.01, abs=0.002)


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_few_labels_leave_it_open(rows: int) -> None:
    found = estimate(np.full(rows, 0.8), np.ones(rows, dtype=bool))
    assert found.low == 0.0
    assert found.low <= found.value <= found.high
    assert found.high > 0.2


def test_without_labels_nothing_is_known() -> None:
    assert estimate(np.empty(0), np.empty(0, dtype=bool)) == CalibrationError(0.0, 0.0, 1.0)


def test_confidences_that_are_certain_and_always_right() -> None:
    found = estimate(np.ones(200), np.ones(200, dtype=bool))
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high < 0.05


def test_confidences_that_are_certain_and_always_wrong() -> None:
    found = estimate(np.ones(200), np.zeros(200, dtype=bool))
    assert found.value == pytest.approx(1.0, abs=0.01)
    assert found.low > 0.9
    assert found.high == pytest.approx(1.0)
