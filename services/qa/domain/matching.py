"""One-to-one matching of two sets whose members are alike from a threshold on; shared by the kinds of regions."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

from services.qa.domain.arrays import Flags, Floats, Integers
from services.qa.domain.geometry import Shape

_DENSE = 300
"""Up to so many rows and columns the Hungarian algorithm takes at most about 40 ms, whatever the similarities."""

_THICK = 500_000
"""From so many like pairs on components are not looked for."""
_BATCH = 1 << 18

Pairs = list[tuple[int, int]]


def count_like(one: Floats, other: Floats, shape: Shape, at_least: float) -> int:
    """The most pairs of extents that overlap by `at_least` in a one-to-one matching of (n, d) and (m, d).

    Exact. If there are pairs that are likely to do and nobody is left over among these, no other need be compared.
    """
    likely = shape.likely_pairs(one, other)
    if likely is not None:
        rows, columns = likely
        allowed = np.zeros((len(one), len(other)), np.bool_)
        allowed[rows, columns] = shape.overlap_of_pairs(one[rows], other[columns]) >= at_least
        if (found := count_matches(allowed)) == min(allowed.shape):
            return found
    return count_matches(shape.overlap(one, other, at_least) >= at_least)


def count_matches(allowed: Flags) -> int:
    """The most pairs that a one-to-one matching can have of those allowed, (n, m); `assign` finds as many."""
    if not allowed.any():
        return 0
    if _is_matching(allowed):
        return int(allowed.sum())
    if max(allowed.shape) <= _DENSE:
        return int(allowed[linear_sum_assignment(allowed, maximize=True)].sum())
    return len(_most(allowed)[0])


def assign(similarity: Floats, at_least: float) -> Pairs:
    """The one-to-one matching with the most pairs of at least `at_least`, of these the most similar; by row.

    The components of the graph of like pairs are solved one by one with the Hungarian algorithm. In a component of more
    than 300 rows and columns, where everything is like everything, it would be cubic: there the matching has the most
    pairs, but not always the most similar ones.
    """
    allowed = similarity >= at_least
    if not allowed.any():
        return []
    if _is_matching(allowed):
        return [(int(row), int(column)) for row, column in np.argwhere(allowed)]
    if max(similarity.shape) <= _DENSE:
        return _hungarian(similarity, allowed, np.arange(similarity.shape[0]), np.arange(similarity.shape[1]))
    found: Pairs = []
    for rows, columns in _components(allowed):
        if max(len(rows), len(columns)) <= _DENSE:
            found += _hungarian(similarity, allowed, rows, columns)
        else:
            at, to = _most(allowed[np.ix_(rows, columns)])
            found += list(zip(rows[at].tolist(), columns[to].tolist(), strict=True))
    return sorted(found)


def f1(matched: int, one: int, other: int) -> float:
    """F1 of two sets with `matched` common members; two empty sets agree."""
    return 1.0 if one + other == 0 else 2.0 * matched / (one + other)


def _is_matching(allowed: Flags) -> bool:
    """Whether nobody has a choice."""
    return int(allowed.sum(axis=0).max()) <= 1 and int(allowed.sum(axis=1).max()) <= 1


def _most(allowed: Flags) -> tuple[Integers, Integers]:
    """Rows and columns of a matching with the most pairs: LAPJVsp (Jonker & Volgenant 1987) with equal costs.

    It wants a partner for every row, so each row has a place of its own beside the columns, at twice the cost: the
    cheapest full matching is the one that leaves fewest rows there. 0.1 s where 2,000 are all like 2,000.
    """
    row_count, column_count = allowed.shape
    step = max(_BATCH // column_count, 1)
    ends = np.cumsum(allowed.sum(axis=1) + 1)
    columns = np.empty(int(ends[-1]), np.int32)
    costs = np.ones(len(columns))
    costs[ends - 1] = 2.0
    columns[ends - 1] = column_count + np.arange(row_count)
    is_column = costs == 1.0
    columns[is_column] = np.concatenate(
        [
            (np.flatnonzero(allowed[start : start + step]) % column_count).astype(np.int32)
            for start in range(0, row_count, step)
        ]
    )
    graph = csr_array(
        (costs, columns, np.concatenate([[0], ends]).astype(np.int32)), shape=(row_count, column_count + row_count)
    )
    rows, partners = min_weight_full_bipartite_matching(graph)
    kept = partners < column_count
    return rows[kept], partners[kept]


def _components(allowed: Flags) -> list[tuple[Integers, Integers]]:
    """Rows and columns of each connected component that has both; where most is like most there is but one."""
    row_count, column_count = allowed.shape
    if np.count_nonzero(allowed) > _THICK:
        return [(np.arange(row_count), np.arange(column_count))]
    at, to = np.nonzero(allowed)
    size = row_count + column_count
    graph = csr_array((np.ones(len(at), np.int8), (at, to + row_count)), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    split = [(group[group < row_count], group[group >= row_count] - row_count) for group in groups]
    return [(rows, columns) for rows, columns in split if len(rows) and len(columns)]


def _hungarian(similarity: Floats, allowed: Flags, rows: Integers, columns: Integers) -> Pairs:
    part, may = similarity[np.ix_(rows, columns)], allowed[np.ix_(rows, columns)]
    worth = np.where(may, 1.0 + part / (2.0 * max(part.shape)), 0.0)
    at, to = linear_sum_assignment(worth, maximize=True)
    kept = may[at, to]
    return [(int(row), int(column)) for row, column in zip(rows[at[kept]], columns[to[kept]], strict=True)]
