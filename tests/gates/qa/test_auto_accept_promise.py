"""The promise of auto-accept, over simulated splits: the budget is broken in at most one of twenty."""

import numpy as np
import pytest

from services.qa.domain.auto_accept import Audited, choose_threshold, lowest_confidence


@pytest.mark.parametrize(("labels", "budget", "sharpness"), [(540, 0.015, 12.0), (800, 0.02, 4.0), (300, 0.05, 3.0)])
@pytest.mark.parametrize("overconfident", [1.0, 0.6])
def test_the_budget_is_kept(labels: int, budget: float, sharpness: float, overconfident: float) -> None:
    generator = np.random.default_rng(labels)
    everything = np.sort(generator.beta(sharpness, 0.35, 50_000))[::-1]
    chance = 1.0 - (1.0 - everything) / overconfident  # how often the model is really right at a confidence
    broken = found_any = 0
    true_error = np.cumsum(1.0 - chance) / np.arange(1, len(everything) + 1)
    for _ in range(200):
        drawn = generator.integers(len(everything), size=labels)
        right = generator.random(labels) < chance[drawn]
        audited = [Audited(float(one), bool(hit)) for one, hit in zip(everything[drawn], right, strict=True)]
        found = choose_threshold(audited, error_budget=budget)
        if found is None:
            continue
        assert found.value >= lowest_confidence(budget)
        found_any += 1
        accepted = int((everything >= found.value).sum())
        broken += true_error[accepted - 1] > budget
    assert broken <= 10
    assert overconfident < 1.0 or found_any > 20


def test_picking_the_loosest_that_looks_right_would_not_do() -> None:
    """Why the sequence: the naive choice breaks its promise half the time (same model, same labels)."""
    generator = np.random.default_rng(1)
    everything = np.sort(generator.beta(2.5, 0.35, 50_000))[::-1]
    true_error = np.cumsum(1.0 - everything) / np.arange(1, len(everything) + 1)
    broken = 0
    for _ in range(100):
        drawn = np.sort(generator.integers(len(everything), size=1000))
        wrong = generator.random(1000) >= everything[drawn]
        looks_right = np.flatnonzero(np.cumsum(wrong) / np.arange(1, 1001) <= 0.02)
        broken += len(looks_right) > 0 and true_error[drawn[looks_right[-1]]] > 0.02
    assert broken > 30
