"""Does an annotator look at what they answer? A share of answers that follow the item, relative to chance and class shares.

With probability `share` an answer is the item's true class, else it is drawn from the annotator's own answers, whatever
the item is: constant answers, random ones and any mixture have share 0, at any number of classes and however unequal they
are. It is the "spammer score" of Raykar & Yu 2012 (JMLR 13: a spammer's answer does not depend on the truth) as one
parameter with a likelihood. The truth is what the others say (`VoteScores.without`), so items of which little is known
count little. The interval is that of the profile likelihood (Wilks 1938).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.qa.domain.arrays import Floats, Integers
from services.qa.domain.vote_scores import VoteScores

_SHARES = np.linspace(0.0, 1.0, 41)
_HALF_CHI_SQUARE = 1.92
"""Half the 95 % quantile of chi-square with one degree of freedom: each end of the interval leaves out 2.5 %."""
_CERTAIN = 0.98
"""An answer that follows the item is a slip as often as this leaves over."""


@dataclass(frozen=True, slots=True)
class Attention:
    """The share of answers that follow the item, with its 95 % interval; all in [0, 1].

    `answers`: those beside which something else is known. `likely_wrong`: how many of them are expected to be wrong.
    """

    share: float
    low: float
    high: float
    answers: int
    likely_wrong: float


def attentions(scores: VoteScores) -> Mapping[str, Attention]:
    """The attention of each voter, over one facet of a question."""
    every = np.arange(len(scores.items))
    right = scores.without(every)[every, scores.classes]
    counts = np.bincount(scores.items, minlength=len(scores.truth))
    has_others = (counts[scores.items] > 1) | (scores.truth[scores.items] >= 0) | scores.model[scores.items].any(axis=1)
    used = np.flatnonzero(has_others)
    voters, classes = scores.voters[used], scores.classes[used]
    voter_count = len(scores.voter_names)
    blind = _own_shares(voters, classes, (voter_count, scores.own.shape[1]))
    likelihoods = _profile(right[used], blind, voters, voter_count)
    best = likelihoods.max(axis=0)
    inside = likelihoods >= best - _HALF_CHI_SQUARE
    answers = np.bincount(voters, minlength=voter_count)
    wrong = np.bincount(voters, weights=1.0 - right[used], minlength=voter_count)
    return {
        name: Attention(
            share=float(_SHARES[likelihoods[:, at].argmax()]),
            low=float(_SHARES[inside[:, at].argmax()]),
            high=float(_SHARES[len(_SHARES) - 1 - inside[::-1, at].argmax()]),
            answers=int(answers[at]),
            likely_wrong=float(wrong[at]),
        )
        for at, name in enumerate(scores.voter_names)
        if answers[at]
    }


def _own_shares(voters: Integers, classes: Integers, shape: tuple[int, int]) -> Floats:
    """(N,) how often the annotator of each answer gives it."""
    counts = np.bincount(voters * shape[1] + classes, minlength=shape[0] * shape[1]).reshape(shape)
    return np.asarray((counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))[voters, classes], np.float64)


def _profile(right: Floats, blind: Floats, voters: Integers, voter_count: int) -> Floats:
    """(shares, voters) log likelihoods."""
    follows = _CERTAIN * right + (1.0 - _CERTAIN) * blind
    return np.array(
        [
            np.bincount(voters, weights=np.log(share * follows + (1.0 - share) * blind), minlength=voter_count)
            for share in _SHARES
        ]
    )
