"""A linear-chain conditional random field: how likely each label is at each word of a text.

Lafferty, McCallum and Pereira (2001), "Conditional random fields". The marginals are those of the forward-backward
algorithm with scaling (Rabiner 1989, section V.A), which can't underflow, in time linear in the words.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChainWeights:
    """`first` (K): of a text's first label; `transitions` (K, K): of a label after another; logarithms, not normalised."""

    first: Floats
    transitions: Floats


def marginals(unary: Floats, weights: ChainWeights) -> Floats:
    """The probability of each label at each word, (T, K), rows sum to 1. `unary` (T, K): the weight of a label at a word."""
    count = len(unary)
    if not count:
        return np.zeros_like(unary)
    at_word = np.exp(unary - unary.max(axis=1, keepdims=True))
    steps = np.exp(weights.transitions)
    forward, backward = np.empty_like(at_word), np.ones_like(at_word)
    forward[0] = at_word[0] * np.exp(weights.first)
    forward[0] /= forward[0].sum()
    scales = np.ones(count)
    for word in range(1, count):
        forward[word] = (forward[word - 1] @ steps) * at_word[word]
        scales[word] = forward[word].sum()
        forward[word] /= scales[word]
    for word in range(count - 2, -1, -1):
        backward[word] = steps @ (at_word[word + 1] * backward[word + 1]) / scales[word + 1]
    found: Floats = forward * backward
    return found
