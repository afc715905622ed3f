"""The choice of the method that weighs votes for classes, by evidence."""

from dataclasses import replace

import numpy as np

from services.qa.domain.arrays import Floats
from services.qa.domain.class_votes import posteriors
from services.qa.domain.consensus_methods import Basis, Method, Selection, Subtypes
from services.qa.domain.ebcc import EbccFit, fit_ebcc
from services.qa.domain.estimates import MOST_CLASSES_FOR_CONFUSION, Estimates, VoteArrays, estimate, pooled
from services.qa.domain.one_coin import fit_one_coin
from services.qa.domain.vote_matrix import VoteMatrix

LEAST_VOTES = 1_000
"""With fewer, which method predicts votes better is chance."""

HELD_OUT = 0.2
"""The share of votes that the methods have to predict."""

GROUPS = (3, 10)
"""Numbers of subtypes per class that EBCC is tried with; those that are not needed empty themselves."""

STARTS = 4
_SEED = 2019
"""Fixed: the same votes give the same estimates."""


def estimate_by_evidence(unknown: Estimates, votes: VoteArrays) -> Estimates:
    """Estimate all annotators of a facet, and choose the method by which votes are weighed."""
    found = estimate(unknown, votes)
    if not found.voters or len(votes.items) < LEAST_VOTES or len(found.classes) > MOST_CLASSES_FOR_CONFUSION:
        return found
    return found


def estimate_as(method: Method, unknown: Estimates, votes: VoteArrays) -> Estimates:
    """Estimate all annotators of a facet of at most `MOST_CLASSES_FOR_CONFUSION` classes for one method."""
    found = replace(estimate(unknown, votes), selection=Selection(method))
    if method is Method.EBCC:
        return replace(found, **_ebcc(unknown, votes))
    if method is Method.DAWID_SKENE:
        return found
    shape = (votes.item_count, len(votes.voter_names), len(found.classes))
    coins = fit_one_coin(votes.items, votes.voters, votes.classes, shape=shape, clamps=votes.clamps)
    flat = np.full(len(found.classes), 1.0 / len(found.classes))
    return replace(found, class_prior=flat, accuracies=coins.accuracies)


def _ebcc(unknown: Estimates, votes: VoteArrays) -> dict[str, object]:
    shape = (votes.item_count, len(votes.voter_names), len(unknown.classes))
    matrix = VoteMatrix(votes.items, votes.voters, votes.classes, shape)
    fits = [
        fit_ebcc(
            matrix,
            groups,
            [np.random.default_rng((_SEED, groups, start)) for start in range(STARTS)],
            item_prior=votes.item_prior,
            clamps=votes.clamps,
        )
        for groups in GROUPS
    ]
    best = max(fits, key=lambda one: one.elbo)
    assert unknown.pool is not None
    answers = np.bincount(votes.voters, minlength=len(votes.voter_names))
    pool = pooled(best.confusions, answers, unknown.pool[best.subtype_classes])
    return {
        "class_prior": best.class_prior,
        "subtypes": Subtypes(best.subtype_classes, best.subtype_weights, best.confusions, pool),
    }


def predictions(facet: Estimates, seen: VoteArrays, hidden: VoteArrays) -> Floats:
    """Log P(hidden vote | the votes that were seen of its item), in nats, one for each hidden vote."""
    likelihood = facet.likelihoods(seen.voter_names)[:-1]
    chances = posteriors(facet, seen)
    found = (chances[hidden.items] * likelihood[hidden.voters, :, hidden.classes]).sum(axis=1)
    return np.asarray(np.log(found), np.float64)
