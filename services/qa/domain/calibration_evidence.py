"""The evidence that posteriors are calibrated on: what was known of records beside what their votes said.

Gold is drawn by chance and answered by many people: it is replayed with as many votes as other records have, in random
orders. An arbiter's decision is of a record that was hard; which ones are decided depends on the votes alone, so given all
of its votes the chance of each answer is what it is elsewhere, and the record counts as it stood when it was disputed.
Experts' checks of held-out records depend on whether a model agreed, and count by the share of their kind that was checked.

A known record also shapes the estimates, by its truth and by its other votes. So all of it is hidden from the estimation whose
posterior it is held against, a fourth of such records at a time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.qa.domain.arrays import Floats, Integers
from services.qa.domain.calibration import (
    DEFAULT,
    LEAST_KNOWN,
    PRIOR,
    Calibration,
    CalibrationPrior,
    default_of,
    log_scores,
    updated,
)
from services.qa.domain.class_votes import posteriors, vote_arrays
from services.qa.domain.estimates import Estimates, VoteArrays
from services.qa.domain.votes import ItemVotes, TruthBasis

LEAST_DRAWN = 10
FOLDS = 4
REPLAYS = 8
"""Random orders in which the votes of a gold record are replayed."""

USUAL_SIZES = (2, 3, 4, 5)
"""With how many votes gold is replayed where no other record has any."""

_LARGEST_SIZE = 20
_MOST_CELLS = 20_000
"""Looks times classes that are scored at once: some ten megabytes."""
_SEED = 2017
"""Chance is fixed: the same votes give the same calibration."""


def calibrate(
    items: Sequence[ItemVotes],
    votes: VoteArrays,
    estimate: Callable[[VoteArrays], Estimates],
    prior: CalibrationPrior = PRIOR,
) -> Calibration:
    """Fit the map of a facet to what is known of its items; with fewer than `LEAST_KNOWN` it is that of the prior.

    `votes` are those of `items` (`vote_arrays`); `estimate` estimates the facet from votes of which some are hidden.
    """
    known = [at for at, item in enumerate(items) if item.basis is not None and item.truth is not None]
    if sum(items[at].worth for at in known) < LEAST_KNOWN or votes.clamps is None:
        return DEFAULT if prior is PRIOR else default_of(prior)
    generator = np.random.default_rng(_SEED)
    folds = generator.permutation(len(known)) % FOLDS
    sizes = _sizes(items)
    scores = np.zeros_like(prior.weights())
    by_chance = 0.0
    for fold in range(FOLDS):
        hidden = [at for at, of in zip(known, folds.tolist(), strict=True) if of == fold]
        facet = estimate(_without(votes, hidden))
        looks = _looks([items[at] for at in hidden], sizes, generator)
        scores += _scores(facet, looks)
        by_chance += sum(items[at].worth for at in hidden if items[at].basis in {TruthBasis.GOLD, TruthBasis.DRAWN})
    return updated(scores, by_chance, prior)


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


def _without(votes: VoteArrays, hidden: Sequence[int]) -> VoteArrays:
    """Without the votes and truths of these items."""
    assert votes.clamps is not None
    is_hidden = np.zeros(votes.item_count, np.bool_)
    is_hidden[list(hidden)] = True
    kept = ~is_hidden[votes.items]
    return replace(
        votes,
        items=votes.items[kept],
        voters=votes.voters[kept],
        classes=votes.classes[kept],
        clamps=np.where(is_hidden, -1, votes.clamps),
    )


def _sizes(items: Sequence[ItemVotes]) -> Mapping[int, float]:
    """With how many votes records are judged, each with how often: the share of records that have so many or more."""
    counts = np.array([len(item.votes) for item in items if item.basis is None and item.votes], np.int64)
    if not len(counts):
        return dict.fromkeys(USUAL_SIZES, 1.0)
    least, most = np.percentile(counts, (25, 95)).astype(np.int64).tolist()
    return {size: float((counts >= size).mean()) for size in range(least, max(least, min(most, _LARGEST_SIZE)) + 1)}


@dataclass(frozen=True, slots=True)
class _Look:
    """A known item as it looked with some of its votes. The looks at an item together weigh as much as the item."""

    item: ItemVotes
    weight: float


def _looks(
    items: Sequence[ItemVotes], sizes: Mapping[int, float], generator: np.random.Generator
) -> Mapping[int, list[_Look]]:
    """By number of votes. A model's distribution is left out: it is calibrated by itself."""
    found: dict[int, list[_Look]] = {}
    for item in items:
        counted = [vote for vote in item.votes if vote.counted]
        if not counted:
            continue
        if item.basis is not TruthBasis.GOLD:
            found.setdefault(len(counted), []).append(_Look(replace(item, votes=counted, prior=None), item.worth))
            continue
        fitting = {size: share for size, share in sizes.items() if size <= len(counted)} or {len(counted): 1.0}
        whole = sum(fitting.values()) * REPLAYS
        for _ in range(REPLAYS):
            order = generator.permutation(len(counted)).tolist()
            for size, share in fitting.items():
                some = [counted[at] for at in order[:size]]
                found.setdefault(size, []).append(
                    _Look(replace(item, votes=some, prior=None), item.worth * share / whole)
                )
    return found


def _scores(facet: Estimates, looks: Mapping[int, list[_Look]]) -> Floats:
    """(T, R, S) the log scores of the truths, summed over the items."""
    total: Floats | None = None
    for size, of_size in looks.items():
        at_once = max(_MOST_CELLS // len(facet.classes), 1)
        for start in range(0, len(of_size), at_once):
            some = of_size[start : start + at_once]
            votes = vote_arrays(facet, [one.item for one in some])
            truths: Integers = votes.clamps if votes.clamps is not None else np.full(len(some), -1, np.int64)
            known = truths >= 0
            chances = facet.by_class(posteriors(facet, votes))[known]
            weights = np.array([one.weight for one in some], np.float64)[known]
            scores: Floats = np.tensordot(weights, log_scores(chances, size, truths[known]), axes=1)
            total = scores if total is None else total + scores
    return np.zeros(()) if total is None else total
