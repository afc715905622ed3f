"""Intraclass correlations against the worked example of Shrout and Fleiss 1979."""

import numpy as np
import pytest

from services.qa.domain.intraclass import icc_1, icc_2

# Shrout and Fleiss 1979 (Psychological Bulletin 86), table 2: 6 targets, 4 judges
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def test_the_correlations_of_one_way_are_the_published_ones() -> None:
    found = icc_1(SHROUT_FLEISS)
    assert found.single.value == pytest.approx(0.17, abs=0.005)
    assert found.mean.value == pytest.approx(0.44, abs=0.005)
    assert found.answers == 4
    # the intervals as R's psych prints them for this example
    assert (found.single.low, found.single.high) == pytest.approx((-0.133, 0.723), abs=0.001)
    assert (found.single.records, found.single.annotations) == (6, 24)


def test_the_correlations_of_two_ways_are_the_published_ones() -> None:
    found = icc_2(np.array(SHROUT_FLEISS, float))
    assert found.single.value == pytest.approx(0.29, abs=0.005)
    assert found.mean.value == pytest.approx(0.62, abs=0.005)
    assert (found.single.low, found.single.high) == pytest.approx((0.019, 0.761), abs=0.001)
    assert (found.mean.low, found.mean.high) == pytest.approx((0.071, 0.927), abs=0.002)


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


def test_full_agreement_is_one() -> None:
    assert icc_1([[1.0, 1.0], [2.0, 2.0]]).single.value == 1.0
    assert icc_2(np.array([[1.0, 1.0], [2.0, 2.0]])).mean.value == 1.0
