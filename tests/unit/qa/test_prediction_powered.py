"""The mean of an outcome from a few labels and a prediction for everybody."""

from math import inf, sqrt

import numpy as np
import pytest

from services.qa.domain.prediction_powered import (
    DrawnOutcomes,
    MeanEstimate,
    estimate_mean,
    interval_of,
    labels_needed,
)

OUTCOME = [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
PREDICTED = [0.9, 0.2, 0.1, 0.7, 0.4, 0.6, 0.8, 0.3, 0.1, 0.2, 0.4, 0.1]
UNLABELLED = [0.1, 0.2, 0.8, 0.3, 0.9, 0.1, 0.2, 0.2, 0.7, 0.1, 0.3, 0.6, 0.1, 0.9, 0.2, 0.1, 0.4, 0.3, 0.1, 0.2]


def drawn(
    outcome: list[float],
    predicted: list[float] | None = None,
    *,
    weight: list[float] | None = None,
    records: list[float] | None = None,
    group: list[int] | None = None,
) -> DrawnOutcomes:
    rows = len(outcome)
    return DrawnOutcomes(
        np.array(outcome),
        np.array(predicted or [0.0] * rows),
        np.array(weight or [1.0] * rows),
        np.array(records or [1.0] * rows),
        np.array(group or [0] * rows, np.intp),
        np.ones(rows),
    )


def test_without_predictions_it_is_the_mean_and_worth_as_many_labels_as_were_drawn() -> None:
    found = estimate_mean(drawn(OUTCOME), 0.0)
    assert found.value == pytest.approx(5 / 12)
    assert (found.reliance, found.drawn) == (0.0, 12)
    assert found.effective == pytest.approx(12, rel=0.1)


@pytest.mark.parametrize(
    ("reliance", "value"),
    [(0.0, 0.41666667), (0.5, 0.38666667), (1.0, 0.35666667)],
)
def test_the_value_is_that_of_ppi_python(reliance: float, value: float) -> None:
    """`ppi_mean_pointestimate(OUTCOME, PREDICTED, UNLABELLED, lam=reliance)` of ppi-python 0.2.3."""
    found = estimate_mean(drawn(OUTCOME, PREDICTED), float(np.mean(UNLABELLED)), reliance=reliance)
    assert found.value == pytest.approx(value, abs=1e-8)


def test_the_tuned_value_and_its_error_are_near_to_those_of_ppi_python() -> None:
    """`ppi_mean_pointestimate(y, f, u)` is .29373812 and the 90 % interval of `ppi_mean_ci` .28015449 to .30732176.

    There predictions of 5,000 unlabelled records are a sample, too, and so is their mean; here the population is what they
    are of. And a few errors more are allowed for than were seen.
    """
    generator = np.random.default_rng(0)
    y = (generator.random(400) < 0.3).astype(float)
    f = np.clip(0.8 * y + 0.1 + generator.normal(0, 0.1, 400), 0, 1)
    u = np.clip(0.8 * (generator.random(5000) < 0.3) + 0.1 + generator.normal(0, 0.1, 5000), 0, 1)
    found = estimate_mean(drawn(y.tolist(), f.tolist()), float(u.mean()), reliance=1.0)
    residual_error = float((y - f).std(ddof=1)) / sqrt(400)
    theirs = (0.30732176 - 0.28015449) / 2 / 1.6448536
    assert found.value == pytest.approx(0.29373812, abs=0.002)
    assert theirs == pytest.approx(sqrt(residual_error**2 + u.var() / 5000), rel=0.02)
    assert residual_error < found.standard_error < 1.5 * residual_error


def test_alike_records_in_one_row_count_as_so_many_rows() -> None:
    apart = drawn([1.0, 1.0, 0.0, 0.0, 0.0], [0.8, 0.8, 0.3, 0.3, 0.3], weight=[2.0, 2.0, 1.0, 1.0, 1.0])
    together = drawn([1.0, 0.0], [0.8, 0.3], weight=[2.0, 1.0], records=[2.0, 3.0])
    one, other = estimate_mean(apart, 0.5), estimate_mean(together, 0.5)
    assert one.value == pytest.approx(other.value)
    assert one.effective == pytest.approx(other.effective)


def test_a_record_counts_by_the_inverse_of_its_probability() -> None:
    found = estimate_mean(drawn([1.0, 0.0], weight=[1.0, 4.0]), 0.0)
    assert found.value == pytest.approx(0.2)


def test_good_predictions_are_worth_labels_and_useless_ones_cost_next_to_none() -> None:
    generator = np.random.default_rng(1)
    outcome = (generator.random(500) < 0.3).astype(float)
    good = estimate_mean(drawn(outcome.tolist(), (0.9 * outcome + 0.05).tolist()), 0.3)
    useless = estimate_mean(drawn(outcome.tolist(), generator.random(500).tolist()), 0.5)
    assert good.effective > 5_000
    assert 480 <= useless.effective <= 520


def test_predictions_against_the_truth_are_not_used() -> None:
    assert estimate_mean(drawn(OUTCOME, [1.0 - one for one in PREDICTED]), 0.6).reliance == 0.0


def test_no_error_of_the_model_among_few_labels_leaves_an_interval() -> None:
    found = estimate_mean(drawn(OUTCOME, OUTCOME), 0.4)
    interval = interval_of(found, 0.9)
    assert found.value == pytest.approx(0.4)
    assert interval.high - interval.low > 0.1


def test_the_interval_of_a_share_that_was_never_seen_is_wilsons() -> None:
    found = estimate_mean(drawn([0.0] * 400), 0.0)
    interval = interval_of(found, 0.9)
    assert (found.value, interval.low) == (0.0, 0.0)
    assert interval.high == pytest.approx(1.65**2 / (400 + 1.65**2), rel=0.02)


def test_what_is_drawn_with_certainty_is_known() -> None:
    one = drawn(OUTCOME, PREDICTED)
    certain = DrawnOutcomes(one.outcome, one.predicted, one.weight, one.records, one.group, np.zeros(12))
    interval = interval_of(estimate_mean(certain, 0.4, reliance=0.0), 0.9)
    assert interval.low == interval.high == pytest.approx(5 / 12)


def test_a_share_of_the_variance_lies_within_groups_only() -> None:
    """Two groups that differ in everything: the mean of each is known, and so is that of both."""
    alike = drawn([1.0] * 30 + [0.0] * 30, group=[0] * 30 + [1] * 30)
    assert estimate_mean(alike, 0.0).effective > 500


def test_labels_needed_shrink_with_the_square_of_the_half_width() -> None:
    found = MeanEstimate(0.3, 1_000.0, 500, 1, 0.9)
    assert labels_needed(found, 0.01, 0.9) == pytest.approx(4 * labels_needed(found, 0.02, 0.9), abs=4)
    assert labels_needed(found, 0.02, 0.9) == pytest.approx(0.21 * (1.645 / 0.02) ** 2 / 2, rel=0.01)
    assert interval_of(MeanEstimate(0.3, 1_000.0 * 1.42, 710, 1, 0.9), 0.9).half_width == pytest.approx(0.02, rel=0.01)


def test_more_labels_are_needed_even_where_a_class_was_never_seen() -> None:
    never = estimate_mean(drawn([0.0] * 20), 0.0)
    assert labels_needed(never, 0.01, 0.9) > 100
    assert labels_needed(MeanEstimate(0.3, inf, 40, 1, 0.0), 0.01, 0.9) == 40


def test_the_standard_error_is_that_of_the_effective_sample() -> None:
    assert MeanEstimate(0.2, 400.0, 100, 1, 1.0).standard_error == pytest.approx(sqrt(0.16 / 400))
