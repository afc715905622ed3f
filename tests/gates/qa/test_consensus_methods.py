"""The choice of a consensus method on real crowds, as the estimation makes it; left out where the data is not there."""

import time

import numpy as np
import pytest

from services.qa.domain.class_votes import posteriors
from services.qa.domain.consensus_methods import Method
from services.qa.domain.ebcc import fit_ebcc
from services.qa.domain.estimates import Estimates, VoteArrays
from services.qa.domain.method_choice import estimate_as, estimate_by_evidence
from services.qa.domain.vote_matrix import VoteMatrix
from tests.gates.qa.test_real_crowds import Crowd, crowd

SETS = ("bluebird", "rte", "zencrowd_us", "d_possent", "weather_cf_amt", "dog", "sp", "trec", "s_adult")


def votes_of(data: Crowd) -> VoteArrays:
    return VoteArrays(
        items=data.items,
        voters=data.voters,
        classes=data.classes,
        item_count=data.shape[0],
        voter_names=tuple(map(str, range(data.shape[1]))),
    )


def unknown_of(data: Crowd) -> Estimates:
    return Estimates.unknown([str(at) for at in range(data.shape[2])])


def right(data: Crowd, chances: np.ndarray) -> float:
    """Per cent; what is tied counts in parts."""
    known = data.truth >= 0
    shares, truth = chances[known], data.truth[known]
    best = shares >= shares.max(axis=1, keepdims=True) - 1e-9
    return 100 * float((best[np.arange(len(truth)), truth] / best.sum(axis=1)).mean())


def accuracy(data: Crowd, facet: Estimates) -> float:
    return right(data, facet.by_class(posteriors(facet, votes_of(data))))


def majority(data: Crowd) -> float:
    return right(data, VoteMatrix(data.items, data.voters, data.classes, data.shape).shares())
