"""Shares of slices and of groups of annotators, compared."""

import numpy as np
import pytest

from services.qa.domain.bias import BiasMeasure, BiasPart, BiasSample, BiasSide, audit
from services.qa.domain.clustered_shares import (
    ClusteredAnswers,
    adjusted,
    correlations,
    difference,
    effective_answers,
    share_interval,
)


def alone(values: list[float]) -> ClusteredAnswers:
    """Each answer of a record of its own, and of nobody in particular."""
    return ClusteredAnswers(np.array(values, dtype=float), np.arange(len(values)))


def by_records(parts: dict[str, range], count: int) -> list[BiasPart]:
    members = {value: np.isin(np.arange(count), of_value) for value, of_value in parts.items()}
    return [BiasPart(BiasSide.RECORDS, "source", value, of_value) for value, of_value in members.items()]


def sample(answers: ClusteredAnswers) -> BiasSample:
    return BiasSample(BiasMeasure.GOLD_ERROR, "topic", None, answers)


def test_independent_answers_have_the_interval_of_clopper_and_pearson() -> None:
    answers = alone([1.0] * 8 + [0.0] * 12)
    found = share_interval(answers, correlations(answers))
    assert (found.value, found.low, found.high) == pytest.approx((0.4, 0.191, 0.639), abs=0.02)


def test_at_none_out_of_n_there_is_still_an_interval() -> None:
    found = share_interval(alone([0.0] * 20), correlations(alone([0.0] * 20)))
    assert (found.low, found.value) == (0.0, 0.0)
    assert 0.1 < found.high < 0.25


def test_answers_that_repeat_each_other_count_once() -> None:
    values = np.repeat([1.0, 0.0, 0.0, 1.0, 0.0] * 4, 10)
    answers = ClusteredAnswers(values, np.repeat(np.arange(20), 10))
    count, _ = effective_answers(answers, correlations(answers))
    assert count == pytest.approx(20, rel=0.1)


def test_answers_of_one_annotator_that_are_alike_count_less() -> None:
    random = np.random.default_rng(1)
    skills = random.beta(2, 6, 12)
    annotators = np.repeat(np.arange(12), 50)
    values = (random.random(600) < skills[annotators]).astype(float)
    answers = ClusteredAnswers(values, np.arange(600), annotators)
    like = correlations(answers)
    assert 0.04 < like.annotators < 0.3
    count, freedom = effective_answers(answers, like)
    assert count < 200
    assert freedom < 30


def test_a_difference_is_of_the_part_less_the_rest() -> None:
    values = [1.0] * 40 + [0.0] * 60 + [1.0] * 20 + [0.0] * 80
    answers = alone(values)
    found = difference(answers, np.arange(200) < 100, correlations(answers))
    assert found.value == pytest.approx(0.2)
    assert found.low < 0.2 < found.high
    assert 0.0005 < found.p_value < 0.01


def test_no_hit_in_a_small_part_is_no_proof() -> None:
    values = [0.0] * 20 + [1.0] * 50 + [0.0] * 950
    answers = alone(values)
    assert difference(answers, np.arange(len(values)) < 20, correlations(answers)).p_value > 0.2


def test_q_values_are_those_of_benjamini_and_hochberg() -> None:
    p_values = np.array([0.01, 0.04, 0.03, 0.5])
    assert adjusted(p_values) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert adjusted(np.array([])).tolist() == []


def test_a_slice_that_differs_is_reported_and_others_are_not() -> None:
    random = np.random.default_rng(2)
    chance = np.repeat([0.3, 0.1, 0.1, 0.1], 200)
    answers = alone(list((random.random(800) < chance).astype(float)))
    parts = by_records({name: range(at * 200, at * 200 + 200) for at, name in enumerate("abcd")}, 800)
    cells = {cell.value: cell for cell in audit([sample(answers)], parts)}
    assert cells["a"].differs
    assert cells["a"].records == 200
    assert cells["a"].others == pytest.approx(answers.values[200:].mean())


def test_a_small_cell_is_hidden_and_the_next_smallest_with_it() -> None:
    """Else it would follow from the others."""
    parts = by_records({"large": range(100), "middle": range(100, 140), "small": range(140, 149)}, 149)
    cells = {cell.value: cell for cell in audit([sample(alone([0.0, 1.0] * 74 + [1.0]))], parts)}
    assert [value for value, cell in cells.items() if cell.hidden] == ["middle", "small"]
    assert cells["small"].share is None
    assert cells["small"].records is None
    assert cells["small"].q_value is None


def test_the_policy_may_hide_more() -> None:
    parts = by_records({"a": range(100), "b": range(100, 140), "c": range(140, 200)}, 200)
    cells = audit([sample(alone([0.0, 1.0] * 100))], parts, least_records=50)
    assert {cell.value for cell in cells if cell.hidden} == {"b", "c"}


def test_groups_of_few_annotators_are_hidden() -> None:
    annotators = np.arange(300) % 12
    answers = ClusteredAnswers(np.arange(300, dtype=np.float64) % 2, np.arange(300), annotators)
    few, many = np.arange(12) < 4, np.arange(12) >= 4
    parts = [
        BiasPart(BiasSide.ANNOTATORS, "pool", "few", few),
        BiasPart(BiasSide.ANNOTATORS, "pool", "many", many),
    ]
    assert all(cell.hidden for cell in audit([sample(answers)], parts))


def test_what_nobody_in_particular_gave_has_no_groups_of_annotators() -> None:
    parts = [BiasPart(BiasSide.ANNOTATORS, "pool", "all", np.ones(3, dtype=bool))]
    assert audit([sample(alone([0.0, 1.0]))], parts) == []
