"""Intraclass correlations against the worked example of Shrout and Fleiss 1979."""

from collections.abc import Callable

import numpy as np
import pytest

from services.qa.domain.intraclass import IntraclassCorrelations, icc_1, icc_2

# Shrout and Fleiss 1979 (Psychological Bulletin 86), table 2: 6 targets, 4 judges
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def test_the_correlations_of_one_way_are_the_published_ones() -> None:
    found = icc_1(SHROUT_FLEISS)
    assert found.single.value == pytest.approx(0.17, abs=0.005)
    assert found.mean.value == pytest.approx(0.44, abs=0.005)
    assert found.answers == 4
    # R's psych prints the interval of normal numbers for this example: -.133, .723
    assert found.single.low is not None
    assert found.single.high is not None
    assert found.single.low <= -0.132
    assert 0.722 <= found.single.high < 0.9
    assert (found.single.records, found.single.annotations) == (6, 24)


def test_the_correlations_of_two_ways_are_the_published_ones() -> None:
    found = icc_2(np.array(SHROUT_FLEISS, float))
    assert found.single.value == pytest.approx(0.29, abs=0.005)
    assert found.mean.value == pytest.approx(0.62, abs=0.005)
    assert found.single.low is not None
    assert found.single.high is not None
    assert found.single.low < 0.29 < found.single.high < 0.8
    assert (found.single.records, found.single.annotations) == (6, 24)


def test_a_record_that_somebody_did_not_answer_is_left_out_of_two_ways_and_counts_in_one() -> None:
    with_gap = [*SHROUT_FLEISS, [5, 3, 4]]
    table = np.array([*SHROUT_FLEISS, [5, 3, 4, np.nan]], float)
    assert icc_2(table).single == icc_2(np.array(SHROUT_FLEISS, float)).single
    found = icc_1(with_gap)
    assert (found.single.records, found.single.annotations) == (7, 27)
    assert 3.8 < found.answers < 4


def test_nothing_to_compare_is_undefined() -> None:
    assert icc_1([[1.0], [2.0]]).single.value is None
    assert icc_1([[1.0, 2.0]]).single.value is None
    assert icc_1([[1.0, 1.0], [1.0, 1.0]]).single.value is None
    assert icc_2(np.ones((3, 2))).single.value is None
    assert icc_2(np.ones((1, 2))).single.value is None


@pytest.mark.parametrize("measure", [icc_1, icc_2])
def test_full_agreement_is_one_and_not_certain(measure: Callable[[np.ndarray], IntraclassCorrelations]) -> None:
    lows = []
    for records in (4, 100):
        found = measure(np.repeat(np.arange(records, dtype=float)[:, None], 2, axis=1))
        assert found.single.value == found.mean.value == found.single.high == 1.0
        assert found.single.low is not None
        lows.append(found.single.low)
    assert lows[0] < 0.8
    assert 0.95 < lows[1] < 1.0
