"""The choice of the method that weighs votes for classes, by evidence.

Each method is a model of votes, so each can be asked how likely it holds votes that it has not seen, given the other
votes of the same items (cross-validation: Stone 1974). Dawid-Skene, which its shrinkage brings near to the simpler methods
where votes are few, is kept unless another is better beyond chance. Where enough answers are known for certain, the methods
are asked for these too, and these overrule the votes beyond chance.

Held-out votes also tune Dawid-Skene: how strongly confusions are shrunk, and whether the class prior is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from services.qa.domain.arrays import Flags, Floats, Integers
from services.qa.domain.class_votes import posteriors
from services.qa.domain.consensus_methods import Basis, Method, MethodSelection, Subtypes
from services.qa.domain.ebcc import EbccFit, fit_ebcc
from services.qa.domain.estimates import (
    MOST_CLASSES_FOR_CONFUSION,
    UNTUNED,
    Estimates,
    Tuning,
    VoteArrays,
    estimate,
    pooled,
)
from services.qa.domain.one_coin import fit_one_coin
from services.qa.domain.vote_matrix import VoteMatrix

LEAST_VOTES = 1_000
"""With fewer, which method predicts votes better is chance: hierarchical Dawid-Skene is used."""

LEAST_KNOWN = 50
"""Of so many items the answer must be known for certain before the methods are compared on them."""

CHANCE = 2.0
"""Differences of so many standard errors are within chance."""

GROUPS = (1, 2, 3, 5)
"""Numbers of subtypes per class that EBCC is tried with; the one with the best bound is taken, and 1 rules EBCC out."""

STRENGTHS = (2.0, 5.0, 10.0, 20.0)
FLATTENING = 0.5
"""What Dawid-Skene is tuned among."""

FOLDS = 5
ENOUGH_HELD_OUT = 20_000
"""Votes are held out fold by fold until there are so many: more would hardly narrow the standard errors."""

_STARTS = 4
_SEED = 2019
"""Chance is fixed: the same votes give the same estimates."""
_TWO = 2


def estimate_by_evidence(unknown: Estimates, votes: VoteArrays) -> Estimates:
    """Estimate all annotators of a facet, and choose the method by which votes are weighed."""
    return choose(unknown, votes).estimate(unknown, votes)


def choose(unknown: Estimates, votes: VoteArrays) -> "ChosenCandidate":
    """Choose the method by which the votes of a facet are weighed."""
    if len(unknown.classes) > MOST_CLASSES_FOR_CONFUSION or len(votes.items) < LEAST_VOTES:
        return ChosenCandidate(MethodCandidate(Method.DAWID_SKENE), MethodSelection())
    folds = _Folds.of(votes)
    tuning = _tuned(unknown, folds)
    candidates = [
        MethodCandidate(Method.MAJORITY),
        MethodCandidate(Method.ONE_COIN),
        MethodCandidate(Method.DAWID_SKENE, tuning),
    ]
    groups = _groups(unknown, votes)
    if groups > 1:
        candidates.append(MethodCandidate(Method.EBCC, tuning, groups))
    selection = _select(unknown, votes, candidates, folds)
    return ChosenCandidate(next(one for one in candidates if one.method is selection.method), selection)


@dataclass(frozen=True, slots=True)
class MethodCandidate:
    """A method with what was tuned of it; `groups` is EBCC's alone."""

    method: Method
    tuning: Tuning = UNTUNED
    groups: int = 1

    def estimate(self, unknown: Estimates, votes: VoteArrays) -> Estimates:
        """Estimate all annotators of a facet of at most `MOST_CLASSES_FOR_CONFUSION` classes.

        Where too little overlaps to estimate anything, Dawid-Skene's unknown stays.
        """
        found = estimate(unknown, votes, self.tuning)
        if not found.voters or self.method is Method.DAWID_SKENE:
            return found
        found = replace(found, selection=MethodSelection(self.method))
        return (
            _with_subtypes(found, unknown, votes, self.groups) if self.method is Method.EBCC else _coins(found, votes)
        )


@dataclass(frozen=True, slots=True)
class ChosenCandidate:
    """The candidate that was chosen, and why."""

    candidate: MethodCandidate
    selection: MethodSelection

    def estimate(self, unknown: Estimates, votes: VoteArrays) -> Estimates:
        """Estimate all annotators of a facet by it."""
        return replace(self.candidate.estimate(unknown, votes), selection=self.selection)


def _coins(found: Estimates, votes: VoteArrays) -> Estimates:
    """With one-coin accuracies and a flat class prior, for one-coin and, where all count alike, majority."""
    count = len(found.classes)
    shape = (votes.item_count, len(votes.voter_names), count)
    coins = fit_one_coin(votes.items, votes.voters, votes.classes, shape=shape, clamps=votes.clamps)
    return replace(found, class_prior=np.full(count, 1.0 / count), accuracies=coins.accuracies)


def _with_subtypes(found: Estimates, unknown: Estimates, votes: VoteArrays, groups: int) -> Estimates:
    fitted = _fit_ebcc(unknown, votes, groups)
    assert unknown.pool is not None
    pool = pooled(fitted.confusions, found.answers, unknown.pool[fitted.subtype_classes])
    subtypes = Subtypes(fitted.subtype_classes, fitted.subtype_weights, fitted.confusions, pool)
    return replace(found, class_prior=fitted.class_prior, subtypes=subtypes)


def _fit_ebcc(unknown: Estimates, votes: VoteArrays, groups: int) -> EbccFit:
    shape = (votes.item_count, len(votes.voter_names), len(unknown.classes))
    starts = _STARTS if groups > 1 else 1
    return fit_ebcc(
        VoteMatrix(votes.items, votes.voters, votes.classes, shape),
        groups,
        [np.random.default_rng((_SEED, groups, start)) for start in range(starts)],
        item_prior=votes.item_prior,
        clamps=votes.clamps,
    )


def _groups(unknown: Estimates, votes: VoteArrays) -> int:
    """The number of subtypes with the best bound, 1 for questions of more than two classes.

    With more, votes alone do not tell a subtype of one class from another class: on published sets of 4 to 10 classes
    EBCC is nowhere better than shrunk Dawid-Skene by more than .1 points, and up to 5 worse.
    """
    if len(unknown.classes) != _TWO:
        return 1
    return max(GROUPS, key=lambda groups: _fit_ebcc(unknown, votes, groups).elbo)


@dataclass(frozen=True, slots=True)
class _Folds:
    """The votes, and for each of them in which fold it is held out."""

    votes: VoteArrays
    numbers: Integers

    @classmethod
    def of(cls, votes: VoteArrays) -> "_Folds":
        size = len(votes.items)
        return cls(votes, np.random.default_rng(_SEED).permutation(size) % FOLDS)

    def __iter__(self) -> Iterator[tuple[VoteArrays, VoteArrays]]:
        """Votes that are seen and votes that are hidden, until enough were hidden."""
        used = min(FOLDS, -(-ENOUGH_HELD_OUT * FOLDS // max(len(self.numbers), 1)))
        for fold in range(used):
            hidden = self.numbers == fold
            yield _taken(self.votes, ~hidden), _taken(self.votes, hidden)

    def scores(self, unknown: Estimates, candidate: MethodCandidate) -> Floats:
        """Log P(vote) of each hidden vote, in nats."""
        return np.concatenate([predictions(candidate.estimate(unknown, seen), seen, hidden) for seen, hidden in self])

    def items(self) -> Integers:
        """The item of each hidden vote, in the order of `scores`."""
        return np.concatenate([hidden.items for _, hidden in self])


def _taken(votes: VoteArrays, kept: Flags) -> VoteArrays:
    return replace(votes, items=votes.items[kept], voters=votes.voters[kept], classes=votes.classes[kept])


def predictions(facet: Estimates, seen: VoteArrays, hidden: VoteArrays) -> Floats:
    """Log P(hidden vote | the votes that were seen of its item), in nats, one for each hidden vote."""
    likelihood = facet.likelihoods(seen.voter_names)[:-1]
    chances = posteriors(facet, seen)
    found = (chances[hidden.items] * likelihood[hidden.voters, :, hidden.classes]).sum(axis=1)
    return np.asarray(np.log(found), np.float64)


def _tuned(unknown: Estimates, folds: _Folds) -> Tuning:
    """The shrinkage under which Dawid-Skene predicts held-out votes best.

    With more than two classes the class prior is flattened unless the votes speak against it beyond chance, for EM makes
    what is common commoner; with two, of which one is rare, a flat prior lets the classes drift instead.
    """
    flattening = FLATTENING if len(unknown.classes) > _TWO else 0.0
    scores = {
        strength: folds.scores(unknown, MethodCandidate(Method.DAWID_SKENE, Tuning(strength, flattening)))
        for strength in STRENGTHS
    }
    strength = max(scores, key=lambda one: float(scores[one].mean()))
    if not flattening:
        return Tuning(strength)
    as_found = folds.scores(unknown, MethodCandidate(Method.DAWID_SKENE, Tuning(strength)))
    gain, error = _gain(as_found - scores[strength], folds.items())
    return Tuning(strength, 0.0 if gain > CHANCE * error else flattening)


def _select(unknown: Estimates, votes: VoteArrays, candidates: list[MethodCandidate], folds: _Folds) -> MethodSelection:
    scores = {one.method: folds.scores(unknown, one) for one in candidates}
    chosen = _better(scores, folds.items(), Method.DAWID_SKENE)
    selection = _selection(chosen, Basis.VOTES, scores, folds.items())
    known = np.zeros(0, np.int64) if votes.clamps is None else _known(votes)
    if len(known) < LEAST_KNOWN:
        return selection
    of_known = {one.method: _known_scores(unknown, votes, one, known) for one in candidates}
    best = _better(of_known, np.arange(len(known)), chosen)
    if best is not chosen:
        return _selection(best, Basis.GOLD, of_known, np.arange(len(known)))
    return selection


def _better(scores: Mapping[Method, Floats], items: Integers, default: Method) -> Method:
    """The best method if it is better than the default beyond chance, else the default."""
    best = max(scores, key=lambda method: float(scores[method].mean()))
    gain, error = _gain(scores[best] - scores[default], items)
    return best if gain > CHANCE * error else default


def _selection(method: Method, basis: Basis, scores: Mapping[Method, Floats], items: Integers) -> MethodSelection:
    others = [other for other in scores if other is not method]
    rival = max(others, key=lambda other: float(scores[other].mean()))
    margin, error = _gain(scores[method] - scores[rival], items)
    evidence = {other.value: float(of_other.mean()) for other, of_other in scores.items()}
    return MethodSelection(method, basis, evidence, margin, error)


def _gain(differences: Floats, items: Integers) -> tuple[float, float]:
    """The mean of paired differences and its standard error, votes on one item taken as one observation."""
    mean = float(differences.mean())
    by_item = np.bincount(items, weights=differences - mean)
    return mean, float(np.sqrt((by_item**2).sum()) / len(differences))


def _known(votes: VoteArrays) -> Integers:
    """Items with votes of which the answer is known for certain."""
    assert votes.clamps is not None
    voted = np.bincount(votes.items, minlength=votes.item_count) > 0
    return np.flatnonzero((votes.clamps >= 0) & voted)


def _known_scores(unknown: Estimates, votes: VoteArrays, candidate: MethodCandidate, known: Integers) -> Floats:
    """Log P(answer that is known | votes), in nats, of a method that was not told."""
    assert votes.clamps is not None
    untold = replace(votes, clamps=None)
    facet = candidate.estimate(unknown, untold)
    chances = facet.by_class(posteriors(facet, untold)[known])
    return np.asarray(np.log(np.maximum(chances[np.arange(len(known)), votes.clamps[known]], 1e-12)), np.float64)
