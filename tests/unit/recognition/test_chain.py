"""How likely each label is at each word, against the sum over all ways to label a text."""

from itertools import pairwise, product

import numpy as np

from shared.recognition.chain import ChainWeights, marginals

WEIGHTS = ChainWeights(np.array([0.5, -1.0, 0.0]), np.array([[0.2, -0.7, 0.1], [1.5, 0.0, -2.0], [0.3, 0.4, 0.9]]))


def test_the_marginals_are_those_of_all_labellings() -> None:
    unary = np.random.default_rng(3).normal(size=(4, 3))
    expected = np.zeros((4, 3))
    for labels in product(range(3), repeat=4):
        weight = WEIGHTS.first[labels[0]] + sum(unary[at, label] for at, label in enumerate(labels))
        weight += sum(WEIGHTS.transitions[pair] for pair in pairwise(labels))
        for at, label in enumerate(labels):
            expected[at, label] += np.exp(weight)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(marginals(unary, WEIGHTS), expected, atol=1e-12)


def test_a_long_text_neither_underflows_nor_overflows() -> None:
    unary = np.random.default_rng(4).normal(scale=200.0, size=(3_000, 3))
    found = marginals(unary, WEIGHTS)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_a_text_without_words_has_no_labels() -> None:
    assert marginals(np.zeros((0, 3)), WEIGHTS).shape == (0, 3)
