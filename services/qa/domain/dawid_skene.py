"""Dawid-Skene with per-annotator shrinkage: the hidden class of each item and the confusion of each annotator by EM.

Sources: Dawid & Skene 1979 (Applied Statistics 28, the EM); Paun et al. 2018 (TACL 6, hierarchical priors). Here the
prior of an annotator's confusion is a Dirichlet of `strength` pseudo-answers per row around the annotator's own
shrunk accuracy, with errors spread as everybody's are: whoever answers little is judged by one number, whoever answers
much by all K x K, and that people take a 4 for a 9 is known of a newcomer too.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from services.qa.domain.arrays import Floats, Integers

PRIOR_CLIP = (0.02, 0.98)
"""A model's probability is clipped to this before it is used as an item's prior: it never outvotes people alone."""

COIN_STRENGTH = 5.0
"""Pseudo-answers that pull an annotator's one-coin accuracy towards everybody's."""

SPREAD_STRENGTH = 200.0
"""Pseudo-answers per class whose errors fall on all other classes alike, against which everybody's errors are seen."""

_TINY = 1e-12
_LEAST_SCORE = -600.0
"""Log likelihoods below this would vanish in `exp`."""
_FEW_CLASSES = 16
"""Up to so many, adding columns is quicker than reducing each short row."""


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
    strength: float = 5.0,
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
        iterations: At most so many.
        tolerance: Stop when no posterior moves by more.
    """
    item_count, voter_count, class_count = shape
    known = _Known(item_prior, clamps)
    votes = sparse.csr_array(
        (np.ones(len(items)), (items, voters * class_count + classes)), shape=(item_count, voter_count * class_count)
    )
    by_voter = votes.T  # the CSC view of the same memory
    answers = np.bincount(voters, minlength=voter_count).astype(np.int64)
    posteriors = known.start(items, classes, item_count, class_count)
    rounds = 0
    while True:
        class_prior = _column_means(posteriors) if item_count else np.full(class_count, 1.0 / class_count)
        counts = np.asarray(by_voter @ posteriors).reshape(voter_count, class_count, class_count).transpose(0, 2, 1)
        confusions, coins = _confusions(counts, answers, strength)
        if rounds >= iterations:
            break
        rounds += 1
        log_confusions = np.log(np.maximum(confusions, _TINY)).transpose(0, 2, 1).reshape(-1, class_count)
        likelihood = _likelihood(np.asarray(votes @ np.ascontiguousarray(log_confusions)))
        before, posteriors = posteriors, known.posteriors(likelihood, class_prior)
        np.subtract(posteriors, before, out=before)
        if item_count == 0 or max(before.max(), -before.min()) <= tolerance:
            break
    return Fit(class_prior, confusions, posteriors, coins, answers, rounds)


class _Known:
    """What is known of items besides their votes: `item_prior` and `clamps` as `fit` takes them."""

    def __init__(self, item_prior: Floats | None, clamps: Integers | None) -> None:
        self._with_prior: Integers | None = None
        if item_prior is not None:
            self._with_prior = np.flatnonzero(~np.isnan(item_prior).any(axis=1))
            self._priors = clip_prior(item_prior[self._with_prior])
        self._clamped: Integers | None = None
        if clamps is not None:
            self._clamped = np.flatnonzero(clamps >= 0)
            self._classes = clamps[self._clamped]

    def start(self, items: Integers, classes: Integers, item_count: int, class_count: int) -> Floats:
        """(I, K) the shares of the votes, the model's probabilities counted as one vote."""
        cells = np.bincount(items * class_count + classes, minlength=item_count * class_count)
        counts = cells.reshape(item_count, class_count).astype(np.float64)
        if self._with_prior is not None:
            counts[self._with_prior] += self._priors
        total = counts.sum(axis=1, keepdims=True)
        return self._clamp(np.divide(counts, total, out=np.full_like(counts, 1.0 / class_count), where=total > 0))

    def posteriors(self, likelihood: Floats, class_prior: Floats) -> Floats:
        """(I, K) from the (I, K) likelihoods of the votes, in place."""
        prior = np.maximum(class_prior, _TINY)
        if self._with_prior is not None:
            prior = np.broadcast_to(prior, likelihood.shape).copy()
            prior[self._with_prior] = self._priors
        likelihood *= prior
        return self._clamp(_normalised(likelihood))

    def _clamp(self, posteriors: Floats) -> Floats:
        if self._clamped is not None:
            posteriors[self._clamped] = 0.0
            posteriors[self._clamped, self._classes] = 1.0
        return posteriors


def _likelihood(scores: Floats) -> Floats:
    """Exp of (I, K) log likelihoods up to a factor a row, in place."""
    if scores.min(initial=0.0) < _LEAST_SCORE:
        scores -= scores.max(axis=1, keepdims=True)
    return np.asarray(np.exp(scores, out=scores), np.float64)


def _column_means(values: Floats) -> Floats:
    if values.shape[1] > _FEW_CLASSES:
        return np.asarray(values.mean(axis=0), np.float64)
    return np.array([column.mean() for column in values.T])


def _normalised(shares: Floats) -> Floats:
    """(I, K) with rows that sum to 1, in place."""
    if shares.shape[1] > _FEW_CLASSES:
        shares /= shares.sum(axis=1, keepdims=True)
        return shares
    total = shares[:, 0].copy()
    for column in range(1, shares.shape[1]):
        total += shares[:, column]
    shares /= total[:, None]
    return shares


def softmax(scores: Floats) -> Floats:
    """Row-wise over the last axis, in place of `scores`."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def _confusions(counts: Floats, answers: Integers, strength: float) -> tuple[Floats, Floats]:
    class_count = counts.shape[1]
    hits = np.trace(counts, axis1=1, axis2=2)
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
