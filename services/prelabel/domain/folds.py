"""Folds for cross-validation: what is the same stays together, and each class is spread over all folds."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

Folds = NDArray[np.int64]


def folds_of(contents: Sequence[Hashable], labels: Sequence[str], folds: int, random: np.random.Generator) -> Folds:
    """The fold of each example, from 0 to `folds` - 1: stratified by class, grouped by content.

    Examples of one content are all in one fold, whatever their labels: else a model would have seen the very text that it
    is asked about. A content is counted to the class of its first example. Classes follow each other in the round, so that
    folds differ in size by one content at most.
    """
    first: dict[Hashable, int] = {}
    for index, content in enumerate(contents):
        first.setdefault(content, index)
    by_class: dict[str, list[Hashable]] = {}
    for content, index in first.items():
        by_class.setdefault(labels[index], []).append(content)
    fold_of: dict[Hashable, int] = {}
    for label in sorted(by_class):
        of_class = by_class[label]
        for place in random.permutation(len(of_class)):
            fold_of[of_class[place]] = len(fold_of) % folds
    return np.array([fold_of[content] for content in contents], dtype=np.int64)
