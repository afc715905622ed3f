"""Confidences are tempered where that gains, and are never worse for it by more than a little."""

import numpy as np
import pytest

from services.prelabel.domain.calibration import fit_temperature, temper
from services.prelabel.domain.evaluation import measure
from tests.gates.prelabel.simulated_models import FRESH, SimulatedModel, true_error

CALIBRATED = {
    "two classes": SimulatedModel(2, 2.0, 1.0),
    "two classes, nearly always right": SimulatedModel(2, 6.0, 1.0),
    "ten classes": SimulatedModel(10, 3.0, 1.0),
    "77 classes": SimulatedModel(77, 3.0, 1.0),
}
CROOKED = {"two classes": SimulatedModel(2, 2.0, 1.0, crooked=True), "ten": SimulatedModel(10, 3.0, 1.0, crooked=True)}
OFF = {
    "two classes, over-confident": SimulatedModel(2, 2.0, 1.5),
    "ten classes, over-confident": SimulatedModel(10, 3.0, 2.0),
    "ten classes, under-confident": SimulatedModel(10, 3.0, 0.6),
    "77 classes, under-confident": SimulatedModel(77, 3.0, 0.7),
    "ten classes, with lapses": SimulatedModel(10, 4.0, 1.0, lapses=0.05),
}
LABELS = (50, 200, 1000)
PROJECTS = 16


def errors(model: SimulatedModel, labels: int, *, always: bool = False) -> tuple[float, np.ndarray]:
    """The true error before, and that after tempering in each project."""
    generator = np.random.default_rng([7, labels])
    answered, truth = model.rows(generator, FRESH)
    after = []
    for _ in range(PROJECTS if labels * model.classes < 10_000 else PROJECTS // 4):
        probabilities, right = model.labelled(generator, labels)
        temperature = fit_temperature(probabilities, right) if always else measure(probabilities, right).temperature
        after.append(true_error(temper(answered, temperature), truth))
    return true_error(answered, truth), np.array(after)


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("kind", CALIBRATED)
def test_a_calibrated_model_stays_as_it_is(kind: str, labels: int) -> None:
    before, after = errors(CALIBRATED[kind], labels)
    assert after.mean() <= before + 0.01
    assert (after > before + 0.002).mean() <= 0.25, "it is tempered in 5 % at most by the level of the tests"


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("kind", CROOKED)
def test_a_model_that_no_temperature_helps_is_not_made_worse(kind: str, labels: int) -> None:
    before, after = errors(CROOKED[kind], labels)
    assert after.mean() <= before + 0.01


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("kind", OFF)
def test_a_model_that_is_off_is_never_worse_off(kind: str, labels: int) -> None:
    before, after = errors(OFF[kind], labels)
    assert after.mean() <= before + 0.006
    assert after.max() <= before + 0.04


@pytest.mark.parametrize(
    "kind", ["ten classes, over-confident", "ten classes, under-confident", "77 classes, under-confident"]
)
def test_with_labels_enough_the_gain_is_had(kind: str) -> None:
    before, after = errors(OFF[kind], 1000)
    assert after.mean() < before / 2


def test_tempering_always_made_a_calibrated_model_worse() -> None:
    """What is guarded against."""
    before, always = errors(CALIBRATED["two classes"], 50, always=True)
    _, gated = errors(CALIBRATED["two classes"], 50)
    assert always.mean() > before + 0.02
    assert gated.mean() < before + 0.01
