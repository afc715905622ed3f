"""Overlap and one-to-one matching, against slow and plain ways of saying the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from services.qa.domain import geometry, matching
from services.qa.domain.geometry import BOXES, INTERVALS
from services.qa.domain.matching import assign, count_like, count_matches, f1

Point = tuple[float, float]


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
        ((0, 0, 1e-9, 1e-9, 0), (0, 0, 1e-9, 1e-9, 0), 1.0),
    ],
)
def test_intersection_over_union(one: tuple[float, ...], other: tuple[float, ...], expected: float) -> None:
    for left, right in ((of_box(*one), of_box(*other)), (of_box(*other), of_box(*one))):
        assert BOXES.overlap(left, right)[0, 0] == pytest.approx(expected, abs=1e-5)
        assert BOXES.overlap(left, right, 0.05)[0, 0] == pytest.approx(expected, abs=1e-5)
        assert BOXES.overlap_of_pairs(left, right)[0] == pytest.approx(expected, abs=1e-5)


def clipped_area(one: np.ndarray, other: np.ndarray) -> float:
    """The area two boxes share, by clipping one polygon at each side of the other (Sutherland & Hodgman 1974)."""
    shape, sides = corners(one), corners(other)
    for index, end in enumerate(sides):
        shape = clip(shape, sides[index - 1], end)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(shape, shape[1:] + shape[:1], strict=True))) / 2.0


def corners(box: np.ndarray) -> list[Point]:
    x, y, width, height, rotation = (float(value) for value in box)
    cos, sin = float(np.cos(np.radians(rotation))), float(np.sin(np.radians(rotation)))
    return [
        (x + width / 2 + dx * cos - dy * sin, y + height / 2 + dx * sin + dy * cos)
        for dx, dy in (
            (-width / 2, -height / 2),
            (width / 2, -height / 2),
            (width / 2, height / 2),
            (-width / 2, height / 2),
        )
    ]


def clip(shape: list[Point], start: Point, end: Point) -> list[Point]:
    def side(point: Point) -> float:
        return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])

    kept: list[Point] = []
    for index, point in enumerate(shape):
        before = shape[index - 1]
        here, there = side(point), side(before)
        if (here >= 0) != (there >= 0):
            share = there / (there - here)
            kept.append((before[0] + share * (point[0] - before[0]), before[1] + share * (point[1] - before[1])))
        if here >= 0:
            kept.append(point)
    return kept


def drawn_boxes(generator: np.random.Generator, size: int) -> np.ndarray:
    """Squares and slivers, upright, at odd angles and at angles that are all but right."""
    angles = generator.choice([0.0, 90.0, 180.0, 1e-7, 30.0, 45.0, 89.999, *generator.uniform(0, 360, 5)], size)
    sizes = np.exp(generator.uniform(-3, 3, (size, 2)))
    return np.concatenate([generator.uniform(0, 5, (size, 2)), sizes, angles[:, None]], axis=1)


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_boxes_overlap_as_clipped_polygons_do(seed: int) -> None:
    generator = np.random.default_rng(seed)
    one, other = drawn_boxes(generator, 6), drawn_boxes(generator, 7)
    shared = np.array([[clipped_area(left, right) for right in other] for left in one])
    areas = (one[:, 2] * one[:, 3])[:, None] + (other[:, 2] * other[:, 3])[None]
    expected = shared / (areas - shared)
    assert BOXES.overlap(one, other) == pytest.approx(expected, abs=1e-6)
    found = BOXES.overlap(one, other, 0.5)
    assert np.where(found >= 0.5, found, 0) == pytest.approx(np.where(expected >= 0.5, expected, 0), abs=1e-6)


@pytest.mark.parametrize("slender", [1.0, 100.0])
def test_where_boxes_lie_thick_the_threshold_is_exact_all_the_same(
    slender: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    boxes = np.c_[generator.uniform(0, 3, (80, 2)), np.full(80, 20.0 * slender), np.full(80, 20.0), np.zeros(80)]
    boxes[:, 4] = generator.uniform(0, 20 / slender, 80)
    exactly = BOXES.overlap(boxes, boxes, 0.9)
    monkeypatch.setattr(geometry, "_COARSE_FROM", 0)
    coarsely = BOXES.overlap(boxes, boxes, 0.9)
    assert 0.05 < (exactly >= 0.9).mean() < 0.95
    assert ((exactly >= 0.9) == (coarsely >= 0.9)).all()
    assert np.abs(exactly - coarsely)[exactly >= 0.9].max() < 2e-3


def test_interval_iou() -> None:
    found = INTERVALS.overlap(np.array([[0, 4], [10, 12]]), np.array([[2, 6], [4, 8]]))
    assert found == pytest.approx(np.array([[2 / 6, 0], [0, 0]]))


def test_the_matching_is_the_best_one_not_the_greedy_one() -> None:
    similarity = np.array([[0.9, 0.8], [0.8, 0.1]])
    assert assign(similarity, 0.5) == [(0, 1), (1, 0)]
    assert assign(np.array([[0.4]]), 0.5) == []
    assert assign(np.zeros((0, 3)), 0.5) == []


def test_f1_of_nothing_and_nothing_is_one() -> None:
    assert f1(0, 0, 0) == 1.0
    assert f1(1, 2, 1) == pytest.approx(2 / 3)


similarities = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 10_000), st.sampled_from([1, 8]))


def drawn(case: tuple[int, int, int, int]) -> np.ndarray:
    """Similarities, with many ties where they are rounded to one digit; about as many below .5 as above."""
    rows, columns, seed, digits = case
    return np.asarray(np.random.default_rng(seed).random((rows, columns)).round(digits))


def hungarian(similarity: np.ndarray) -> tuple[int, float]:
    """The most pairs of at least .5, and of all such matchings the largest sum; by the dense algorithm."""
    allowed = similarity >= 0.5
    worth = np.where(allowed, 1.0 + similarity / (2.0 * max(similarity.shape)), 0.0)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    kept = allowed[rows, columns]
    return int(kept.sum()), float(similarity[rows[kept], columns[kept]].sum())


@pytest.mark.parametrize("dense", [0, 3, 300])
@given(similarities)
@settings(max_examples=60)
def test_component_by_component_is_as_good_as_all_at_once(dense: int, case: tuple[int, int, int, int]) -> None:
    """`dense` 0: everything takes the road of large components, which promises the number of pairs only."""
    similarity = drawn(case)
    most, best = hungarian(similarity)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "_DENSE", dense)
        found = assign(similarity, 0.5)
        assert count_matches(similarity >= 0.5) == most
    assert len(found) == most
    assert len({row for row, _ in found}) == len({column for _, column in found}) == most
    assert all(similarity[pair] >= 0.5 for pair in found)
    if dense == 300:
        assert sum(similarity[pair] for pair in found) == pytest.approx(best)


@given(st.integers(1, 25), st.integers(1, 25), st.integers(0, 10_000))
@settings(max_examples=25)
def test_comparing_the_likely_pairs_first_counts_the_same(rows: int, columns: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    one, other = drawn_boxes(generator, rows), drawn_boxes(generator, columns)
    most, _ = hungarian(BOXES.overlap(one, other))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(geometry, "_COARSE_FROM", 0)
        patch.setattr(geometry, "_NEAREST", 2)
        patch.setattr(matching, "_DENSE", 0)
        assert count_like(one, other, BOXES, 0.5) == most
