"""How far posteriors of real crowds have to be tempered: the prior of `services.qa.domain.calibration`, learnt on all sets, and for
each set on the others alone (`tests/gates/qa/test_posterior_promise.py` uses these).

Each set is replayed with 2 to 5 votes on every record and 60 gold records, which count in the estimation alone. The log scores of its known answers under each T and e are
its likelihood, as of no more than `WORTH` records, for looks at one record and estimates of one set are not independent. The
prior maximises the likelihood of all sets together (empirical Bayes; Casella 1985). Takes minutes. Prints one JSON object.
"""

import json
from itertools import product

import numpy as np

from services.qa.domain.calibration import EXPONENTS, SHARES, TEMPERATURES, CalibrationPrior, log_scores
from services.qa.domain.class_votes import posteriors
from services.qa.domain.estimates import Estimates
from tests.gates.qa.crowd_replay import FIRST, GOLD, SETS, candidate_for, places, thinned, votes_at

WORTH = 300
SEEDS = 2
MOST_ITEMS = 2_500
EXPONENT_DEVIATION = 0.25
"""Nine sets say little of how far apart sets are in this."""


def likelihood(name: str) -> np.ndarray:
    """(T, R, S) log scores, summed over at most `WORTH` records."""
    data = thinned(name, MOST_ITEMS)
    candidate = candidate_for(name, data.shape[2])
    unknown = Estimates.unknown([str(at) for at in range(data.shape[2])])
    sizes = np.bincount(data.items, minlength=data.shape[0])
    total, looks = np.zeros((len(TEMPERATURES), len(EXPONENTS), len(SHARES))), 0
    for seed, size in product(range(SEEDS), (2, 3, 4, 5)):
        generator = np.random.default_rng(seed)
        is_gold = np.zeros(data.shape[0], np.bool_)
        is_gold[generator.choice(np.flatnonzero((data.truth >= 0) & (sizes >= FIRST)), GOLD, replace=False)] = True
        here = (places(data.items, generator) < size) | is_gold[data.items]
        votes = votes_at(data, here, np.where(is_gold, data.truth, -1))
        facet = candidate.estimate(unknown, votes)
        chances = facet.by_class(posteriors(facet, votes))
        known = (data.truth >= 0) & (sizes >= size) & ~is_gold
        total += log_scores(chances[known], size, data.truth[known]).sum(axis=0)
        looks += int(known.sum())
    return total / looks * min(WORTH, int((data.truth >= 0).sum()))


def learnt(likelihoods: list[np.ndarray]) -> CalibrationPrior:
    best, found = -np.inf, CalibrationPrior(0.0, 1.0, 0.5, 0.5, 0.1)
    for location, deviation, exponent, share in product(
        (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
        (0.3, 0.4, 0.6, 0.8),
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
        (0.005, 0.01, 0.02, 0.04, 0.08),
    ):
        prior = CalibrationPrior(location, deviation, exponent, EXPONENT_DEVIATION, share)
        logs = [np.log(prior.weights()) + one for one in likelihoods]
        total = sum(float(one.max() + np.log(np.exp(one - one.max()).sum())) for one in logs)
        if total > best:
            best, found = total, prior
    return found


def main() -> None:
    by_set = {name: likelihood(name) for name in SETS}
    priors = {left_out: learnt([one for name, one in by_set.items() if name != left_out]) for left_out in SETS}
    best = {name: np.unravel_index(int(one.argmax()), one.shape) for name, one in by_set.items()}
    report = {
        "bench": "calibration_prior",
        "all": as_json(learnt(list(by_set.values()))),
        "without": {name: as_json(one) for name, one in priors.items()},
        "best": {
            name: [round(float(TEMPERATURES[t]), 2), float(EXPONENTS[r]), float(SHARES[s])]
            for name, (t, r, s) in best.items()
        },
    }
    print(json.dumps(report))


def as_json(prior: CalibrationPrior) -> list[float]:
    return [round(prior.log_temperature, 2), round(prior.deviation, 2), prior.exponent, prior.share]


if __name__ == "__main__":
    main()
