"""When an annotator's error rate rose."""

import math

import numpy as np
import pytest

from services.qa.domain.drift import Drift, DriftCharts, FastRule, FollowedOutcome, PoolError, SlowRule, follow

POOL = PoolError(gold=0.1, consensus=0.1)
WITHOUT_GOLD = PoolError(consensus=0.1)
RIGHT, WRONG = FollowedOutcome(0.0, 1.0, on_gold=False), FollowedOutcome(1.0, 1.0, on_gold=False)
GOLD_RIGHT, GOLD_WRONG = FollowedOutcome(0.0, 1.0, on_gold=True), FollowedOutcome(1.0, 1.0, on_gold=True)
NEVER = SlowRule(warn=math.inf, alarm=math.inf, gold_alarm=math.inf)
"""Leaves the fast chart alone."""


def outcomes(seed: int, *stretches: tuple[int, float], gold_share: float = 0.0) -> list[FollowedOutcome]:
    """(answers, error rate) one after the other."""
    generator = np.random.default_rng(seed)
    return [
        FollowedOutcome(float(generator.random() < error), 1.0, on_gold=bool(generator.random() < gold_share))
        for count, error in stretches
        for _ in range(count)
    ]


def test_a_large_rise_is_found_and_dated_without_gold() -> None:
    found = [follow(outcomes(seed, (45, 0.05), (60, 0.4)), WITHOUT_GOLD) for seed in range(40)]
    assert sum(one.alarmed for one in found) >= 32
    changed = [one.changed_at for one in found if one.changed_at is not None]
    alarmed = [one.alarmed_at for one in found if one.alarmed_at is not None]
    assert 42 <= np.median(changed) <= 50
    assert np.median(alarmed) - 45 <= 30
    assert {one.chart for one in found if one.alarmed} == {"fast"}


def test_a_doubled_error_is_found_once_gold_confirms_it() -> None:
    found = [follow(outcomes(seed, (1_500, 0.08), (500, 0.16), gold_share=0.2), POOL) for seed in range(40)]
    assert sum(one.alarmed for one in found) >= 28
    assert "slow" in {one.chart for one in found if one.alarmed}


def test_an_alarm_says_what_it_stands_on() -> None:
    found = follow(outcomes(0, (200, 0.05), (400, 0.3), gold_share=0.3), POOL)
    assert found.alarmed
    assert found.gold is not None
    assert found.consensus is not None
    assert found.statistic == pytest.approx(found.gold.evidence + found.consensus.evidence)
    assert found.gold.wrong / found.gold.answers > found.gold.before


def test_steady_people_raise_few_false_alarms() -> None:
    rates = np.linspace(0.02, 0.2, 100)
    found = [follow(outcomes(seed, (110, rate)), POOL) for seed, rate in enumerate(rates)]
    assert sum(one.alarmed for one in found) <= 3


def test_a_lucky_start_alone_is_no_drift() -> None:
    assert not follow([*[RIGHT] * 25, *([WRONG, *[RIGHT] * 4] * 12)], POOL).alarmed


def test_a_bad_start_is_not_drift() -> None:
    assert not follow(outcomes(0, (25, 0.9)), POOL).alarmed


def test_the_consensus_alone_warns_of_a_doubled_error_and_gold_decides() -> None:
    """Records that got harder make everybody differ from the others, and nobody err on gold."""
    harder = [*[RIGHT] * 19, WRONG] * 40 + [*[RIGHT] * 6, WRONG] * 60
    warned = follow(harder, POOL)
    assert warned.warned
    assert not warned.alarmed
    asked = follow([*harder, *[GOLD_RIGHT] * 60, *[GOLD_RIGHT] * 40], POOL)
    assert not asked.warned
    assert not asked.alarmed


def test_gold_may_be_harder_than_ordinary_records() -> None:
    """More of it, as whoever is warned gets, is no rise."""
    few = [*[RIGHT] * 9, GOLD_RIGHT, *[RIGHT] * 9, GOLD_WRONG] * 60
    many = [*few, *([GOLD_RIGHT, GOLD_WRONG, RIGHT, RIGHT] * 60)]
    assert not follow(many, PoolError(gold=0.5, consensus=0.02)).alarmed


def test_gold_vetoes_the_fast_chart() -> None:
    start = [RIGHT] * 60
    differs = [WRONG, RIGHT] * 20
    assert follow([*start, *differs], WITHOUT_GOLD, slow=NEVER).alarmed
    beside = [one for pair in differs for one in (pair, GOLD_RIGHT)]
    assert not follow([*start, *beside], POOL, slow=NEVER).alarmed


def test_a_warning_stands_until_it_is_cleared() -> None:
    rise = [*[RIGHT] * 25, *[WRONG] * 5]
    first = follow(rise, POOL, slow=NEVER)
    assert first.warned
    assert not first.alarmed
    still = follow([*rise, *[RIGHT] * 8], POOL, slow=NEVER)
    assert still.warned
    assert still.statistic < FastRule().warn
    assert not follow([*rise, *[RIGHT] * 30], POOL, slow=NEVER).warned


def test_outcomes_without_worth_change_nothing() -> None:
    given = outcomes(1, (45, 0.05), (40, 0.4))
    padded = [one for outcome in given for one in (outcome, FollowedOutcome(0.0, 0.0, on_gold=False))]
    one, other = follow(given, POOL), follow(padded, POOL)
    assert one.alarmed == other.alarmed
    assert one.statistic == pytest.approx(other.statistic)


def test_outcome_by_outcome_is_as_at_once() -> None:
    given = outcomes(3, (200, 0.05), (200, 0.3), gold_share=0.2)
    charts = DriftCharts(POOL)
    alarmed = next(place for place, one in enumerate(given) if charts.take(one))
    assert charts.take(RIGHT)
    assert charts.drift() == follow(given, POOL)
    assert charts.drift().alarmed_at == alarmed


def test_nobody_drifts_before_the_first_answer() -> None:
    assert follow([], POOL) == Drift(0.1, 0.0, warned=False, alarmed=False)
    assert not follow([], PoolError()).warned
