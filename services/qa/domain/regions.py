"""Which regions (spans, boxes) of several answers are the same object.

Three steps, each from the most alike to the least:

1. Regions of one label that are alike form a *group*, at most one of each vote.
2. A group is a *twin* of another when no more voters drew both than drew one alone: somebody drew one object twice. It
   joins the other, in which each voter counts once.
3. Groups of different labels without a common voter are one *object* whose label is disputed.

The result does not depend on the order of the regions within an answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.qa.domain.arrays import Flags, Floats, Integers
from services.qa.domain.geometry import Shape
from services.qa.domain.matching import assign

MOST_PARTNERS = 16
"""Where regions lie so thick that there are more pairs to look at than this many a region, each is compared with its so
many most alike of another vote first; what finds no partner among these is matched afterwards."""

_NEAR = 0.6
"""Regions that have no partner are one object from this share of the usual overlap on."""

_MOST_NEAR = 40_000
"""Where more pairs of two answers have no partner these are not looked for: it is no picture of careless drawings."""

_SAME_LABEL = 2.0
"""Added to the similarity of two regions of one label, so that these come first."""
_BLOCK = 256

_Edge = tuple[float, int, int]
"""Minus the similarity, and two members, the one of the earlier vote first."""


@dataclass(frozen=True, slots=True)
class Regions:
    """One answer: `labels` (n) and `extents` (n, d), the numbers that the `Shape` compares."""

    labels: Sequence[str]
    extents: Floats


@dataclass(frozen=True, slots=True)
class Clusters:
    """Members (M), groups (G) and objects (O) of a record's answers (V).

    `votes` and `indices` (M): whose answer, and at which place in it, a member is; `groups` (M) the group of each,
    `objects` (G) the object of each group, both numbered in the order of their first members. `marked` (G, V): who drew
    each group. `doubtful` (O): as many voters mark two objects as one.
    """

    votes: Integers
    indices: Integers
    extents: Floats
    groups: Integers
    group_labels: Sequence[str]
    objects: Integers
    marked: Flags
    doubtful: Flags

    @property
    def objects_marked(self) -> Flags:
        """(O, V): who drew each object."""
        found = np.zeros((len(self.doubtful), self.marked.shape[1]), np.bool_)
        np.logical_or.at(found, self.objects, self.marked)
        return found


def cluster(answers: Sequence[Regions], shape: Shape, at_least: float, *, last_is_true: bool = False) -> Clusters:
    """Find the objects of a record; two regions are alike from an overlap of `at_least` on.

    `last_is_true`: the last answer is the truth, so no two of its regions are one object.
    """
    orders = [_order(answer) for answer in answers]
    sizes = [len(order) for order in orders]
    labels = [answer.labels[at] for answer, order in zip(answers, orders, strict=True) for at in order]
    filled = [answer.extents[order] for answer, order in zip(answers, orders, strict=True) if len(order)]
    votes = np.repeat(np.arange(len(answers)), sizes)
    found = _Grouping(votes, labels, np.concatenate(filled) if filled else np.zeros((0, 1)), shape, at_least)
    found.run(certain=1 << (len(answers) - 1) if last_is_true else 0)
    return found.result(np.concatenate(orders) if orders else np.zeros(0, np.int64), len(answers))


def _order(answer: Regions) -> Integers:
    """Places in an answer by label and extent."""
    rows = answer.extents.tolist()
    return np.array(sorted(range(len(rows)), key=lambda at: (answer.labels[at], rows[at])), np.int64)


class _Grouping:
    """The state of `cluster`. `home`: the group or object of each member; `voters`: its votes as the bits of a number."""

    def __init__(self, votes: Integers, labels: Sequence[str], extents: Floats, shape: Shape, at_least: float) -> None:
        self._votes, self._labels, self._extents = votes, labels, extents
        self._shape, self._at_least = shape, at_least
        names = {name: at for at, name in enumerate(sorted(set(labels)))}
        self._codes = np.array([names[label] for label in labels], np.int64)
        self._home = list(range(len(votes)))
        self._members = [[at] for at in range(len(votes))]
        self._voters = [1 << int(vote) for vote in votes]
        self._thick: list[tuple[Integers, Integers]] = []
        self._groups: list[int] = []
        self._doubtful: set[int] = set()

    def run(self, certain: int) -> None:
        """`certain`: the bit of the vote that is the truth, 0 if there is none."""
        edges = self._edges()
        first_other = next((at for at, edge in enumerate(edges) if edge[0] > -_SAME_LABEL), len(edges))
        refused = self._join(edges[:first_other])
        self._match_the_rest(same_label=True)
        self._join_twins(refused, certain)
        self._join_near(same_label=True)
        self._groups = self._home.copy()
        if self._codes.max(initial=0) > 0:
            self._join(edges[first_other:])
            self._match_the_rest(same_label=False)
            self._join_near(same_label=False)

    def result(self, indices: Integers, vote_count: int) -> Clusters:
        groups, first_of_group = _numbered(self._groups)
        homes, _ = _numbered(self._home)
        marked = np.zeros((len(first_of_group), vote_count), np.bool_)
        marked[groups, self._votes] = True
        objects = homes[first_of_group]
        doubtful = np.zeros(int(objects.max(initial=-1)) + 1, np.bool_)
        doubtful[[homes[at] for at in self._doubtful]] = True
        return Clusters(
            votes=self._votes,
            indices=indices,
            extents=self._extents,
            groups=groups,
            group_labels=[self._labels[at] for at in first_of_group],
            objects=objects,
            marked=marked,
            doubtful=doubtful,
        )

    def _edges(self) -> list[_Edge]:
        """Like pairs of different votes: those of one label first, then the most alike first."""
        places = [np.flatnonzero(self._votes == vote) for vote in np.unique(self._votes)]
        found = []
        for at, left in enumerate(places):
            for right in places[at + 1 :]:
                likely = self._likely(left, right)
                if likely is None:
                    likely = self._most_alike(left, right)
                else:
                    self._thick.append((left, right))
                found.append(likely)
        if not found:
            return []
        return _sorted_edges(*(np.concatenate(column) for column in zip(*found, strict=True)))

    def _likely(self, left: Integers, right: Integers) -> tuple[Floats, Integers, Integers] | None:
        """Like pairs among the likely ones, as (similarity, member, member); None where all can be compared."""
        likely = self._shape.likely_pairs(self._extents[left], self._extents[right])
        if likely is None:
            return None
        one, other = left[likely[0]], right[likely[1]]
        alike = self._shape.overlap_of_pairs(self._extents[one], self._extents[other])
        close = alike >= self._at_least
        one, other, alike = one[close], other[close], alike[close]
        return alike + _SAME_LABEL * (self._codes[one] == self._codes[other]), one, other

    def _most_alike(self, left: Integers, right: Integers) -> tuple[Floats, Integers, Integers]:
        """Like pairs, as (similarity, member, member): all, or the most alike of each member where there are too many."""
        alike = self._alike(left, right)
        close = alike >= self._at_least
        if np.count_nonzero(close) > MOST_PARTNERS * (len(left) + len(right)):
            self._thick.append((left, right))
            close = _among_most_alike(alike) & close
        rows, columns = np.nonzero(close)
        return alike[rows, columns], left[rows], right[columns]

    def _alike(self, left: Integers, right: Integers) -> Floats:
        alike = self._shape.overlap(self._extents[left], self._extents[right], self._at_least)
        alike[alike < self._at_least] = 0.0
        same = self._codes[left][:, None] == self._codes[right][None, :]
        np.add(alike, _SAME_LABEL, out=alike, where=same & (alike > 0))
        return alike

    def _join(self, edges: Sequence[_Edge]) -> list[_Edge]:
        """Join what has no common voter; returns the edges that were refused."""
        refused = []
        home, voters = self._home, self._voters
        for edge in edges:
            a, b = home[edge[1]], home[edge[2]]
            if a == b:
                continue
            if voters[a] & voters[b]:
                refused.append(edge)
            else:
                self._unite(a, b)
        return refused

    def _unite(self, a: int, b: int) -> None:
        for at in self._members[b]:
            self._home[at] = a
        self._members[a] += self._members[b]
        self._members[b] = []
        self._voters[a] |= self._voters[b]

    def _match_the_rest(self, *, same_label: bool) -> None:
        """Where not all pairs were looked at, match what has no partner yet: as many as possible."""
        least = self._at_least + (_SAME_LABEL if same_label else 0.0)
        for left, right in self._thick:
            before = 2 * len(left)
            while True:
                alone, free = self._without(left, right), self._without(right, left)
                likely = self._likely(alone, free) if 2 * len(alone) <= before and len(free) else None
                if likely is None:
                    break
                before = len(alone)
                wanted = (likely[0] > _SAME_LABEL) == same_label
                self._join(_sorted_edges(*(column[wanted] for column in likely)))
            if len(alone) and len(free):
                alike = self._alike(alone, free)
                if not same_label:
                    alike[alike > _SAME_LABEL] = 0.0
                self._join([(0.0, int(alone[row]), int(free[column])) for row, column in assign(alike, least)])

    def _join_near(self, *, same_label: bool) -> None:
        """Join what has no partner and lies near: two careless drawings of one object overlap by less than `at_least`."""
        found = []
        places = [np.flatnonzero(self._votes == vote) for vote in np.unique(self._votes)]
        for at, left in enumerate(places):
            for right in places[at + 1 :]:
                alone, free = self._without(left, right), self._without(right, left)
                if 0 < len(alone) * len(free) <= _MOST_NEAR:
                    alike = self._shape.overlap(self._extents[alone], self._extents[free])
                    same = self._codes[alone][:, None] == self._codes[free][None, :]
                    rows, columns = np.nonzero((alike >= _NEAR * self._at_least) & (same == same_label))
                    found.append((alike[rows, columns], alone[rows], free[columns]))
        if found:
            self._join(_sorted_edges(*(np.concatenate(column) for column in zip(*found, strict=True))))

    def _without(self, members: Integers, others: Integers) -> Integers:
        """Members whose group holds nothing of the vote of `others`."""
        if not len(members) or not len(others):
            return members
        other = int(self._votes[others[0]])
        return members[[not self._voters[self._home[at]] >> other & 1 for at in members.tolist()]]

    def _join_twins(self, refused: Sequence[_Edge], certain: int) -> None:
        for _, one, other in refused:
            a, b = self._home[one], self._home[other]
            if self._voters[a] == self._voters[b]:
                continue
            common = self._voters[a] & self._voters[b]
            both, single = common.bit_count(), (self._voters[a] ^ self._voters[b]).bit_count()
            if both <= single and not common & certain:
                if both == single:
                    self._doubtful.add(one)
                self._unite(a, b)


def _numbered(homes: Sequence[int]) -> tuple[Integers, list[int]]:
    """Numbers from 0 in the order of first members, and these members."""
    first: dict[int, int] = {}
    firsts: list[int] = []
    found = np.empty(len(homes), np.int64)
    for at, home in enumerate(homes):
        if home not in first:
            first[home] = len(first)
            firsts.append(at)
        found[at] = first[home]
    return found, firsts


def _sorted_edges(alike: Floats, one: Integers, other: Integers) -> list[_Edge]:
    order = np.lexsort((other, one, -alike))
    return list(zip((-alike[order]).tolist(), one[order].tolist(), other[order].tolist(), strict=True))


def _among_most_alike(alike: Floats) -> Flags:
    """Pairs that are among the `MOST_PARTNERS` most alike of one of their two."""
    kept = np.zeros(alike.shape, np.bool_)
    for matrix, marks in ((alike, kept), (alike.T, kept.T)):
        count = min(MOST_PARTNERS, matrix.shape[1])
        for start in range(0, len(matrix), _BLOCK):
            block = np.ascontiguousarray(matrix[start : start + _BLOCK])
            to = np.argpartition(block, -count, axis=1)[:, -count:]
            marks[np.arange(start, start + len(block))[:, None], to] = True
    return kept
