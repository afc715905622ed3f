"""One accuracy per annotator, errors spread over all other classes: for questions with many classes.

EM as in Raykar et al. 2010 restricted to one parameter, over the (item, class) cells that somebody answered; what
nobody answered is lumped together, so memory grows with the votes, never with items x classes.
"""

from dataclasses import dataclass

import numpy as np

from services.qa.domain.arrays import Floats, Integers
from services.qa.domain.dawid_skene import COIN_STRENGTH


@dataclass(frozen=True, slots=True)
class OneCoinFit:
    """`accuracies` (W) shrunk to everybody's; the posterior of cell c, that item `cell_items[c]` is `cell_classes[c]`."""

    accuracies: Floats
    answers: Integers
    cell_items: Integers
    cell_classes: Integers
    cell_posteriors: Floats
    iterations: int


def fit_one_coin(
    items: Integers,
    voters: Integers,
    classes: Integers,
    *,
    shape: tuple[int, int, int],
    clamps: Integers | None = None,
    iterations: int = 50,
    tolerance: float = 1e-5,
) -> OneCoinFit:
    """Arguments as `dawid_skene.fit`; a flat class prior."""
    item_count, voter_count, class_count = shape
    cells, cell_of_vote = np.unique(items * class_count + classes, return_inverse=True)
    cell_items, cell_classes = np.divmod(cells, class_count)
    unseen = class_count - np.bincount(cell_items, minlength=item_count)
    answers = np.bincount(voters, minlength=voter_count).astype(np.int64)
    known = None if clamps is None else clamps[cell_items] >= 0
    known_right = None if clamps is None else (clamps[cell_items] == cell_classes).astype(np.float64)

    support = np.bincount(cell_of_vote, minlength=len(cells)).astype(np.float64)
    posteriors = support / np.bincount(items, minlength=item_count)[cell_items]
    accuracies = np.zeros(voter_count)
    rounds = 0
    while True:
        if known is not None and known_right is not None:
            posteriors = np.where(known, known_right, posteriors)
        hits = np.bincount(voters, weights=posteriors[cell_of_vote], minlength=voter_count)
        everybody = (hits.sum() + 1.0) / (answers.sum() + 2.0)
        accuracies = (hits + COIN_STRENGTH * everybody) / (answers + COIN_STRENGTH)
        if rounds >= iterations:
            break
        rounds += 1
        sure = np.clip(accuracies, 1e-6, 1 - 1e-6)
        log_odds = np.log(sure * max(class_count - 1, 1) / (1.0 - sure))
        scores = np.bincount(cell_of_vote, weights=log_odds[voters], minlength=len(cells))
        top = np.zeros(item_count)
        np.maximum.at(top, cell_items, scores)
        weights = np.exp(scores - top[cell_items])
        total = np.bincount(cell_items, weights=weights, minlength=item_count) + unseen * np.exp(-top)
        before, posteriors = posteriors, weights / total[cell_items]
        if len(cells) == 0 or np.abs(posteriors - before).max() <= tolerance:
            break
    return OneCoinFit(accuracies, answers, cell_items, cell_classes, posteriors, rounds)
