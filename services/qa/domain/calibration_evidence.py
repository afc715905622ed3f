"""The evidence that posteriors are calibrated on: what was known of records beside what their votes said.

Gold is drawn by chance and answered by many people: it is replayed with as many votes as other records have, in random
orders. An arbiter's decision is of a record that was hard; which ones are decided depends on the votes alone, so given all
of its votes the chance of each answer is what it is elsewhere, and the record counts as it stood when it was disputed.
Experts' checks of held-out records depend on whether a model agreed, and count by the share of their kind that was checked.

A known answer also shapes the estimates. So it is hidden from the estimation whose posterior it is held against, a third
of them at a time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.qa.domain.arrays import Floats, Integers
from services.qa.domain.calibration import DEFAULT, PRIOR, Calibration, CalibrationPrior, log_scores, updated
from services.qa.domain.class_votes import posteriors, vote_arrays
from services.qa.domain.dawid_skene import clip_prior
from services.qa.domain.estimates import Estimates, VoteArrays
from services.qa.domain.votes import ItemVotes, TruthBasis

LEAST_EVIDENCE = 5
"""With fewer known answers nothing is estimated again for them."""

LEAST_DRAWN = 10

FOLDS = 3
REPLAYS = 8
"""Random orders in which the votes of a gold record are replayed."""

USUAL_SIZES = (2, 3, 4, 5)
"""With how many votes gold is replayed where no other record has any."""

_LARGEST_SIZE = 20
_SEED = 2017
"""Chance is fixed: the same votes give the same calibration."""


def calibrate(
    items: Sequence[ItemVotes],
    votes: VoteArrays,
    estimate: Callable[[VoteArrays], Estimates],
    prior: CalibrationPrior = PRIOR,
) -> Calibration:
    """Fit the map of a facet to what is known of its items.

    `votes` are those of `items` (`vote_arrays`); `estimate` estimates the facet from votes of which some truths are hidden.
    """
    known = [at for at, item in enumerate(items) if item.basis is not None and item.truth is not None]
    if len(known) < LEAST_EVIDENCE or votes.clamps is None:
        return DEFAULT if prior is PRIOR else updated(np.zeros(()), 0.0, prior)
    generator = np.random.default_rng(_SEED)
    folds = generator.permutation(len(known)) % FOLDS
    sizes = _sizes(items)
    total = 0.0
    counted = 0.0
    for fold in range(FOLDS):
        hidden = [at for at, of in zip(known, folds.tolist(), strict=True) if of == fold]
        clamps = votes.clamps.copy()
        clamps[hidden] = -1
        facet = estimate(replace(votes, clamps=clamps))
        replayed = _Replays.of(facet, [items[at] for at in hidden], sizes, generator)
        total = total + replayed.scores(facet)
        counted += replayed.by_chance
    return updated(np.asarray(total, np.float64), counted, prior)


def _sizes(items: Sequence[ItemVotes]) -> dict[int, float]:
    """With how many votes records are judged, each with how often: the share of records that have so many or more."""
    counts = np.array([len(item.votes) for item in items if item.basis is None and item.votes], np.int64)
    if not len(counts):
        return dict.fromkeys(USUAL_SIZES, 1.0)
    least, most = np.percentile(counts, (25, 95)).astype(np.int64).tolist()
    return {size: float((counts >= size).mean()) for size in range(least, max(least, min(most, _LARGEST_SIZE)) + 1)}


@dataclass(frozen=True, slots=True)
class _Replays:
    """Known items as they looked with some of their votes: `votes` has an item for each look.

    `truths` and `weights` by look: the looks at an item together weigh as much as the item. `by_chance`: how many of the
    items were drawn by chance.
    """

    votes: VoteArrays
    truths: Integers
    weights: Floats
    by_chance: float

    @classmethod
    def of(
        cls, facet: Estimates, items: Sequence[ItemVotes], sizes: dict[int, float], generator: np.random.Generator
    ) -> "_Replays":
        looks: list[ItemVotes] = []
        weights: list[float] = []
        by_chance = 0.0
        for item in items:
            counted = [vote for vote in item.votes if vote.counted]
            if not counted or item.truth is None or facet.index(item.truth.get("label")) is None:
                continue
            if item.basis is not TruthBasis.GOLD:
                looks.append(replace(item, votes=counted))
                weights.append(item.worth)
                by_chance += item.worth if item.basis is TruthBasis.DRAWN else 0.0
                continue
            fitting = {size: share for size, share in sizes.items() if size <= len(counted)} or {len(counted): 1.0}
            whole = sum(fitting.values()) * REPLAYS
            by_chance += item.worth
            for _ in range(REPLAYS):
                order = generator.permutation(len(counted)).tolist()
                for size, share in fitting.items():
                    looks.append(replace(item, votes=[counted[at] for at in order[:size]]))
                    weights.append(item.worth * share / whole)
        votes = vote_arrays(facet, looks)
        assert votes.clamps is not None
        return cls(votes, votes.clamps, np.array(weights, np.float64), by_chance)

    def scores(self, facet: Estimates) -> Floats:
        """(T, S) the log scores of the truths, summed over the items."""
        log_prior: Floats = np.tile(np.log(facet.class_prior), (self.votes.item_count, 1))
        if self.votes.item_prior is not None:
            given = ~np.isnan(self.votes.item_prior).any(axis=1)
            log_prior[given] = np.log(clip_prior(self.votes.item_prior[given]))
        chances = facet.by_class(posteriors(facet, self.votes))
        return np.asarray(np.tensordot(self.weights, log_scores(log_prior, chances, self.truths), axes=1), np.float64)


def worth_of_checks(held_out: int, differs: int, drawn: int) -> dict[TruthBasis, float]:
    """For how many records each of the checked held-out ones stands.

    `held_out`: those that people labelled; where a model `differs` all are checked, of the others `drawn` are. As a sample
    with unequal weights they are worth (sum of weights)^2 / (sum of their squares) records (Kish 1965), so the weights
    are scaled to that. With fewer than `LEAST_DRAWN` nothing is known of those that were not drawn, and none counts.
    """
    if drawn < LEAST_DRAWN:
        return {TruthBasis.DIFFERS: 0.0, TruthBasis.DRAWN: 0.0}
    weight = max(1.0, (held_out - differs) / drawn)
    total, squares = differs + drawn * weight, differs + drawn * weight**2
    scale = total / squares
    return {TruthBasis.DIFFERS: scale, TruthBasis.DRAWN: scale * weight}
