"""Which label an object has, by the labels of the regions that were drawn of it.

Each annotator names an object rightly with a probability of their own, else with any of the other labels alike.
"""

from dataclasses import dataclass

import numpy as np

from services.qa.domain.arrays import Flags, Floats, Integers
from services.qa.domain.region_votes import RegionVotes
from services.qa.domain.votes import TIE

NAMINGS = (0.4, 0.995)


@dataclass(frozen=True, slots=True)
class ObjectNames:
    """`labels` (O): the likeliest place in `RegionVotes.labels`, of equally likely ones the first; -1 without a member.

    `chances` (O) its probability; `tied` (O). `right` (M): P(a member's label is its object's).
    """

    labels: Integers
    chances: Floats
    tied: Flags
    right: Floats


def named(votes: RegionVotes, naming: Floats, label_count: int) -> ObjectNames:
    """Weigh labels. `naming` (V): P(an annotator names an object rightly); the truth is not wrong."""
    object_count = votes.object_count
    if not len(votes.member_objects):
        none = np.zeros(object_count)
        return ObjectNames(np.full(object_count, -1), none, none > 0, np.zeros(0))
    accuracy = np.append(np.clip(naming, *NAMINGS), 1.0 - 1e-9)[votes.member_voters]
    log_right, log_wrong = np.log(accuracy), np.log((1.0 - accuracy) / max(label_count - 1, 1))
    stride = max(len(votes.labels), 1)
    cells, cell = np.unique(votes.member_objects * stride + votes.member_labels, return_inverse=True)
    of_cell = cells // stride
    gained = np.bincount(cell, votes.member_weights * (log_right - log_wrong), len(cells))
    top = np.zeros(object_count)
    np.maximum.at(top, of_cell, gained)
    unnamed = np.maximum(label_count - np.bincount(of_cell, minlength=object_count), 0)
    shares = np.exp(gained - top[of_cell])
    total = np.bincount(of_cell, shares, object_count) + unnamed * np.exp(-top)
    shares /= total[of_cell]
    best = np.zeros(object_count)
    np.maximum.at(best, of_cell, shares)
    is_best = shares >= best[of_cell] - TIE
    labels = np.full(object_count, -1)
    at = np.flatnonzero(is_best)[::-1]
    labels[of_cell[at]] = cells[at] % stride
    return ObjectNames(
        labels=labels,
        chances=best,
        tied=np.bincount(of_cell, is_best, object_count) > 1,
        right=shares[cell],
    )


def learnt_naming(votes: RegionVotes, names: ObjectNames, chances: Floats, before: Floats, support: Floats) -> Floats:
    """(V): naming by the objects that several voters drew, `before` as a prior worth `support` objects."""
    worth = votes.member_weights * chances[votes.member_objects]
    worth = np.where(shared_by(votes)[votes.member_objects] > 1, worth, 0.0)
    right, total = votes.of_voters(worth * names.right), votes.of_voters(worth)
    return np.clip((support * before + right) / (support + total), *NAMINGS)


def shared_by(votes: RegionVotes) -> Floats:
    """(O): how many voters, and the truth, drew a region of each."""
    return np.round(votes.of_objects(votes.member_weights))
