"""Dawid-Skene with per-annotator shrinkage: the hidden class of each item and the confusion of each annotator by EM.

Sources: Dawid & Skene 1979 (Applied Statistics 28, the EM); Paun et al. 2018 (TACL 6, hierarchical priors). Here the
prior of an annotator's confusion is a Dirichlet of `strength` pseudo-answers per row around the annotator's own
shrunk one-coin matrix: whoever answers little is judged by one number, whoever answers much by all K x K.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PRIOR_CLIP = (0.02, 0.98)
"""A model's probability is clipped to this before it is used as an item's prior: it never outvotes people alone."""


@dataclass(frozen=True, slots=True)
class Fit:
    """`class_prior` (K), `confusions` (W, K, K; [w, true, answered], rows sum to 1), `posteriors` (I, K), `pool` (K, K)."""

    class_prior: Floats
    confusions: Floats
    posteriors: Floats
    pool: Floats
    answers: Integers
    iterations: int


def fit(
    items: Integers,
    voters: Integers,
    classes: Integers,
    *,
    shape: tuple[int, int, int],
    item_prior: Floats | None = None,
    clamps: Integers | None = None,
    strength: float = 5.0,
    iterations: int = 50,
    tolerance: float = 1e-5,
) -> Fit:
    """Run EM over votes given as three equally long index arrays.

    Args:
        items: Item of each vote.
        voters: Annotator of each vote.
        classes: Answered class of each vote.
        shape: Number of items, annotators and classes.
        item_prior: (I, K) model probabilities, a row of NaN where there is none; replaces the class prior there.
        clamps: (I,) the known class of an item, -1 where unknown.
        strength: Pseudo-answers per confusion row; 0 is the plain maximum-likelihood EM of 1979.
        iterations: At most so many.
        tolerance: Stop when no posterior moves by more.
    """
    raise NotImplementedError


@dataclass(frozen=True)
class Estimates:
    """What a refresh leaves behind for the records that finish before the next one. Immutable; stored as JSON.

    `confusions` (W, K, K) in the order of `voters`; `pool` (K, K) serves whoever is not in it.
    """

    classes: tuple[str, ...]
    class_prior: Floats
    pool: Floats
    voters: Mapping[str, int]
    confusions: Floats
    answers: Integers

    @classmethod
    def unknown(cls, classes: Sequence[str], accuracy: float = 0.85) -> Self:
        """Before anything is known: a flat class prior and a pool right with `accuracy`.

        With 0.85 and ten classes one answer has posterior .85, two that agree .997; with two classes .97.
        """
        raise NotImplementedError

    def posterior(self, votes: Sequence[tuple[str, str]], prior: Mapping[str, float] | None = None) -> Floats:
        """P(class | votes of one item), (K,). `votes`: (voter, class). Independent of the order of votes."""
        raise NotImplementedError

    def diagonal(self, voter: str) -> float:
        """The mean of the annotator's confusion diagonal: balanced accuracy, shrunk. The pool's for strangers."""
        raise NotImplementedError

    def answered(self, voter: str) -> int:
        """How many votes of this annotator the estimate rests on."""
        raise NotImplementedError

    def to_json(self) -> dict[str, JsonValue]:
        raise NotImplementedError

    @classmethod
    def from_json(cls, stored: JsonValue) -> Self:
        raise NotImplementedError
