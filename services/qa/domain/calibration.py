"""Confidence that is true: from the posterior of a model of votes to how often such an answer is right.

Votes of one record are less independent than the models have it, so a posterior of .99 is right less often than that. It
is tempered: what the votes say counts 1 / T, the prior counts whole; and a share e of records is taken to be such that
votes do not show their answer, whatever they say.

    q(class) = (1 - e) softmax(log prior + (log posterior - log prior) / T) + e prior

T and e are not known for certain, so q is averaged over what is likely of them: before there is evidence over their
distribution between data sets (`DEFAULT`), then over the posterior that known answers of the project give. The less is
known, the more cautious is the average.

Sources: Guo et al. 2017 (ICML, temperature scaling); Holmes & Walker 2017 (Biometrika 104, a likelihood to a power under a
wrong model); MacKay 1992 (Neural Computation 4, averaging instead of plugging in). The prior of T and e: `bench/calibration`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from services.qa.domain.arrays import Floats, Integers
from services.qa.domain.dawid_skene import softmax
from shared.contracts.values import Calibrated

TEMPERATURES: Final = np.exp(np.linspace(np.log(0.7), np.log(12.0), 13))
SHARES: Final = np.array([0.0, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.4])
"""What T and e are averaged over."""

LEAST_KNOWN = 30.0
"""From so many known answers on a confidence counts as calibrated on the project's own gold."""

_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class CalibrationPrior:
    """How T and e are distributed over data sets: log T is normal, e exponential."""

    log_temperature: float
    deviation: float
    share: float

    def weights(self) -> Floats:
        """(T, S), the sum 1."""
        of_temperature = np.exp(-0.5 * ((np.log(TEMPERATURES) - self.log_temperature) / self.deviation) ** 2)
        widths = np.diff(np.concatenate([[0.0], (SHARES[1:] + SHARES[:-1]) / 2, [SHARES[-1]]]))
        of_share = widths * np.exp(-SHARES / self.share)
        found = of_temperature[:, None] * of_share
        return np.asarray(found / found.sum(), np.float64)


PRIOR: Final = CalibrationPrior(log_temperature=0.6, deviation=0.4, share=0.04)
"""Learnt on nine public crowds."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """The averaged map of one facet of a question.

    `mixture` (T): the weight of each of `TEMPERATURES`; `spread`: that of the prior alone. Together they sum to 1.
    `known`: how many known answers, drawn by chance, it rests on.
    """

    mixture: Floats
    spread: float
    known: float = 0.0

    @classmethod
    def of(cls, weights: Floats, known: float = 0.0) -> Self:
        """From the (T, S) distribution of T and e."""
        return cls((weights * (1.0 - SHARES)).sum(axis=1), float((weights * SHARES).sum()), known)

    @property
    def basis(self) -> Calibrated:
        return Calibrated.GOLD if self.known >= LEAST_KNOWN else Calibrated.DEFAULT

    def apply(self, log_prior: Floats, chances: Floats) -> Floats:
        """(..., K) posteriors -> (..., K) calibrated ones; `log_prior` (K) or (..., K). Microseconds for one record."""
        tempered = tempered_posteriors(log_prior, chances)
        found = np.tensordot(self.mixture, tempered, axes=1) + self.spread * np.exp(log_prior)
        return np.asarray(found, np.float64)

    @property
    def rate(self) -> float:
        """How much of a vote counts on average, the mean of 1 / T."""
        return float(self.mixture @ (1.0 / TEMPERATURES) / self.mixture.sum())

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
        if stored is None or len(stored["mixture"]) != len(TEMPERATURES):
            return DEFAULT
        mixture, spread = np.array(stored["mixture"], np.float64), float(stored["spread"])
        total = float(mixture.sum()) + spread
        return Calibration(mixture / total, spread / total, float(stored["known"]))


DEFAULT: Final = Calibration.of(PRIOR.weights())


def tempered_posteriors(log_prior: Floats, chances: Floats) -> Floats:
    """(T, ..., K): what the votes say counts 1 / T, the prior whole."""
    evidence = np.log(np.maximum(chances, _TINY)) - log_prior
    rates = (1.0 / TEMPERATURES).reshape(-1, *(1,) * evidence.ndim)
    return softmax(log_prior + rates * evidence)


def log_scores(log_prior: Floats, chances: Floats, truths: Integers) -> Floats:
    """(E, T, S) log q(true class) of E posteriors (E, K) under each T and e; `log_prior` (K) or (E, K)."""
    at = np.arange(len(truths))
    of_truth = tempered_posteriors(log_prior, chances)[:, at, truths].T
    prior = np.exp(np.broadcast_to(log_prior, chances.shape))[at, truths]
    found = (1.0 - SHARES) * of_truth[:, :, None] + SHARES * prior[:, None, None]
    return np.asarray(np.log(np.maximum(found, 1e-12)), np.float64)


def updated(scores: Floats, known: float, prior: CalibrationPrior = PRIOR) -> Calibration:
    """The map that follows from evidence: `scores` (T, S), the summed log scores of what is known."""
    logs = np.log(prior.weights()) + scores
    return Calibration.of(np.asarray(np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum(), np.float64), known)
