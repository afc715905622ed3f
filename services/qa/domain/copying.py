"""Whose answers are copies: of another annotator's, or of the predictions that were shown?

With probability c an answer is taken over from the source, else given independently of it once the true class is known
(Dong, Berti-Equille & Srivastava 2009, PVLDB 2, "Integrating conflicting data: the role of source dependence"). For an
item the likelihood is 1 - c + c r times that of independence, where r = P(both as they are | copied) / P(both as they are |
independent) if the two agree, and 0 if they differ. To agree on what the others hold for wrong weighs most; to agree on
what is right says little; where nobody else spoke, r is near what chance makes of it.

Honest people err on the same hard items, too, which looks like a little copying. So what is tested is whether c exceeds
what everybody shows: twice the pooled estimate and a margin. A finding is evidence for a person to look at; nobody is
paused by it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from services.qa.domain.arrays import Flags, Floats, Integers
from services.qa.domain.vote_scores import VoteScores

_SHARES = np.linspace(0.0, 0.98, 50)
_HALF_CHI_SQUARE = 1.92
"""Half the 95 % quantile of chi-square with one degree of freedom."""
_TINY = 1e-12
_NEAREST = 10
"""Beside so many votes before it a vote is laid: gold has dozens, and all pairs of them would be too many."""
_MODEL_ACCURACY, _MODEL_STRENGTH = 0.85, 20.0
"""What a model's accuracy is taken for before anything is known, and for how many items that counts."""


@dataclass(frozen=True, slots=True)
class CopyingRule:
    """When a share of copies is reported: at least `fewest` items in common, family-wise error at most `level`.

    The share that honest people may show is `margin` more than twice the pooled one, at most `most_ordinary`.
    """

    fewest: int = 20
    level: float = 0.01
    margin: float = 0.1
    most_ordinary: float = 0.6


@dataclass(frozen=True, slots=True)
class CopiedItems:
    """N items on which an answer may be a copy.

    `groups` (N): whose, as the caller numbers them. `ratios` (N): r as above. `expected` (N): the chance of equal answers if
    they are independent.
    """

    groups: Integers
    ratios: Floats
    expected: Floats


@dataclass(frozen=True, slots=True)
class Copying:
    """What G groups of items show: the share of copies with its 95 % interval, and the p-value of its being ordinary.

    `items`, `agreed` and `expected` (G): items in common, equal answers, and how many independent people would have.
    `ordinary`: the share that is taken for what difficulty does; `found` (G): it is larger than that.
    """

    share: Floats
    low: Floats
    high: Floats
    p_value: Floats
    items: Integers
    agreed: Integers
    expected: Floats
    ordinary: float
    found: Flags


def copying(
    seen: CopiedItems, group_count: int, rule: CopyingRule | None = None, control: Floats | None = None
) -> Copying:
    """Test each group of items for copies.

    Args:
        seen: The items; a group is a pair of annotators, or an annotator beside the predictions they saw.
        group_count: G.
        rule: What is reported.
        control: Ratios of items where nothing could be copied (no prediction was shown); they show what is ordinary. By
            default that is taken from all items, since few people copy.
    """
    rule = rule or CopyingRule()
    groups, ratios = seen.groups, seen.ratios
    likelihoods = np.array(
        [
            np.bincount(groups, weights=np.log(np.maximum(1.0 - share + share * ratios, _TINY)), minlength=group_count)
            for share in _SHARES
        ]
    )
    ordinary = min(2.0 * _pooled(ratios if control is None else control) + rule.margin, rule.most_ordinary)
    best = likelihoods.max(axis=0)
    share = _SHARES[likelihoods.argmax(axis=0)]
    inside = likelihoods >= best - _HALF_CHI_SQUARE
    gain = np.where(share > ordinary, np.maximum(best - _at(ordinary, likelihoods), 0.0), 0.0)
    # On the border of the null the statistic is 0 in half of the cases (Chernoff 1954), so the tail counts half.
    p_value = np.where(gain > 0.0, 0.5 * chdtrc(1.0, 2.0 * gain), 1.0)
    items = np.bincount(groups, minlength=group_count)
    tested = items >= rule.fewest
    return Copying(
        share=share,
        low=_SHARES[inside.argmax(axis=0)],
        high=_SHARES[len(_SHARES) - 1 - inside[::-1].argmax(axis=0)],
        p_value=p_value,
        items=items,
        agreed=np.bincount(groups, weights=ratios > 0.0, minlength=group_count).astype(np.int64),
        expected=np.bincount(groups, weights=seen.expected, minlength=group_count).astype(np.float64),
        ordinary=ordinary,
        found=tested & (p_value <= rule.level / max(int(tested.sum()), 1)),
    )


def _at(share: float, likelihoods: Floats) -> Floats:
    """(G,) the log likelihoods at a share, between two of the grid's."""
    above = min(int(np.searchsorted(_SHARES, share)), len(_SHARES) - 1)
    below = max(above - 1, 0)
    part = (share - _SHARES[below]) / (_SHARES[above] - _SHARES[below])
    return np.asarray((1.0 - part) * likelihoods[below] + part * likelihoods[above], np.float64)


def _pooled(ratios: Floats) -> float:
    """The share of copies among all items together."""
    pooled = [np.log(np.maximum(1.0 - share + share * ratios, _TINY)).sum() for share in _SHARES]
    return float(_SHARES[int(np.argmax(pooled))])


@dataclass(frozen=True, slots=True)
class PairItems:
    """What pairs of annotators both answered: `pairs` (P, 2) places of voters, the groups of `items`.

    `second_later` (N): the second of the pair answered after the first.
    """

    pairs: Integers
    items: CopiedItems
    second_later: Flags


def pair_items(scores: VoteScores) -> PairItems:
    """Each vote beside the `_NEAREST` votes of the item before it, by the pair of their annotators.

    The votes of an item are in the order of submission.
    """
    earlier, later = _near_votes(scores.items)
    kept = scores.voters[earlier] != scores.voters[later]
    earlier, later = earlier[kept], later[kept]
    second_later = scores.voters[earlier] < scores.voters[later]
    first, second = np.where(second_later, earlier, later), np.where(second_later, later, earlier)
    one, other = scores.voters[first], scores.voters[second]
    pairs, groups = np.unique(one * len(scores.voter_names) + other, return_inverse=True)
    truth = scores.without(first, second)
    ratios = _ratios(
        truth,
        np.exp(scores.own[first]),
        np.exp(scores.own[second]),
        scores.classes[first] == scores.classes[second],
        either=True,
    )
    expected = (truth * scores.equal_chances(one, other)).sum(axis=1)
    pair_places = np.stack(np.divmod(pairs, max(len(scores.voter_names), 1)), axis=1)
    return PairItems(pair_places, CopiedItems(groups.reshape(-1), ratios, expected), second_later)


def prediction_items(scores: VoteScores, predicted: Integers, votes: Integers, blind: Integers) -> CopiedItems:
    """The answers `votes` beside the class that a model `predicted` (V) for their items, by their voters.

    How good the model is, is taken from the answers in `blind`, which were given without seeing a prediction.
    """
    count = scores.own.shape[1]
    seen = predicted[votes]
    truth = scores.without(votes, by_model=False)
    of_blind = scores.without(blind, by_model=False)
    hits = of_blind[np.arange(len(blind)), predicted[blind]].sum()
    accuracy = (hits + _MODEL_STRENGTH * _MODEL_ACCURACY) / (len(blind) + _MODEL_STRENGTH)
    model = np.full((len(votes), count), (1.0 - accuracy) / max(count - 1, 1))
    model[np.arange(len(votes)), seen] = accuracy
    ratios = _ratios(truth, model, np.exp(scores.own[votes]), scores.classes[votes] == seen, either=False)
    same = (truth * model * scores.chances(scores.voters[votes], seen)).sum(axis=1)
    return CopiedItems(scores.voters[votes], ratios, same / np.maximum((truth * model).sum(axis=1), _TINY))


def _near_votes(items: Integers) -> tuple[Integers, Integers]:
    """Places of two votes of an item each, the earlier and the later one."""
    order = np.argsort(items, kind="stable")
    by_item = items[order]
    earlier, later = [], []
    for step in range(1, _NEAREST + 1):
        same = np.flatnonzero(by_item[step:] == by_item[:-step])
        earlier.append(order[same])
        later.append(order[same + step])
    return np.concatenate(earlier), np.concatenate(later)


def _ratios(truth: Floats, source: Floats, other: Floats, agree: Flags, *, either: bool) -> Floats:
    """(N,) P(both as they are | copied) / P(both as they are | independent); 0 where the answers differ.

    `source`, `other` (N, K): P(this answer | true class). `either`: it is not known who copies.
    """
    together = np.maximum((truth * source * other).sum(axis=1), _TINY)
    copied = (truth * source).sum(axis=1)
    if either:
        copied = (copied + (truth * other).sum(axis=1)) / 2.0
    return np.where(agree, copied / together, 0.0)
