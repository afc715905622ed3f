"""Which regions of several people are the same object."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.qa.domain import geometry, regions
from services.qa.domain.geometry import BOXES, INTERVALS
from services.qa.domain.regions import Clusters, Regions, cluster

Span = tuple[float, float, str]


def spans(*given_spans: Span) -> Regions:
    extents = np.array([(start, end) for start, end, _ in given_spans], float).reshape(-1, 2)
    return Regions([label for _, _, label in given_spans], extents)


def grouped(found: Clusters) -> set[frozenset[tuple[int, int]]]:
    members = list(zip(found.votes.tolist(), found.indices.tolist(), strict=True))
    return {
        frozenset(member for member, group in zip(members, found.groups.tolist(), strict=True) if group == one)
        for one in range(len(found.marked))
    }


some_spans = st.lists(st.tuples(st.integers(0, 15), st.integers(1, 8), st.sampled_from("xy")), max_size=4, unique=True)


@given(st.lists(some_spans, min_size=1, max_size=4))
@settings(max_examples=30)
def test_every_region_stands_in_one_group_and_a_voter_counts_once_in_it(answers: list[list[Any]]) -> None:
    found = cluster(
        [spans(*((start, start + size, label) for start, size, label in answer)) for answer in answers], INTERVALS, 0.5
    )
    assert sorted(zip(found.votes.tolist(), found.indices.tolist(), strict=True)) == [
        (vote, index) for vote, answer in enumerate(answers) for index in range(len(answer))
    ]
    for group in range(len(found.marked)):
        assert set(found.votes[found.groups == group].tolist()) == set(np.flatnonzero(found.marked[group]).tolist())
    for one in range(len(found.doubtful)):
        assert found.marked[found.objects == one].sum(axis=0).max() == 1  # nobody gives an object two labels


def test_the_most_alike_are_grouped_first() -> None:
    found = cluster([spans((0, 10, "x"), (3, 13, "x")), spans((3, 12, "x"), (0, 11, "x"))], INTERVALS, 0.5)
    assert grouped(found) == {frozenset({(0, 0), (1, 1)}), frozenset({(0, 1), (1, 0)})}


def test_who_draws_an_object_twice_is_one_voter_for_it() -> None:
    one, twice = spans((0, 10, "x")), spans((0, 9, "x"), (0, 10, "x"))
    found = cluster([twice, one, one], INTERVALS, 0.5)
    assert found.marked.tolist() == [[True, True, True]]
    assert not found.doubtful.any()


def test_one_against_one_it_is_doubtful_whether_they_are_two() -> None:
    found = cluster([spans((0, 9, "x"), (0, 10, "x")), spans((0, 10, "x"))], INTERVALS, 0.5)
    assert found.marked.tolist() == [[True, True]]
    assert found.doubtful.tolist() == [True]


def test_two_objects_that_most_see_stay_two_however_alike() -> None:
    both = spans((0, 9, "x"), (0, 10, "x"))
    assert len(cluster([both, both, spans((0, 10, "x"))], INTERVALS, 0.5).doubtful) == 2
    assert len(cluster([both], INTERVALS, 0.5).doubtful) == 2


def test_two_objects_of_the_truth_stay_two() -> None:
    found = cluster([spans((0, 9, "x")), spans((0, 9, "x"), (0, 10, "x"))], INTERVALS, 0.5, last_is_true=True)
    assert len(found.marked) == 2


def test_one_place_with_two_labels_is_one_object() -> None:
    found = cluster([spans((0, 9, "x")), spans((0, 9, "y")), spans((30, 39, "y"))], INTERVALS, 0.5)
    assert found.group_labels == ["x", "y", "y"]
    assert found.objects.tolist() == [0, 0, 1]
    assert found.objects_marked.tolist() == [[True, True, False], [False, False, True]]


def test_two_labels_that_one_person_gives_are_two_objects() -> None:
    both = spans((0, 9, "x"), (0, 9, "y"))
    assert len(cluster([both, spans((0, 9, "x"))], INTERVALS, 0.5).doubtful) == 2


def pile(generator: np.random.Generator, size: int, spread: float, *, turned: bool) -> Regions:
    extents = np.c_[generator.uniform(0, spread, (size, 2)), np.full((size, 2), 20.0), np.zeros(size)]
    if turned:
        extents[:, 4] = generator.uniform(0, 30, size)
    return Regions(["x"] * size, extents)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("spread", [3.0, 60.0])
def test_looking_at_few_partners_first_leaves_nobody_without_one_that_is_free(
    spread: float, turned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(3)
    answers = [pile(generator, 60, spread, turned=turned) for _ in range(2)]
    monkeypatch.setattr(regions, "MOST_PARTNERS", 2)
    monkeypatch.setattr(geometry, "_COARSE_FROM", 1_000)
    monkeypatch.setattr(geometry, "_NEAREST", 2)
    found = cluster(answers, BOXES, 0.5)
    matched = found.marked.all(axis=1)
    assert matched.any()
    one, other = (found.extents[(found.votes == vote) & ~np.asarray(matched)[found.groups]] for vote in (0, 1))
    assert float(BOXES.overlap(one, other).max(initial=0.0)) < 0.5
