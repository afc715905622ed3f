"""Fit the chain to texts whose personal data is marked: maximum likelihood with an L2 penalty, by L-BFGS.

The gradient of a conditional random field is what is expected less what is observed (Lafferty, McCallum and Pereira 2001,
section 3); expectations are those of the forward-backward algorithm, for all texts together, word by word.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize

from shared.recognition.chain import ChainWeights, Floats
from shared.recognition.head import LABELS, Head
from shared.recognition.text_reading import TextReading, measured

Integers = NDArray[np.int64]

FEWEST_TEMPLATES: Final = 2
"""What is true of words of one template only says more of the template than of the language."""

PENALTY_OF_WORDS: Final = 0.5
PENALTY_OF_MODEL: Final = 0.05
ITERATIONS: Final = 120
SMALLEST_WEIGHT: Final = 0.02
"""A feature with no larger weight is left out of what is kept."""


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text that was read, the label of each word (index into `LABELS`), and which template it was made from."""

    reading: TextReading
    labels: Integers
    template: int | str


def fit(examples: Sequence[MarkedText], iterations: int = ITERATIONS) -> Head:
    """The head that makes the labels of the examples likeliest, under the penalty."""
    examples = [one for one in examples if len(one.labels)]
    names = _kept_features(examples)
    design = _design(examples, names)
    weights = _Likelihood(design, examples, len(names)).most(iterations)
    lexical, dense, first, transitions = weights
    large = np.abs(lexical).max(axis=1) >= SMALLEST_WEIGHT
    return Head(
        {name: lexical[at] for at, name in enumerate(names) if large[at]}, dense, ChainWeights(first, transitions)
    )


def _kept_features(examples: Sequence[MarkedText]) -> list[str]:
    seen = defaultdict[str, set[int | str]](set)
    for one in examples:
        for of_word in one.reading.features:
            for name in of_word:
                seen[name].add(one.template)
    return sorted(name for name, templates in seen.items() if len(templates) >= FEWEST_TEMPLATES)


def _design(examples: Sequence[MarkedText], names: Sequence[str]) -> Any:
    """What is true of each word, (words of all texts, features), sparse; what the model says of it stands last."""
    place = {name: at for at, name in enumerate(names)}
    columns, ends = list[int](), [0]
    for one in examples:
        for of_word in one.reading.features:
            columns += [place[name] for name in of_word if name in place]
            ends.append(len(columns))
    lexical = sparse.csr_matrix((np.ones(len(columns)), columns, ends), (len(ends) - 1, len(names)))
    dense = np.vstack([measured(one.reading.probabilities) for one in examples])
    return sparse.hstack([lexical, sparse.csr_matrix(dense)]).tocsr()


class _Likelihood:
    """Of the labels, as a function of all weights. Texts are in order of length, so that those that last stand first."""

    def __init__(self, design: Any, examples: Sequence[MarkedText], lexical: int) -> None:
        self._design, self._transposed, self._lexical = design, design.T.tocsr(), lexical
        lengths = np.array([len(one.labels) for one in examples])
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        order = np.argsort(-lengths, kind="stable")
        self._rows = [offsets[order[: int((lengths > step).sum())]] + step for step in range(int(lengths.max()))]
        labels = np.concatenate([one.labels for one in examples])
        count = len(LABELS)
        self._observed = np.eye(count)[labels]
        self._pairs = np.zeros((count, count))
        for rows in self._rows[1:]:
            np.add.at(self._pairs, (labels[rows - 1], labels[rows]), 1.0)
        self._penalty = np.full((design.shape[1], 1), PENALTY_OF_WORDS)
        self._penalty[lexical:] = PENALTY_OF_MODEL

    def most(self, iterations: int) -> tuple[Floats, Floats, Floats, Floats]:
        """The weights of words' features and of the model's, and of first labels and transitions."""
        size = self._design.shape[1] * len(LABELS)
        start = np.zeros(size + len(LABELS) ** 2 + len(LABELS))
        found = minimize(self._cost, start, jac=True, method="L-BFGS-B", options={"maxiter": iterations, "maxcor": 8})
        weights, transitions, first = self._parts(found.x)
        return weights[: self._lexical], weights[self._lexical :], first, transitions

    def _parts(self, values: Floats) -> tuple[Floats, Floats, Floats]:
        count, size = len(LABELS), self._design.shape[1] * len(LABELS)
        return (
            values[:size].reshape(-1, count),
            values[size : size + count**2].reshape(count, count),
            values[size + count**2 :],
        )

    def _cost(self, values: Floats) -> tuple[float, Floats]:
        """Minus the penalised log likelihood, and its gradient."""
        weights, transitions, first = self._parts(values)
        unary = self._design @ weights
        most = unary.max(axis=1, keepdims=True)
        at_word, steps = np.exp(unary - most), np.exp(transitions)
        forward, backward, scales = np.empty_like(at_word), np.ones_like(at_word), np.ones(len(at_word))
        for step, rows in enumerate(self._rows):
            reached = (forward[rows - 1] @ steps if step else np.exp(first)) * at_word[rows]
            scales[rows] = reached.sum(axis=1)
            forward[rows] = reached / scales[rows][:, None]
        expected = np.zeros_like(transitions)
        for rows in self._rows[:0:-1]:
            onwards = at_word[rows] * backward[rows] / scales[rows][:, None]
            expected += forward[rows - 1].T @ onwards
            backward[rows - 1] = onwards @ steps.T
        marginal = forward * backward
        starts = self._rows[0]
        cost = (
            np.log(scales).sum() + most.sum() - (unary * self._observed).sum() - (transitions * self._pairs).sum()
            - self._observed[starts].sum(axis=0) @ first + (self._penalty * weights**2).sum()
            + PENALTY_OF_WORDS * ((transitions**2).sum() + (first**2).sum())
        )  # fmt: skip
        gradient = np.concatenate([
            (self._transposed @ (marginal - self._observed) + 2 * self._penalty * weights).ravel(),
            (expected * steps - self._pairs + 2 * PENALTY_OF_WORDS * transitions).ravel(),
            marginal[starts].sum(axis=0) - self._observed[starts].sum(axis=0) + 2 * PENALTY_OF_WORDS * first,
        ])  # fmt: skip
        return float(cost), gradient
