from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.prelabel.domain.acquisition import (
    POOL_FACTOR,
    Candidate,
    ChanceWindow,
    Features,
    SelectedCandidate,
    class_shares,
    cold_start,
    expected_by_chance,
    next_batch,
)
from services.prelabel.domain.calibration import Floats
from services.prelabel.domain.clustering import nearest_to_centres
from services.prelabel.domain.features import DIMENSIONS, text_features
from services.prelabel.domain.learning_schedule import (
    Labels,
    LastBatch,
    LearningProgress,
    PendingComparison,
    Supply,
    selection_due,
    training_due,
)
from services.prelabel.domain.uncertainty import unsureness
from shared.contracts.policies import LearningPolicy

POLICY = LearningPolicy(cold_start=100, batch_size=80, promotion_held_out=50)


def candidates(count: int, seed: int = 0) -> list[Candidate]:
    generator = np.random.default_rng(seed)
    return [
        Candidate(float(score), float(draw))
        for score, draw in zip(generator.random(count), generator.random(count), strict=True)
    ]


def no_features(indices: Sequence[int]) -> list[None]:
    return [None] * len(indices)


def features(indices: Sequence[int]) -> list[Floats]:
    return [np.random.default_rng(index).random(6) for index in indices]


def progress(**changes: object) -> LearningProgress:
    usual: dict[str, object] = {
        "last": LastBatch(1, 80, 0, 500),
        "labels": Labels(0, two_classes=True),
        "trained": True,
        "training": False,
        "waiting": None,
        "rescoring": False,
    }
    return LearningProgress(**(usual | changes))  # type: ignore[arg-type]


def window(size: int, total: int, *, cold: bool = False, die: float = 0.37) -> ChanceWindow:
    return ChanceWindow.of(expected_by_chance(size, cold=cold), total, die)


@settings(max_examples=25)
@given(
    count=st.integers(0, 60), size=st.integers(1, 70), seed=st.integers(0, 9), blind=st.booleans(),
    die=st.floats(0, 1, exclude_max=True),
)  # fmt: skip
def test_a_batch_has_its_size_and_nobody_twice(count: int, size: int, seed: int, blind: bool, die: float) -> None:
    for choose, cold in ((cold_start, True), (next_batch, False)):
        chosen = choose(
            candidates(count, seed),
            no_features if blind else features,
            size,
            seed,
            window(size, count, cold=cold, die=die),
        )
        assert len({choice.index for choice in chosen}) == len(chosen) == min(count, size)
        assert all(0 < choice.probability <= 1 for choice in chosen)


def test_the_cold_start_is_half_chance_half_k_means() -> None:
    there = candidates(500)
    around = window(100, 500, cold=True)
    chosen = cold_start(there, features, 100, 0, around)
    by_chance = [choice for choice in chosen if choice.strategy == "chance"]
    assert {choice.probability for choice in by_chance} == {0.1}
    assert {choice.index for choice in by_chance} == {
        index for index, each in enumerate(there) if 0.37 <= each.draw < 0.47
    }
    assert {choice.strategy for choice in chosen} == {"chance", "k_means"}


def test_a_later_batch_is_unsure_with_a_tenth_by_chance() -> None:
    there = candidates(2000)
    chosen = next_batch(there, features, 50, 0, window(50, 2000))
    by_chance = [choice for choice in chosen if choice.strategy == "chance"]
    assert {choice.probability for choice in by_chance} == {5 / 2000}
    by_margin = [there[choice.index].score for choice in chosen if choice.strategy == "margin_clusters"]
    assert min(by_margin) >= sorted((each.score for each in there), reverse=True)[POOL_FACTOR * 50 + len(by_chance)]


@pytest.mark.parametrize(
    ("choose", "cold", "size"), [(cold_start, True, 9), (next_batch, False, 9), (cold_start, True, 3)]
)
def test_every_record_is_chosen_by_chance_as_often_as_is_logged(
    choose: Callable[[Sequence[Candidate], Features, int, int, ChanceWindow], list[SelectedCandidate]],
    cold: bool,
    size: int,
) -> None:
    """Also those that came after others had been chosen by chance, whose draws have gaps where a window was."""
    generator = np.random.default_rng(5)
    old = [draw for draw in generator.random(40).tolist() if draw > 0.4]
    there = [
        Candidate(float(score), draw, None)
        for draw, score in zip([*old, *generator.random(20).tolist()], generator.random(60), strict=False)
    ]
    dice = np.linspace(0, 1, 1000, endpoint=False).tolist()
    weights = np.zeros(len(there))
    for number, die in enumerate(dice):
        for choice in choose(there, no_features, size, number, window(size, len(there), cold=cold, die=die)):
            if choice.strategy == "chance":
                weights[choice.index] += 1 / choice.probability
    assert weights / len(dice) == pytest.approx(np.ones(len(there)), abs=0.1 if size > 3 else 0.4)


def test_of_each_cluster_the_most_central_is_taken_and_nobody_from_outside_the_pool() -> None:
    points = [np.array([float(place)]) for place in (0, 1, 2, 10, 11, 12, 50)]
    there = [Candidate(0.9 - 0.01 * number, 0.9) for number in range(7)]
    chosen = next_batch(there, lambda indices: [points[index] for index in indices], 2, 0, ChanceWindow(0.0, 0.1))
    assert sorted(choice.index for choice in chosen) == [1, 4]


def test_a_class_that_is_rarely_predicted_has_more_than_its_share() -> None:
    there = [Candidate(0.9 - 0.001 * number, 0.9, "rare" if number % 10 == 0 else "common") for number in range(100)]
    chosen = next_batch(there, features, 20, 0, ChanceWindow(0.0, 0.1))
    assert sum(there[choice.index].label == "rare" for choice in chosen) == 5


@settings(max_examples=100)
@given(st.lists(st.integers(1, 50), max_size=20), st.integers(0, 300))
def test_places_are_divided_whole_and_no_class_gets_more_than_it_has(counts: list[int], places: int) -> None:
    shares = class_shares(counts, places)
    assert sum(shares) == min(places, sum(counts))
    assert all(0 <= share <= count for share, count in zip(shares, counts, strict=True))


def test_places_go_by_the_square_root() -> None:
    assert class_shares([100, 25, 4], 17) == [10, 5, 2]
    assert class_shares([9, 1, 1, 1], 2) == [2, 0, 0, 0]
    assert class_shares([4, 4, 4, 4], 2) == [1, 1, 0, 0]
    assert class_shares([1, 1000], 100) == [1, 99]


def test_the_same_question_has_the_same_answer() -> None:
    there = candidates(300)
    assert next_batch(there, features, 40, 7, window(40, 300)) == next_batch(there, features, 40, 7, window(40, 300))


def test_k_means_finds_one_of_each_kind() -> None:
    generator = np.random.default_rng(0)
    centres = np.array([[0, 0], [50, 0], [0, 50], [50, 50]])
    points = np.concatenate([centre + generator.normal(size=(30, 2)) for centre in centres])
    chosen = nearest_to_centres(points, 4, seed=3)
    assert sorted(index // 30 for index in chosen) == [0, 1, 2, 3]


def test_points_that_coincide_give_fewer_centres() -> None:
    assert len(nearest_to_centres(np.ones((40, 3)), 5, seed=0)) == 1
    assert nearest_to_centres(np.empty((0, 3)), 5, seed=0) == []


def test_texts_that_share_words_are_near() -> None:
    invoice, bill, cat = (text_features(text) for text in ("Invoice unpaid", "invoice was unpaid", "a cat sleeps"))
    assert invoice @ bill > 0.6 > invoice @ cat
    assert text_features("").shape == (DIMENSIONS,)
    assert not text_features("").any()


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), classes=st.integers(2, 20))
def test_unsureness_is_between_none_and_all(seed: int, classes: int) -> None:
    p = np.random.default_rng(seed).dirichlet(np.full(classes, 0.3), size=8)
    found = unsureness(p)
    for values in (found.entropy, found.margin, found.least_confidence):
        assert ((values >= 0) & (values <= 1)).all()


def test_the_most_and_the_least_unsure() -> None:
    found = unsureness(np.array([[0.25] * 4, [1.0, 0, 0, 0]]))
    assert found.entropy == pytest.approx([1, 0], abs=1e-6)
    assert found.margin == pytest.approx([1, 0])
    assert found.least_confidence == pytest.approx([0.75, 0])


@pytest.mark.parametrize(
    ("supply", "due"),
    [
        (Supply(0, 100), False),
        (Supply(99, 4.9), False),
        (Supply(99, 5.0), True),
        (Supply(100, 1.4), False),
        (Supply(100, 1.5), True),
        (Supply(999, 0.0), False),
        (Supply(1000, 0.0), True),
    ],
)
def test_the_cold_start_waits_for_the_import_to_end(supply: Supply, due: bool) -> None:
    assert selection_due(POLICY, progress(last=None, trained=False), supply) is due


PLENTY = Supply(500, 0)


@pytest.mark.parametrize(
    ("last", "supply", "due"),
    [
        (LastBatch(0, 29, 29, 29), Supply(70, 1.5), False),
        (LastBatch(0, 29, 29, 29), Supply(71, 1.5), True),
        (LastBatch(0, 29, 29, 29), Supply(3, 5.0), True),
        (LastBatch(1, 71, 71, 100), Supply(500, 9.0), False),
    ],
)
def test_a_cold_start_that_began_too_early_is_filled_up(last: LastBatch, supply: Supply, due: bool) -> None:
    there = progress(last=last, trained=False)
    assert selection_due(POLICY, there, supply) is due
    assert there.wanted(POLICY) == (71 if last.selected < 100 else 80)


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({}, True),
        ({"last": LastBatch(1, 80, 8, 500)}, True),
        ({"last": LastBatch(1, 80, 9, 500)}, False),
        ({"last": LastBatch(1, 9, 1, 500)}, False),
        ({"training": True}, False),
        ({"rescoring": True}, False),
        ({"labels": Labels(40, two_classes=True)}, False),
        ({"labels": Labels(39, two_classes=True)}, True),
        ({"labels": Labels(80, two_classes=False)}, True),
        ({"waiting": PendingComparison(20, 100, served=True)}, False),
        ({"waiting": PendingComparison(20, 29, served=True)}, True),
        ({"waiting": PendingComparison(20, 30, served=True)}, False),
        ({"waiting": PendingComparison(20, 100, served=False)}, True),
        ({"waiting": PendingComparison(50, 0, served=False)}, False),
    ],
)
def test_a_batch_follows_when_nothing_is_left_to_wait_for(changes: dict[str, object], due: bool) -> None:
    assert selection_due(POLICY, progress(**changes), PLENTY) is due


def test_the_last_records_are_taken_when_no_more_come() -> None:
    assert not selection_due(POLICY, progress(), Supply(3, 4.0))
    assert selection_due(POLICY, progress(), Supply(3, 5.0))


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"labels": Labels(80, two_classes=True)}, True),
        ({"labels": Labels(80, two_classes=False)}, False),
        ({"labels": Labels(79, two_classes=True), "last": LastBatch(1, 80, 40, 500)}, False),
        ({"labels": Labels(40, two_classes=True)}, True),
        ({"labels": Labels(39, two_classes=True)}, False),
        ({"labels": Labels(80, two_classes=True), "training": True}, False),
        ({"labels": Labels(3, two_classes=True), "last": LastBatch(1, 5, 0, 500)}, True),
        ({"labels": Labels(99, two_classes=True), "trained": False, "last": None}, False),
        ({"labels": Labels(100, two_classes=True), "trained": False, "last": None}, True),
        ({"labels": Labels(50, two_classes=True), "trained": False, "last": LastBatch(0, 100, 10, 500)}, True),
    ],
)
def test_training_follows_a_batch_or_as_many_labels(changes: dict[str, object], due: bool) -> None:
    assert training_due(POLICY, progress(**changes)) is due
    assert not training_due(POLICY.model_copy(update={"enabled": False}), progress(**changes))
