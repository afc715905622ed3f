import numpy as np
import pytest

from services.prelabel.domain import two_samples
from services.prelabel.domain.two_samples import SampleComparison


def test_shares_by_hand() -> None:
    """Pearson's statistic of [[30, 20], [20, 30]] is 4, whose p-value is .0455."""
    found = two_samples.compare_shares({"a": 30, "b": 20}, {"a": 20, "b": 30})
    assert found.p_value == pytest.approx(0.0455, abs=1e-4)
    assert found.size == pytest.approx(0.2)


def test_equal_shares_do_not_differ() -> None:
    assert two_samples.compare_shares({"a": 500, "b": 100}, {"a": 100, "b": 20}) == SampleComparison(1.0, 0.0)


def test_rare_classes_are_counted_together() -> None:
    before = {"common": 400, **{f"rare {number}": 2 for number in range(50)}}
    now = {"common": 80, **{f"rare {number}": 1 for number in range(20)}}
    assert two_samples.compare_shares(before, now).p_value == pytest.approx(1.0)
    assert two_samples.compare_shares(before, {"common": 40, "new": 60}).p_value < 1e-10


@pytest.mark.parametrize(("before", "now"), [({}, {}), ({"a": 5}, {}), ({"a": 5}, {"a": 9}), ({"a": 1}, {"b": 1})])
def test_where_there_is_nothing_to_compare_nothing_differs(before: dict[str, int], now: dict[str, int]) -> None:
    assert two_samples.compare_shares(before, now).p_value > 0.05


def test_numbers_by_hand() -> None:
    """The distribution functions of 100 numbers each differ by .5 at most: 2 exp(-2 * 50 * .25) in the limit."""
    found = two_samples.compare_values(np.arange(100.0), np.arange(50.0, 150.0))
    assert found.size == pytest.approx(0.5)
    assert found.p_value == pytest.approx(2 * np.exp(-25), rel=1e-6)
    assert two_samples.compare_values(np.ones(50), np.ones(20)) == SampleComparison(1.0, 0.0)
    assert two_samples.compare_values(np.empty(0), np.ones(20)) == SampleComparison(1.0, 0.0)


def test_features_of_the_same_kind_do_not_differ() -> None:
    generator = np.random.default_rng(4)
    found = two_samples.compare_features(
        generator.normal(size=(300, 40)), generator.normal(size=(100, 40)), 0.01, generator
    )
    assert found.p_value > 0.05
    assert found.size < 0.1


def test_features_that_moved_in_one_direction_differ() -> None:
    generator = np.random.default_rng(5)
    now = generator.normal(size=(100, 40))
    now[:, 3] += 1.5
    found = two_samples.compare_features(generator.normal(size=(300, 40)), now, 0.001, generator)
    assert found.p_value < 0.001
    assert found.size == pytest.approx(1.3 / np.sqrt(40), rel=0.2), (
        "of 40 features one has moved by 1.5 of its old deviation"
    )


def test_features_without_any_difference_between_records() -> None:
    generator = np.random.default_rng(6)
    assert two_samples.compare_features(np.ones((60, 5)), np.ones((60, 5)), 0.01, generator) == SampleComparison(
        1.0, 0.0
    )
