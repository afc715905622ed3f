"""Conger's kappa: Cohen's for more than two annotators, with chance agreement from what each of them answers.

With p_gk the share of class k in the answers of annotator g of R, and its mean p_k and variance over annotators:
    p_e = sum_kl w_kl (p_k p_l - s_kl / R),  s_kl = sum_g (p_gk - p_k) (p_gl - p_l) / (R - 1)

It is for a few annotators who each answered most records: of many who answered little, their shares are mostly chance.

Sources: Conger 1980 (Psychological Bulletin 88); Gwet 2014, "Handbook of Inter-Rater Reliability", 4th edition, chapter 2, with
missing answers.
"""

import numpy as np

from services.qa.domain.arrays import Floats, Integers
from services.qa.domain.class_weights import ClassWeights


def conger_kappa(percent_agreement: float, by_annotator: Integers, weights: ClassWeights) -> float | None:
    """Return the kappa; None where it is not defined.

    `percent_agreement`: under the same weights; `by_annotator` (R, K): how often each annotator answered each class, in any
    record. At least two annotators; one without an answer is left out.
    """
    answered = np.asarray(by_annotator[by_annotator.sum(axis=1) > 0], np.float64)
    annotators = len(answered)
    if annotators < 2:  # noqa: PLR2004  # a pair
        return None
    shares = answered / answered.sum(axis=1)[:, None]
    mean = shares.mean(axis=0)
    apart = shares - mean
    expected = _form(mean, weights) - sum(_form(one, weights) for one in apart) / (annotators - 1) / annotators
    return None if np.isclose(expected, 1.0) else float((percent_agreement - expected) / (1.0 - expected))


def _form(vector: Floats, weights: ClassWeights) -> float:
    matrix = weights.matrix
    return float(vector @ (vector if matrix is None else matrix @ vector))
