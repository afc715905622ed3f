"""Agreement by the textbook, of nominal classes from a matrix of items and classes: what qa's coefficients are held against.

Sources: Fleiss 1971 (Psychological Bulletin 76), generalised to unequal numbers of answers as in Gwet 2014; Krippendorff 2011, "Computing
Krippendorff's alpha-reliability".
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def counts_of(items: Integers, classes: Integers, shape: tuple[int, int]) -> Floats:
    """(I, K) how often each class was answered for each item, from one entry per vote."""
    item_count, class_count = shape
    cells = np.bincount(items * class_count + classes, minlength=item_count * class_count)
    return cells.reshape(shape).astype(np.float64)


def percent_agreement(counts: Floats) -> float:
    """The share of agreeing pairs of answers, mean over the items with at least two."""
    return float(_pair_agreement(_paired(counts)).mean())


def fleiss_kappa(counts: Floats) -> float:
    """Class shares are over the items with any answer, each item weighing the same."""
    kept = counts[counts.sum(axis=1) > 0]
    expected = float(((kept / kept.sum(axis=1)[:, None]).mean(axis=0) ** 2).sum())
    return (float(_pair_agreement(_paired(counts)).mean()) - expected) / (1.0 - expected)


def krippendorff_alpha(counts: Floats) -> float:
    kept = _paired(counts)
    totals = kept.sum(axis=0)
    # coincidences o_ck = sum over items of n_uc n_uk / (m_u - 1), less the pairs of an answer with itself
    weighted = kept / (kept.sum(axis=1) - 1.0)[:, None]
    coincidences = weighted.T @ kept
    coincidences[np.diag_indices_from(coincidences)] -= weighted.sum(axis=0)
    unequal = 1.0 - np.eye(len(totals))
    expected = float((unequal * np.outer(totals, totals)).sum())
    return 1.0 - (float(totals.sum()) - 1.0) * float((unequal * coincidences).sum()) / expected


def _paired(counts: Floats) -> Floats:
    return np.asarray(counts[counts.sum(axis=1) >= 2], np.float64)


def _pair_agreement(counts: Floats) -> Floats:
    answers = counts.sum(axis=1)
    agreeing = np.einsum("ik,ik->i", counts, counts) - answers
    return np.asarray(agreeing / (answers * (answers - 1.0)), np.float64)
