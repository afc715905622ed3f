"""Geometry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.qa.domain.matching import assign, box_overlap, f1, interval_overlap
from services.qa.domain.parts import Part, cluster


def of_box(*values: float) -> np.ndarray:
    return np.array([values], float)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((0, 0, 10, 10, 0), (0, 0, 10, 10, 0), 1.0),
        ((0, 0, 10, 10, 0), (5, 0, 10, 10, 0), 1 / 3),
        ((0, 0, 10, 10, 0), (10, 0, 10, 10, 0), 0.0),
        ((0, 0, 10, 10, 0), (0, 0, 10, 10, 90), 1.0),
        ((0, 0, 10, 10, 0), (0, 0, 10, 10, 45), 0.70711),  # a square and its diamond: 2 (sqrt 2 - 1) / (2 - that)
        ((0, 4, 10, 2, 0), (0, 4, 10, 2, 90), 4 / 36),
        ((0, 0, 2, 2, 30), (50, 50, 2, 2, 0), 0.0),
    ],
)
def test_intersection_over_union(one: tuple[float, ...], other: tuple[float, ...], expected: float) -> None:
    assert box_overlap(of_box(*one), of_box(*other))[0, 0] == pytest.approx(expected, abs=1e-5)
    assert box_overlap(of_box(*other), of_box(*one))[0, 0] == pytest.approx(expected, abs=1e-5)


def test_interval_overlap() -> None:
    found = interval_overlap(np.array([[0, 4], [10, 12]]), np.array([[2, 6], [4, 8]]))
    assert found == pytest.approx(np.array([[2 / 6, 0], [0, 0]]))


def test_the_matching_is_the_best_one_not_the_greedy_one() -> None:
    similarity = np.array([[0.9, 0.8], [0.8, 0.1]])
    assert assign(similarity, 0.5) == [(0, 1), (1, 0)]
    assert assign(np.array([[0.4]]), 0.5) == []
    assert assign(np.zeros((0, 3)), 0.5) == []


def test_f1_of_nothing_and_nothing_is_one() -> None:
    assert f1(0, 0, 0) == 1.0
    assert f1(1, 2, 1) == pytest.approx(2 / 3)


spans = st.lists(st.tuples(st.integers(0, 15), st.integers(1, 8)), max_size=4)


@given(st.lists(spans, min_size=1, max_size=4))
@settings(max_examples=30, deadline=None)
def test_clusters_hold_every_part_once_and_at_most_one_of_each_vote(answers: list[list[tuple[int, int]]]) -> None:
    parts = [
        [Part("x", (float(start), float(start + size)), index) for index, (start, size) in enumerate(answer)]
        for answer in answers
    ]
    found = cluster(parts, interval_overlap, 0.5)
    assert sum(len(one) for one in found) == sum(len(one) for one in parts)
    for one in found:
        assert len({member.vote for member in one}) == len(one)
