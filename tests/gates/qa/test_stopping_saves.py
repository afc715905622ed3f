"""What stopping by costs saves on real crowds, against five votes on every record.

`POSTERIOR_SEEDS` replays each set so many times. Sets that are not beside the checkout are left out.
"""

from functools import cache

import numpy as np

from services.qa.domain.consensus_methods import Method
from services.qa.domain.method_choice import MethodCandidate
from services.qa.domain.stopping import StoppingCosts
from tests.gates.qa.crowd_replay import (
    SETS,
    Replayed,
    by_costs,
    candidate_for,
    fixed,
    replay,
    thinned,
    together,
)
from tests.gates.qa.test_posterior_promise import SEEDS, prior_without

COSTS = StoppingCosts(vote=1.0, arbiter=17.0, error=40.0)
"""One price for all sets: an error is worth forty votes, an arbiter's decision seventeen."""

MAXIMUM = 10
MOST_ITEMS = 600


@cache
def replayed(name: str) -> Replayed:
    data = thinned(name, MOST_ITEMS)
    return together(
        [replay(name, data, seed, by_costs(COSTS, MAXIMUM), prior=prior_without(name)) for seed in range(SEEDS)]
    )


def with_five(name: str, candidate: MethodCandidate | None = None) -> tuple[float, float]:
    """The share that is right and the votes a record, with five on each; by the method that the set chooses, or by another."""
    data = thinned(name, MOST_ITEMS)
    found = [fixed(data, seed, candidate or candidate_for(name, data.shape[2])) for seed in range(SEEDS)]
    right, votes = np.mean(found, axis=0)
    return float(right), float(votes)


def test_a_third_of_the_votes_is_saved_and_labels_are_as_right() -> None:
    saved = [1.0 - replayed(name).votes.mean() / with_five(name)[1] for name in SETS]
    assert np.mean(saved) >= 0.38
    right = [np.where(one.final, one.right, True).mean() for one in map(replayed, SETS)]
    assert np.mean(right) >= np.mean([with_five(name, MethodCandidate(Method.DAWID_SKENE))[0] for name in SETS])
    assert np.mean(right) >= np.mean([with_five(name)[0] for name in SETS]) - 0.01


def test_few_records_go_to_an_arbiter() -> None:
    assert np.mean([1.0 - replayed(name).final.mean() for name in SETS]) <= 0.08
