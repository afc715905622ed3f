"""The calibration error is not too high on few labels, and its interval holds the truth as often as it says."""

import numpy as np
import pytest

from services.prelabel.domain.calibration_error import estimate
from tests.gates.prelabel.simulated_models import SimulatedModel, true_error

MODELS = {
    "calibrated, two classes": SimulatedModel(2, 2.0, 1.0),
    "calibrated, nearly always right": SimulatedModel(2, 6.0, 1.0),
    "calibrated, 77 classes": SimulatedModel(77, 3.0, 1.0),
    "slightly over-confident": SimulatedModel(10, 3.0, 1.15),
    "over-confident": SimulatedModel(10, 3.0, 2.0),
    "over-confident and sure": SimulatedModel(10, 6.0, 2.0),
    "under-confident": SimulatedModel(10, 3.0, 0.6),
    "crooked": SimulatedModel(10, 3.0, 1.0, crooked=True),
    "lapses of a sure model": SimulatedModel(2, 8.0, 1.0, lapses=0.1),
}
PROJECTS, FRESH = 250, 40_000


@pytest.fixture(scope="module")
def population() -> dict[str, tuple[np.ndarray, np.ndarray, float]]:
    """Of each model many confidences, how probably each answer is right, and the true error."""
    found = {}
    for kind, model in MODELS.items():
        answered, truth = model.rows(np.random.default_rng(11), FRESH)
        right = truth[np.arange(FRESH), answered.argmax(axis=1)]
        found[kind] = answered.max(axis=1), right, true_error(answered, truth)
    return found


def measured(confidence: np.ndarray, right: np.ndarray, labels: int) -> np.ndarray:
    """Value, low and high in each project, and the mean gap over 15 bins of equal width: shape [projects, 4]."""
    generator = np.random.default_rng([3, labels])
    rows = []
    for _ in range(PROJECTS):
        some = generator.integers(0, FRESH, labels)
        hits = generator.random(labels) < right[some]
        found = estimate(confidence[some], hits)
        rows.append((found.value, found.low, found.high, binned(confidence[some], hits)))
    return np.array(rows)


def binned(confidence: np.ndarray, hits: np.ndarray) -> float:
    bin_of = np.minimum((confidence * 15).astype(np.int64), 14)
    return float(np.abs(np.bincount(bin_of, weights=confidence - hits)).sum() / len(confidence))


@pytest.mark.parametrize("labels", [50, 200, 1000])
@pytest.mark.parametrize("kind", MODELS)
def test_the_interval_holds_the_truth(
    kind: str, labels: int, population: dict[str, tuple[np.ndarray, np.ndarray, float]]
) -> None:
    confidence, right, truth = population[kind]
    found = measured(confidence, right, labels)
    held = ((found[:, 1] <= truth + 1e-3) & (truth <= found[:, 2])).mean()
    assert held >= 0.91, held


@pytest.mark.parametrize("kind", ["calibrated, two classes", "calibrated, 77 classes"])
def test_a_calibrated_model_is_not_said_to_be_off(
    kind: str, population: dict[str, tuple[np.ndarray, np.ndarray, float]]
) -> None:
    confidence, right, _ = population[kind]
    for labels in (50, 200):
        found = measured(confidence, right, labels)
        assert (found[:, 1] > 0).mean() <= 0.05
        assert found[:, 0].mean() < 0.6 * found[:, 3].mean(), "the mean over bins counts their noise"
