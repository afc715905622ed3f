import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.prelabel.domain import calibration
from services.prelabel.domain.evaluation import decide, measure, wilson_interval


def distributions(seed: int, rows: int, classes: int, sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated distributions and a right class drawn from each."""
    generator = np.random.default_rng(seed)
    p = generator.dirichlet(np.full(classes, sharpness), size=rows)
    truth = np.array([generator.choice(classes, p=row) for row in p])
    return p, truth


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), temperature=st.floats(0.1, 10), classes=st.integers(2, 12))
def test_tempering_gives_distributions_and_keeps_the_order(seed: int, temperature: float, classes: int) -> None:
    p, _ = distributions(seed, 20, classes, 0.5)
    tempered = calibration.temper(p, temperature)
    assert tempered.sum(axis=1) == pytest.approx(np.ones(20))
    assert (tempered >= 0).all()
    assert (tempered.argmax(axis=1) == p.argmax(axis=1)).all()


def test_a_temperature_of_one_changes_nothing() -> None:
    p, _ = distributions(0, 50, 4, 1.0)
    assert calibration.temper(p, 1.0) == pytest.approx(p, abs=1e-8)


@pytest.mark.parametrize("temperature", [0.4, 0.8, 1.0, 2.0, 4.0])
def test_the_temperature_that_spoilt_the_confidence_is_found(temperature: float) -> None:
    p, truth = distributions(1, 1500, 5, 0.7)
    spoilt = calibration.temper(p, 1 / temperature)
    assert calibration.fit_temperature(spoilt, truth) == pytest.approx(temperature, rel=0.1)


def test_a_few_right_answers_do_not_make_certain() -> None:
    p = np.array([[0.6, 0.4]] * 5)
    temperature = calibration.fit_temperature(p, np.zeros(5, dtype=np.int64))
    assert 0.3 < temperature < 1
    assert calibration.fit_temperature(np.empty((0, 2)), np.empty(0, dtype=np.int64)) == 1.0


def test_no_row_is_tempered_by_what_its_own_label_says() -> None:
    p, truth = distributions(7, 20, 3, 0.5)
    before = calibration.temper_by_others(p, truth)
    for row in (0, 13):
        for label in range(3):
            relabelled = truth.copy()
            relabelled[row] = label
            assert (calibration.temper_by_others(p, relabelled)[row] == before[row]).all()


@pytest.mark.parametrize("rows", [0, 1, 2, 7])
def test_few_rows_are_tempered_by_what_others_there_are(rows: int) -> None:
    p, truth = distributions(8, rows, 3, 0.5)
    assert calibration.temper_by_others(p, truth).sum(axis=1) == pytest.approx(np.ones(rows))
    if rows == 1:
        assert calibration.temper_by_others(p, truth) == pytest.approx(p, abs=1e-8)


def test_fitting_the_temperature_of_a_calibrated_model_is_not_claimed_to_gain_anything() -> None:
    """On the labels that it was fitted on it always seems to; such a model stays as it is."""
    sets = [distributions(seed, 20, 3, 0.4) for seed in range(15)]
    found = [calibration.tempering(p, calibration.temper_by_others(p, truth), truth) for p, truth in sets]
    assert np.mean([each.gain for each in found]) < 0
    assert sum(each.gains for each in found) <= 1
    measured = [measure(p, truth) for p, truth in sets]
    assert [one.temperature == 1.0 for one in measured] == [not each.gains for each in found]


def test_a_model_that_is_too_sure_is_tempered() -> None:
    p, truth = distributions(1, 400, 5, 0.7)
    measured = measure(calibration.temper(p, 0.5), truth)
    assert measured.tempering is not None
    assert measured.tempering.gains
    assert measured.temperature == pytest.approx(2.0, rel=0.2)


def test_a_model_of_which_no_mistake_was_seen_is_not_made_surer() -> None:
    """It is right in 98 of 100, so of 50 labels often none contradicts it."""
    p = np.tile([0.98, 0.02], (50, 1))
    assert measure(p, np.zeros(50, dtype=np.int64)).temperature == 1.0


def test_a_few_sure_mistakes_do_not_spoil_the_confidence_of_the_rest() -> None:
    """Of 1,000 labels 50 are any; tempering gains in likelihood, since a sure mistake costs much, and nowhere else."""
    p, truth = distributions(2, 1000, 10, 0.05)
    wrong = np.random.default_rng(3).choice(1000, 50, replace=False)
    truth[wrong] = (truth[wrong] + 5) % 10
    found = calibration.tempering(p, calibration.temper_by_others(p, truth), truth)
    assert found.gain > 0
    assert found.p_value < 0.05
    assert not found.gains


def test_few_labels_show_nothing() -> None:
    p, truth = distributions(3, 19, 3, 0.2)
    assert measure(calibration.temper(p, 0.2), truth).temperature == 1.0
    assert measure(p[:0], truth[:0]).temperature == 1.0


def test_log_loss_and_accuracy_by_hand() -> None:
    p = np.array([[0.5, 0.5], [0.25, 0.75]])
    truth = np.array([0, 0])
    assert calibration.log_loss(p, truth) == pytest.approx(-(np.log(0.5) + np.log(0.25)) / 2)
    assert calibration.accuracy(p, truth) == 0.5


def test_a_right_class_that_the_model_lacks_is_an_error_without_breaking_the_loss() -> None:
    p = np.array([[0.9, 0.1], [0.8, 0.2]])
    measured = measure(p, np.array([0, -1]))
    assert measured.accuracy == 0.5
    assert np.isfinite(measured.log_loss)


def test_a_champions_temperature_stays() -> None:
    p, truth = distributions(3, 100, 3, 0.7)
    assert measure(p, truth, 2.5).temperature == 2.5


def test_promotion_asks_for_more_accuracy_or_the_same_with_less_loss() -> None:
    p, truth = distributions(4, 400, 3, 0.4)
    good, flat = measure(p, truth), measure(p, truth, 9.0)
    bad = measure(np.roll(p, 1, axis=1), truth)
    assert decide(good, None, 0.0).promote
    assert decide(good, bad, 0.0).promote
    assert not decide(bad, good, 0.0).promote
    assert decide(good, flat, 0.0).promote
    assert not decide(flat, good, 0.0).promote
    assert not decide(good, good, 0.0).promote
    assert not decide(good, bad, 0.99).promote


@pytest.mark.parametrize(
    ("share", "count", "low", "high"), [(0.95, 100, 0.8882, 0.9785), (1.0, 50, 0.9287, 1.0), (0.0, 0, 0.0, 1.0)]
)
def test_wilson_interval(share: float, count: int, low: float, high: float) -> None:
    assert wilson_interval(share, count) == pytest.approx((low, high), abs=1e-4)
