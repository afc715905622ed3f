"""Votes as a sparse matrix of ones, items x (annotators * classes): what every EM over votes multiplies by."""

import numpy as np
from scipy import sparse

from services.qa.domain.arrays import Floats, Integers


class VoteMatrix:
    """The votes of I items by W annotators among K classes; column w * K + k stands for annotator w's answer k."""

    def __init__(self, items: Integers, voters: Integers, classes: Integers, shape: tuple[int, int, int]) -> None:
        self.item_count, self.voter_count, self.class_count = shape
        columns = voters * self.class_count + classes
        placed = sparse.coo_array(
            (np.ones(len(items)), (items.astype(np.int32), columns.astype(np.int32))),
            shape=(self.item_count, self.voter_count * self.class_count),
        )
        placed.has_canonical_format = True  # an answer given twice may stand twice, so nothing needs sorting
        self._by_item = placed.tocsr()
        self._by_column = self._by_item.T  # the CSC view of the same memory

    def scores(self, log_likelihoods: Floats) -> Floats:
        """(W * K, L) log P(answer | latent class) -> (I, L), summed over the votes of each item."""
        return np.asarray(self._by_item @ np.ascontiguousarray(log_likelihoods), np.float64)

    def counts(self, posteriors: Floats) -> Floats:
        """(I, L) P(latent class) -> (W * K, L), how often each annotator is expected to have given each answer."""
        return np.asarray(self._by_column @ posteriors, np.float64)

    def class_counts(self) -> Floats:
        """(I, K) how many votes each item has for each class."""
        rows = np.repeat(np.arange(self.item_count), np.diff(self._by_item.indptr))
        cells = rows * self.class_count + self._by_item.indices % self.class_count
        counts = np.bincount(cells, minlength=self.item_count * self.class_count)
        return np.asarray(counts.reshape(self.item_count, self.class_count), np.float64)

    def shares(self) -> Floats:
        """(I, K) the shares of an item's votes; flat where there are none."""
        counts = self.class_counts()
        total = counts.sum(axis=1, keepdims=True)
        flat = np.full_like(counts, 1.0 / self.class_count)
        return np.asarray(np.divide(counts, total, out=flat, where=total > 0), np.float64)
