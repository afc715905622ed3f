"""Enhanced Bayesian classifier combination: annotators err together on items of one kind, so a class has subtypes.

Source: Li, Rubinstein & Cohn 2019, "Exploiting Worker Correlation for Label Aggregation in Crowdsourcing" (ICML, PMLR 97;
section 4 the model, section 4.2 the mean-field updates). Each true class k has M subtypes; an item has one (k, m), and
an annotator a confusion of its own for each. Given the subtype answers are independent, given the class they are not:
that a few people share a mistake on hard items does not count as so many witnesses. M = 1 is Bayesian Dawid-Skene.

Priors as published: symmetric Dirichlet(`GROUP_PRIOR` / M) over the subtypes of a class, Dirichlet with `RIGHT` on the
diagonal and `WRONG` beside it for confusions, the shares of the votes (as many pseudo-items as there are items) for classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from services.qa.domain.arrays import Floats, Integers
from services.qa.domain.dawid_skene import clip_prior
from services.qa.domain.vote_matrix import VoteMatrix

GROUP_PRIOR = 0.1
RIGHT, WRONG = 4.0, 1.0

_LEAST_SHARE = 1e-3
"""A subtype with a smaller share of the items of its class is left out of what is returned."""
_PREVIEW = 15
"""After so many rounds only the start with the best bound goes on."""


@dataclass(frozen=True, slots=True)
class EbccFit:
    """`subtype_classes` (L): the class of each subtype that occurs; `subtype_weights` (L) its share of the class.

    `confusions` (W, L, K): [w, subtype, answered], rows sum to 1. `class_prior` (K), `posteriors` (I, K). `elbo`: the
    lower bound of log P(votes), in nats, comparable between numbers of subtypes.
    """

    class_prior: Floats
    subtype_classes: Integers
    subtype_weights: Floats
    confusions: Floats
    posteriors: Floats
    elbo: float
    iterations: int


def fit_ebcc(
    votes: VoteMatrix,
    groups: int,
    generators: Sequence[np.random.Generator],
    *,
    item_prior: Floats | None = None,
    clamps: Integers | None = None,
    iterations: int = 200,
    tolerance: float = 1e-3,
) -> EbccFit:
    """Run the mean-field updates from one random start per generator; the start with the best bound is followed to the end.

    Args:
        votes: At least one item.
        groups: Subtypes per class (M).
        generators: One for each start.
        item_prior: (I, K) as `dawid_skene.fit`.
        clamps: (I,) as `dawid_skene.fit`.
        iterations: At most so many rounds.
        tolerance: Stop when no posterior of a class moves by more.
    """
    known = _Given(votes, groups, item_prior, clamps)
    runs = [_Run(known, generator.dirichlet(np.ones(groups), known.shares.shape)) for generator in generators]
    if len(runs) > 1:
        for run in runs:
            run.go(min(_PREVIEW, iterations), tolerance)
    best = max(runs, key=_Run.elbo) if len(runs) > 1 else runs[0]
    best.go(iterations, tolerance)
    return best.fit()


class _Given:
    """What does not change between rounds."""

    def __init__(self, votes: VoteMatrix, groups: int, item_prior: Floats | None, clamps: Integers | None) -> None:
        self.votes, self.groups = votes, groups
        self.shares = votes.shares()
        self.with_prior = np.zeros(0, np.int64)
        if item_prior is not None:
            self.with_prior = np.flatnonzero(~np.isnan(item_prior).any(axis=1))
            self.log_prior = np.log(clip_prior(item_prior[self.with_prior]))
        self.clamped = np.zeros(0, np.int64) if clamps is None else np.flatnonzero(clamps >= 0)
        if clamps is not None and len(self.clamped):
            self.shares[self.clamped] = 0.0
            self.shares[self.clamped, clamps[self.clamped]] = 1.0
            self.excluded = np.repeat(self.shares[self.clamped] == 0.0, groups, axis=1)
        self.class_strength = self.shares.sum(axis=0) + 1e-9
        count = votes.class_count
        right = np.repeat(np.arange(count), groups)
        self.answer_prior = np.where(np.arange(count)[:, None] == right[None, :], RIGHT, WRONG)[None]  # (1, K, L)


class _Run:
    """One start: the variational parameters of the last round and the responsibilities (I, L) that follow from them."""

    def __init__(self, given: _Given, spread: Floats) -> None:
        self._given = given
        self._responsibilities = (spread * given.shares[:, :, None]).reshape(len(given.shares), -1)
        self._classes = given.shares
        self._evidence = 0.0
        self._rounds = 0
        self._settled = False

    def go(self, iterations: int, tolerance: float) -> None:
        while not self._settled and self._rounds < iterations:
            self._update_parameters()
            self._update_items()
            before, self._classes = self._classes, self._by_class(self._responsibilities)
            self._rounds += 1
            self._settled = bool(np.abs(self._classes - before).max(initial=0.0) <= tolerance)

    def _by_class(self, responsibilities: Floats) -> Floats:
        return np.asarray(
            responsibilities.reshape(len(responsibilities), -1, self._given.groups).sum(axis=2), np.float64
        )

    def _update_parameters(self) -> None:
        given = self._given
        count, groups = given.votes.class_count, given.groups
        totals = self._responsibilities.sum(axis=0).reshape(count, groups)
        self._group_counts = totals + GROUP_PRIOR / groups
        self._class_counts = given.class_strength + totals.sum(axis=1)
        counts = given.votes.counts(self._responsibilities).reshape(given.votes.voter_count, count, -1)
        self._answer_counts = counts + given.answer_prior

    def _update_items(self) -> None:
        given = self._given
        self._log_groups = digamma(self._group_counts) - digamma(self._group_counts.sum(axis=1, keepdims=True))
        self._log_classes = digamma(self._class_counts) - digamma(self._class_counts.sum())
        self._log_answers = digamma(self._answer_counts) - digamma(self._answer_counts.sum(axis=1, keepdims=True))
        scores = given.votes.scores(self._log_answers.reshape(-1, self._log_answers.shape[2]))
        scores += self._log_groups.ravel()
        log_classes = np.repeat(self._log_classes, given.groups)
        if len(given.with_prior):
            priors = np.tile(log_classes, (len(scores), 1))
            priors[given.with_prior] = np.repeat(given.log_prior, given.groups, axis=1)
            scores += priors
        else:
            scores += log_classes
        if len(given.clamped):
            scores[given.clamped] = np.where(given.excluded, -np.inf, scores[given.clamped])
        top = scores.max(axis=1, keepdims=True)
        np.exp(np.subtract(scores, top, out=scores), out=scores)
        total = scores.sum(axis=1, keepdims=True)
        scores /= total
        self._evidence = float(top.sum() + np.log(total).sum())
        self._responsibilities = scores

    def elbo(self) -> float:
        """The bound after the items' update: their log normalisers less the divergences of the parameters from their priors."""
        given = self._given
        prior_groups = np.full_like(self._group_counts, GROUP_PRIOR / given.groups)
        answers = self._answer_counts
        return (
            self._evidence
            - _divergence(self._group_counts, prior_groups, self._log_groups, axis=1)
            - _divergence(self._class_counts, given.class_strength, self._log_classes, axis=0)
            - _divergence(answers, np.broadcast_to(given.answer_prior, answers.shape), self._log_answers, axis=1)
        )

    def fit(self) -> EbccFit:
        count, groups = self._given.votes.class_count, self._given.groups
        weights = self._group_counts / self._group_counts.sum(axis=1, keepdims=True)
        kept = np.flatnonzero((weights >= _LEAST_SHARE).ravel())
        classes = kept // groups
        kept_weights = weights.ravel()[kept]
        confusions = self._answer_counts[:, :, kept].transpose(0, 2, 1)
        return EbccFit(
            class_prior=np.asarray(self._class_counts / self._class_counts.sum(), np.float64),
            subtype_classes=classes,
            subtype_weights=kept_weights / np.bincount(classes, weights=kept_weights, minlength=count)[classes],
            confusions=confusions / confusions.sum(axis=2, keepdims=True),
            posteriors=self._classes,
            elbo=self.elbo(),
            iterations=self._rounds,
        )


def _divergence(counts: Floats, prior: Floats, mean_logs: Floats, axis: int) -> float:
    """KL(Dirichlet(counts) || Dirichlet(prior)), summed over all but `axis`, nats; `mean_logs` is E log under the first."""
    normalisers = gammaln(counts.sum(axis=axis)) - gammaln(prior.sum(axis=axis))
    terms = gammaln(prior) - gammaln(counts) + (counts - prior) * mean_logs
    return float(normalisers.sum() + terms.sum())
