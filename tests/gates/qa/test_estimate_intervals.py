"""Intervals of estimates from few labels hold the truth as often as they promise, whatever the model is worth.

A population of 20,000 records has a class with a known share; a model gives each a probability of it. Labels are drawn
uniformly, or by how unsure the model is (with a quarter of the chance alike for all), always with known probabilities.
TOUCHSTONE_GATE_ROUNDS sets how many samples are drawn in each case.
"""

import os
from dataclasses import dataclass
from functools import cache
from math import sqrt

import numpy as np
import pytest

from services.qa.domain.prediction_powered import DrawnOutcomes, estimate_mean, interval_of

ROUNDS = int(os.environ.get("TOUCHSTONE_GATE_ROUNDS", "200"))
RECORDS = 20_000
LEVEL = 0.9
SHARES = (0.02, 0.05, 0.1, 0.3, 0.5)
SIZES = (50, 200, 1000)
MODELS = ("good", "overconfident", "hard", "useless", "wrong")


@dataclass(frozen=True)
class Coverage:
    """How often the interval holds the truth and what it does without predictions; `width`: mean width, theirs over that."""

    held: float
    held_alone: float
    width: float


def population(model: str, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and predictions, shapes [RECORDS]."""
    generator = np.random.default_rng([seed, int(1000 * share)])
    outcome = (generator.random(RECORDS) < share).astype(float)
    if model == "hard":
        return outcome, np.where(generator.random(RECORDS) < 0.1 * share, 1.0 - outcome, outcome)
    apart = {"good": 3.0, "overconfident": 3.0, "useless": 0.0, "wrong": 1.0}[model]
    seen = generator.normal(apart * outcome)
    logit = np.log(share / (1 - share)) + apart * seen - apart**2 / 2
    if model == "overconfident":
        logit = 3.0 * logit
    if model == "useless":
        logit = generator.normal(0.0, 2.0, RECORDS)
    if model == "wrong":
        logit = -logit
    return outcome, 1.0 / (1.0 + np.exp(-logit))


def drawn(
    generator: np.random.Generator, outcome: np.ndarray, predicted: np.ndarray, size: int, *, active: bool
) -> DrawnOutcomes:
    if active:
        unsure = np.sqrt(predicted * (1.0 - predicted))
        chance = np.minimum(1.0, size / RECORDS * (0.75 * unsure / unsure.mean() + 0.25))
        chosen = np.flatnonzero(generator.random(RECORDS) < chance)
    else:
        chance = np.full(RECORDS, size / RECORDS)
        chosen = generator.choice(RECORDS, size, replace=False)
    return DrawnOutcomes(
        outcome[chosen],
        predicted[chosen],
        1.0 / chance[chosen],
        np.ones(len(chosen)),
        np.zeros(len(chosen), np.intp),
        1.0 - chance[chosen],
    )


@cache
def coverage(model: str, share: float, size: int, *, active: bool) -> Coverage:
    outcome, predicted = population(model, share, size)
    generator = np.random.default_rng([size, int(1000 * share), active])
    truth, mean = outcome.mean(), predicted.mean()
    held, alone, widths, widths_alone = [], [], [], []
    for _ in range(ROUNDS):
        sample = drawn(generator, outcome, predicted, size, active=active)
        mine = interval_of(estimate_mean(sample, mean), LEVEL)
        uniform = sample if not active else drawn(generator, outcome, predicted, size, active=False)
        theirs = interval_of(estimate_mean(uniform, mean, reliance=0.0), LEVEL)
        held.append(mine.low <= truth <= mine.high)
        alone.append(theirs.low <= truth <= theirs.high)
        widths.append(mine.high - mine.low)
        widths_alone.append(theirs.high - theirs.low)
    return Coverage(float(np.mean(held)), float(np.mean(alone)), float(np.mean(widths) / np.mean(widths_alone)))


def slack(rounds: int) -> float:
    """Three standard deviations of chance."""
    return 3 * sqrt(0.09 / rounds)


def all_cases(*, active: bool) -> dict[tuple[str, float, int], Coverage]:
    """A model that is right to all but some records leaves no choice for an active draw."""
    models = [model for model in MODELS if not (active and model == "hard")]
    return {
        (model, share, size): coverage(model, share, size, active=active)
        for model in models
        for share in SHARES
        for size in SIZES
    }


@pytest.mark.parametrize("active", [False, True])
def test_the_intervals_hold_the_truth_whatever_the_model_is_worth(*, active: bool) -> None:
    found = all_cases(active=active)
    assert min(one.held for one in found.values()) >= 0.88 - slack(ROUNDS), found


@pytest.mark.parametrize("active", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_where_labels_show_what_the_model_is_worth_the_intervals_are_no_wider_than_promised(
    size: int, *, active: bool
) -> None:
    """Where fewer than eight of the labels differ from a good model, it can't be known, and intervals are wider."""
    shown = [
        one.held
        for (model, share, drawn_size), one in all_cases(active=active).items()
        if drawn_size == size and (model in {"useless", "wrong"} or (share * size >= 50 and model != "hard"))
    ]
    assert 0.88 <= float(np.mean(shown)) <= 0.935, shown


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("model", ["good", "overconfident", "hard"])
def test_where_the_model_is_good_they_are_a_fifth_narrower_than_those_of_labels_alone(model: str, size: int) -> None:
    found = {share: coverage(model, share, size, active=False).width for share in SHARES}
    assert max(found.values()) <= 0.8, found


def test_where_it_is_useless_they_are_hardly_wider() -> None:
    found = [coverage("useless", share, size, active=False).width for share in SHARES for size in SIZES]
    assert max(found) <= 1.03, found


@pytest.mark.parametrize("model", ["good", "overconfident"])
def test_drawing_what_the_model_is_unsure_of_makes_them_narrower_still(model: str) -> None:
    uniform, active = (
        float(np.mean([coverage(model, share, 1000, active=one).width for share in SHARES])) for one in (False, True)
    )
    assert active <= (0.75 if model == "good" else 0.97) * uniform
