"""Bounds of an error rate from two phases of labels."""

import numpy as np
import pytest
from scipy.stats import binom

from services.qa.domain import auto_accept
from services.qa.domain.two_phase import Counts, p_value, step_sizes, upper_bound


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_where_all_or_nothing_is_checked_the_test_is_the_exact_binomial_one(share: float) -> None:
    counts = Counts(tested=400, errors=2, checked=390 if share else 0, shared=1 if share else 0)
    assert p_value(counts, 0.02, share) == pytest.approx(binom.cdf(counts.wrong, 400, 0.02))
    assert upper_bound(counts, 0.95, share) == pytest.approx(auto_accept.upper_bound(counts.wrong, 400), abs=1e-6)


def test_without_mistakes_all_of_the_budget_may_be_shared() -> None:
    assert p_value(Counts(500, 0, 250), 0.02, 0.5) == pytest.approx((1 - 0.5 * 0.02) ** 500)


@pytest.mark.parametrize("share_of_people", [0.0, 0.25, 0.5, 0.75, 1.0])
@pytest.mark.parametrize(("share", "tested"), [(0.1, 3000), (0.4, 800), (0.7, 400)])
def test_the_test_keeps_its_level_however_many_mistakes_people_share(
    share: float, tested: int, share_of_people: float
) -> None:
    """Summed over all outcomes at an error rate that is the budget."""
    budget, level = 0.02, 0.05
    of_shared = budget * share_of_people
    broken = 0.0
    for shared in range(12):
        chance = float(binom.pmf(shared, tested, share * of_shared))
        rest = (budget - of_shared) / (1 - share * of_shared)
        errors = np.arange(60)
        passes = [p_value(Counts(tested, int(one), tested, shared), budget, share) <= level for one in errors]
        broken += chance * float(binom.pmf(errors, tested - shared, rest)[passes].sum())
    assert broken <= level * 1.001


def test_what_was_drawn_in_vain_counts_as_not_checked() -> None:
    counts = Counts(tested=500, errors=0, checked=300)
    vain = Counts(tested=500, errors=0, checked=150, missed=150)
    assert p_value(vain, 0.02, 0.6) == pytest.approx(p_value(counts, 0.02, 0.3))
    assert p_value(Counts(500, 0, missed=300), 0.02, 0.6) == 1.0


def test_a_step_is_where_one_more_mistake_may_pass() -> None:
    sizes = step_sizes(600, 0.02, 0.95, 1.0)
    assert sizes[:4] == (149, 236, 313, 386)
    for errors, size in enumerate(sizes):
        assert p_value(Counts(size, errors), 0.02, 1.0) <= 0.05 < p_value(Counts(size - 1, errors), 0.02, 1.0)


def test_the_bound_is_what_the_test_does_not_reject() -> None:
    counts = Counts(tested=900, errors=4, checked=300, shared=1)
    bound = upper_bound(counts, 0.95, 0.35)
    assert p_value(counts, bound, 0.35) <= 0.05 + 1e-6
    assert p_value(counts, bound - 1e-4, 0.35) > 0.05
    assert bound > auto_accept.upper_bound(5, 900)
