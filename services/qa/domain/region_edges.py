"""Where the edges of an object are, and how sure that is.

Spans: an annotator puts an edge exactly with a probability e of their own, else d characters off with a probability
that falls geometrically with d. The posterior of the true edge is taken over what was drawn and over the places near
by; the start and the end are independent. Boxes: each side is off by a normal error with a standard deviation of the
annotator's own, in units of the box's size.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import ndtr

from services.qa.domain.arrays import Flags, Floats, Integers
from services.qa.domain.region_votes import RegionVotes
from services.qa.domain.votes import TIE

EXACTS = (0.2, 0.99)
DECAYS = (0.1, 0.9)
SPREADS = (0.005, 0.25)

_NEAR = np.arange(-3, 4)
_FARTHEST = 30.0
_LEAST_LIKELY = np.log(1e-5)
_SURE = 1.0 - 1e-9
_DECAY_STRENGTH = 10.0
_MOST_LOSS, _LOSS_MEAN, _LOSS_VARIANCE = 0.5, 4 * 0.798, 4 * 0.363


@dataclass(frozen=True, slots=True)
class SpanEdges:
    """`values` (O, 2) start and end, `chances` (O): P(both are exact), `tied` (O)."""

    values: Floats
    chances: Floats
    tied: Flags


@dataclass(frozen=True, slots=True)
class _OneEdge:
    """`members` (O): the member whose edge is taken. `exact` (M): P(the member's edge is exact).

    `off`, `distance`: the expected number of inexact edges, and the characters that they are off by in all.
    """

    members: Integers
    chances: Floats
    tied: Flags
    exact: Floats
    off: float
    distance: float


class EdgeModel(Protocol):
    """How annotators err about edges; their `edges` in `RegionRates` are this model's."""

    def learnt(
        self, votes: RegionVotes, worth: Floats, now: Floats, prior: Floats, support: Floats, decay: float
    ) -> tuple[Floats, float]:
        """(V) rates, and the decay, where `now` was believed; `prior` is worth `support` objects. `worth` (M)."""
        ...


class SpanEdgeModel:
    """Each edge is exact with a probability of the annotator's own."""

    def learnt(
        self, votes: RegionVotes, worth: Floats, now: Floats, prior: Floats, support: Floats, decay: float
    ) -> tuple[Floats, float]:
        if not worth.any():
            return prior, decay
        edges = [_edge(votes, column, now, decay) for column in (0, 1)]
        right = votes.of_voters(worth * (edges[0].exact + edges[1].exact))
        total = 2.0 * votes.of_voters(worth)
        exact = np.clip((2.0 * support * prior + right) / (2.0 * support + total), *EXACTS)
        off = _DECAY_STRENGTH + sum(edge.off for edge in edges)
        distance = _DECAY_STRENGTH / (1.0 - decay) + sum(edge.distance for edge in edges)
        return exact, float(np.clip(1.0 - off / max(distance, off), *DECAYS))


class BoxEdgeModel:
    """Each side is off by a normal error of the annotator's own standard deviation."""

    def learnt(
        self, votes: RegionVotes, worth: Floats, now: Floats, prior: Floats, support: Floats, decay: float
    ) -> tuple[Floats, float]:
        """By upright boxes. A member's residual about the weighted mean has the variance s^2 - 1 / (sum of the weights)."""
        if not worth.any():
            return prior, decay
        weights = _inverse_variances(votes, now)
        of_mean = 1.0 / votes.of_objects(weights)[votes.member_objects]
        extents = votes.member_extents
        corners = np.column_stack([extents[:, :2], extents[:, :2] + extents[:, 2:4]])
        squares = np.zeros(len(corners))
        for column in range(4):
            mean = votes.of_objects(weights * corners[:, column])[votes.member_objects] * of_mean
            squares += np.minimum(((corners[:, column] - mean) / extents[:, 2 + column % 2]) ** 2, 1.0) / 4.0
        worth = np.where(extents[:, 4] % 180.0 == 0, worth, 0.0)
        sums, counts = votes.of_voters(worth * (squares + of_mean)), votes.of_voters(worth)
        return np.clip(np.sqrt((support * prior**2 + sums) / (support + counts)), *SPREADS), decay


SPAN_EDGES, BOX_EDGES = SpanEdgeModel(), BoxEdgeModel()


def span_edges(votes: RegionVotes, exact: Floats, decay: float) -> SpanEdges:
    """The likeliest edges of each object. `exact` (V); `decay` as in `RegionEstimates`."""
    starts, ends = (_edge(votes, column, exact, decay) for column in (0, 1))
    extents = votes.member_extents
    values = np.column_stack([extents[starts.members, 0], extents[ends.members, 1]])
    empty = values[:, 0] >= values[:, 1]
    values[empty] = extents[starts.members[empty]]
    return SpanEdges(values, np.where(empty, 0.0, starts.chances * ends.chances), starts.tied | ends.tied)


def _edge(votes: RegionVotes, column: int, exact: Floats, decay: float) -> _OneEdge:
    objects, count = votes.member_objects, votes.object_count
    given = votes.member_extents[:, column].astype(np.int64)
    lowest = given - int(given.min(initial=0)) + len(_NEAR)
    stride = int(lowest.max(initial=0)) + 2 * len(_NEAR)
    near = (objects * stride + lowest)[:, None] + _NEAR[None, :]
    keys, inverse = np.unique(near.ravel(), return_inverse=True)
    own = inverse.reshape(near.shape)[:, int(np.flatnonzero(_NEAR == 0)[0])]
    of_key = keys // stride
    first = np.searchsorted(objects, of_key)
    sizes = np.bincount(objects, minlength=count)[of_key]
    place = np.repeat(np.arange(len(keys)), sizes)
    member = np.repeat(first - (np.cumsum(sizes) - sizes), sizes) + np.arange(len(place))
    distance = np.minimum(np.abs(keys[place] % stride - lowest[member]), _FARTHEST)
    accuracy = np.append(np.clip(exact, *EXACTS), _SURE)[votes.member_voters[member]]
    off = np.log((1.0 - accuracy) * (1.0 - decay) / 2.0) + (distance - 1.0) * np.log(decay)
    likely = np.where(distance == 0, np.log(accuracy), np.maximum(off, _LEAST_LIKELY))
    weights = votes.member_weights[member]
    score = np.bincount(place, weights * likely, len(keys))
    top = np.full(count, -np.inf)
    np.maximum.at(top, of_key, score)
    shares = np.exp(score - top[of_key])
    shares /= np.bincount(of_key, shares, count)[of_key]
    ofmembers = shares[own]
    best = np.zeros(count)
    np.maximum.at(best, objects, ofmembers)
    is_best = ofmembers >= best[objects] - TIE
    chosen = np.zeros(count, np.int64)
    at = np.flatnonzero(is_best)[::-1]
    chosen[objects[at]] = at
    differs = is_best & (lowest != lowest[chosen[objects]])
    several = np.bincount(objects, minlength=count)[of_key][place] > 1
    part = np.where(several & (distance > 0), shares[place] * weights, 0.0)
    return _OneEdge(
        members=chosen,
        chances=best,
        tied=np.bincount(objects, differs, count) > 0,
        exact=ofmembers,
        off=float(part.sum()),
        distance=float(part @ distance),
    )


def box_chances(votes: RegionVotes, spread: Floats) -> Floats:
    """(O): P(the weighted mean of the members overlaps the true box by half).

    An IoU falls short of 1 by about the sum of the four sides' errors in units of the size: of four half-normal errors
    of standard deviation t this has mean 4 t sqrt(2 / pi) and variance 4 t^2 (1 - 2 / pi).
    """
    error = 1.0 / np.sqrt(np.maximum(votes.of_objects(_inverse_variances(votes, spread)), 1.0))
    return np.asarray(ndtr((_MOST_LOSS - _LOSS_MEAN * error) / (np.sqrt(_LOSS_VARIANCE) * error)), np.float64)


def _inverse_variances(votes: RegionVotes, spread: Floats) -> Floats:
    """(M): how much each member's sides count."""
    sides = np.append(np.clip(spread, *SPREADS), SPREADS[0] / 10.0)[votes.member_voters]
    return np.asarray(votes.member_weights / sides**2, np.float64)
