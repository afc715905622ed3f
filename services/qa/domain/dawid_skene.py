"""Dawid-Skene with per-annotator shrinkage: the hidden class of each item and the confusion of each annotator by EM.

Sources: Dawid & Skene 1979 (Applied Statistics 28, the EM); Paun et al. 2018 (TACL 6, hierarchical priors). Here the
prior of an annotator's confusion is a Dirichlet of `strength` pseudo-answers per row around the annotator's own
shrunk accuracy, with errors spread as everybody's are: whoever answers little is judged by one number, whoever answers
much by all K x K, and that people take a 4 for a 9 is known of a newcomer too.
"""

from dataclasses import dataclass

import numpy as np

from services.qa.domain.arrays import Floats, Integers
from services.qa.domain.vote_matrix import VoteMatrix

PRIOR_CLIP = (0.02, 0.98)
"""A model's probability is clipped to this before it is used as an item's prior: it never outvotes people alone."""

STRENGTH = 5.0
"""Pseudo-answers per confusion row, by which an annotator's confusion is pulled to what their accuracy makes expected."""

COIN_STRENGTH = 5.0
"""Pseudo-answers that pull an annotator's one-coin accuracy towards everybody's."""

SPREAD_STRENGTH = 200.0
"""Pseudo-answers per class whose errors fall on all other classes alike, against which everybody's errors are seen."""

_TINY = 1e-12
_ROUNDING = 1e-9
"""Expected counts below this are what rounding leaves of nothing."""
_MOST_SCORE = 600.0
"""Log likelihood ratios above this would overflow in `exp`."""
_FEW_CLASSES = 16
"""Up to so many, column by column is quicker than along each short row."""


@dataclass(frozen=True, slots=True)
class Fit:
    """`class_prior` (K), `confusions` (W, K, K; [w, true, answered], rows sum to 1), `posteriors` (I, K).

    `coins` (W): each annotator's shrunk one-coin accuracy. `answers` (W): votes of each.
    """

    class_prior: Floats
    confusions: Floats
    posteriors: Floats
    coins: Floats
    answers: Integers
    iterations: int


def clip_prior(probabilities: Floats) -> Floats:
    """Model probabilities (..., K) clipped to `PRIOR_CLIP` and summing to 1 again."""
    clipped = np.clip(probabilities, *PRIOR_CLIP)
    return np.asarray(clipped / clipped.sum(axis=-1, keepdims=True), np.float64)


def fit(
    items: Integers,
    voters: Integers,
    classes: Integers,
    *,
    shape: tuple[int, int, int],
    item_prior: Floats | None = None,
    clamps: Integers | None = None,
    strength: float = STRENGTH,
    flattening: float = 0.0,
    iterations: int = 50,
    tolerance: float = 1e-5,
) -> Fit:
    """Run EM over votes given as three equally long index arrays.

    Args:
        items: Item of each vote.
        voters: Annotator of each vote.
        classes: Answered class of each vote.
        shape: Number of items, annotators and classes.
        item_prior: (I, K) model probabilities, a row of NaN where there is none; they replace the class prior there.
        clamps: (I,) the known class of an item, -1 where unknown.
        strength: Pseudo-answers per confusion row; 0 is the plain maximum-likelihood EM of 1979.
        flattening: In [0, 1], the weight of a flat class prior beside the share of each class in the posteriors.
        iterations: At most so many.
        tolerance: Stop when no posterior moves by more; 0 never stops early.
    """
    item_count, voter_count, class_count = shape
    votes = VoteMatrix(items, voters, classes, shape)
    known = _Known(item_prior, clamps)
    answers = np.bincount(voters, minlength=voter_count).astype(np.int64)
    given = np.bincount(voters * class_count + classes, minlength=voter_count * class_count).astype(np.float64)
    others = known.start(votes)
    rounds = 0
    while True:
        counts = _counts(votes, others, given)
        class_prior = (1.0 - flattening) * _class_prior(others) + flattening / class_count
        confusions, coins = _confusions(counts, answers, strength)
        if rounds >= iterations:
            break
        rounds += 1
        logs = np.log(np.maximum(confusions, _TINY)).transpose(0, 2, 1).reshape(-1, class_count)
        odds = votes.scores(logs[:, 1:] - logs[:, :1])
        before, others = others, known.posteriors(odds, class_prior)
        if item_count == 0 or (tolerance > 0 and _largest_move(before, others) <= tolerance):
            break
    return Fit(class_prior, confusions, _with_first(others), coins, answers, rounds)


def _counts(votes: VoteMatrix, others: Floats, given: Floats) -> Floats:
    """(W, K, K) [w, true, answered] how often, expected; the first class has what the others leave of `given` (W * K)."""
    counts = np.empty((len(given), votes.class_count))
    counts[:, 1:] = votes.counts(others)
    np.subtract(given, counts[:, 1:].sum(axis=1), out=counts[:, 0])
    counts[counts[:, 0] < _ROUNDING, 0] = 0.0
    return counts.reshape(votes.voter_count, votes.class_count, votes.class_count).transpose(0, 2, 1)


def _class_prior(others: Floats) -> Floats:
    """(K) the mean of the posteriors; flat where there are none."""
    if not len(others):
        return np.full(others.shape[1] + 1, 1.0 / (others.shape[1] + 1))
    means = np.ones(len(others)) @ others / len(others)
    return np.concatenate([[max(1.0 - means.sum(), 0.0)], means])


def _largest_move(before: Floats, after: Floats) -> float:
    """Of any posterior but the first class's; in place of `before`."""
    np.subtract(after, before, out=before)
    return float(max(before.max(initial=0.0), -before.min(initial=0.0)))


def _with_first(others: Floats) -> Floats:
    """(I, K - 1) posteriors of all classes but the first -> (I, K)."""
    posteriors = np.empty((len(others), others.shape[1] + 1))
    posteriors[:, 1:] = others
    np.subtract(1.0, others.sum(axis=1), out=posteriors[:, 0])
    return np.maximum(posteriors, 0.0, out=posteriors)


class _Known:
    """What is known of items besides their votes: `item_prior` and `clamps` as `fit` takes them.

    Posteriors are (I, K - 1): all classes but the first, which has the rest.
    """

    def __init__(self, item_prior: Floats | None, clamps: Integers | None) -> None:
        self._with_prior: Integers | None = None
        if item_prior is not None:
            self._with_prior = np.flatnonzero(~np.isnan(item_prior).any(axis=1))
            self._priors = clip_prior(item_prior[self._with_prior])
        self._clamped: Integers | None = None
        if clamps is not None:
            self._clamped = np.flatnonzero(clamps >= 0)
            self._classes = clamps[self._clamped]

    def start(self, votes: VoteMatrix) -> Floats:
        """The shares of the votes, the model's probabilities counted as one vote."""
        counts = votes.class_counts()
        if self._with_prior is not None:
            counts[self._with_prior] += self._priors
        total = counts.sum(axis=1, keepdims=True)
        shares = np.divide(counts, total, out=np.full_like(counts, 1.0 / votes.class_count), where=total > 0)
        return self._clamp(np.ascontiguousarray(shares[:, 1:]))

    def posteriors(self, odds: Floats, class_prior: Floats) -> Floats:
        """From the (I, K - 1) log likelihood ratios of the votes, of each class to the first; in place."""
        prior = np.maximum(class_prior, _TINY)
        ratios = prior[1:] / prior[0]
        own = (
            None
            if self._with_prior is None
            else odds[self._with_prior] + np.log(self._priors[:, 1:] / self._priors[:, :1])
        )
        _to_shares(odds, ratios)
        if own is not None:
            odds[self._with_prior] = _to_shares(own, np.ones(len(ratios)))
        return self._clamp(odds)

    def _clamp(self, others: Floats) -> Floats:
        if self._clamped is not None:
            others[self._clamped] = np.eye(others.shape[1] + 1)[self._classes, 1:]
        return others


def _to_shares(odds: Floats, ratios: Floats) -> Floats:
    """(I, K - 1) log ratios to the first class, times `ratios` -> shares of which the first class has the rest; in place."""
    first = 1.0
    if odds.max(initial=0.0) > _MOST_SCORE:
        top = np.maximum(odds.max(axis=1, keepdims=True), 0.0)
        odds -= top
        first = np.exp(-top[:, 0])
    np.exp(odds, out=odds)
    total = odds @ ratios
    total += first
    np.divide(1.0, total, out=total)
    if odds.shape[1] >= _FEW_CLASSES:
        odds *= total[:, None] * ratios
    else:
        for column, ratio in enumerate(ratios):
            odds[:, column] *= total if ratio == 1.0 else total * ratio
    return odds


def softmax(scores: Floats) -> Floats:
    """Row-wise over the last axis, in place of `scores`."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def _confusions(counts: Floats, answers: Integers, strength: float) -> tuple[Floats, Floats]:
    class_count = counts.shape[1]
    hits = np.einsum("wkk->w", counts)
    everybody = (hits.sum() + 1.0) / (answers.sum() + 1.0 + 1.0 / max(class_count - 1, 1))
    coins = (hits + COIN_STRENGTH * everybody) / (answers + COIN_STRENGTH)
    rows = counts.sum(axis=2, keepdims=True)
    if strength <= 0:
        flat = np.full_like(counts, 1.0 / class_count)
        return np.divide(counts, rows, out=flat, where=rows > 0), coins
    return (counts + strength * _expected(counts, coins, everybody)) / (rows + strength), coins


def _expected(counts: Floats, coins: Floats, everybody: float) -> Floats:
    """(W, K, K): each annotator's accuracy on the diagonal, their errors where everybody's fall."""
    class_count = counts.shape[1]
    elsewhere = 1.0 - np.eye(class_count)
    errors = counts.sum(axis=0) * elsewhere
    errors += SPREAD_STRENGTH * (1.0 - everybody) / max(class_count - 1, 1) * elsewhere
    spread = errors / np.maximum(errors.sum(axis=1, keepdims=True), _TINY)
    diagonal = coins[:, None, None] * np.eye(class_count)
    return np.asarray(diagonal + (1.0 - coins)[:, None, None] * spread, np.float64)


def one_coin(accuracies: Floats, class_count: int) -> Floats:
    """(W,) accuracies to (W, K, K) confusions whose errors fall on all other classes alike."""
    wrong = (1.0 - accuracies) / max(class_count - 1, 1)
    matrices = np.broadcast_to(wrong[:, None, None], (len(accuracies), class_count, class_count)).copy()
    diagonal = np.arange(class_count)
    matrices[:, diagonal, diagonal] = accuracies[:, None]
    return matrices
