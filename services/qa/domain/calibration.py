"""Confidence that is true: from the posterior of a model of votes to how often such an answer is right.

People err together on hard records, so votes are less independent than models of votes have it, the less the more there are,
and a posterior of .99 is right less often than that. With n votes it is tempered by T n^r; and a share e of records is taken
to be such that their votes say nothing of their answer.

    q = (1 - e) softmax(log posterior / (T n^r)) + e / K

Where a model's distribution stands for the class prior, that counts whole, and e falls back on it. T, r and e differ between data
sets. As long as nothing is known of one, the values that are usual are taken (`DEFAULT`); from some known answers on, q is
averaged over what these leave likely. The less is known, the more cautious is the average.

Sources: Guo et al. 2017 (ICML, temperature scaling); Holmes & Walker 2017 (Biometrika 104, a likelihood to a power under a
wrong model); Kish 1965, "Survey Sampling", 5.4 (what correlated answers are worth); MacKay 1992 (Neural Computation 4,
averaging instead of plugging in). How the prior was learnt: `bench/calibration_prior.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

import numpy as np

from services.qa.domain.arrays import Floats, Integers
from services.qa.domain.dawid_skene import softmax
from shared.contracts.values import Calibrated

TEMPERATURES: Final = np.exp(0.25 * np.arange(-2, 9))
EXPONENTS: Final = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
SHARES: Final = np.array([0.0, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3])
"""What T, r and e are averaged over."""

LEAST_KNOWN = 30.0
"""From so many known answers on a project is calibrated by itself."""

_LEAST_WEIGHT = 1e-4
"""What is less likely makes no difference."""

_TINY = 1e-300
_LEAST_SCORE = 1e-12


@dataclass(frozen=True, slots=True)
class CalibrationPrior:
    """How T, r and e are distributed over data sets: log T and r are normal, e is exponential."""

    log_temperature: float
    deviation: float
    exponent: float
    exponent_deviation: float
    share: float

    def weights(self) -> Floats:
        """(T, R, S), the sum 1."""
        of_temperature = np.exp(-0.5 * ((np.log(TEMPERATURES) - self.log_temperature) / self.deviation) ** 2)
        of_exponent = np.exp(-0.5 * ((EXPONENTS - self.exponent) / self.exponent_deviation) ** 2)
        widths = np.diff(np.concatenate([[0.0], (SHARES[1:] + SHARES[:-1]) / 2, [SHARES[-1]]]))
        of_share = widths * np.exp(-SHARES / self.share)
        found = of_temperature[:, None, None] * of_exponent[:, None] * of_share
        return np.asarray(found / found.sum(), np.float64)


PRIOR: Final = CalibrationPrior(log_temperature=0.0, deviation=0.6, exponent=0.5, exponent_deviation=0.25, share=0.02)
"""Learnt on nine public crowds."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """The averaged map of one facet of a question.

    `mixture` (T, R): the weight of each temperature and exponent; `spread`: the share of records whose votes say nothing.
    Together they sum to 1. `known`: how many known answers, drawn by chance, it rests on.
    """

    mixture: Floats
    spread: float
    known: float = 0.0

    @classmethod
    def of(cls, weights: Floats, known: float = 0.0) -> Self:
        """From the (T, R, S) distribution."""
        return cls((weights * (1.0 - SHARES)).sum(axis=2), float((weights * SHARES).sum()), known)

    @cached_property
    def _likely(self) -> tuple[Floats, Floats, Floats]:
        """(N) temperatures, exponents and weights; these sum to 1 with `spread`."""
        rows, columns = np.nonzero(self.mixture >= _LEAST_WEIGHT)
        weights = self.mixture[rows, columns]
        return TEMPERATURES[rows], EXPONENTS[columns], weights * (1.0 - self.spread) / weights.sum()

    @property
    def basis(self) -> Calibrated:
        return Calibrated.GOLD if self.known >= LEAST_KNOWN else Calibrated.DEFAULT

    def apply(self, chances: Floats, votes: int, log_model: Floats | None = None) -> Floats:
        """(..., K) posteriors of so many votes each -> (..., K) calibrated. For one record some ten microseconds.

        `log_model` (K): the log distribution of the model that stood for the class prior.
        """
        base = np.zeros(chances.shape[-1]) if log_model is None else log_model
        temperatures, exponents, weights = self._likely
        tempered = _tempered(chances, temperatures * float(max(votes, 1)) ** exponents, base)
        return np.asarray(np.tensordot(weights, tempered, axes=1) + self.spread * softmax(base.copy()), np.float64)

    def apply_all(self, chances: Floats, votes: Integers) -> Floats:
        """(I, K) posteriors of records without a model -> (I, K) calibrated; `votes` (I)."""
        found = np.empty_like(chances)
        for size in np.unique(votes):
            found[votes == size] = self.apply(chances[votes == size], int(size))
        return found

    def rate(self, votes: int) -> float:
        """How much each of so many votes counts on average, the mean of 1 / (T n^r)."""
        temperatures, exponents, weights = self._likely
        return float(weights @ (1.0 / (temperatures * float(max(votes, 1)) ** exponents)) / weights.sum())

    def to_json(self) -> dict[str, Any]:
        """Weights to six digits."""
        return {
            "mixture": np.round(self.mixture, 6).tolist(),
            "spread": round(self.spread, 6),
            "known": round(self.known, 2),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> "Calibration":
        """The inverse of `to_json`; None stands for what was stored before posteriors were calibrated."""
        if stored is None:
            return DEFAULT
        mixture, spread = np.array(stored["mixture"], np.float64), float(stored["spread"])
        total = float(mixture.sum()) + spread
        return Calibration(mixture / total, spread / total, float(stored["known"]))


def default_of(prior: CalibrationPrior) -> Calibration:
    """What is used while nothing is known: the usual T and r, and no share of records whose votes say nothing."""
    weights = np.zeros((len(TEMPERATURES), len(EXPONENTS), len(SHARES)))
    usual = np.abs(np.log(TEMPERATURES) - prior.log_temperature).argmin(), np.abs(EXPONENTS - prior.exponent).argmin()
    weights[*usual, 0] = 1.0
    return Calibration.of(weights)


DEFAULT: Final = default_of(PRIOR)


def log_scores(chances: Floats, votes: int, truths: Integers) -> Floats:
    """(E, T, R, S) log q(true class) of E posteriors (E, K), each of so many votes, under each T, r and e."""
    count = chances.shape[1]
    temperatures = (TEMPERATURES[:, None] * float(max(votes, 1)) ** EXPONENTS).ravel()
    of_truth = _tempered(chances, temperatures, np.zeros(count))[:, np.arange(len(truths)), truths].T
    of_truth = of_truth.reshape(-1, len(TEMPERATURES), len(EXPONENTS), 1)
    return np.asarray(np.log(np.maximum((1.0 - SHARES) * of_truth + SHARES / count, _LEAST_SCORE)), np.float64)


def updated(scores: Floats, known: float, prior: CalibrationPrior = PRIOR) -> Calibration:
    """The map that follows from evidence: `scores` (T, R, S), the summed log scores of what is known."""
    logs = np.log(prior.weights()) + scores
    weights = np.exp(logs - logs.max())
    return Calibration.of(np.asarray(weights / weights.sum(), np.float64), known)


def _tempered(chances: Floats, temperatures: Floats, base: Floats) -> Floats:
    """(N, ..., K): what is beyond `base` (K), tempered by each of N temperatures."""
    evidence = np.log(np.maximum(chances, _TINY)) - base
    return softmax(base + evidence / temperatures.reshape(-1, *(1,) * evidence.ndim))
